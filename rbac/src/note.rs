//! What whoever keeps grants in memory notes of them, in the same piece of memory: every other piece would be a wait. No rule
//! looks at it, and grants that are the same with another note are equal.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// When something was read, what it weighs, and whether it is still asked for.
#[derive(Debug, Default)]
pub struct Note {
    as_of: u64,
    weight: u32,
    /// Whether it has been looked at since it was last passed over.
    looked_at: AtomicBool,
}

impl Note {
    /// A note of what was read at a revision and takes so many bytes.
    #[must_use]
    pub const fn new(as_of: u64, weight: u32) -> Self {
        // Whatever is new gets a round before it must go.
        Self { as_of, weight, looked_at: AtomicBool::new(true) }
    }

    /// The revision at which it was read.
    #[must_use]
    pub const fn as_of(&self) -> u64 {
        self.as_of
    }

    /// What it takes, in bytes.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// It is looked at.
    pub fn look(&self) {
        // Writing to what other threads read is dear: only if there is news.
        if !self.looked_at.load(Relaxed) {
            self.looked_at.store(true, Relaxed);
        }
    }

    /// It is passed over. Whether it had been looked at since the last time.
    ///
    /// A look at the same time may be forgotten. Whoever passes over many waits for their memory at once, where swaps would wait one
    /// after another.
    pub fn pass_over(&self) -> bool {
        let looked_at = self.looked_at.load(Relaxed);
        if looked_at {
            self.looked_at.store(false, Relaxed);
        }
        looked_at
    }
}
