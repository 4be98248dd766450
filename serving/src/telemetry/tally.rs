//! Counts of calls by method and outcome.

use crate::engine::apart::Apart;
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tonic::Code;

/// The upper bounds of how long calls took, in seconds: ten of them, each four times the one before.
pub(super) const BOUNDS: [f64; 10] =
    [10e-6, 40e-6, 160e-6, 640e-6, 2.56e-3, 10.24e-3, 40.96e-3, 163.84e-3, 655.36e-3, 2.621_44];
/// gRPC's codes are numbered from 0 to 16.
const CODES: usize = 17;

/// All counts. Methods go by their numbers.
pub(super) struct Tally {
    counts: Box<Apart<Counts>>,
    methods: usize,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    /// By method and code; made when first needed, which for most threads, methods and codes is never.
    cells: OnceLock<Box<[OnceLock<Box<Cell>>]>>,
}

#[derive(Default)]
struct Cell {
    /// By the first bound that the time is within, or none.
    within: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// How many calls of one method ended with one code, and how long they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) within: [u64; BOUNDS.len() + 1],
    pub(super) seconds: f64,
}

impl Sum {
    pub(super) fn count(&self) -> u64 {
        self.within.iter().sum()
    }
}

impl Tally {
    pub(super) fn new(methods: usize) -> Self {
        Self { counts: Box::default(), methods }
    }

    /// A call has begun.
    pub(super) fn begin(&self) {
        let here = self.counts.here();
        here.add(&here.counts.begun, 1);
    }

    /// A call has ended; it may have begun on another thread.
    pub(super) fn end(&self, method: usize, code: Code, took: Duration) {
        let here = self.counts.here();
        here.add(&here.counts.ended, 1);
        let cells =
            here.counts.cells.get_or_init(|| (0..self.methods * CODES).map(|_| OnceLock::new()).collect());
        let Some(cell) = cells.get(method * CODES + code as usize) else { return };
        let cell = cell.get_or_init(Box::default);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        here.add(&cell.nanos, nanos);
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(within) = cell.within.get(bucket) {
            here.add(within, 1);
        }
    }

    /// How many calls have begun and not ended, but for those that do either while this counts.
    pub(super) fn in_flight(&self) -> u64 {
        // A call may end on another thread than it began on: one of them may have more that ended.
        let here = |counts: &Counts| counts.begun.load(Relaxed).wrapping_sub(counts.ended.load(Relaxed));
        let sum = self.counts.all().map(here).fold(0, u64::wrapping_add);
        u64::try_from(sum.cast_signed()).unwrap_or(0)
    }

    /// What a method's calls came to, for each code that any ended with.
    pub(super) fn of_method(&self, method: usize) -> impl Iterator<Item = (Code, Sum)> {
        (0..CODES).filter_map(move |code| {
            let cells =
                self.counts.all().filter_map(|counts| counts.cells.get()?.get(method * CODES + code)?.get());
            let sum = cells.fold(Sum::default(), |mut sum, cell| {
                sum.within.iter_mut().zip(&cell.within).for_each(|(sum, n)| *sum += n.load(Relaxed));
                sum.seconds += Duration::from_nanos(cell.nanos.load(Relaxed)).as_secs_f64();
                sum
            });
            (sum.count() > 0).then(|| (Code::from(i32::try_from(code).unwrap_or(2)), sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_apart_is_told_together() {
        let tally = Tally::new(2);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..100 {
                        tally.begin();
                        tally.end(1, Code::Ok, Duration::from_micros(20));
                    }
                    tally.begin();
                    tally.end(1, Code::Unavailable, Duration::from_secs(10));
                });
            }
        });
        assert_eq!(tally.of_method(0).count(), 0);
        let of_method: Vec<_> = tally.of_method(1).collect();
        let [(Code::Ok, ok), (Code::Unavailable, lost)] = of_method.as_slice() else {
            panic!("{of_method:?}");
        };
        assert_eq!((ok.count(), ok.within[1], lost.count(), lost.within[10]), (400, 400, 4, 4));
        assert!((ok.seconds - 0.008).abs() < 1e-9 && (lost.seconds - 40.0).abs() < 1e-9);
        assert_eq!(tally.in_flight(), 0);
    }

    #[test]
    fn a_call_may_end_on_another_thread_than_it_began() {
        let tally = Tally::new(1);
        tally.begin();
        assert_eq!(tally.in_flight(), 1);
        std::thread::scope(|threads| {
            threads.spawn(|| tally.end(0, Code::Cancelled, Duration::ZERO));
        });
        assert_eq!(tally.in_flight(), 0);
    }
}
