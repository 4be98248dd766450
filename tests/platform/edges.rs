//! What no client of the platform would send.

use crate::{
    clients::served,
    http::{request, send},
    server::{Server, Store, until},
};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Every path and method that is served, with something in each gap.
fn inventory() -> Vec<(String, String)> {
    let description = serde_json::to_value(rolegate::platform::api::description()).unwrap();
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        for method in item.as_object().unwrap().keys() {
            all.push((method.to_uppercase(), path.join("/")));
        }
    }
    all
}

#[tokio::test]
async fn nothing_is_told_to_anyone_without_a_key() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    let all = inventory();
    assert!(all.len() > 45, "{all:?}");
    let others = ["/", "/api", "/api/", "/api/nothing", "/metrics", "/api/../api/roles"];
    let others = others.into_iter().map(|path| ("GET".to_owned(), path.to_owned()));
    let wrong = format!("rgk_{}_{}", "0".repeat(12), "0".repeat(64));
    let mut cut = store.key.clone();
    cut.pop();
    for (method, path) in all.into_iter().chain(others) {
        for key in ["", "x", &wrong, &cut] {
            let answer = request(&server.http, key, &method, &path, Some("{}")).await;
            assert_eq!(answer.status, 401, "{method} {path} with {key:?}: {answer:?}");
            assert!(answer.json()["message"].is_string());
        }
        let answer = request(&server.http, &store.key, &method, &path, Some("{}")).await;
        assert_ne!(answer.status, 401, "{method} {path}: {answer:?}");
        assert!(answer.status < 500, "{method} {path}: {answer:?}");
    }
    let twice = format!(
        "GET /api/roles HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {0}\r\n\
         Authorization: Bearer {0}\r\n\r\n",
        store.key
    );
    assert_eq!(send(&server.http, twice.as_bytes()).await.unwrap().status, 401);
}

