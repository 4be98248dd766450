//! What is wanted, beside what was found.

use crate::{
    decide::{self, PEERS, fastest_peer, ways_of_peer},
    engine,
    report::Report,
    site::{Site, spaced},
};
use serde::Serialize;
use std::fmt;

/// How long a decision may take, in nanoseconds.
const DECIDE: f64 = 50.0;
/// How long an answer of the engine from memory may take, in nanoseconds.
const CHECK: f64 = 250.0;
/// How many bytes a cached grant may take.
const MEMORY: f64 = 64.0;

/// What is wanted of one figure.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    name: String,
    found: f64,
    /// `None` for what is only told.
    wanted: Option<Wanted>,
    is_met: Option<bool>,
}

/// A bound.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn new(name: String, found: f64, wanted: Wanted) -> Self {
        let is_met = match wanted {
            Wanted::AtMost(most) => found <= most,
            Wanted::AtLeast(least) => found >= least,
        };
        Self { name, found, wanted: Some(wanted), is_met: Some(is_met) }
    }

    const fn told(name: String, found: f64) -> Self {
        Self { name, found, wanted: None, is_met: None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.is_met {
            Some(true) => "met    ",
            Some(false) => "NOT MET",
            None => "told   ",
        };
        write!(f, "{verdict}  {:<62} {:>9.1}", self.name, self.found)?;
        match self.wanted {
            Some(Wanted::AtMost(most)) => write!(f, "   at most {most}"),
            Some(Wanted::AtLeast(least)) => write!(f, "   at least {least}"),
            None => Ok(()),
        }
    }
}

/// Judges whatever was measured.
pub fn judge(report: &Report) -> Vec<Target> {
    let mut targets = of_decide(report);
    targets.extend(of_check(report));
    if let Some(memory) = &report.memory {
        let name = format!("bytes of a cached grant, of {}", spaced(memory.grants));
        targets.push(Target::new(name, memory.bytes_a_grant, Wanted::AtMost(MEMORY)));
    }
    targets
}

fn of_decide(report: &Report) -> Vec<Target> {
    let group = decide::group(decide::BESIDE_PEERS);
    let Some(ours) = report.time(&group, decide::ROLEGATE) else { return Vec::new() };
    let name = format!("ns of decide, {} grants a user", decide::BESIDE_PEERS.grants_of_a_user);
    let mut targets = vec![Target::new(name, ours, Wanted::AtMost(DECIDE))];
    for (peer, least) in PEERS {
        let fastest = fastest_peer(report, &group, peer).map(|(subject, _)| subject);
        for (subject, time) in ways_of_peer(report, &group, peer) {
            let (name, times) = (format!("{subject} by decide"), time / ours);
            let is_fastest = Some(subject) == fastest;
            let target = if is_fastest {
                Target::new(name, times, Wanted::AtLeast(least))
            } else {
                Target::told(name, times)
            };
            targets.push(target);
        }
    }
    targets
}

fn of_check(report: &Report) -> Vec<Target> {
    let time = |site: Site| report.time(engine::HIT, &site.to_string());
    let mut targets = Vec::new();
    if let Some(time) = time(engine::HEADLINE) {
        let name = "ns of engine.check, a hit among 100,000 cached users".to_owned();
        targets.push(Target::new(name, time, Wanted::AtMost(CHECK)));
    }
    if let (Some(small), Some(large)) = (time(engine::SMALLEST), time(engine::LARGEST)) {
        let name = "engine.check, a hit: 10 million grants by 1 thousand".to_owned();
        targets.push(Target::told(name, large / small));
    }
    targets
}
