//! Single questions, as many as a server can answer.

use super::{
    bench::Bench,
    rounds::{Transport, Trial, run as take_turns},
};
use crate::{
    load::Pace,
    peers::{Server, cerbos, noop},
    work::Work,
};

const SECTION: &str = "check";
/// Connections, and calls in flight on each.
const LOADS: [(Transport, usize, usize); 5] = [
    (Transport::Tcp, 1, 1),
    (Transport::Tcp, 1, 64),
    (Transport::Tcp, 16, 8),
    (Transport::Unix, 1, 64),
    (Transport::Unix, 16, 8),
];

pub(super) fn run(bench: &mut Bench) {
    let checks = bench.checks();
    let yes = noop::same(&checks);
    let [documented, tuned] = [cerbos::Setup::Documented, cerbos::Setup::Tuned]
        .map(|setup| (bench.cerbos(setup), cerbos::checks(setup, &bench.site, &bench.questions)));
    let (current, multi, rolegate) = (bench.noop("current"), bench.noop("multi"), bench.rolegate());
    let mut trials = Vec::new();
    for (transport, connections, flight) in LOADS {
        for (server, work) in [(&current, &yes), (&multi, &yes), (&rolegate, &checks)] {
            trials.push(trial(server, work, (transport, connections, flight)));
        }
        for (server, work) in [&documented, &tuned] {
            if let (Transport::Tcp, Some(server)) = (transport, server) {
                trials.push(trial(server, work, (transport, connections, flight)));
            }
        }
    }
    let times = bench.times();
    take_turns(&mut bench.report, &trials, bench.args.rounds(), times);
}

fn trial<'a>(
    server: &Server,
    work: &'a Work,
    (transport, connections, flight): (Transport, usize, usize),
) -> Trial<'a> {
    let load = format!("{transport:?} {connections}x{flight}").to_lowercase();
    let trial = Trial::new(SECTION, &load, server, work, connections, Pace::Closed(flight));
    match transport {
        Transport::Tcp => trial,
        Transport::Unix => trial.over(server.unix.clone()),
    }
}
