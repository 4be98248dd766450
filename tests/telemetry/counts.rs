//! What happens is counted, once, and as what it is.

use super::{
    ask::{item, may, project},
    exposition::request,
    scrape::Scrape,
    server::{Server, Store, channel, until},
    site::SITE,
};
use rolegate::grpc::proto::{BatchCheckRequest, CheckRequest, CheckResponse};
use std::fmt::Write as _;
use tokio::net::TcpStream;
use tonic::{Code, Request, Status};

const DECISIONS: &str = "rolegate_decisions_total";

fn allow() -> CheckRequest {
    may("ann", project("scans"), "files_download")
}

#[tokio::test]
async fn decisions_are_counted_by_outcome_and_reason_those_of_batches_one_by_one() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let mut questions = server.questions().await;
    let lacking = may("bob", project("scans"), "files_download");
    let unknown = may("nobody", project("scans"), "files_download");
    let malformed = may("", project("scans"), "files_download");
    for question in [allow(), lacking.clone(), unknown.clone()] {
        questions.check(question).await.unwrap();
    }
    questions.check(malformed.clone()).await.unwrap_err();
    let items = [allow(), lacking, unknown.clone(), unknown, malformed, allow()].map(item).to_vec();
    questions.batch_check(BatchCheckRequest { items, ..BatchCheckRequest::default() }).await.unwrap();
    let scrape = Scrape::of(&server).await;
    let counted = |labels: &[&str]| scrape.sum(DECISIONS, labels);
    assert!(counted(&["outcome=\"allow\"", "reason=\"GRANTED_BY_ROLE\""]) == 3.0);
    assert!(counted(&["outcome=\"deny\"", "reason=\"LACKING_ACTION\""]) == 2.0);
    assert!(counted(&["outcome=\"deny\"", "reason=\"UNKNOWN_USER\""]) == 3.0);
    assert!(counted(&[]) == 8.0, "what is malformed is no question: {}", scrape.0);
    // Those that nobody has come to are told as well.
    assert_eq!(scrape.series(DECISIONS).len(), 11 + 7 + 2);
}

/// A check whose message comes as a stream, and so perhaps never.
async fn streamed(
    server: &Server,
    request: Request<tokio_stream::Pending<CheckRequest>>,
) -> Result<CheckResponse, Status> {
    let mut client = tonic::client::Grpc::new(server.channel().await);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/rolegate.v1.AuthorizationService/Check");
    let codec = tonic_prost::ProstCodec::default();
    client.client_streaming(request, path, codec).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn calls_that_are_turned_away_are_counted_by_what_for() {
    let store = Store::with_site(SITE);
    let keys = store.beside("keys");
    std::fs::write(&keys, "k".repeat(32)).unwrap();
    let server = Server::start_with(&store, &["--caller-key-file", keys.to_str().unwrap()]).await;
    let with_key = |request: CheckRequest| {
        let mut request = Request::new(request);
        request.metadata_mut().insert("authorization", format!("Bearer {}", "k".repeat(32)).parse().unwrap());
        request
    };
    let mut questions = server.questions().await;
    assert_eq!(questions.check(allow()).await.unwrap_err().code(), Code::Unauthenticated);
    let large = CheckRequest { user: "u".repeat(5 << 20), ..allow() };
    assert_eq!(questions.check(with_key(large)).await.unwrap_err().code(), Code::ResourceExhausted);
    // Its message never comes.
    let mut late = Request::new(tokio_stream::pending());
    late.metadata_mut().insert("authorization", format!("Bearer {}", "k".repeat(32)).parse().unwrap());
    assert_eq!(streamed(&server, late).await.unwrap_err().code(), Code::DeadlineExceeded);
    questions.check(with_key(allow())).await.unwrap();
    let scrape = Scrape::of(&server).await;
    let rejected =
        |cause: &str| scrape.sum("rolegate_grpc_calls_rejected_total", &[&format!("cause=\"{cause}\"")]);
    let counts = ["credentials", "size", "deadline", "load", "unknown_ids"].map(rejected);
    assert!(counts == [1.0, 1.0, 1.0, 0.0, 0.0], "{counts:?}");
}

#[tokio::test]
async fn what_finds_no_place_is_counted_as_load() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-calls", "1"]).await;
    // A call whose message never comes holds the one place.
    let held = async {
        // Unless one of the others has it just then.
        let is_full =
            |held: Result<_, Status>| held.is_err_and(|held| held.code() == Code::ResourceExhausted);
        while is_full(streamed(&server, Request::new(tokio_stream::pending())).await) {}
    };
    let refused = async {
        let mut questions = server.questions().await;
        until("a call is turned away", async || {
            let asked = questions.check(allow()).await;
            asked.is_err_and(|refused| refused.code() == Code::ResourceExhausted)
        })
        .await;
        assert!(Scrape::of(&server).await.sum("rolegate_grpc_calls_in_flight", &[]) >= 1.0);
    };
    tokio::join!(held, refused);
    let load = ["cause=\"load\""];
    assert!(Scrape::of(&server).await.sum("rolegate_grpc_calls_rejected_total", &load) >= 1.0);
}

