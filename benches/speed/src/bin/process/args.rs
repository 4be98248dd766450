//! What the command can be told.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

const TEACHING: &str = "\
The question is the same for all: may this user do `files_download` on this project, where the user holds a role on
the project and the role holds the action? Each peer answers it as its documentation recommends, with everything
parsed, loaded and prepared beforehand; where there is more than one good way, each is measured and the fastest counts.
All answers are verified, allows and denies, before anything is timed.

Subjects take turns in rounds, and the median of the rounds counts: what disturbs the machine disturbs all alike.

Exits with another code than 0 only if an answer was wrong or nothing could be measured; a target that is not met is
told, and no failure.

Examples:
  process --quick                       a minute: fewer rounds, nothing of ten million grants
  process --only decide                 rolegate's decision beside its peers
  process --only engine --stores /var/tmp/sites
                                        keeps the sites' stores, so that the next run need not make them
  process --output json > speed.json    figures for a program to read";

/// Measures decisions within one process: rolegate beside its peers, and rolegate from small sites to large ones.
#[derive(Parser, Debug)]
#[command(name = "process", after_help = TEACHING)]
pub struct Args {
    /// Take fewer rounds, and leave out the sites of ten million grants
    #[arg(long)]
    pub quick: bool,
    /// Measure this alone; may be given more than once
    #[arg(long, value_name = "PART")]
    pub only: Vec<Part>,
    /// How to print the figures
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub output: Output,
    /// Have criterion sample every subject too, and compare with its last run
    #[arg(long, conflicts_with = "output")]
    pub criterion: bool,
    /// Keep the sites' stores in this folder, and use those that are there
    #[arg(long, value_name = "FOLDER")]
    pub stores: Option<PathBuf>,
    /// Load this store, tell what memory that took, and end
    #[arg(long, value_name = "STORE", hide = true)]
    pub memory_of: Option<PathBuf>,
}

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The decision alone, beside peers
    Decide,
    /// An answer of the engine: from memory, from the store, of things unknown, in batches
    Engine,
    /// The memory that a cached grant takes
    Memory,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Args {
    /// Whether a part is to be measured.
    pub fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
