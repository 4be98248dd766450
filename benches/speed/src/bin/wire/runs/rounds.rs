//! Taking turns: every server gets a short slice in every round, so that what disturbs the machine disturbs all.

use crate::{
    client::Address,
    load::{Pace, Slice, Target, Times},
    peers::Server,
    report::{Report, Row},
    work::Work,
};

/// How often a slice without a single answer is measured again.
const TRIES: usize = 3;

/// One server under one load.
pub(super) struct Trial<'a> {
    section: &'static str,
    server: String,
    load: String,
    pace: Pace,
    target: Target<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Transport {
    Tcp,
    Unix,
}

impl<'a> Trial<'a> {
    /// All calls of the work in turn, over TCP.
    pub(super) fn new(
        section: &'static str,
        load: &str,
        server: &Server,
        work: &'a Work,
        connections: usize,
        pace: Pace,
    ) -> Self {
        let times = Times { warm_up: std::time::Duration::ZERO, measured: std::time::Duration::ZERO };
        let target = Target { address: server.tcp.clone(), work, pid: server.pid(), connections, times };
        Self { section, server: server.name.clone(), load: load.to_owned(), pace, target }
    }

    pub(super) fn over(mut self, address: Address) -> Self {
        self.target.address = address;
        self
    }

    fn slice(&self, times: Times) -> Slice {
        let target = Target { times, ..self.target.clone() };
        let once = || {
            let slice = target.load(self.pace);
            slice.unwrap_or_else(|error| panic!("{} under {}: {error}", self.server, self.load))
        };
        // A machine that stood still for a whole slice says nothing about a server.
        let slice = (0..TRIES).map(|_| once()).find(|slice| slice.calls > 0).unwrap_or_else(once);
        eprintln!(
            "    {:<26} {:<22} {:>8.0} calls/s {:>8.0} ns of cpu a call{}",
            self.server,
            self.load,
            slice.calls as f64 / slice.seconds,
            slice.server.cpu() / slice.calls.max(1) as f64,
            if slice.wrong > 0 { "  WRONG ANSWERS" } else { "" }
        );
        slice
    }
}

/// Runs all of them, round by round, each round beginning with another one.
pub(super) fn run(report: &mut Report, trials: &[Trial<'_>], rounds: usize, times: Times) {
    let mut slices: Vec<Vec<Slice>> = trials.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        for turn in 0..trials.len() {
            let place = (turn + round) % trials.len();
            slices[place].push(trials[place].slice(times));
        }
    }
    for (trial, slices) in trials.iter().zip(slices) {
        report.wrong += slices.iter().map(|slice| slice.wrong).sum::<u64>();
        report.unfinished += slices.iter().map(|slice| slice.unfinished).sum::<u64>();
        let items = trial.target.work.items;
        report.rows.push(Row::of(trial.section, trial.server.clone(), trial.load.clone(), items, &slices));
    }
}
