//! Calls become spans in the traces of their callers, and nobody waits for those who collect them.

use super::{
    ask::{item, may, project},
    collector::{Collector, attribute, end},
    exposition::request,
    scrape::Scrape,
    server::{Server, Store, until},
    site::SITE,
};
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use rolegate::grpc::proto::{BatchCheckRequest, CheckRequest};
use tokio::net::TcpListener;
use tonic::Request;

const CHECK: &str = "rolegate.v1.AuthorizationService/Check";
const BATCH: &str = "rolegate.v1.AuthorizationService/BatchCheck";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn allow() -> CheckRequest {
    may("ann", project("scans"), "files_download")
}

/// A call whose caller says this of its trace.
fn within<T>(message: T, flags: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-{flags}").parse().unwrap());
    request.metadata_mut().insert("tracestate", "vendor=of-the-caller".parse().unwrap());
    request
}

async fn traced(store: &Store, endpoint: &str, ratio: &str) -> Server {
    Server::start_with(store, &["--otlp-endpoint", endpoint, "--otlp-sample-ratio", ratio]).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_call_of_a_caller_who_records_is_a_span_in_the_callers_trace() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let server = traced(&store, &collector.address, "0").await;
    let answered = server.questions().await.check(within(allow(), "01")).await.unwrap().into_inner();
    let span = collector.span(CHECK).await;
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
    assert!(
        span.span_id.len() == 8 && hex(&span.span_id) != PARENT && span.trace_state == "vendor=of-the-caller"
    );
    assert_eq!((span.kind(), span.flags & 0x301), (SpanKind::Server, 0x301));
    assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
    let said = |key: &str| attribute(&span.attributes, key).unwrap_or_default();
    assert_eq!(said("rpc.system"), "grpc");
    assert_eq!(
        (said("rpc.service").as_str(), said("rpc.method").as_str()),
        ("rolegate.v1.AuthorizationService", "Check")
    );
    assert_eq!(said("rpc.grpc.status_code"), "0");
    assert_eq!(
        (said("rolegate.decision").as_str(), said("rolegate.reason").as_str()),
        ("allow", "GRANTED_BY_ROLE")
    );
    assert!(said("rolegate.revision").parse::<u64>().unwrap() > 0, "{answered:?}");
    assert!(said("rolegate.data_age_seconds").parse::<f64>().unwrap() >= 0.0);
    let resource = collector.resources().remove(0);
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("rolegate"));
    assert_eq!(attribute(&resource, "service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    for private in ["ann", "scans", "files_download"] {
        assert!(!collector.everything().contains(&format!("\"{private}\"")), "{private} is told");
    }
    until("it is counted", async || {
        Scrape::of(&server).await.sum("rolegate_spans_exported_total", &[]) >= 1.0
    })
    .await;
}

#[tokio::test]
async fn denies_batches_errors_and_requests_over_http_say_what_they_came_to() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let flags = ["--otlp-endpoint", &collector.address, "--http-listen", "127.0.0.1:0"];
    let server = Server::start_with(&store, &flags).await;
    let mut questions = server.questions().await;
    let deny = may("bob", project("scans"), "files_download");
    questions.check(within(deny.clone(), "01")).await.unwrap();
    questions.check(within(may("", project("scans"), "files_download"), "01")).await.unwrap_err();
    let items = [allow(), deny.clone(), deny].map(item).to_vec();
    let batch = BatchCheckRequest { items, ..BatchCheckRequest::default() };
    questions.batch_check(within(batch, "01")).await.unwrap();
    let path = format!("GET /api/roles/looker HTTP/1.1\r\ntraceparent: 00-{TRACE}-{PARENT}-01");
    request(&server.http, &path).await;
    end(server).await;
    let spans = collector.spans(CHECK);
    let said = |n: usize, key: &str| attribute(&spans[n].attributes, key).unwrap_or_default();
    assert_eq!(spans.len(), 2);
    assert_eq!(
        (said(0, "rolegate.decision"), said(0, "rolegate.reason")),
        ("deny".into(), "LACKING_ACTION".into())
    );
    assert_eq!(
        (said(1, "rpc.grpc.status_code"), said(1, "rolegate.error")),
        ("3".into(), "MALFORMED".into())
    );
    assert!(
        spans[1].status.is_none() && said(1, "rolegate.decision").is_empty(),
        "the caller's fault, not ours"
    );
    let batch = collector.spans(BATCH).remove(0);
    let counts = ["allowed", "denied", "undecided"]
        .map(|key| attribute(&batch.attributes, &format!("rolegate.batch.{key}")).unwrap());
    assert_eq!(counts, ["1", "2", "0"]);
    let everything = collector.everything();
    assert!(everything.contains("GET /api/roles/{") && !everything.contains("looker"), "{everything}");
}

#[tokio::test]
async fn what_the_server_fails_is_marked_as_its_error() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let flags = ["--otlp-endpoint", &collector.address, "--max-staleness", "300ms"];
    let server = Server::start_with(&store, &flags).await;
    std::fs::rename(&store.path, store.beside("away.db")).unwrap();
    let mut questions = server.questions().await;
    until("nothing is decided", async || questions.check(within(allow(), "00")).await.is_err()).await;
    questions.check(within(allow(), "01")).await.unwrap_err();
    let span = collector.span(CHECK).await;
    assert_eq!(span.status.unwrap().code(), StatusCode::Error);
    assert_eq!(attribute(&span.attributes, "rolegate.error").as_deref(), Some("STALE"));
}