#[tokio::test]
async fn connections_are_counted_by_listener_while_they_are_open_and_when_they_are_closed() {
    let store = Store::with_site(SITE);
    let server =
        Server::start_with(&store, &["--greeting-timeout", "200ms", "--max-connections", "64"]).await;
    let admin = ["listener=\"admin\""];
    let of_admin = async |name: &str| Scrape::of(&server).await.sum(name, &admin);
    assert!(of_admin("rolegate_connections_limit").await == 64.0);
    let before = of_admin("rolegate_connections_open").await;
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(channel(&server.admin).await);
    }
    until("they are open", async || of_admin("rolegate_connections_open").await == before + 3.0).await;
    drop(connections);
    until("they are gone", async || of_admin("rolegate_connections_open").await == before).await;
    assert!(of_admin("rolegate_connections_accepted_total").await >= before + 3.0);
    let silent = TcpStream::connect(server.admin.trim_start_matches("http://")).await.unwrap();
    let never = ["listener=\"admin\"", "cause=\"greeting\""];
    until("it has not greeted", async || {
        Scrape::of(&server).await.sum("rolegate_connections_closed_total", &never) == 1.0
    })
    .await;
    drop(silent);
}

#[tokio::test]
async fn what_a_small_cache_has_to_let_go_is_counted_by_kind() {
    let mut site = SITE.replace("users:\n", "users:\n  - {id: first}\n");
    let many: String = (0..600).fold(String::new(), |mut text, n| {
        writeln!(text, "  - {{id: user{n}@site.example}}").unwrap();
        text
    });
    site = site.replace("  - {id: first}\n", &many);
    let store = Store::with_site(&site);
    let server = Server::start_with(&store, &["--cache-bytes", "64KiB", "--preload", "false"]).await;
    let mut questions = server.questions().await;
    for n in 0..600 {
        let user = format!("user{n}@site.example");
        questions.check(may(&user, project("scans"), "files_download")).await.unwrap();
    }
    let scrape = Scrape::of(&server).await;
    let of_users = |name| scrape.sum(name, &["kind=\"user\""]);
    let (held, gone) = (of_users("rolegate_cache_entries"), of_users("rolegate_cache_evictions_total"));
    assert!(held > 0.0 && gone > 0.0 && held + gone == 600.0, "{held} {gone}");
    assert!(scrape.sum("rolegate_cache_evictions_total", &["kind=\"gear\""]) == 0.0);
    assert!(scrape.sum("rolegate_cache_bytes", &[]) <= scrape.sum("rolegate_cache_limit_bytes", &[]));
    assert!(scrape.sum("rolegate_store_loads_total", &[]) >= 600.0);
}

#[tokio::test]
async fn requests_of_the_platforms_clients_are_counted_by_route_method_and_class() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--http-listen", "127.0.0.1:0"]).await;
    let key = format!("HTTP/1.1\r\nAuthorization: Bearer {}", store.key);
    for path in ["/api/roles/looker", "/api/roles/rw", "/api/roles/none-such"] {
        request(&server.http, &format!("GET {path} {key}")).await;
    }
    request(&server.http, "GET /api/roles/looker HTTP/1.1").await;
    let scrape = Scrape::of(&server).await;
    let series = scrape.series("rolegate_http_requests_total").join("\n");
    let route = series.split('"').find(|part| part.starts_with("/api/roles/{")).expect(&series);
    let (route, get) = (format!("route=\"{route}\""), "method=\"GET\"");
    for name in ["rolegate_http_requests_total", "rolegate_http_request_seconds_count"] {
        assert!(scrape.sum(name, &[&route, get, "status=\"2xx\""]) == 2.0, "{}", scrape.0);
        assert!(scrape.sum(name, &[&route, get, "status=\"4xx\""]) == 2.0, "{}", scrape.0);
    }
    assert!(scrape.sum("rolegate_http_requests_in_flight", &[]) == 0.0);
}
