//! Sidecars that follow a store in PostgreSQL, measured: `cargo bench --bench followers`.
//!
//! Names of parts run those alone, as in `cargo bench --bench followers -- visible start`; `--help` tells the rest. Every
//! part has a database server and servers of rolegate's of its own, and `docs/postgres-figures.md` tells what was seen.
//! Nothing is asserted of a time: a figure that misses its target is marked, and is for people to judge.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark is read by people, and should stop where it cannot go on"
)]

#[allow(dead_code, reason = "shared with the tests, which use the rest")]
#[path = "../../tests/wire/ask.rs"]
mod ask;
#[allow(dead_code, clippy::indexing_slicing, reason = "shared with the tests, which use the rest")]
#[path = "../../tests/support/cluster.rs"]
mod cluster;
mod database;
mod process;
mod recovery;
mod report;
#[allow(dead_code, clippy::indexing_slicing, reason = "shared with the tests, which use the rest")]
#[path = "../../tests/support/server.rs"]
mod server;
mod site;
mod start;
mod visible;

use clap::{Parser, ValueEnum};
use report::Report;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From a commit to the first answer of a sidecar that shows it
    Visible,
    /// From the start of a sidecar to its service, and the memory that its cache takes
    Start,
    /// What followers ask of the database
    Database,
    /// From a database server that is back to service
    Recovery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Measures sidecars that follow a store in PostgreSQL.
#[derive(Parser, Debug)]
struct Args {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    parts: Vec<Part>,
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// The sizes of site to start with, in grants
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    grants: Vec<u64>,
    /// How often a start of each size is measured
    #[arg(long, default_value_t = 3)]
    starts: u32,
    /// How many sidecars follow the database at once
    #[arg(long, default_value_t = 50)]
    followers: u32,
    /// How long each rate is measured
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// How often the database is ended, in each way
    #[arg(long, default_value_t = 6)]
    outages: u32,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    const fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let mut report = Report::default();
    if args.wants(Part::Visible) {
        visible::measure(&mut report, args.duration()).await;
    }
    if args.wants(Part::Start) {
        start::measure(&mut report, &args.grants, args.starts).await;
    }
    if args.wants(Part::Database) {
        database::measure(&mut report, args.followers, args.duration()).await;
    }
    if args.wants(Part::Recovery) {
        recovery::measure(&mut report, args.outages).await;
    }
    match args.output {
        Output::Table => report.print_table(),
        Output::Json => report.print_json(),
    }
}
