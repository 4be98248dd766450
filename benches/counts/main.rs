//! How many instructions an answer from memory takes: `cargo bench --bench counts`, and with `--profile dev` in a build that
//! the tests have made already.
//!
//! Times tell more of a machine and its neighbours than of a change; instructions hardly vary, so they can be held to a
//! baseline anywhere. Each scenario runs in a process of its own under valgrind's callgrind, which counts between the
//! first answer and the last alone. `-- --write` takes what was counted as the new baseline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on should stop where it stands, and is read by people"
)]

mod baseline;
mod scenarios;
mod site;

use baseline::Baseline;
use std::{env, path::Path, process::Command, process::ExitCode};

/// Set in the processes that are counted: which scenario, and on which store.
const SCENARIO: &str = "COUNTED_SCENARIO";
const STORE: &str = "COUNTED_STORE";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let (Ok(name), Some(store)) = (env::var(SCENARIO), env::var_os(STORE)) {
        runtime.block_on(scenarios::run(&name, Path::new(&store)));
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("site.db");
    runtime.block_on(site::create(&store));
    let mut baseline = Baseline::read();
    let counted: Vec<_> =
        scenarios::ALL.iter().map(|name| (*name, count(name, &store, folder.path()))).collect();
    if env::args().any(|argument| argument == "--write") {
        baseline.replace(&counted);
        println!("written to {}", Baseline::FILE);
        return ExitCode::SUCCESS;
    }
    println!("{:<24} {:>12} {:>12} {:>8}", "instructions", "counted", "baseline", "");
    let mut all_are_within = true;
    for (name, instructions) in counted {
        let verdict = baseline.verdict(name, instructions);
        println!("{name:<24} {instructions:>12} {:>12} {verdict}", baseline.of(name).unwrap_or(0));
        all_are_within &= verdict.is_within();
    }
    if all_are_within {
        return ExitCode::SUCCESS;
    }
    println!(
        "a change of more than {} % is to be understood, and then written down with `-- --write`",
        Baseline::PERCENT
    );
    ExitCode::FAILURE
}

/// Instructions for each answer of a scenario.
fn count(name: &str, store: &Path, folder: &Path) -> u64 {
    let out = folder.join(name);
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*counted_stretch*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().unwrap())
        .env(SCENARIO, name)
        .env(STORE, store)
        .status();
    assert!(status.expect("valgrind must be installed").success(), "{name} did not end well");
    let report = std::fs::read_to_string(&out).unwrap();
    let total = report.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse::<u64>().unwrap() / scenarios::ANSWERS as u64
}
