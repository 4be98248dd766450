//! How long callers wait at rates that are fixed beforehand.

use super::{
    bench::Bench,
    rounds::{Trial, run as take_turns},
};
use crate::{
    load::Pace,
    peers::{Server, cerbos, noop},
    report::Report,
    work::Work,
};

const SECTION: &str = "open";
const CONNECTIONS: usize = 16;
const FLIGHT: usize = 8;
/// Rounds to find out how much a server can do.
const TO_FIND_OUT: usize = 3;

pub(super) fn run(bench: &mut Bench) {
    let checks = bench.checks();
    let rolegate = bench.rolegate();
    let (yes, current) = (noop::same(&checks), bench.noop("current"));
    let rate = 0.5 * most(bench, &current, &yes);
    compare(bench, "half of noop", rate, [(&current, &yes), (&rolegate, &checks)]);
    let setup = cerbos::Setup::Documented;
    let Some(server) = bench.cerbos(setup) else { return };
    let work = cerbos::checks(setup, &bench.site, &bench.questions);
    let rate = 0.85 * most(bench, &server, &work);
    compare(bench, "85 % of cerbos", rate, [(&server, &work), (&rolegate, &checks)]);
}

/// The calls a second that a server can answer.
fn most(bench: &Bench, server: &Server, work: &Work) -> f64 {
    let load = "to find out";
    let trial = Trial::new(SECTION, load, server, work, CONNECTIONS, Pace::Closed(FLIGHT));
    let mut report = Report::default();
    take_turns(&mut report, &[trial], TO_FIND_OUT, bench.times());
    report.value(SECTION, &server.name, load, "calls_per_second").unwrap().median
}

fn compare(bench: &mut Bench, load: &str, rate: f64, servers: [(&Server, &Work); 2]) {
    eprintln!("  {load}: {rate:.0} calls a second");
    let trial = |(server, work)| Trial::new(SECTION, load, server, work, CONNECTIONS, Pace::Open(rate));
    let times = bench.args.open_times();
    take_turns(&mut bench.report, &servers.map(trial), bench.args.rounds(), times);
}
