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

use super::{
    bounded::{self, Bounded, Hashed, Kept},
    stats::Count,
    turns::Turns,
};
use hashbrown::DefaultHashBuilder;
use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::Hash,
    ops::RangeInclusive,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Keys share fences by hash: a change may cost an unrelated key a load, never a wrong answer.
const FENCES: usize = 4_096;
/// How many keys a complete cache cannot rule out any more before it gives up ruling things out.
const MOST_IN_DOUBT: usize = 100_000;

/// What the store said about a key at one revision; `None` if it knew no such thing.
#[derive(Clone, Debug)]
pub(super) struct Entry<V> {
    pub(super) as_of: u64,
    pub(super) value: Option<V>,
}

/// What the cache knows about a key for a view.
#[derive(Debug)]
pub(super) enum Found<V> {
    /// This holds at the view's revision.
    Known(Option<V>),
    /// What is held is newer than the view: a newer view is needed.
    Ahead(u64),
    /// Nothing that can be used: load.
    Nothing,
}

/// A cache held open for many looks at things that exist. It must not be looked at in another way in the meantime.
pub(super) struct Open<'c, K, V> {
    cache: &'c Fenced<K, V>,
    present: bounded::Open<'c, K, V>,
    revision: u64,
}

/// A bounded cache of one kind of thing. Values are shared by cloning them, which should cost little.
pub(super) struct Fenced<K, V> {
    present: Bounded<K, V>,
    absent: Bounded<K, ()>,
    weigh: fn(&K, &V) -> usize,
    /// Things that exist and were put out for want of room.
    evictions: Arc<Count>,
    fences: Box<[AtomicU64]>,
    loading: Turns<K>,
    complete: Option<Complete<K>>,
}

/// Knowledge that everything there is was loaded: what is not held does not exist, but for what is in doubt.
struct Complete<K> {
    /// The revision at which everything was loaded.
    since: u64,
    in_doubt: RwLock<Doubts<K>>,
}

/// What changes have named since, and what had to go for want of room.
enum Doubts<K> {
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
    pub(super) fn new(
        bytes: u64,
        absent: u64,
        since: u64,
        evictions: Arc<Count>,
        weigh: fn(&K, &V) -> usize,
    ) -> Self {
        // Seeded anew in each process: callers choose many of the keys.
        let hasher = DefaultHashBuilder::default();
        Self {
            present: Bounded::new(bytes, hasher.clone()),
            absent: Bounded::new(absent, hasher),
            weigh,
            evictions,
            fences: (0..FENCES).map(|_| AtomicU64::new(since)).collect(),
            loading: Turns::default(),
            complete: None,
        }
    }

    /// Fills an empty cache with everything there is as of a revision.
    pub(super) fn fill(&mut self, since: u64, everything: impl IntoIterator<Item = (K, V)>) {
        self.complete = Some(Complete { since, in_doubt: RwLock::new(Doubts::These(HashSet::new())) });
        for (key, value) in everything {
            self.keep(key, since, &value);
        }
    }

    /// What everything held weighs.
    pub(super) fn bytes(&self) -> u64 {
        self.present.weight()
    }

    /// How many things that exist are held.
    pub(super) fn entries(&self) -> usize {
        self.present.len()
    }

    /// Raises the key's fence: from this revision on, older entries are not usable. Call before the view moves there.
    pub(super) fn raise(&self, key: &K, revision: u64) {
        self.doubt(key);
        // Acquire and release: whoever sees the fence also sees the doubt above.
        self.fence(self.present.hash(key)).fetch_max(revision, Ordering::AcqRel);
    }

    fn doubt(&self, key: &K) {
        if let Some(complete) = &self.complete {
            complete.doubt(key);
        }
    }

    fn fence(&self, hash: Hashed) -> &AtomicU64 {
        #[expect(clippy::indexing_slicing, reason = "the part is less than the length")]
        &self.fences[hash.part(FENCES)]
    }

