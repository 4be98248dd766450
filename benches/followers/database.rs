//! What many followers ask of the database: idle, and while somebody writes.

use crate::{
    process::{cpu_seconds, cpu_seconds_of_all},
    report::{Report, progress},
    server::{Admin, Server},
    site::{Site, set},
};
use std::time::{Duration, Instant};

const PART: &str = "database";
const GRANTS: u64 = 10_000;
/// The time between two writes.
const PAUSE: Duration = Duration::from_millis(50);
/// Statistics reach the tables that tell them with a delay of about a second.
const SETTLED: Duration = Duration::from_secs(3);

pub(crate) async fn measure(report: &mut Report, followers: u32, time: Duration) {
    let site = Site::new(GRANTS);
    let control = site.control().await;
    let mut admin = site.administrator(&control).await;
    let mut sidecars = Vec::new();
    for n in 1..=followers {
        progress(&format!("{PART}: sidecar {n} of {followers}"));
        sidecars.push(site.sidecar(&[]).await);
    }
    let of_sidecars = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rolegate_sidecar'";
    tokio::time::sleep(SETTLED).await;
    report.add(PART, format!("connections of {followers} sidecars"), (site.number(of_sidecars), ""), None);
    let before = Reading::of(&site, &sidecars);
    tokio::time::sleep(time).await;
    add(report, "idle", &before, &Reading::of(&site, &sidecars));
    let before = Reading::of(&site, &sidecars);
    let written = write(&mut admin, site.users, time).await;
    let after = Reading::of(&site, &sidecars);
    report.add(PART, "busy: writes reached", (written / after.since(&before), "/s"), None);
    add(report, "busy", &before, &after);
}

fn add(report: &mut Report, name: &str, before: &Reading, after: &Reading) {
    let seconds = after.since(before);
    let transactions = (after.transactions - before.transactions) / seconds;
    report.add(PART, format!("{name}: transactions"), (transactions, "/s"), None);
    let cores = |now: f64, then: f64| ((now - then) / seconds * 100.0, "% of a core");
    let database = cores(after.database, before.database);
    report.add(PART, format!("{name}: processor time of the database"), database, None);
    let sidecars = cores(after.sidecars, before.sidecars);
    report.add(PART, format!("{name}: processor time of all sidecars"), sidecars, None);
}

/// Writes at a steady rate; how many writes there were.
async fn write(admin: &mut Admin, users: u64, time: Duration) -> f64 {
    let mut ticks = tokio::time::interval(PAUSE);
    let (start, mut written) = (Instant::now(), 0.0);
    for n in 0.. {
        ticks.tick().await;
        if start.elapsed() >= time {
            break;
        }
        set(admin, n % users, users, n / users % 2 == 1).await;
        written += 1.0;
    }
    written
}

/// What was used up to a moment.
struct Reading {
    at: Instant,
    transactions: f64,
    database: f64,
    sidecars: f64,
}

impl Reading {
    fn of(site: &Site, sidecars: &[Server]) -> Self {
        let transactions =
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        Self {
            at: Instant::now(),
            transactions: site.number(transactions),
            database: cpu_seconds_of_all(site.cluster.pid().parse().unwrap()),
            sidecars: sidecars.iter().map(|sidecar| cpu_seconds(sidecar.id())).sum(),
        }
    }

    fn since(&self, before: &Self) -> f64 {
        (self.at - before.at).as_secs_f64()
    }
}
