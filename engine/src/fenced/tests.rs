//! Whatever is told of a key for a view is what the store said at the view's revision, whichever way it is asked.

use super::*;
use futures_util::FutureExt as _;
use proptest::{prelude::*, test_runner::TestCaseResult};
use rolegate_rbac::{
    grants::Grants,
    level::SiteRole,
    role::ProjectGrant,
    text::{ProjectId, RoleId, UserId},
};

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

/// Something whose values are told from each other by a number.
trait Numbered: Piece {
    fn a_key(number: u8) -> Self::Key;
    fn a_value(key: &Self::Key, number: u64) -> Self::Value;
    fn number(value: &Self::Value) -> u64;
}

impl Numbered for Kept<String, u64> {
    fn a_key(number: u8) -> String {
        number.to_string()
    }

    fn a_value(_: &String, number: u64) -> u64 {
        number
    }

    fn number(value: &u64) -> u64 {
        *value
    }
}

/// The number is that of a project that the user is on.
impl Numbered for Grants {
    /// Short ones, and such as are alike but for their ends.
    fn a_key(number: u8) -> UserId {
        let long = if number.is_multiple_of(2) { 0 } else { 60 };
        UserId::parse(&format!("{}{number}", "a".repeat(long))).unwrap()
    }

    fn a_value(user: &UserId, number: u64) -> Self {
        let project = ProjectId::parse(&number.to_string()).unwrap();
        let grant = ProjectGrant { project, role: RoleId::parse("ro").unwrap() };
        Self::new(user.clone(), true, SiteRole::User, Vec::new(), vec![grant])
    }

    fn number(value: &Self) -> u64 {
        value.projects().next().unwrap().0.as_str().parse().unwrap()
    }
}

/// Follows a store step by step, and asks for every key at every revision in every way.
fn tells_what_the_store_said<P: Numbered>(
    first: &[(u8, bool)],
    steps: &[Step],
    room: u64,
    is_filled: bool,
) -> TestCaseResult {
    let mut store = Store(vec![HashMap::new()]);
    first.iter().for_each(|(key, exists)| store.change(*key, *exists));
    let since = store.newest();
    let mut cache: Fenced<P> = Fenced::new(room, room, since, Arc::default(), |_, _| 1);
    if is_filled {
        let everything = store.0[usize::try_from(since).unwrap()].iter();
        cache.fill(
            since,
            everything.map(|(key, number)| (P::a_key(*key), P::a_value(&P::a_key(*key), *number))),
        );
    }
    // What a call has loaded for itself, and may hold for longer than the cache does; and what was read, held by others as well.
    let (mut held, mut shared) = (HashMap::new(), Vec::new());
    for step in steps {
        match *step {
            Step::Change { key, exists } => {
                store.change(key, exists);
                cache.raise(&P::a_key(key), store.newest());
            }
            Step::Load { key, ago } => {
                let as_of = store.newest().saturating_sub(ago).max(since);
                let (said, key) = (store.at(as_of, key), P::a_key(key));
                let value = said.map(|number| P::a_value(&key, number));
                shared.extend(value.clone().filter(|_| ago % 2 == 0));
                let entry = Entry { as_of, value };
                let loaded = cache.load(&key, || async { Ok::<_, ()>(entry) }).now_or_never();
                let loaded = loaded.and_then(Result::ok);
                prop_assert!(loaded.is_some());
                held.extend(loaded.map(|loaded| (key, loaded)));
            }
        }
        for revision in since..=store.newest() {
            for key in 0..6 {
                is_told_in_every_way(&cache, &held, revision, &P::a_key(key), store.at(revision, key))?;
            }
        }
    }
    Ok(())
}

fn is_told_in_every_way<P: Numbered>(
    cache: &Fenced<P>,
    held: &HashMap<P::Key, Entry<P::Value>>,
    revision: u64,
    key: &P::Key,
    said: Option<u64>,
) -> TestCaseResult {
    let key: &str = key.borrow();
    let look = |held| match cache.look(key, revision, held) {
        Found::Known(value) => Some(value.as_ref().map(P::number)),
        Found::Ahead(_) | Found::Nothing => None,
    };
    let (looked, with_held) = (look(None), look(Some(held)));
    let glanced = cache.glance(key, revision, |value| Some(value.map(P::number)));
    let hash = cache.hash(key);
    let known = cache.open(&[hash], revision).known(hash, key).map(|value| value.map(P::number));
    // Where it is not held open nothing is known, least of all that there is nothing.
    prop_assert!(cache.open(&[], revision).known(hash, key).is_none());
    for told in [looked, with_held, glanced, known].into_iter().flatten() {
        prop_assert_eq!(told, said, "{} at {}", key, revision);
    }
    // What exists is told in every way, if in one.
    if said.is_some() {
        prop_assert_eq!([glanced, known], [looked; 2], "{} at {}", key, revision);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_way_of_looking_tells_what_the_store_said(
        first in proptest::collection::vec((0..6_u8, any::<bool>()), 1..8),
        steps in proptest::collection::vec(step(), 0..40),
        room in 1..8_u64,
        is_filled in any::<bool>(),
    ) {
        tells_what_the_store_said::<Kept<String, u64>>(&first, &steps, room, is_filled)?;
        tells_what_the_store_said::<Grants>(&first, &steps, room, is_filled)?;
    }
}