#[tokio::test]
async fn tricks_with_paths_find_nothing() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    let ask = async |path: &str| request(&server.http, &store.key, "GET", path, None).await;
    for path in [
        "//api/roles",
        "/api//roles",
        "/api/roles/",
        "/api/./roles",
        "/api/x/../roles",
        "/api%2froles",
        "/api/roles;x=1",
        "/api/groups/..%2froles",
        "/api/ROLES",
        "/api/roles%00",
        "/API/roles",
    ] {
        let answer = ask(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    // A segment is decoded after the path was cut: this is a role of a strange name, and not a path.
    let answer = ask("/api/roles/admin%2f..%2frw").await;
    assert_eq!(answer.json()["message"], "no role `admin/../rw`");
    for path in ["/api/roles/%ff", "/api/roles/%00", "/api/roles/%0a"] {
        assert!(matches!(ask(path).await.status, 400 | 422), "{path}");
    }
    assert_eq!(ask("/api/roles/admin?exhaustive=true&whatever=%ff").await.status, 200);
}

#[tokio::test]
async fn bodies_that_could_be_read_in_two_ways_are_refused() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    let post = async |body: &str| request(&server.http, &store.key, "POST", "/api/groups", Some(body)).await;
    let deep = format!("{{\"_id\": \"deep\", \"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deepest = format!("{{\"_id\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status) in [
        (r#"{"_id": "a", "label": "A", "label": "B"}"#, 422),
        (r#"{"_id": "a", "label": 1}"#, 422),
        (r#" ["a", "A"]"#, 422),
        (r#"{"label": "A"}"#, 422),
        (r#"{"_id": null, "label": "A"}"#, 422),
        (r#"{"_id": "a", "label": "A"} {}"#, 400),
        ("{", 400),
        ("\u{feff}{}", 400),
        // What nobody reads is skipped without being taken in, however deep it is.
        (deep.as_str(), 200),
        (deepest.as_str(), 422),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.status, status, "{}: {answer:?}", &body[..body.len().min(60)]);
        assert!(status == 200 || answer.json()["message"].is_string());
    }
    let form = "POST /api/groups HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ";
    let form = format!(
        "{form}{}\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n\r\n{{\"_id\": \"a\", \"label\": \"A\"}}  ",
        store.key
    );
    assert_eq!(send(&server.http, form.as_bytes()).await.unwrap().status, 415);
    let groups = request(&server.http, &store.key, "GET", "/api/groups", None).await.json();
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_what_is_too_slow_is_cut_off() {
    let store = Store::new();
    let flags = ["--http-listen", "127.0.0.1:0", "--greeting-timeout", "1s", "--message-bytes", "1MiB"];
    let server = Server::start_with(&store, &flags).await;
    let large = format!("{{\"_id\": \"a\", \"label\": \"{}\"}}", "x".repeat(2 << 20));
    let answer = request(&server.http, &store.key, "POST", "/api/groups", Some(&large)).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let headers = "X-Filler: y\r\n".repeat(200);
    let many = format!("GET /api/roles HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    assert_eq!(send(&server.http, many.as_bytes()).await.unwrap().status, 431);
    let long = format!("GET /api/roles HTTP/1.1\r\nHost: x\r\nX-Filler: {}\r\n\r\n", "y".repeat(100_000));
    assert_eq!(send(&server.http, long.as_bytes()).await.unwrap().status, 431);
    // A head that does not end.
    let start = Instant::now();
    let half = send(&server.http, b"GET /api/roles HTTP/1.1\r\nHost: x\r\n").await;
    assert!(half.is_none_or(|answer| answer.status == 408));
    assert!(start.elapsed() >= Duration::from_millis(500));
    // Nobody says anything.
    let mut silent = TcpStream::connect(server.http.trim_start_matches("http://")).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(20), silent.read(&mut [0; 16])).await;
    assert!(closed.is_ok(), "a silent connection is closed");
}

#[tokio::test]
async fn long_bodies_share_the_room_that_there_is_for_them_and_short_ones_need_none() {
    let store = Store::new();
    let flags = ["--http-listen", "127.0.0.1:0", "--message-bytes", "1MiB"];
    let server = Server::start_with(&store, &flags).await;
    let post =
        async |body: &str| request(&server.http, &store.key, "POST", "/api/groups", Some(body)).await.status;
    let long = format!("{{\"_id\": \"long\", \"label\": \"{}\"}}", "x".repeat(100_000));
    let promises = format!(
        "POST /api/groups HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\
         Authorization: Bearer {}\r\n\r\n{{",
        store.key
    );
    let mut waiting = Vec::new();
    while post(&long).await != 503 {
        assert!(waiting.len() < 500, "as many as anyone likes");
        let mut stream = TcpStream::connect(server.http.trim_start_matches("http://")).await.unwrap();
        stream.write_all(promises.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    assert_eq!(post(r#"{"_id": "short", "label": "Short"}"#).await, 200);
    drop(waiting);
    until("there is room again", async || post(&long).await != 503).await;
}

#[tokio::test]
async fn no_page_of_another_site_is_let_in_and_nothing_is_said_of_what_runs_here() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    let foreign = format!(
        "OPTIONS /api/roles HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: https://evil.example\r\n\
         Access-Control-Request-Method: POST\r\nAuthorization: Bearer {}\r\n\r\n",
        store.key
    );
    let answer = send(&server.http, foreign.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 405);
    let head = answer.head.to_lowercase();
    assert!(!head.contains("access-control") && !head.contains("server:") && !head.contains("x-powered-by"));
}

#[tokio::test]
async fn lists_come_in_the_parts_that_clients_ask_for() {
    let store = Store::new();
    let server = Server::start_with(&store, &["--http-listen", "127.0.0.1:0"]).await;
    let users: Vec<_> = (0..7).map(|n| format!("{{id: u{n}, disabled: {}}}", n % 2 == 1)).collect();
    store.apply(&format!(
        "version: 1\nusers: [{{id: first-admin@example.org, site_role: site_admin}}, {}]\n",
        users.join(", ")
    ));
    let ids = async |query: &str| {
        let answer = request(&server.http, &store.key, "GET", &format!("/api/users?{query}"), None).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let found: Vec<_> = answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["_id"].as_str().unwrap().to_owned())
            .collect();
        found.join(" ").replace("first-admin@example.org", "ADMIN")
    };
    assert_eq!(ids("").await, "ADMIN u0 u1 u2 u3 u4 u5 u6");
    assert_eq!(ids("limit=3").await, "ADMIN u0 u1");
    assert_eq!(ids("limit=3&page=2").await, "u2 u3 u4");
    assert_eq!(ids("limit=2&skip=6").await, "u5 u6");
    assert_eq!(ids("limit=0").await, ids("").await);
    assert_eq!(ids("sort=disabled:desc,_id:desc&limit=4").await, "u5 u3 u1 u6");
    assert_eq!(ids("limit=2&after_id=u4").await, "u5 u6");
    assert_eq!(ids("after_id=u6").await, "");
    assert_eq!(ids("sort=_id:desc&limit=2").await, "u6 u5");
    assert_eq!(ids("filter=disabled=true&sort=_id:desc").await, "u5 u3 u1");
    assert_eq!(ids("filter=_id%3E%3Du3,disabled=false&limit=1").await, "u4");
    assert_eq!(ids("filter=roles=site_admin").await, "ADMIN");
    for wrong in [
        "sort=nothing",
        "filter=created%3E2020",
        "limit=-1",
        "limit=x",
        "page=0",
        "skip=-1",
        "sort=_id:up",
        "filter=x",
        "filter=_id=~(",
    ] {
        let answer = request(&server.http, &store.key, "GET", &format!("/api/users?{wrong}"), None).await;
        assert_eq!(answer.status, 422, "{wrong}: {answer:?}");
    }
    let page = format!(
        "GET /api/users?limit=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Accept-Feature: Safe-Redirect,pagination\r\n\
         Authorization: Bearer {}\r\n\r\n",
        store.key
    );
    let page = send(&server.http, page.as_bytes()).await.unwrap().json();
    assert_eq!((page["total"].as_u64(), page["results"].as_array().unwrap().len()), (Some(8), 2));
}
