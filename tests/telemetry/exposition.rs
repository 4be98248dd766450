//! What is told is well formed, complete, and bounded, whatever callers send.

use super::{
    ask::{may, project},
    http::get,
    scrape::{Scrape, script},
    server::{PATIENCE, Server, Store, until},
    site::SITE,
};
use std::collections::BTreeSet;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends one request over HTTP/1, and gets all that comes back.
pub(crate) async fn request(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    reply
}

/// A server that has answered something of every kind.
pub(crate) async fn busy(store: &Store) -> Server {
    let log = store.folder.path().join("decisions.jsonl");
    let log = log.to_str().unwrap();
    let server = Server::start_with(store, &["--http-listen", "127.0.0.1:0", "--decision-log", log]).await;
    let mut questions = server.questions().await;
    questions.check(may("ann", project("scans"), "files_download")).await.unwrap();
    questions.check(may("ann", project("scans"), "no_such_action")).await.unwrap_err();
    let authorized = format!("GET /api/roles HTTP/1.1\r\nAuthorization: Bearer {}", store.key);
    assert!(request(&server.http, &authorized).await.starts_with("HTTP/1.1 200"));
    server
}

#[tokio::test]
async fn everything_is_told_as_strict_readers_of_openmetrics_want_it() {
    let store = Store::with_site(SITE);
    let server = busy(&store).await;
    let reply = request(&server.metrics, "GET /metrics HTTP/1.1").await;
    let (head, text) = reply.split_once("\r\n\r\n").unwrap();
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.to_lowercase().contains(kind), "{head}");
    let families = script("exposition.py", text);
    for family in [
        "info rolegate_build",
        "counter rolegate_decisions",
        "counter rolegate_grpc_calls",
        "histogram rolegate_grpc_call_seconds",
        "histogram rolegate_http_request_seconds",
        "gauge rolegate_cache_bytes",
        "gauge rolegate_data_age_seconds",
        "counter rolegate_spans_dropped",
    ] {
        assert!(families.lines().any(|line| line == family), "{family} is not among\n{families}");
    }
}

#[tokio::test]
async fn whatever_callers_send_labels_stay_the_same_few_words() {
    let store = Store::with_site(SITE);
    let server = busy(&store).await;
    let names = ["rolegate_grpc_calls_total", "rolegate_http_requests_total", "rolegate_decisions_total"];
    let odd = async |n: usize| {
        let _ = request(&server.http, &format!("GET /api/made/up/{n} HTTP/1.1")).await;
        let _ = request(&server.http, &format!("GET /api/roles/made-up-{n} HTTP/1.1")).await;
        let _ = request(&server.http, &format!("MADE{n} /api/roles HTTP/1.1")).await;
        let _ = server
            .questions()
            .await
            .check(may(&format!("u{n}"), project(&format!("p{n}")), "files_download"))
            .await;
        let mut made_up = tonic::client::Grpc::new(server.channel().await);
        made_up.ready().await.unwrap();
        let path = format!("/made.up/Method{n}").parse().unwrap();
        let codec = tonic_prost::ProstCodec::<(), ()>::default();
        made_up.unary(tonic::Request::new(()), path, codec).await.unwrap_err();
        let _ = get(&server.metrics, &format!("/made/up/{n}")).await;
    };
    let series = async || {
        let scrape = Scrape::of(&server).await;
        names
            .iter()
            .flat_map(|name| scrape.series(name).into_iter().map(str::to_owned))
            .collect::<BTreeSet<_>>()
    };
    odd(0).await;
    let before = series().await;
    for n in 1..20 {
        odd(n).await;
    }
    assert_eq!(series().await, before);
    let text = before.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(text.contains("method=\"other\"") && text.contains("route=\"other\""), "{text}");
    assert!(text.contains("route=\"/api/roles/{") && !text.to_lowercase().contains("made"), "{text}");
}

#[tokio::test]
async fn while_the_store_is_away_metrics_answer_and_show_it() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-staleness", "300ms"]).await;
    let following = Scrape::of(&server).await;
    assert!(following.sum("rolegate_feed_state", &["state=\"following\""]) == 1.0);
    assert!(following.sum("rolegate_revision", &[]) > 0.0 && following.sum("rolegate_serving", &[]) == 1.0);
    let away = store.beside("away.db");
    std::fs::rename(&store.path, &away).unwrap();
    until("the feed fails and nothing is decided", async || {
        let scrape = Scrape::of(&server).await;
        scrape.sum("rolegate_feed_state", &["state=\"failing\""]) == 1.0
            && scrape.sum("rolegate_serving", &[]) == 0.0
    })
    .await;
    let ages = async || Scrape::of(&server).await.sum("rolegate_data_age_seconds", &[]);
    let (first, second) = (ages().await, ages().await);
    assert!(first > 0.3 && second > first, "{first} {second}");
    server.questions().await.check(may("ann", project("scans"), "files_download")).await.unwrap_err();
    let stale = ["outcome=\"none\"", "reason=\"STALE\""];
    assert!(Scrape::of(&server).await.sum("rolegate_decisions_total", &stale) == 1.0);
    std::fs::rename(&away, &store.path).unwrap();
    until("the feed goes on", async || {
        Scrape::of(&server).await.sum("rolegate_feed_state", &["state=\"following\""]) == 1.0
    })
    .await;
}

#[tokio::test]
async fn before_the_store_was_ever_read_metrics_are_well_formed_and_say_so() {
    let store = Store::with_site(SITE);
    std::fs::rename(&store.path, store.beside("away.db")).unwrap();
    // Nobody can open a socket as a file, whatever the rights of the test.
    drop(std::os::unix::net::UnixListener::bind(&store.path).unwrap());
    let server = Server::listening(&store, &[]).await;
    let scrape = Scrape::of(&server).await;
    assert!(scrape.sum("rolegate_feed_state", &["state=\"unread\""]) == 1.0);
    assert!(scrape.sum("rolegate_data_age_seconds", &[]).is_infinite());
    script("exposition.py", &scrape.0);
}
