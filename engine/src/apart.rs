//! Counts that every call moves. Each thread has its own: threads that count into the same memory wait for each other, and even one
//! alone waits for its processor to make sure that it is.

use std::{
    array,
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// How many threads have counts of their own; further ones share.
const OWN: usize = 15;

/// One of something for each thread that counts, apart in memory from those of others.
#[derive(Debug)]
pub struct Apart<T> {
    own: [Far<T>; OWN],
    shared: Far<T>,
}

#[derive(Debug)]
#[repr(align(128))]
struct Far<T>(T);

/// What this thread counts into.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a, T> {
    /// The counts.
    pub counts: &'a T,
    is_own: bool,
}

impl<T> Apart<T> {
    /// As many as it takes.
    pub fn new(mut make: impl FnMut() -> T) -> Self {
        Self { own: array::from_fn(|_| Far(make())), shared: Far(make()) }
    }

    /// What this thread counts into.
    pub fn here(&self) -> Here<'_, T> {
        match self.own.get(thread_number()) {
            // INVARIANT: no other thread has or will ever have this number.
            Some(Far(counts)) => Here { counts, is_own: true },
            None => Here { counts: &self.shared.0, is_own: false },
        }
    }

    /// Those of all threads.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.own.iter().chain([&self.shared]).map(|far| &far.0)
    }
}

impl<T: Default> Default for Apart<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T> Here<'_, T> {
    /// So many more, in one of these counts.
    pub fn add(&self, count: &AtomicU64, more: u64) {
        if self.is_own {
            count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
        } else {
            count.fetch_add(more, Relaxed);
        }
    }
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
        std::thread::scope(|threads| {
            for _ in 0..3 * OWN {
                threads.spawn(|| {
                    for _ in 0..10_000 {
                        let here = counts.here();
                        here.add(here.counts, 1);
                    }
                });
            }
        });
        let all: u64 = counts.all().map(|count| count.load(Relaxed)).sum();
        assert_eq!(all, 3 * OWN as u64 * 10_000);
    }
}
