//! Measures rolegate over the wire. `--help` tells how.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a tool for developers: it prints, and may end at once"
)]
#![forbid(unsafe_code)]

mod args;
mod client;
mod load;
mod peers;
mod process;
mod report;
mod runs;
mod site;
mod verdict;
mod work;

use clap::Parser;
use std::{
    env, fs,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
    thread,
};

mod contract {
    #![allow(clippy::all, clippy::pedantic, dead_code, unused_qualifications, reason = "generated")]
    tonic::include_proto!("rolegate.v1");
}

/// Set once the load has its own processor.
const PINNED: &str = "WIRE_PINNED";

fn main() -> ExitCode {
    let args = args::Args::parse();
    if env::var_os(PINNED).is_none() {
        pin(args.urgent);
    }
    let json = args.json.clone();
    let report = runs::all(args);
    if let Some(file) = json {
        report.write(&file);
    }
    if report.show() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts over on the last processor: the servers have the first.
fn pin(urgent: bool) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    if processors < 2 {
        eprintln!("there is only one processor: load and servers share it, and the figures are worth little");
    }
    if urgent {
        // Where the kernel shares the machine between sessions first, `nice` only counts within one.
        let _ = fs::write("/proc/self/autogroup", "-15");
    }
    let first = if urgent { ["nice", "-n", "-15"].as_slice() } else { &["env"] };
    let error = Command::new(first[0])
        .args(&first[1..])
        .args(["taskset", "-c", &(processors - 1).to_string()])
        .arg(env::current_exe().unwrap())
        .args(env::args_os().skip(1))
        .env(PINNED, "1")
        .exec();
    panic!("taskset could not be run: {error}");
}
