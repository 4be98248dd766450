//! A map that many threads read at a time, bounded by what it holds.
//!
//! A look costs one hash, one lock of the key's shard, and no allocation. What has not been looked at since the hand came
//! by last is put out first (the clock, or second chance, policy): a look leaves nothing behind but a flag.

use super::piece::Piece;
use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};
use std::{
    borrow::Borrow as _,
    hash::BuildHasher as _,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Many more than threads, so that they seldom meet; and as many as there are bits to tell some of them by.
const SHARDS: usize = u64::BITS as usize;

/// A key's hash: made once for all that is looked up by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hashed(u64);

impl Hashed {
    /// One of so many equal parts, which tells nothing of the key's shard or place in it.
    pub(super) const fn part(self, parts: usize) -> usize {
        ((self.0 >> 16) % parts as u64) as usize
    }

    /// The table within a shard takes its places from the lowest bits, and from the seven highest.
    const fn shard(self) -> usize {
        ((self.0 >> 48) % SHARDS as u64) as usize
    }
}

/// The map.
pub(super) struct Bounded<P> {
    shards: Box<[RwLock<Shard<P>>]>,
    hasher: DefaultHashBuilder,
    weight: AtomicU64,
    most: u64,
}

struct Shard<P> {
    table: HashTable<P>,
    /// The place in the table at which the hand stands.
    hand: usize,
}

/// Shards of the map, each in its place, held open for many looks: nothing is put in or out until this is let go of.
pub(super) struct Open<'m, P>(Vec<Option<RwLockReadGuard<'m, Shard<P>>>>);

impl<P: Piece> Bounded<P> {
    /// An empty map that may weigh so much. Maps with the same hasher have the same hashes.
    pub(super) fn new(most: u64, hasher: DefaultHashBuilder) -> Self {
        let shard = |_| RwLock::new(Shard { table: HashTable::new(), hand: 0 });
        Self { shards: (0..SHARDS).map(shard).collect(), hasher, weight: AtomicU64::new(0), most }
    }

    /// What everything held weighs.
    pub(super) fn weight(&self) -> u64 {
        self.weight.load(Relaxed)
    }

    /// How many things are held.
    pub(super) fn len(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).table.len()).sum()
    }

    /// The key's hash in this map.
    pub(super) fn hash(&self, key: &str) -> Hashed {
        Hashed(self.hasher.hash_one(key))
    }

    /// What is to be told of what is held of the key.
    ///
    /// Nothing else of this map may be looked at in the meantime.
    pub(super) fn glance<T>(&self, hash: Hashed, key: &str, tell: impl FnOnce(&P) -> T) -> Option<T> {
        self.read(hash.shard()).get(hash, key).map(tell)
    }

    /// Holds all that keys with these hashes may be in open. The map must not be looked at in another way in the meantime.
    pub(super) fn open(&self, hashes: &[Hashed]) -> Open<'_, P> {
        let wanted = hashes.iter().fold(0_u64, |wanted, hash| wanted | 1 << hash.shard());
        // In the same order everywhere. Writers hold one shard at a time; what they may wait for then is held by nobody who
        // waits for a shard.
        let open = |number| (wanted >> number & 1 == 1).then(|| self.read(number));
        Open((0..SHARDS).map(open).collect())
    }

    /// Holds this from now on, in place of what was held of its key. What weighs more than the whole map may is not held.
    ///
    /// `leaving` is called for each key that is put out for it, before it is. Whether it is held now.
    pub(super) fn put(&self, piece: P, leaving: &impl Fn(&P::Key)) -> bool {
        let weight = weight_of(&piece);
        if weight > self.most {
            return false;
        }
        let hash = self.hash(piece.key().borrow());
        // Counted before it can be put out again, so that the sum is never less than nothing.
        self.weight.fetch_add(weight, Relaxed);
        let before = self.write(hash.shard()).replace(hash, piece, &self.hasher);
        self.weight.fetch_sub(before, Relaxed);
        self.keep_to_the_bound(hash.shard(), leaving);
        true
    }

    /// Forgets the key.
    pub(super) fn remove(&self, key: &str) {
        let hash = self.hash(key);
        let removed = self.write(hash.shard()).remove(hash, key);
        self.weight.fetch_sub(removed, Relaxed);
    }

    fn shard(&self, number: usize) -> &RwLock<Shard<P>> {
        #[expect(clippy::indexing_slicing, reason = "the number is a remainder of the length")]
        &self.shards[number % SHARDS]
    }

    fn read(&self, number: usize) -> RwLockReadGuard<'_, Shard<P>> {
        self.shard(number).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, number: usize) -> RwLockWriteGuard<'_, Shard<P>> {
        self.shard(number).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts out one thing after another, shard by shard, until what is left may stay.
    fn keep_to_the_bound(&self, first: usize, leaving: &impl Fn(&P::Key)) {
        let mut steps = 0;
        while self.weight() > self.most {
            // Another shard first: what was just put in is what is about to be asked for.
            steps += 1;
            // The first time around takes flags down. Whoever puts them up again all the time does not lift the bound.
            let spare = steps <= 2 * SHARDS;
            let freed = self.write(first + steps).put_out_one(spare, leaving);
            self.weight.fetch_sub(freed, Relaxed);
            if steps > 3 * SHARDS && freed == 0 {
                return;
            }
        }
    }
}

