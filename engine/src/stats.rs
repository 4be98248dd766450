//! What an engine counts, for metrics to read.

use super::{apart::Apart, cache::Kind, decisions::Decisions};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

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

/// A number that only grows, and does so at every call.
#[derive(Debug, Default)]
pub struct Often(Apart<AtomicU64>);

impl Often {
    /// One more.
    pub fn bump(&self) {
        let here = self.0.here();
        here.add(here.counts, 1);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.all().map(|count| count.load(Relaxed)).sum()
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
    pub hits: Often,
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
