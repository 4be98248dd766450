//! A cache that cannot serve what a change has overtaken.
//!
//! Loaders race with invalidation: a load that began before a revocation may store the old value after it. So nothing
//! here rests on invalidation. Every entry says as of which revision it was read, and every key has a *fence*: the
//! latest applied revision that named it. An entry is usable for a view at revision `v` only if
//!
//! ```text
//! fence <= as_of <= v
//! ```
//!
//! No change names the key after the fence and up to `v` (fences move before the view does), so what the entry says was
//! read within a stretch in which the key did not change, and holds at `v`. When or by whom it was stored does not
//! matter: a late, stale entry fails the test and costs one more load.

use moka::{future::Cache, ops::compute::Op, policy::EvictionPolicy};
use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Keys share fences by hash: a change may cost an unrelated key a load, never a wrong answer.
const FENCES: usize = 4_096;
/// How many changed keys a complete cache remembers before it gives up ruling things out.
const MOST_CHANGED: usize = 100_000;

/// What the store said about a key at one revision; `None` if it knew no such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<V> {
    pub(super) as_of: u64,
    pub(super) value: Option<V>,
}

/// What the cache knows about a key for a view.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<V> {
    /// This holds at the view's revision.
    Known(Option<V>),
    /// What is held is newer than the view: a newer view is needed.
    Ahead(u64),
    /// Nothing that can be used: load.
    Nothing,
}

/// A bounded cache of one kind of thing.
pub(super) struct Fenced<K, V> {
    present: Cache<K, Entry<V>>,
    absent: Cache<K, u64>,
    fences: Box<[AtomicU64]>,
    hasher: RandomState,
    complete: Option<Complete<K>>,
}

/// Knowledge that everything there is was loaded: what is neither held nor changed since does not exist.
struct Complete<K> {
    /// The revision at which everything was loaded.
    since: u64,
    known: HashSet<K>,
    changed: RwLock<Changed<K>>,
}

/// What changes have named since.
enum Changed<K> {
    These(HashSet<K>),
    /// More than is worth remembering: nothing can be ruled out any more.
    TooMany,
}

impl<K, V> Fenced<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache, bounded in bytes for things that exist and in number for those that do not.
    ///
    /// `since` is the revision of the first view over it: whatever was read before belongs to another cache.
    pub(super) fn new(bytes: u64, absent: u64, since: u64, weigh: fn(&K, &V) -> usize) -> Self {
        let weigher = move |key: &K, entry: &Entry<V>| {
            let bytes = entry.value.as_ref().map_or(0, |value| weigh(key, value));
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        // What was just loaded is what is about to be asked for.
        let present =
            Cache::builder().max_capacity(bytes).weigher(weigher).eviction_policy(EvictionPolicy::lru());
        let absent = Cache::builder().max_capacity(absent).eviction_policy(EvictionPolicy::lru());
        Self {
            present: present.build(),
            absent: absent.build(),
            fences: (0..FENCES).map(|_| AtomicU64::new(since)).collect(),
            hasher: RandomState::new(),
            complete: None,
        }
    }

    /// Fills an empty cache with everything there is as of a revision.
    pub(super) async fn fill(&mut self, since: u64, everything: Vec<(K, V)>) {
        let known = everything.iter().map(|(key, _)| key.clone()).collect();
        for (key, value) in everything {
            self.present.insert(key, Entry { as_of: since, value: Some(value) }).await;
        }
        self.complete = Some(Complete { since, known, changed: RwLock::new(Changed::These(HashSet::new())) });
    }

    /// What everything held weighs, but for the last few entries.
    pub(super) fn bytes(&self) -> u64 {
        self.present.weighted_size()
    }

    /// Raises the key's fence: from this revision on, older entries are not usable. Call before the view moves there.
    pub(super) fn raise(&self, key: &K, revision: u64) {
        if let Some(complete) = &self.complete {
            complete.note_change(key);
        }
        // Acquire and release: whoever sees the fence also sees the note above.
        self.fence(key).fetch_max(revision, Ordering::AcqRel);
    }

    fn fence(&self, key: &K) -> &AtomicU64 {
        let slot = usize::try_from(self.hasher.hash_one(key) % FENCES as u64).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "the slot is a remainder of the length")]
        &self.fences[slot]
    }

    /// What is known about the key for a view at this revision: from the cache, or from what the caller holds.
    ///
    /// Load the view first, then look: a fence ahead of the view then shows as an entry ahead of it.
    pub(super) async fn look(&self, key: &K, revision: u64, held: &HashMap<K, Entry<V>>) -> Found<V> {
        let fence = self.fence(key).load(Ordering::Acquire);
        if let Some(entry) = self.present.get(key).await
            && entry.as_of >= fence
        {
            return found(entry, revision);
        }
        if let Some(entry) = held.get(key)
            && entry.as_of >= fence
        {
            return found(entry.clone(), revision);
        }
        if let Some(as_of) = self.absent.get(key).await
            && as_of >= fence
        {
            return found(Entry { as_of, value: None }, revision);
        }
        match &self.complete {
            Some(complete) if complete.rules_out(key, revision) => Found::Known(None),
            _ => Found::Nothing,
        }
    }

    /// Loads the key, once however many callers wait, and stores what the store said.
    pub(super) async fn load<E, Fut>(&self, key: &K, load: impl FnOnce() -> Fut + Send) -> Result<Entry<V>, E>
    where
        Fut: Future<Output = Result<Entry<V>, E>> + Send,
        E: Send + Sync + 'static,
    {
        // The default is a deny; every way through the closure below sets it.
        let mut answer = Entry { as_of: 0, value: None };
        let compute = |held: Option<moka::Entry<K, Entry<V>>>| {
            let answer = &mut answer;
            async move {
                if let Some(entry) = self.usable(key, held.map(moka::Entry::into_value)).await {
                    *answer = entry;
                    return Ok(Op::Nop);
                }
                *answer = load().await?;
                if answer.value.is_some() {
                    return Ok(Op::Put(answer.clone()));
                }
                self.absent.insert(key.clone(), answer.as_of).await;
                Ok(Op::Remove)
            }
        };
        self.present.entry(key.clone()).and_try_compute_with(compute).await?;
        Ok(answer)
    }

    /// What another caller may have loaded while this one waited for its turn.
    async fn usable(&self, key: &K, held: Option<Entry<V>>) -> Option<Entry<V>> {
        let fence = self.fence(key).load(Ordering::Acquire);
        if let Some(entry) = held.filter(|entry| entry.as_of >= fence) {
            return Some(entry);
        }
        let absent = self.absent.get(key).await.filter(|as_of| *as_of >= fence);
        absent.map(|as_of| Entry { as_of, value: None })
    }
}

fn found<V>(entry: Entry<V>, revision: u64) -> Found<V> {
    if entry.as_of <= revision { Found::Known(entry.value) } else { Found::Ahead(entry.as_of) }
}

impl<K: Hash + Eq + Clone> Complete<K> {
    fn note_change(&self, key: &K) {
        let mut changed = self.changed.write().unwrap_or_else(PoisonError::into_inner);
        if let Changed::These(keys) = &mut *changed {
            keys.insert(key.clone());
            if keys.len() > MOST_CHANGED {
                *changed = Changed::TooMany;
            }
        }
    }

    /// Whether it is certain that there is no such thing at this revision.
    fn rules_out(&self, key: &K, revision: u64) -> bool {
        let changed = self.changed.read().unwrap_or_else(PoisonError::into_inner);
        let unchanged = matches!(&*changed, Changed::These(keys) if !keys.contains(key));
        revision >= self.since && unchanged && !self.known.contains(key)
    }
}