impl<P: Piece> Open<'_, P> {
    /// What is held of the key, if anything; `None` if nobody can tell, because where it may be is not held open.
    pub(super) fn get(&self, hash: Hashed, key: &str) -> Option<Option<&P>> {
        Some(self.shard(hash)?.get(hash, key))
    }

    /// What is most likely held of a key with this hash, without a look at it. Most of a look is waiting for memory: with this,
    /// several can wait at once.
    pub(super) fn likely(&self, hash: Hashed) -> Option<&P> {
        self.shard(hash)?.table.find(hash.0, |_| true)
    }

    fn shard(&self, hash: Hashed) -> Option<&Shard<P>> {
        self.0.get(hash.shard())?.as_deref()
    }
}

impl<P: Piece> Shard<P> {
    fn get(&self, hash: Hashed, key: &str) -> Option<&P> {
        let piece = self.table.find(hash.0, |held| held.is_of(key))?;
        piece.note().look();
        Some(piece)
    }

    /// The weight of what was there before.
    fn replace(&mut self, hash: Hashed, piece: P, hasher: &DefaultHashBuilder) -> u64 {
        let rehash = |held: &P| hasher.hash_one::<&str>(held.key().borrow());
        match self.table.entry(hash.0, |held| held.is_of(piece.key().borrow()), rehash) {
            Entry::Occupied(mut held) => weight_of(&std::mem::replace(held.get_mut(), piece)),
            Entry::Vacant(place) => {
                place.insert(piece);
                0
            }
        }
    }

    fn remove(&mut self, hash: Hashed, key: &str) -> u64 {
        let found = self.table.find_entry(hash.0, |held| held.is_of(key));
        found.map_or(0, |held| weight_of(&held.remove().0))
    }

    /// Moves the hand around once at most, and puts out the first thing that it finds which nobody has looked at, or else
    /// the first that there is if nothing is to be spared. The weight that it had.
    fn put_out_one(&mut self, spare: bool, leaving: &impl Fn(&P::Key)) -> u64 {
        for _ in 0..self.table.num_buckets() {
            self.hand = (self.hand + 1) % self.table.num_buckets();
            let Ok(held) = self.table.get_bucket_entry(self.hand) else { continue };
            if !held.get().note().pass_over() || !spare {
                leaving(held.get().key());
                return weight_of(&held.remove().0);
            }
        }
        0
    }
}

fn weight_of(piece: &impl Piece) -> u64 {
    u64::from(piece.note().weight())
}

