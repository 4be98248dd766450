//! Whatever is told of a key for a view is what the store said at the view's revision, whichever way it is asked.

use super::*;
use futures_util::FutureExt as _;
use proptest::prelude::*;

/// What the store says of each key, revision by revision; the first is 0.
#[derive(Default)]
struct Store(Vec<HashMap<u8, u64>>);

impl Store {
    fn newest(&self) -> u64 {
        self.0.len() as u64 - 1
    }

    fn at(&self, revision: u64, key: u8) -> Option<u64> {
        self.0[usize::try_from(revision).unwrap()].get(&key).copied()
    }

    fn change(&mut self, key: u8, exists: bool) {
        let (mut next, number) = (self.0.last().cloned().unwrap_or_default(), self.0.len() as u64);
        match exists {
            true => next.insert(key, number),
            false => next.remove(&key),
        };
        self.0.push(next);
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// The key is changed, and its fence raised.
    Change { key: u8, exists: bool },
    /// The key is loaded as it was so many revisions ago.
    Load { key: u8, ago: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u8, any::<bool>()).prop_map(|(key, exists)| Step::Change { key, exists }),
        (0..6_u8, 0..4_u64).prop_map(|(key, ago)| Step::Load { key, ago }),
    ]
}

proptest! {
    #[test]
    fn every_way_of_looking_tells_what_the_store_said(
        first in proptest::collection::vec((0..6_u8, any::<bool>()), 1..8),
        steps in proptest::collection::vec(step(), 0..40),
        room in 1..8_u64,
        is_filled in any::<bool>(),
    ) {
        let mut store = Store(vec![HashMap::new()]);
        first.into_iter().for_each(|(key, exists)| store.change(key, exists));
        let since = store.newest();
        let mut cache: Fenced<u8, u64> = Fenced::new(room, room, since, Arc::default(), |_, _| 1);
        if is_filled {
            cache.fill(since, store.0[usize::try_from(since).unwrap()].clone());
        }
        // What a call has loaded for itself, and may hold for longer than the cache does.
        let mut held = HashMap::new();
        for step in steps {
            match step {
                Step::Change { key, exists } => {
                    store.change(key, exists);
                    cache.raise(&key, store.newest());
                }
                Step::Load { key, ago } => {
                    let as_of = store.newest().saturating_sub(ago).max(since);
                    let entry = Entry { as_of, value: store.at(as_of, key) };
                    let loaded = cache.load(&key, || async { Ok::<_, ()>(entry) }).now_or_never();
                    let loaded = loaded.and_then(Result::ok);
                    prop_assert!(loaded.is_some());
                    held.extend(loaded.map(|loaded| (key, loaded)));
                }
            }
            for (revision, key) in (since..=store.newest()).flat_map(|revision| (0..6).map(move |key| (revision, key))) {
                let said = store.at(revision, key);
                let look = |held| match cache.look(&key, revision, held) {
                    Found::Known(kept) => Some(kept),
                    Found::Ahead(_) | Found::Nothing => None,
                };
                let (looked, with_held) = (look(None), look(Some(&held)));
                let glanced = cache.glance(&key, revision, |value| Some(value.copied()));
                let hash = cache.hash(&key);
                let known = cache.open(&[hash], revision).known(hash, &key).map(|value| value.copied());
                // Where it is not held open nothing is known, least of all that there is nothing.
                prop_assert!(cache.open(&[], revision).known(hash, &key).is_none());
                for told in [looked, with_held, glanced, known].into_iter().flatten() {
                    prop_assert_eq!(told, said, "{} at {}", key, revision);
                }
                // What exists is told in every way, if in one.
                if said.is_some() {
                    prop_assert_eq!([glanced, known], [looked; 2], "{} at {}", key, revision);
                }
            }
        }
    }
}
