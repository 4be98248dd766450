//! Counts that every call moves. Each thread has its own: threads that count into the same memory wait for each other, and even one
//! alone waits for its processor to make sure that it is.

use std::{
    array,
    cell::Cell,
    marker::PhantomData,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// How many threads have counts of their own; further ones share.
const OWN: usize = 31;

/// One of something for each thread that counts, apart in memory from those of others.
#[derive(Debug)]
pub struct Apart<T> {
    own: [Far<T>; OWN],
    shared: Far<T>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Far<T>(T);

/// What this thread counts into. No other one may.
#[derive(Debug)]
pub struct Here<'a, T> {
    /// The counts.
    pub counts: &'a T,
    is_own: bool,
    _stays: PhantomData<*const ()>,
}

impl<T> Apart<T> {
    /// What this thread counts into.
    pub fn here(&self) -> Here<'_, T> {
        // INVARIANT: no other thread has this number, or ever will.
        self.of(thread_number())
    }

    fn of(&self, thread: usize) -> Here<'_, T> {
        let (counts, is_own) = match self.own.get(thread) {
            Some(Far(counts)) => (counts, true),
            None => (&self.shared.0, false),
        };
        Here { counts, is_own, _stays: PhantomData }
    }

    /// Those of all threads.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.own.iter().chain([&self.shared]).map(|far| &far.0)
    }
}

impl<T: Default> Default for Apart<T> {
    fn default() -> Self {
        Self { own: array::from_fn(|_| Far::default()), shared: Far::default() }
    }
}

impl<T> Here<'_, T> {
    /// So many more, in one of the counts here.
    pub fn add(&self, count: &AtomicU64, more: u64) {
        if self.is_own {
            count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
        } else {
            count.fetch_add(more, Relaxed);
        }
    }
}

/// Has this thread be among those that have counts of their own, if there still is room: for threads that count at every call,
/// before others count now and then.
pub fn count_apart() {
    thread_number();
}

/// The number of this thread among those that count: 0 for the first that did, and so on.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_is_lost_however_many_threads_count() {
        let counts: Apart<AtomicU64> = Apart::default();
        let threads = OWN + 8;
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let counts = &counts;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let here = counts.of(thread);
                        here.add(here.counts, 1);
                    }
                });
            }
        });
        let counted: Vec<_> = counts.all().map(|count| count.load(Relaxed)).collect();
        assert_eq!(counted, [vec![10_000; OWN], vec![80_000]].concat());
    }

    #[test]
    fn a_thread_counts_in_one_place_and_two_threads_in_two() {
        let counts: Apart<AtomicU64> = Apart::default();
        let count = || {
            let here = counts.here();
            here.add(here.counts, 1);
            std::ptr::from_ref(here.counts).addr()
        };
        let here = count();
        assert_eq!(here, count());
        let there = std::thread::scope(|threads| threads.spawn(count).join().unwrap());
        let shared = std::ptr::from_ref(&counts.shared.0).addr();
        assert!(here != there || here == shared, "{here} and {there}");
    }
}
