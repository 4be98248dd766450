//! How long a decision takes within one process: rolegate's beside those of cedar-policy, regorus and casbin, and an
//! answer of rolegate's engine from sites of a thousand to ten million grants.

mod args;
mod decide;
mod dice;
mod engine;
mod measure;
mod memory;
mod report;
mod site;
mod store;
mod targets;
mod wait;

use args::{Args, Part};
use clap::Parser as _;
use mimalloc::MiMalloc;
use report::Report;
use std::process::ExitCode;
use store::Stores;

/// What the shipped program allocates with, and so what its peers get too.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

/// What goes wrong here ends the run: it is told, not handled.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.memory_of {
        Some(store) => memory::tell(store),
        None => run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let mut report = Report::of_this_machine(args.quick);
    let stores = Stores::within(args.stores.as_deref())?;
    if args.has(Part::Decide) {
        decide::measure(args, &mut report)?;
    }
    if args.has(Part::Engine) {
        report.figures.extend(wait::measure(args.quick));
        engine::measure(args, &stores, &mut report)?;
    }
    if args.has(Part::Memory) {
        memory::measure(args, &stores, &mut report)?;
    }
    report.targets = targets::judge(&report);
    report.print(args.output)
}
