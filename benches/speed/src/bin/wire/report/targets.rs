//! What the figures should be, and whether they are.

use super::{Report, Stat};
use serde::Serialize;

/// The load that servers are compared under unless a target says otherwise.
const USUAL: &str = "tcp 16x8";

#[derive(Serialize)]
pub(super) struct Target {
    what: String,
    /// What it must be, at least or at most.
    bound: Bound,
    measured: f64,
    low: f64,
    high: f64,
    met: bool,
}

#[derive(Clone, Copy, Serialize)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

struct Targets<'a> {
    report: &'a Report,
    list: Vec<Target>,
}

pub(super) fn all(report: &Report) -> Vec<Target> {
    let mut targets = Targets { report, list: Vec::new() };
    targets.checks();
    targets.open();
    targets.batches();
    targets.growth();
    targets.start();
    targets.list
}

impl Targets<'_> {
    /// What was not measured is left out.
    fn add(&mut self, what: String, bound: Bound, stat: Option<&Stat>) {
        let Some(Stat { median, low, high, .. }) = stat else { return };
        let (measured, low, high) = (*median, *low, *high);
        self.list.push(Target { what, bound, measured, low, high, met: bound.is_met(measured) });
    }

    fn versus(
        &mut self,
        what: String,
        bound: Bound,
        (section, load, key): (&str, &str, &str),
        servers: (&str, &str),
    ) {
        let value = |server| self.report.value(section, server, load, key);
        let ratio = self.report.ratio(value(servers.0), value(servers.1));
        self.add(what, bound, ratio.as_ref());
    }

    fn checks(&mut self) {
        for (peer, most) in [("noop current", 1.15), ("noop multi", 0.75)] {
            for load in ["tcp 1x1", "tcp 1x64", USUAL, "unix 1x64", "unix 16x8"] {
                let what = format!("Check, {load}: cpu of a call ÷ {peer}");
                let key = ("check", load, "cpu_ns_per_call");
                self.versus(what, Bound::AtMost(most), key, ("rolegate", peer));
            }
        }
        for (peer, least) in [("cerbos documented", 25.0), ("cerbos tuned", 14.0)] {
            for (key, name) in
                [("calls_per_core_second", "calls a core's second"), ("calls_per_second", "calls/s")]
            {
                let what = format!("Check, {USUAL}: {name} ÷ {peer}");
                self.versus(what, Bound::AtLeast(least), ("check", USUAL, key), ("rolegate", peer));
            }
        }
    }

    fn open(&mut self) {
        let what = "p99 at 85 % of Cerbos' most ÷ Cerbos' own".to_owned();
        let servers = ("rolegate", "cerbos documented");
        self.versus(what, Bound::AtMost(0.1), ("open", "85 % of cerbos", "p99_us"), servers);
        let what = "p99 at half of the no-op's most ÷ the no-op's own".to_owned();
        let servers = ("rolegate", "noop current");
        self.versus(what, Bound::AtMost(1.2), ("open", "half of noop", "p99_us"), servers);
    }

    fn batches(&mut self) {
        for shape in ["one user", "many users"] {
            let load = format!("1000 {shape}");
            let stat = self.report.value("batch", "rolegate", &load, "cpu_ns_per_item");
            self.add(format!("BatchCheck of {load}: cpu ns of an item"), Bound::AtMost(150.0), stat);
        }
        for peer in ["cerbos documented", "cerbos tuned"] {
            let what = format!("BatchCheck of 50: calls/s ÷ {peer}");
            let key = ("batch", "50 one user", "calls_per_second");
            self.versus(what, Bound::AtLeast(100.0), key, ("rolegate", peer));
        }
    }

    fn growth(&mut self) {
        for (load, key, name) in [
            ("closed 16x8", "cpu_ns_per_call", "cpu of a call"),
            ("closed 16x8", "p99_us", "p99, all it can do"),
            ("open 20000/s", "p99_us", "p99 at 20,000/s"),
        ] {
            let what = format!("10M grants ÷ 1k: {name}");
            self.versus(what, Bound::AtMost(1.3), ("growth", load, key), ("10M grants", "1k grants"));
        }
    }

    fn start(&mut self) {
        for (key, name, most) in [
            ("idle_rss_mib", "idle RSS, MiB", 15.0),
            ("binary_mib", "the program, MiB", 15.0),
            ("serving_ms", "start to SERVING, ms", 100.0),
        ] {
            let stat = self.report.value("start", "rolegate", "small site", key);
            self.add(name.to_owned(), Bound::AtMost(most), stat);
        }
    }
}

pub(super) fn print(report: &Report) {
    let targets = all(report);
    if targets.is_empty() {
        return;
    }
    println!("\nTARGETS");
    for target in targets {
        let bound = match target.bound {
            Bound::AtMost(most) => format!("<= {most}"),
            Bound::AtLeast(least) => format!(">= {least}"),
        };
        let met = if target.met { "met" } else { "NOT MET" };
        let Target { what, measured, low, high, .. } = target;
        println!("{met:<8} {what:<58} {measured:>9.3} {bound:<8} ({low:.3} to {high:.3})");
    }
}
