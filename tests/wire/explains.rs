//! Explanations on a site with very many roles hold up nothing: no check, no health, no end.

use super::{
    ask::{may, may_operate, operation, project},
    server::{Server, Store, until},
    site::SITE,
};
use rolegate::grpc::proto::{Decision, ExplainRequest};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

const ROLES: usize = 600;

/// A site on whose project so many roles can be given, each with half of what it takes to delete a file.
fn site() -> String {
    let (mut roles, mut offers) = (String::from("roles:\n"), String::from("offers: ["));
    let required = "containers_view_metadata, files_view_metadata, tags_view, notes_view, \
project_permissions_view, gear_rules_view, data_views_view, session_templates_view, jobs_view";
    for nth in 0..ROLES {
        let half = ["files_delete_device_data", "files_delete_non_device_data"][nth % 2];
        writeln!(roles, "  - {{id: r{nth}, label: R{nth}, actions: [{required}, {half}]}}").unwrap();
        write!(offers, "R{nth}, ").unwrap();
    }
    SITE.replace("roles:\n", &roles).replace("offers: [", &offers)
}

fn why() -> ExplainRequest {
    ExplainRequest { check: Some(may_operate("bob", project("scans"), operation("file.delete"))) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_health_and_the_end_go_on_while_many_are_explained() {
    let store = Store::with_site(&site());
    let mut server = Server::start_with(&store, &["--drain-timeout", "2s"]).await;
    let mut admin = server.administrator(&store.key).await;
    let explained = admin.explain(why()).await.unwrap().into_inner();
    let half = ROLES as u64 / 2;
    assert_eq!((explained.ways.len() as u64, explained.ways_left_out), (20, 2 + half * half - 20));
    let begun = Arc::new(AtomicU64::new(0));
    for _ in 0..8 {
        let (mut admin, begun) = (server.administrator(&store.key).await, Arc::clone(&begun));
        tokio::spawn(async move {
            loop {
                // Some callers give up before they are told.
                let number = begun.fetch_add(1, Ordering::Relaxed);
                let mut request = Request::new(why());
                request.set_timeout(Duration::from_millis(20 + 500 * (number % 2)));
                let told = admin.explain(request).await;
                // The server is gone: whoever goes on leaves the test no time.
                if told.is_err_and(|status| status.code() == Code::Unavailable) {
                    return;
                }
            }
        });
    }
    let (mut questions, mut health) = (server.questions().await, server.health().await);
    for _ in 0..100 {
        let asked = may("ann", project("scans"), "files_download");
        assert_eq!(questions.check(asked).await.unwrap().into_inner().decision(), Decision::Allow);
        let service = String::new();
        let state = health.check(HealthCheckRequest { service }).await.unwrap().into_inner();
        assert_eq!(state.status(), ServingStatus::Serving);
    }
    until("many were begun", async || begun.load(Ordering::Relaxed) > 40).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}
