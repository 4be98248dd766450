//! What an engine counts, for metrics to read.

use super::{cache::Kind, decisions::Decisions};
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

/// The number of this thread among those that count: 0 for the first that did, and so on. Counts that every call moves are
/// kept apart by it, since threads that count into the same memory wait for each other.
#[must_use]
pub fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

/// A number that only grows, or stands for a level.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn bump(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Sets a level.
    pub fn set(&self, level: u64) {
        self.0.store(level, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The engine's counts and levels.
#[derive(Debug, Default)]
pub struct Stats {
    /// What questions came to.
    pub decisions: Decisions,
    /// Things put out of the cache for want of room, by their kind; shared with the cache, which may be made anew.
    pub evictions: [Arc<Count>; Kind::ALL.len()],
    /// Questions answered from memory alone.
    pub hits: Count,
    /// Questions for which something had to be loaded.
    pub misses: Count,
    /// Look-ups at the store.
    pub loads: Count,
    /// Look-ups that found no such thing.
    pub unknown: Count,
    /// Look-ups refused or delayed because too many came back empty.
    pub throttled: Count,
    /// Look-ups and feed reads that failed.
    pub store_errors: Count,
    /// Times the view was rebuilt from nothing.
    pub rebuilds: Count,
    /// Changes applied from the feed.
    pub changes: Count,
    /// Questions refused because the view was too old or not there.
    pub stale_refusals: Count,
    /// Level: action names in roles that this binary does not know.
    pub unknown_actions: Count,
    /// Level: the revision applied.
    pub revision: Count,
}