    /// What is known about the key for a view at this revision: from the cache, or from what the caller has loaded.
    ///
    /// Load the view first, then look: a fence ahead of the view then shows as an entry ahead of it.
    pub(super) fn look<Q: Hash + Eq + ?Sized>(
        &self,
        key: &Q,
        revision: u64,
        loaded: Option<&HashMap<K, Entry<V>>>,
    ) -> Found<V>
    where
        K: Borrow<Q>,
    {
        let hash = self.present.hash(key);
        let fence = self.fence(hash).load(Ordering::Acquire);
        let present = self.what_is_present(hash, key);
        // What is held exists, even where the fence, which others share, keeps it from being used.
        let exists = present.is_some();
        let loaded = || loaded.and_then(|loaded| loaded.get(key)).cloned().filter(Entry::not_before(fence));
        let absent = || self.absent_since(fence, hash, key);
        if let Some(entry) = present.filter(Entry::not_before(fence)).or_else(loaded).or_else(absent) {
            return entry.for_view(revision);
        }
        if !exists && self.is_ruled_out(key, revision) { Found::Known(None) } else { Found::Nothing }
    }

    fn what_is_present<Q: Hash + Eq + ?Sized>(&self, hash: Hashed, key: &Q) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        let entry = |kept: &Kept<K, V>| Entry { as_of: kept.as_of, value: Some(kept.value.clone()) };
        self.present.glance(hash, key, entry)
    }

    fn absent_since<Q: Hash + Eq + ?Sized>(&self, fence: u64, hash: Hashed, key: &Q) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        let entry = |kept: &Kept<K, ()>| Entry { as_of: kept.as_of, value: None };
        self.absent.glance(hash, key, entry).filter(Entry::not_before(fence))
    }

    fn is_ruled_out<Q: Hash + Eq + ?Sized>(&self, key: &Q, revision: u64) -> bool
    where
        K: Borrow<Q>,
    {
        self.complete.as_ref().is_some_and(|complete| complete.rules_out(key, revision))
    }

    /// The same as [`look`](Self::look), told at once and without a share in it. Nothing if it is not known for this view, or
    /// if nothing can be told.
    ///
    /// This cache must not be looked at while it is told.
    pub(super) fn glance<Q: Hash + Eq + ?Sized, T>(
        &self,
        key: &Q,
        revision: u64,
        tell: impl Fn(Option<&V>) -> Option<T>,
    ) -> Option<T>
    where
        K: Borrow<Q>,
    {
        let hash = self.present.hash(key);
        let usable = self.fence(hash).load(Ordering::Acquire)..=revision;
        let tell_of = |kept: &Kept<K, V>| usable.contains(&kept.as_of).then(|| tell(Some(&kept.value)))?;
        match self.present.glance(hash, key, tell_of) {
            Some(told) => told,
            None => self.is_absent(hash, key, &usable).then(|| tell(None))?,
        }
    }

    /// Whether it is known that there is no such thing, given that nothing is held of it, from what was read at these revisions.
    fn is_absent<Q: Hash + Eq + ?Sized>(&self, hash: Hashed, key: &Q, usable: &RangeInclusive<u64>) -> bool
    where
        K: Borrow<Q>,
    {
        match self.absent_since(*usable.start(), hash, key) {
            Some(absent) => usable.contains(&absent.as_of),
            None => self.is_ruled_out(key, *usable.end()),
        }
    }

    /// The key's hash: made once for all that is looked up by it.
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> Hashed
    where
        K: Borrow<Q>,
    {
        self.present.hash(key)
    }

    /// Holds the cache open for keys with these hashes, for a view at this revision.
    pub(super) fn open(&self, hashes: &[Hashed], revision: u64) -> Open<'_, K, V> {
        Open { cache: self, present: self.present.open(hashes), revision }
    }

    /// Loads the key, once however many callers wait, and keeps what the store said.
    pub(super) async fn load<E, Fut>(&self, key: &K, load: impl FnOnce() -> Fut + Send) -> Result<Entry<V>, E>
    where
        Fut: Future<Output = Result<Entry<V>, E>> + Send,
    {
        let _turn = self.loading.take(key).await;
        // Another caller may have loaded it while this one waited.
        if let Some(loaded) = self.usable(key) {
            return Ok(loaded);
        }
        let entry = load().await?;
        if let Some(value) = &entry.value {
            self.keep(key.clone(), entry.as_of, value);
        } else {
            self.absent.put(Kept::new(key.clone(), entry.as_of, (), 1), &|_| {});
            // There was such a thing, and views from before it went may still be asked.
            self.doubt(key);
            self.present.remove(key);
        }
        Ok(entry)
    }

    fn keep(&self, key: K, as_of: u64, value: &V) {
        // Before it is shared: what weighs it asks with how many its texts are.
        let weight = u32::try_from((self.weigh)(&key, value)).unwrap_or(u32::MAX);
        let leaving = |key: &K| {
            self.evictions.bump();
            self.doubt(key);
        };
        if !self.present.put(Kept::new(key.clone(), as_of, value.clone(), weight), &leaving) {
            self.doubt(&key);
        }
    }

    fn usable(&self, key: &K) -> Option<Entry<V>> {
        let hash = self.present.hash(key);
        let fence = self.fence(hash).load(Ordering::Acquire);
        let present = self.what_is_present(hash, key).filter(Entry::not_before(fence));
        present.or_else(|| self.absent_since(fence, hash, key))
    }
}

