//! A server under every kind of load is asked to end, at any moment, again and again.

use super::{
    ask::{at_least, may, project},
    random::Random,
    raw::Raw,
    server::{PATIENCE, Server, Store},
    shutdown::{ask_until_gone, has_log, was_not_accepted},
    site::SITE,
};
use rolegate::grpc::proto::CheckRequest;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::net::TcpStream;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

/// How often: `ROLEGATE_TEST_RUNS`, or a few times.
fn runs() -> usize {
    std::env::var("ROLEGATE_TEST_RUNS").map_or(5, |runs| runs.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_it_is_asked_to_end_under_load_it_does_so_in_good_order() {
    let (store, mut random) = (Store::with_site(SITE), Random::seeded());
    for run in 0..runs() {
        let pause = Duration::from_millis(u64::try_from(random.below(300)).unwrap());
        ends_in_good_order(&store, pause, &format!("run {run}, asked to end after {pause:?}")).await;
    }
}

async fn ends_in_good_order(store: &Store, pause: Duration, run: &str) {
    let mut server = Server::start_with(store, &["--drain-timeout", "1s"]).await;
    let mut askers = Vec::new();
    for _ in 0..4 {
        let raw = Raw::connect(&server.questions).await;
        askers.push(tokio::spawn(ask_until_gone(raw, Arc::new(AtomicU64::new(0)))));
    }
    // What would hold up an end that waits for everyone: a watch, an idle connection, one that has not greeted, and a call
    // that waits for a revision that never comes.
    let mut health = server.health().await;
    let mut states = health.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving, "{run}");
    let _idle = server.channel().await;
    let _silent = TcpStream::connect(server.questions.trim_start_matches("http://")).await.unwrap();
    let waiting = wait_for_a_later_revision(&server).await;
    tokio::time::sleep(pause).await;
    server.terminate();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing, "{run}");
    for asker in askers {
        let end = tokio::time::timeout(PATIENCE, asker).await.unwrap().unwrap();
        assert!(was_not_accepted(&end), "{run}: {end:?}");
    }
    assert_eq!(server.ended().await.code(), Some(0), "{run}: {}", server.logs.text());
    assert!(waiting.await.unwrap().is_err(), "{run}: nobody knows what that revision would say");
    assert!(!has_log(store), "{run}: the store is one whole file again");
}

async fn wait_for_a_later_revision(server: &Server) -> tokio::task::JoinHandle<Result<(), tonic::Status>> {
    let mut questions = server.questions().await;
    let question = may("ann", project("scans"), "files_download");
    let answered = questions.check(question.clone()).await.unwrap().into_inner();
    // The token's last digits are its revision.
    let (epoch, _) = answered.revision_token.split_at(answered.revision_token.len() - 16);
    let later = at_least(&format!("{epoch}{:016x}", u64::MAX >> 2));
    let waits = CheckRequest { freshness: later, ..question };
    tokio::spawn(async move { questions.check(waits).await.map(drop) })
}
