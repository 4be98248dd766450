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
    bounded::{self, Bounded, Hashed},
    piece::{Kept, Piece},
    stats::Count,
    turns::Turns,
};
use hashbrown::DefaultHashBuilder;
use rolegate_rbac::note::Note;
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
pub(super) struct Open<'c, P: Piece> {
    cache: &'c Fenced<P>,
    present: bounded::Open<'c, P>,
    revision: u64,
}

/// A bounded cache of one kind of thing.
pub(super) struct Fenced<P: Piece> {
    present: Bounded<P>,
    absent: Bounded<Kept<P::Key, ()>>,
    weigh: fn(&P::Key, &P::Value) -> usize,
    /// Things that exist and were put out for want of room.
    evictions: Arc<Count>,
    fences: Box<[AtomicU64]>,
    loading: Turns<P::Key>,
    complete: Option<Complete<P::Key>>,
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

impl<P: Piece> Fenced<P> {
    /// An empty cache, bounded in bytes for things that exist and in number for those that do not.
    ///
    /// `since` is the revision of the first view over it: whatever was read before belongs to another cache.
    pub(super) fn new(
        bytes: u64,
        absent: u64,
        since: u64,
        evictions: Arc<Count>,
        weigh: fn(&P::Key, &P::Value) -> usize,
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
    pub(super) fn fill(&mut self, since: u64, everything: impl IntoIterator<Item = (P::Key, P::Value)>) {
        self.complete = Some(Complete { since, in_doubt: RwLock::new(Doubts::These(HashSet::new())) });
        for (key, value) in everything {
            self.keep(&key, since, value);
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
    pub(super) fn raise(&self, key: &P::Key, revision: u64) {
        self.doubt(key);
        // Acquire and release: whoever sees the fence also sees the doubt above.
        self.fence(self.hash(key.borrow())).fetch_max(revision, Ordering::AcqRel);
    }

    fn doubt(&self, key: &P::Key) {
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
    pub(super) fn look(
        &self,
        key: &str,
        revision: u64,
        loaded: Option<&HashMap<P::Key, Entry<P::Value>>>,
    ) -> Found<P::Value> {
        let hash = self.hash(key);
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

    fn what_is_present(&self, hash: Hashed, key: &str) -> Option<Entry<P::Value>> {
        let entry = |held: &P| Entry { as_of: held.note().as_of(), value: Some(held.value().clone()) };
        self.present.glance(hash, key, entry)
    }

    fn absent_since(&self, fence: u64, hash: Hashed, key: &str) -> Option<Entry<P::Value>> {
        let entry = |held: &Kept<P::Key, ()>| Entry { as_of: held.note().as_of(), value: None };
        self.absent.glance(hash, key, entry).filter(Entry::not_before(fence))
    }

    fn is_ruled_out(&self, key: &str, revision: u64) -> bool {
        self.complete.as_ref().is_some_and(|complete| complete.rules_out(key, revision))
    }

    /// The same as [`look`](Self::look), told at once and without a share in it. Nothing if it is not known for this view, or
    /// if nothing can be told.
    ///
    /// This cache must not be looked at while it is told.
    pub(super) fn glance<T>(
        &self,
        key: &str,
        revision: u64,
        tell: impl Fn(Option<&P::Value>) -> Option<T>,
    ) -> Option<T> {
        let hash = self.hash(key);
        let usable = self.fence(hash).load(Ordering::Acquire)..=revision;
        let tell_of = |held: &P| usable.contains(&held.note().as_of()).then(|| tell(Some(held.value())))?;
        match self.present.glance(hash, key, tell_of) {
            Some(told) => told,
            None => self.is_absent(hash, key, &usable).then(|| tell(None))?,
        }
    }

    /// Whether it is known that there is no such thing, given that nothing is held of it, from what was read at these revisions.
    fn is_absent(&self, hash: Hashed, key: &str, usable: &RangeInclusive<u64>) -> bool {
        match self.absent_since(*usable.start(), hash, key) {
            Some(absent) => usable.contains(&absent.as_of),
            None => self.is_ruled_out(key, *usable.end()),
        }
    }

    /// The key's hash: made once for all that is looked up by it.
    pub(super) fn hash(&self, key: &str) -> Hashed {
        self.present.hash(key)
    }

    /// Holds the cache open for keys with these hashes, for a view at this revision.
    pub(super) fn open(&self, hashes: &[Hashed], revision: u64) -> Open<'_, P> {
        Open { cache: self, present: self.present.open(hashes), revision }
    }

    /// Loads the key, once however many callers wait, and keeps what the store said.
    pub(super) async fn load<E, Fut>(
        &self,
        key: &P::Key,
        load: impl FnOnce() -> Fut + Send,
    ) -> Result<Entry<P::Value>, E>
    where
        Fut: Future<Output = Result<Entry<P::Value>, E>> + Send,
    {
        let _turn = self.loading.take(key).await;
        // Another caller may have loaded it while this one waited.
        if let Some(loaded) = self.usable(key.borrow()) {
            return Ok(loaded);
        }
        let Entry { as_of, value } = load().await?;
        let value = value.map(|value| self.keep(key, as_of, value));
        if value.is_none() {
            self.absent.put(Kept::new(key.clone(), (), Note::new(as_of, 1)), &|_| {});
            // There was such a thing, and views from before it went may still be asked.
            self.doubt(key);
            self.present.remove(key.borrow());
        }
        Ok(Entry { as_of, value })
    }

    /// Keeps what was read, if there is room for it. It is for whoever has read it as well.
    fn keep(&self, key: &P::Key, as_of: u64, value: P::Value) -> P::Value {
        // Before it is shared: what weighs it asks with how many its texts are.
        let weight = u32::try_from((self.weigh)(key, &value)).unwrap_or(u32::MAX);
        let piece = P::new(key.clone(), value, Note::new(as_of, weight));
        let value = piece.value().clone();
        let leaving = |key: &P::Key| {
            self.evictions.bump();
            self.doubt(key);
        };
        if !self.present.put(piece, &leaving) {
            self.doubt(key);
        }
        value
    }

    fn usable(&self, key: &str) -> Option<Entry<P::Value>> {
        let hash = self.hash(key);
        let fence = self.fence(hash).load(Ordering::Acquire);
        let present = self.what_is_present(hash, key).filter(Entry::not_before(fence));
        present.or_else(|| self.absent_since(fence, hash, key))
    }
}

impl<P: Piece> Open<'_, P> {
    /// What is most likely held of a key with this hash: not to be believed, but to be looked at ahead.
    pub(super) fn likely(&self, hash: Hashed) -> Option<&P> {
        self.present.likely(hash)
    }

    /// What is known about the key, as [`Fenced::look`] would have it. Nothing if that is not known for this view, or if the
    /// cache is not held open for it.
    pub(super) fn known(&self, hash: Hashed, key: &str) -> Option<Option<&P::Value>> {
        let usable = self.cache.fence(hash).load(Ordering::Acquire)..=self.revision;
        if let Some(held) = self.present.get(hash, key)? {
            return usable.contains(&held.note().as_of()).then_some(Some(held.value()));
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

impl<K: Borrow<str> + Hash + Eq + Clone> Complete<K> {
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
    fn rules_out(&self, key: &str, revision: u64) -> bool {
        let in_doubt = self.in_doubt.read().unwrap_or_else(PoisonError::into_inner);
        revision >= self.since && matches!(&*in_doubt, Doubts::These(keys) if !keys.contains(key))
    }
}

#[cfg(test)]
mod tests;
