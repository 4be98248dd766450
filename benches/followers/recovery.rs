//! From a database server that takes connections again to a sidecar that serves, and answers as of now.

use crate::{
    report::{Report, progress},
    server::{Questions, Server},
    site::{Site, may_write},
};
use rolegate::grpc::proto::{CheckRequest, Freshness, FullyCurrent, freshness::Want};
use sqlx::{Connection as _, PgConnection};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tonic_health::pb::health_check_response::ServingStatus;

const PART: &str = "recovery";
const GRANTS: u64 = 10_000;
const TARGET: Duration = Duration::from_secs(2);
/// Stale soon, so that a round is short.
const IMPATIENT: [&str; 4] = ["--max-staleness", "2s", "--warn-staleness", "1s"];
/// Outages differ in length by this: attempts to connect become rare, and the server comes back at any moment in between.
const STEP: Duration = Duration::from_millis(370);
const GLANCE: Duration = Duration::from_millis(5);

pub(crate) async fn measure(report: &mut Report, outages: u32) {
    let site = Arc::new(Site::new(GRANTS));
    let sidecar = site.sidecar(&IMPATIENT).await;
    for how in ["fast", "kill"] {
        let (mut serving, mut current) = (Vec::new(), Vec::new());
        for round in 0..outages {
            progress(&format!("{PART}: {how}, {} of {outages}", round + 1));
            let seen = outage(&site, &sidecar, how, STEP * round).await;
            serving.push(seen.0);
            current.push(seen.1);
        }
        report.add_times(PART, &format!("{how}: to SERVING"), serving, Some(TARGET));
        report.add_times(PART, &format!("{how}: to a fully current answer"), current, Some(TARGET));
    }
}

/// Ends the server, starts it again, and tells how long the sidecar took from there to serve and to answer as of now.
async fn outage(site: &Arc<Site>, sidecar: &Server, how: &str, more: Duration) -> (Duration, Duration) {
    let mut questions = sidecar.questions().await;
    site.cluster.end(how);
    sidecar.becomes(ServingStatus::NotServing).await;
    tokio::time::sleep(more).await;
    let watched = async {
        sidecar.becomes(ServingStatus::Serving).await;
        let serving = Instant::now();
        fully_current(&mut questions, site.users).await;
        (serving, Instant::now())
    };
    let starting = Arc::clone(site);
    // It waits for the server, which must not hold up those who watch.
    let starting = tokio::task::spawn_blocking(move || starting.cluster.start_again());
    let (back, (serving, current)) = tokio::join!(back(site), watched);
    starting.await.unwrap();
    (serving - back, current - back)
}

/// The moment at which the server takes a connection.
async fn back(site: &Site) -> Instant {
    let url = site.cluster.url("postgres");
    loop {
        if let Ok(connection) = PgConnection::connect(&url).await {
            let now = Instant::now();
            drop(connection);
            return now;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Asks until an answer is as new as the store.
async fn fully_current(questions: &mut Questions, users: u64) {
    let want = Some(Freshness { want: Some(Want::FullyCurrent(FullyCurrent {})) });
    let question = CheckRequest { freshness: want, ..may_write(0, users) };
    while questions.check(question.clone()).await.is_err() {
        tokio::time::sleep(GLANCE).await;
    }
}
