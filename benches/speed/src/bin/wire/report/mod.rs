//! What was measured, and what it comes to.

mod table;
mod targets;

use crate::load::Slice;
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path};

/// Everything that was measured.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    pub(crate) wrong: u64,
    pub(crate) unfinished: u64,
}

/// One server under one load.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) server: String,
    pub(crate) load: String,
    pub(crate) values: BTreeMap<&'static str, Stat>,
}

/// The same thing measured once a round.
#[derive(Serialize)]
pub(crate) struct Stat {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    rounds: Vec<f64>,
}

impl Stat {
    pub(crate) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
        Self { median: median(&sorted), low, high, rounds }
    }

    /// What lies between, in percent of the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.high - self.low) / self.median.max(f64::MIN_POSITIVE) * 100.0
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        sorted if sorted.len() % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        sorted => sorted[middle],
    }
}

impl Row {
    /// From one slice a round.
    pub(crate) fn of(
        section: &'static str,
        server: String,
        load: String,
        items: usize,
        slices: &[Slice],
    ) -> Self {
        let mut row = Self { section, server, load, values: BTreeMap::new() };
        let mut put = |key: &'static str, value: &dyn Fn(&Slice) -> f64| {
            row.values.insert(key, Stat::of(slices.iter().map(value).collect()));
        };
        let cpu = |slice: &Slice| slice.server.cpu() / slice.calls.max(1) as f64;
        put("calls_per_second", &|slice| slice.calls as f64 / slice.seconds);
        put("cpu_ns_per_call", &cpu);
        put("cpu_ns_per_item", &|slice| cpu(slice) / items as f64);
        put("calls_per_core_second", &|slice| 1e9 / cpu(slice));
        put("server_busy", &|slice| slice.server.cpu() / slice.seconds / 1e9);
        put("server_kept_waiting", &|slice| slice.server.kept_waiting as f64 / slice.seconds / 1e9);
        put("load_cpu_ns_per_call", &|slice| slice.load.cpu() / slice.calls.max(1) as f64);
        put("load_kept_waiting", &|slice| slice.load.kept_waiting as f64 / slice.seconds / 1e9);
        put("load_behind_us", &|slice| slice.behind as f64 / 1e3);
        put("unfinished", &|slice| slice.unfinished as f64);
        put("rss_mib", &|slice| slice.memory / f64::from(1 << 20));
        for (key, part) in
            [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p999_us", 0.999), ("max_us", 1.0)]
        {
            put(key, &|slice| slice.latency.value_at_quantile(part) as f64 / 1e3);
        }
        row
    }

    pub(crate) fn plain(section: &'static str, server: &str, load: &str) -> Self {
        Self { section, server: server.to_owned(), load: load.to_owned(), values: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: &'static str, rounds: Vec<f64>) -> Self {
        self.values.insert(key, Stat::of(rounds));
        self
    }
}

impl Report {
    pub(crate) fn value(&self, section: &str, server: &str, load: &str, key: &str) -> Option<&Stat> {
        let is = |row: &&Row| row.section == section && row.server == server && row.load == load;
        self.rows.iter().find(is)?.values.get(key)
    }

    /// One thing over another, round by round: what disturbs a whole round disturbs both.
    fn ratio(&self, over: Option<&Stat>, under: Option<&Stat>) -> Option<Stat> {
        let (over, under) = (over?, under?);
        Some(Stat::of(over.rounds.iter().zip(&under.rounds).map(|(over, under)| over / under).collect()))
    }

    /// Prints all of it; whether every answer was right.
    pub(crate) fn show(&self) -> bool {
        table::print(self);
        targets::print(self);
        if self.unfinished > 0 {
            println!("\n{} calls had not ended when nobody waited any longer", self.unfinished);
        }
        println!(
            "\n{}",
            if self.wrong == 0 {
                "every answer was right".to_owned()
            } else {
                format!("WRONG ANSWERS: {}", self.wrong)
            }
        );
        self.wrong == 0
    }

    pub(crate) fn write(&self, file: &Path) {
        let mut json = serde_json::to_value(self).unwrap();
        json["targets"] = serde_json::to_value(targets::all(self)).unwrap();
        fs::write(file, serde_json::to_string_pretty(&json).unwrap()).unwrap();
    }
}