impl<K, V> Open<'_, K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What is most likely held of a key with this hash: not to be believed, but to be looked at ahead.
    pub(super) fn likely(&self, hash: Hashed) -> Option<&Kept<K, V>> {
        self.present.likely(hash)
    }

    /// What is known about the key, as [`Fenced::look`] would have it. Nothing if that is not known for this view, or if the
    /// cache is not held open for it.
    pub(super) fn known<Q: Hash + Eq + ?Sized>(&self, hash: Hashed, key: &Q) -> Option<Option<&V>>
    where
        K: Borrow<Q>,
    {
        let usable = self.cache.fence(hash).load(Ordering::Acquire)..=self.revision;
        if let Some(kept) = self.present.get(hash, key)? {
            return usable.contains(&kept.as_of).then_some(Some(&kept.value));
        }
        self.cache.is_absent(hash, key, &usable).then_some(None)
    }
}

impl<V> Entry<V> {
    /// Whether it was read at this fence or after it: no change that was known when the fence was looked at has overtaken it.
    fn not_before(fence: u64) -> impl Fn(&Self) -> bool {
        move |entry| entry.as_of >= fence
    }

    /// What it tells for a view at this revision.
    fn for_view(self, revision: u64) -> Found<V> {
        if self.as_of <= revision { Found::Known(self.value) } else { Found::Ahead(self.as_of) }
    }
}

impl<K: Hash + Eq + Clone> Complete<K> {
    // INVARIANT: a key is in doubt before it is changed or put out, so that whoever misses it among what is held sees that.
    fn doubt(&self, key: &K) {
        let mut in_doubt = self.in_doubt.write().unwrap_or_else(PoisonError::into_inner);
        if let Doubts::These(keys) = &mut *in_doubt {
            keys.insert(key.clone());
            if keys.len() > MOST_IN_DOUBT {
                *in_doubt = Doubts::TooMany;
            }
        }
    }

    /// Whether it is certain that there is no such thing at this revision, given that nothing is held of it.
    fn rules_out<Q: Hash + Eq + ?Sized>(&self, key: &Q, revision: u64) -> bool
    where
        K: Borrow<Q>,
    {
        let in_doubt = self.in_doubt.read().unwrap_or_else(PoisonError::into_inner);
        revision >= self.since && matches!(&*in_doubt, Doubts::These(keys) if !keys.contains(key))
    }
}

#[cfg(test)]
mod tests;