#[tokio::test]
async fn a_caller_who_does_not_record_is_followed_and_the_last_spans_are_sent_before_the_end() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let server = traced(&store, &collector.address, "1").await;
    let mut questions = server.questions().await;
    for _ in 0..20 {
        questions.check(within(allow(), "00")).await.unwrap();
    }
    for _ in 0..5 {
        questions.check(allow()).await.unwrap();
    }
    end(server).await;
    let spans = collector.spans(CHECK);
    assert_eq!(spans.len(), 5, "those of callers who said nothing");
    for span in &spans {
        assert!(
            span.parent_span_id.is_empty() && hex(&span.trace_id) != TRACE && span.trace_state.is_empty()
        );
        assert!(spans.iter().filter(|other| other.trace_id == span.trace_id).count() == 1);
    }
}

#[tokio::test]
async fn the_decision_log_names_the_trace_that_the_tracer_reads_or_begins() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    for ratio in ["0", "1"] {
        let path = store.beside(ratio);
        let mut flags = vec!["--otlp-endpoint", &collector.address, "--otlp-sample-ratio", ratio];
        flags.extend(["--decision-log", path.to_str().unwrap()]);
        let server = Server::start_with(&store, &flags).await;
        let mut questions = server.questions().await;
        let (zero, capitals) = ("0".repeat(32), TRACE.to_uppercase());
        for parent in [
            format!("00-{TRACE}-{PARENT}-00"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{zero}-{PARENT}-01"),
            format!("00-{capitals}-{PARENT}-01"),
        ] {
            let mut request = Request::new(allow());
            request.metadata_mut().insert("traceparent", parent.parse().unwrap());
            questions.check(request).await.unwrap();
        }
        drop(questions);
        end(server).await;
        let log = std::fs::read_to_string(&path).unwrap();
        let traces: Vec<_> = log
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["trace"].clone())
            .collect();
        assert_eq!(traces[0], TRACE, "of a caller who does not record");
        let recorded: Vec<_> = collector.spans(CHECK).iter().map(|span| hex(&span.trace_id)).collect();
        match ratio {
            "0" => assert!(traces[1..].iter().all(serde_json::Value::is_null), "{traces:?}"),
            _ => assert_eq!(traces[1..], recorded, "what is no parent begins a trace here"),
        }
    }
}

#[tokio::test]
async fn of_the_traces_that_begin_here_a_share_is_recorded() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let server = traced(&store, &collector.address, "0.5").await;
    let mut questions = server.questions().await;
    for _ in 0..400 {
        questions.check(allow()).await.unwrap();
    }
    end(server).await;
    let taken = collector.spans(CHECK).len();
    // Outside of this once in 10^12 times.
    assert!((130..270).contains(&taken), "{taken}");
}

#[tokio::test]
async fn without_a_collector_calls_go_on_and_what_is_lost_is_counted_and_said_once() {
    let store = Store::with_site(SITE);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let server = traced(&store, &address, "1").await;
    let mut questions = server.questions().await;
    let failed = ["cause=\"export_failed\""];
    until("spans were lost twice", async || {
        questions.check(allow()).await.unwrap();
        Scrape::of(&server).await.sum("rolegate_spans_dropped_total", &failed) > 20.0
    })
    .await;
    // It is counted before it is said, and what is said comes by a pipe.
    until("it is said", async || server.logs.contain("spans cannot be exported")).await;
    assert_eq!(server.logs.count("spans cannot be exported"), 1, "{}", server.logs.text());
    assert!(Scrape::of(&server).await.sum("rolegate_spans_exported_total", &[]) == 0.0);
    end(server).await;
}

#[tokio::test]
async fn a_collector_that_takes_nothing_in_holds_up_neither_calls_nor_the_end() {
    let store = Store::with_site(SITE);
    // Connections to it are made, and nobody ever reads from them.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = traced(&store, &format!("http://{}", deaf.local_addr().unwrap()), "1").await;
    let mut questions = server.questions().await;
    let full = ["cause=\"queue_full\""];
    until("the queue is full", async || {
        for _ in 0..500 {
            questions.check(allow()).await.unwrap();
        }
        Scrape::of(&server).await.sum("rolegate_spans_dropped_total", &full) > 0.0
    })
    .await;
    questions.check(allow()).await.unwrap();
    end(server).await;
}

#[tokio::test]
async fn spans_that_a_collector_refuses_are_counted() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(1).await);
    let server = traced(&store, &collector.address, "0").await;
    server.questions().await.check(within(allow(), "01")).await.unwrap();
    let refused = ["cause=\"refused\""];
    until("it is counted", async || {
        Scrape::of(&server).await.sum("rolegate_spans_dropped_total", &refused) == 1.0
    })
    .await;
    until("it is said", async || server.logs.contain("no room")).await;
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_recorded() {
    let (store, collector) = (Store::with_site(SITE), Collector::start(0).await);
    let server = Server::start(&store).await;
    server.questions().await.check(within(allow(), "01")).await.unwrap();
    end(server).await;
    assert!(collector.spans(CHECK).is_empty());
}
