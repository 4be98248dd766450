//! How long this machine's memory takes: what bounds every answer that is not in the processor's own caches.

use crate::{
    dice::Dice,
    measure::{Effort, Subject, compare},
    report::{Figure, among},
};
use std::{hint::black_box, time::Instant};

/// The group of figures.
pub const WAIT: &str = "waiting for memory: one read, whose place the read before has told";

/// What a processor reads at once.
const LINE: usize = 64;
/// From what fits next to a core to what no cache holds.
const SIZES: [usize; 4] = [1 << 18, 1 << 22, 1 << 25, 1 << 27];

/// Times reads that cannot be foreseen, among more and more memory.
pub fn measure(quick: bool) -> Vec<Figure> {
    let chains: Vec<Chain> = SIZES.into_iter().map(Chain::of).collect();
    let subjects = chains.iter().map(Chain::subject).collect();
    compare(WAIT, Effort::new(quick, false), subjects)
}

/// A line of memory that names the next.
#[derive(Clone)]
#[repr(align(64))]
struct Line(usize);

/// Lines that lead through all of a stretch of memory, in random order.
struct Chain(Vec<Line>);

impl Chain {
    fn of(bytes: usize) -> Self {
        let order = Dice::new().order(bytes / LINE);
        let mut lines = vec![Line(0); order.len()];
        for (at, line) in order.iter().enumerate() {
            lines[*line] = Line(order[(at + 1) % order.len()]);
        }
        Self(lines)
    }

    fn subject(&self) -> Subject<'_> {
        let mut at = 0;
        let run = move |times: u64| {
            let started = Instant::now();
            for _ in 0..times {
                at = self.0[at].0;
            }
            black_box(at);
            started.elapsed()
        };
        Subject::timed(&among(self.0.len() * LINE), 1, run)
    }
}
