//! A store that goes away is not answered for; a broken one is not even started from.

use super::{
    ask::{may, project, reason},
    http::{get, metric},
    server::{Server, Store, run, until},
    site::SITE,
};
use rolegate::grpc::proto::{BatchCheckRequest, Decision, batch_check_outcome::Outcome};
use std::{path::Path, time::Duration};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

const SHORT: [&str; 2] = ["--max-staleness", "300ms"];

#[tokio::test]
async fn past_the_limit_nothing_is_decided_and_service_resumes_by_itself() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &SHORT).await;
    let mut questions = server.questions().await;
    let good = may("ann", project("scans"), "files_download");
    let bad = may("", project("scans"), "files_download");
    let before = questions.check(good.clone()).await.unwrap().into_inner();

    let away = store.beside("away.db");
    std::fs::rename(&store.path, &away).unwrap();
    server.becomes(ServingStatus::NotServing).await;
    let status = questions.check(good.clone()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "STALE".to_owned()));
    assert_eq!(questions.check(bad.clone()).await.unwrap_err().code(), Code::InvalidArgument);
    let items = [good.clone(), bad].map(super::ask::item).to_vec();
    let batch = BatchCheckRequest { items, ..BatchCheckRequest::default() };
    let outcomes = questions.batch_check(batch).await.unwrap().into_inner().outcomes;
    let codes = outcomes.into_iter().map(|outcome| match outcome.outcome.unwrap() {
        Outcome::Error(error) => Code::from(error.code),
        Outcome::Answer(answer) => panic!("decided without a store: {answer:?}"),
    });
    assert_eq!(codes.collect::<Vec<_>>(), [Code::Unavailable, Code::InvalidArgument]);
    assert_eq!(get(&server.metrics, "/readyz").await.0, 503);
    assert_eq!(get(&server.metrics, "/healthz").await.0, 200);
    let alive = HealthCheckRequest { service: "liveness".to_owned() };
    let alive = server.health().await.check(alive).await.unwrap().into_inner();
    assert_eq!(alive.status(), ServingStatus::Serving, "a restart would bring no store back");
    assert!(metric(&server.metrics, "rolegate_data_age_seconds").await > 0.3);
    assert!(metric(&server.metrics, "rolegate_serving").await == 0.0);

    std::fs::rename(&away, &store.path).unwrap();
    server.becomes(ServingStatus::Serving).await;
    let after = questions.check(good).await.unwrap().into_inner();
    assert_eq!(after.decision(), Decision::Allow);
    assert_eq!(after.revision_token, before.revision_token, "the same store, the same history");
    assert_eq!(get(&server.metrics, "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_short_limit_does_not_make_a_store_that_is_there_come_and_go() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &SHORT).await;
    let mut questions = server.questions().await;
    // Many polls of an idle store.
    for _ in 0..150 {
        let answered = questions.check(may("ann", project("scans"), "files_download")).await;
        assert!(answered.is_ok(), "{answered:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!server.logs.contain("not serving"), "{}", server.logs.text());
}

#[tokio::test]
async fn a_store_replaced_by_another_has_another_history() {
    let (store, other) = (Store::with_site(SITE), Store::with_site(SITE));
    let server = Server::start(&store).await;
    let mut questions = server.questions().await;
    let question = may("ann", project("scans"), "files_download");
    let token = questions.check(question.clone()).await.unwrap().into_inner().revision_token;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", store.text()));
    }
    std::fs::rename(&other.path, &store.path).unwrap();
    let asking = rolegate::grpc::proto::CheckRequest { freshness: super::ask::at_least(&token), ..question };
    until("the old token is refused", async || match questions.check(asking.clone()).await {
        Err(status) if status.code() == Code::FailedPrecondition => reason(&status) == "OTHER_EPOCH",
        _ => false,
    })
    .await;
}

/// What is done to a store's bytes.
type Damage = fn(&mut Vec<u8>);

#[test]
fn a_broken_store_is_not_served_from() {
    let breaks: [(&str, Damage); 5] = [
        ("garbage", |bytes| *bytes = b"garbage".repeat(3_000)),
        ("empty", Vec::clear),
        ("half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a header alone", |bytes| bytes.truncate(100)),
        ("a page overwritten", |bytes| bytes[4_096..12_288].fill(0x5a)),
    ];
    for (what, damage) in breaks {
        let store = Store::with_site(SITE);
        let mut bytes = std::fs::read(&store.path).unwrap();
        damage(&mut bytes);
        std::fs::write(&store.path, bytes).unwrap();
        let (code, said) = refuses(store.text());
        assert_eq!(code, Some(1), "{what}: {said}");
        let clear = ["damaged", "restore it from a backup", "is not a rolegate store"];
        assert!(
            clear.iter().any(|part| said.contains(part)) && said.contains(store.text()),
            "{what}: {said}"
        );
        assert!(!said.contains("role store loaded"), "{what}: {said}");
    }
    let (code, said) = refuses("/nonexistent/rolegate.db");
    assert!(code == Some(1) && said.contains("rolegate init"), "{said}");
}

/// How `serve` ends on a store, and what it says.
fn refuses(store: &str) -> (Option<i32>, String) {
    let output = run(["serve", "--store", store, "--listen", "127.0.0.1:0", "--admin-listen", "off"]);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_store_that_breaks_under_a_server_is_no_allow() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &SHORT).await;
    let draft = store.beside("broken.db");
    std::fs::write(&draft, b"garbage".repeat(3_000)).unwrap();
    std::fs::rename(&draft, Path::new(store.text())).unwrap();
    server.becomes(ServingStatus::NotServing).await;
    let answered = server.questions().await.check(may("ann", project("scans"), "files_download")).await;
    assert_eq!(answered.unwrap_err().code(), Code::Unavailable);
    let tries = "rolegate_store_errors_total";
    until("it was tried again", async || metric(&server.metrics, tries).await > 4.0).await;
    for part in ["was replaced", "cannot follow the role store"] {
        assert_eq!(server.logs.count(part), 1, "{}", server.logs.text());
    }
}
