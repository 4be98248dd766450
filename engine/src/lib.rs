//! A fresh answer, fast: decisions from an in-memory view of the store that follows its changes.

pub mod answer;
pub mod apart;
mod bounded;
mod budget;
mod cache;
pub mod clock;
pub mod decisions;
pub mod error;
mod fenced;
mod follow;
pub mod freshness;
mod gather;
mod left;
mod lineage;
mod piece;
mod settle;
pub mod sight;
pub mod stats;
mod turns;
pub mod view;
pub mod write;

pub use cache::Kind;

use budget::Budget;
use clock::Clock;
use freshness::Pulse;
use rolegate_rbac::custom_role::RequiredActions;
use rolegate_store::{Store, audit::DEFAULT_AUDIT, load::Interner, write::DEFAULT_HISTORY};
use stats::Stats;
use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify};
use tokio_util::task::TaskTracker;
use view::Published;

/// How many ids are remembered, to be shared among what is loaded one by one.
const SHARED_IDS: usize = 1 << 16;

/// What an engine can be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What tells how long ago the store's head was confirmed.
    pub clock: Clock,
    /// Without confirmation of the store's head for so long, nothing is decided.
    pub max_staleness: Duration,
    /// Past this age of confirmation, the log warns.
    pub warn_staleness: Duration,
    /// How many bytes the cache of grants may take.
    pub cache_bytes: u64,
    /// How many "no such thing" answers are remembered, for each kind of thing.
    pub absent_entries: u64,
    /// Whether to load everything at start where it fits into the cache.
    pub preload: bool,
    /// How often the store's head is looked at when no hint comes; a tenth is added or taken at random.
    pub poll_interval: Duration,
    /// How many look-ups may be in flight at the store.
    pub lookups_in_flight: usize,
    /// How many look-ups a second may come back empty before further ones have to wait.
    pub unknown_lookups_per_second: u32,
    /// What every custom role must hold.
    pub required: RequiredActions,
    /// How many revisions of change history writes keep.
    pub history: u64,
    /// How many revisions of the audit writes keep.
    pub audit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            max_staleness: Duration::from_secs(30),
            warn_staleness: Duration::from_secs(5),
            cache_bytes: 64 * 1024 * 1024,
            absent_entries: 10_000,
            preload: true,
            poll_interval: Duration::from_millis(500),
            lookups_in_flight: 64,
            unknown_lookups_per_second: 500,
            required: RequiredActions::default(),
            history: DEFAULT_HISTORY,
            audit: DEFAULT_AUDIT,
        }
    }
}

/// The engine: a cheap handle that can be cloned into every caller.
///
/// It answers nothing until its [`follow`](Engine::follow) task has read the store once.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    settings: Settings,
    published: Published,
    pulse: Pulse,
    /// Where the follower runs: everything that reads the store does.
    home: OnceLock<Handle>,
    /// Tells the follower to look now.
    nudge: Notify,
    budget: Budget,
    /// Users loaded one by one share the ids of their projects.
    ids: Mutex<Interner>,
    stats: Stats,
    /// Writes that must come to their end even when their callers hang up.
    writes: TaskTracker,
}

impl Engine {
    /// An engine over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Self {
        let budget = Budget::new(settings.lookups_in_flight, settings.unknown_lookups_per_second);
        let pulse = Pulse::new(settings.clock);
        let shared = Shared {
            store,
            settings,
            published: Published::default(),
            pulse,
            home: OnceLock::new(),
            nudge: Notify::new(),
            budget,
            ids: Mutex::new(Interner::bounded(SHARED_IDS)),
            stats: Stats::default(),
            writes: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What the engine counts.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// How many bytes the cache of grants takes, as it weighs them against its bound.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        self.shared.published.current().map_or(0, |view| view.cache.bytes())
    }

    /// The age of data past which nothing is decided.
    #[must_use]
    pub fn max_staleness(&self) -> Duration {
        self.shared.settings.max_staleness
    }

    /// How many bytes the cache of grants may take.
    #[must_use]
    pub fn cache_limit(&self) -> u64 {
        self.shared.settings.cache_bytes
    }

    /// How many things of each kind the cache holds.
    #[must_use]
    pub fn cached(&self) -> [(Kind, usize); Kind::ALL.len()] {
        let view = self.shared.published.current();
        view.map_or(Kind::ALL.map(|kind| (kind, 0)), |view| view.cache.entries())
    }
}
