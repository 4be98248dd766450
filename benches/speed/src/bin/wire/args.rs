//! The command line.

use crate::{load::Times, site::Site};
use clap::{Parser, ValueEnum};
use std::{env, path::PathBuf, time::Duration};

/// Measures rolegate over the wire, beside a server that does nothing and beside Cerbos
///
/// All servers are real processes on one processor; the load is one thread on another, speaks HTTP/2 itself, and
/// checks every answer. The servers take turns in short slices, round by round, and medians over the rounds are
/// reported.
#[derive(Parser)]
#[command(after_help = "\
Parts:
  check    single questions, closed loop: cpu of a call, calls a second
  open     single questions at fixed rates: latency from when each was due
  batch    batches: cpu of an item
  start    start to SERVING, memory, size
  growth   rolegate alone at sites of 1k to 10M grants (makes large stores, once)

Examples:
  cargo build --release && (cd ../.. && cargo build --release)
  target/release/wire --quick --only check
  target/release/wire --json before.json
  target/release/wire --rolegate /tmp/rolegate-before --only check --only open

What a busy machine does to the figures shows in the columns `kept` and `spread`: run it on a quiet one. Ends with 1
when any answer was wrong.")]
pub(crate) struct Args {
    /// The rolegate to measure
    #[arg(long, value_name = "PROGRAM", default_value = "../../target/release/rolegate")]
    pub(crate) rolegate: PathBuf,
    /// One more argument for `rolegate serve`; may be given several times
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub(crate) rolegate_arg: Vec<String>,
    /// A store that already holds the usual site, instead of one that is made
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// The no-op server [default: `noop` beside this program]
    #[arg(long, value_name = "PROGRAM")]
    noop: Option<PathBuf>,
    /// Leave Cerbos out
    #[arg(long)]
    pub(crate) without_cerbos: bool,
    /// Where Cerbos is kept, and fetched to with npm when it is not there
    #[arg(long, value_name = "FOLDER", default_value = "../../target/tools")]
    pub(crate) tools: PathBuf,
    /// Where stores, sockets and logs go; stores are found there again in the next run
    #[arg(long, value_name = "FOLDER", default_value = "../../target/wire")]
    pub(crate) folder: PathBuf,
    /// Measure only this; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Fewer and shorter rounds, and no large sites: to see that it works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Let servers and load go before everything else on the machine (needs root)
    #[arg(long)]
    pub(crate) urgent: bool,
    /// Rounds [default: 7, with --quick 3]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Seconds of a slice [default: 2, with --quick 0.7]
    #[arg(long, value_name = "SECONDS")]
    slice: Option<f64>,
    /// Also write everything measured to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Users of the usual site
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(200..))]
    users: u32,
    /// Projects of the usual site
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    projects: u32,
    /// Projects that a user is on
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..500))]
    projects_of_a_user: u32,
    /// Different questions
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) questions: usize,
    /// Different questions about each of the growing sites
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) growth_questions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Part {
    Check,
    Open,
    Batch,
    Start,
    Growth,
}

impl Args {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn noop(&self) -> PathBuf {
        let beside = || env::current_exe().unwrap().with_file_name("noop");
        self.noop.clone().unwrap_or_else(beside)
    }

    pub(crate) fn site(&self) -> Site {
        let Self { users, projects, projects_of_a_user, .. } = *self;
        Site { users, projects, projects_of_a_user, custom_roles: 4, staffed: true }
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 7 }).max(1)
    }

    pub(crate) fn times(&self) -> Times {
        let measured = self.slice.unwrap_or(if self.quick { 0.7 } else { 2.0 });
        Times { warm_up: Duration::from_millis(300), measured: Duration::from_secs_f64(measured) }
    }

    /// The tail of a distribution takes longer to see.
    pub(crate) fn open_times(&self) -> Times {
        let Times { warm_up, measured } = self.times();
        Times { warm_up, measured: 2 * measured }
    }
}
