//! What is measured.

mod batch;
mod bench;
mod check;
mod growth;
mod open;
mod rounds;
mod start;

use crate::args::{Args, Part};
use crate::report::Report;
use bench::Bench;

/// Measures all that was asked for.
pub(crate) fn all(args: Args) -> Report {
    let mut bench = Bench::new(args);
    for (part, run) in [
        (Part::Check, check::run as fn(&mut Bench)),
        (Part::Open, open::run),
        (Part::Batch, batch::run),
        (Part::Start, start::run),
        (Part::Growth, growth::run),
    ] {
        if bench.args.wants(part) {
            eprintln!("{part:?}");
            run(&mut bench);
        }
    }
    bench.report
}