#[cfg(test)]
mod tests {
    use super::{super::piece::Kept, *};
    use proptest::prelude::*;
    use rolegate_rbac::note::Note;
    use std::{cell::RefCell, collections::HashMap};

    type Map = Bounded<Kept<String, u64>>;

    fn map(most: u64) -> Map {
        Bounded::new(most, DefaultHashBuilder::default())
    }

    fn put(map: &Map, key: u16, value: u64, weight: u32, leaving: impl Fn(u16)) -> bool {
        let piece = Kept::new(key.to_string(), value, Note::new(0, weight));
        map.put(piece, &|key| leaving(key.parse().unwrap()))
    }

    fn get(map: &Map, key: u16) -> Option<u64> {
        let key = key.to_string();
        map.glance(map.hash(&key), &key, |held| *held.value())
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u16, u32),
        Get(u16),
        Remove(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..300_u16, 1..40_u32).prop_map(|(key, weight)| Step::Put(key, weight)),
            (0..300_u16).prop_map(Step::Get),
            (0..300_u16).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn what_is_held_is_what_was_put_last_and_never_weighs_too_much(
            steps in proptest::collection::vec(step(), 0..600),
            most in 0..2_000_u64,
        ) {
            let (map, left) = (map(most), RefCell::new(Vec::new()));
            // What a map without a bound would hold.
            let mut model: HashMap<u16, (u64, u32)> = HashMap::new();
            for (value, step) in (0..).zip(steps) {
                match step {
                    Step::Put(key, weight) => {
                        let is_held = put(&map, key, value, weight, |key| left.borrow_mut().push(key));
                        prop_assert_eq!(is_held, u64::from(weight) <= most);
                        if is_held {
                            model.insert(key, (value, weight));
                        }
                    }
                    Step::Get(key) => {
                        if let Some(value) = get(&map, key) {
                            prop_assert_eq!(Some(value), model.get(&key).map(|(value, _)| *value));
                        }
                    }
                    Step::Remove(key) => {
                        map.remove(&key.to_string());
                        model.remove(&key);
                    }
                }
                for key in left.take() {
                    prop_assert!(model.remove(&key).is_some(), "{} left twice", key);
                }
                prop_assert_eq!(map.weight(), model.values().map(|(_, weight)| u64::from(*weight)).sum::<u64>());
                prop_assert!(map.weight() <= most);
            }
            // Whoever has not been said to leave is there.
            for (key, (value, _)) in model {
                prop_assert_eq!(get(&map, key), Some(value));
            }
        }
    }

    #[test]
    fn what_is_looked_at_stays_while_others_come_and_go() {
        let map = map(1_000);
        let put = |key| put(&map, key, 0, 1, |_| {});
        (0..100).for_each(|key| assert!(put(key)));
        let (mut looks, mut found) = (0, 0);
        for cold in 100..50_000 {
            put(cold);
            if cold % 10 == 0 {
                looks += 100;
                found += (0..100).filter(|hot| get(&map, *hot).is_some() || !put(*hot)).count();
            }
        }
        // Those that had to go come back here at once; there should be few.
        assert!(found * 100 >= looks * 97, "{found} of {looks}");
    }

    #[test]
    fn threads_that_put_and_look_at_once_keep_to_the_bound() {
        let map = map(500);
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let map = &map;
                threads.spawn(move || {
                    for n in 0..20_000_u64 {
                        let key = u16::try_from((n * 31 + thread * 7) % 3_000).unwrap();
                        put(map, key, u64::from(key), 1 + (n % 3) as u32, |_| {});
                        assert!(get(map, key).is_none_or(|value| value == u64::from(key)));
                    }
                });
            }
        });
        let held: u64 = map
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.read().unwrap();
                shard.table.iter().map(weight_of).sum::<u64>()
            })
            .sum();
        assert_eq!(map.weight(), held);
        assert!(held <= 500);
    }
}
