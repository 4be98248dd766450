//! One after another for each key: whoever waits for a turn finds what the one before has done.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OwnedMutexGuard;

/// The keys whose turn somebody has or waits for.
pub(super) struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

/// A turn. It ends when it is dropped.
pub(super) struct Turn<'a, K: Hash + Eq> {
    turns: &'a Turns<K>,
    key: &'a K,
    held: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    /// Waits for the key's turn. Whoever gives up waiting leaves nothing behind.
    pub(super) async fn take<'a>(&'a self, key: &'a K) -> Turn<'a, K> {
        let lock = Arc::clone(self.keys().entry(key.clone()).or_default());
        // Made before the wait: if the caller gives up, it still clears the key away.
        let mut turn = Turn { turns: self, key, held: None };
        turn.held = Some(lock.lock_owned().await);
        turn
    }
}

impl<K> Turns<K> {
    fn keys(&self) -> MutexGuard<'_, HashMap<K, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        let mut keys = self.turns.keys();
        // The next in line can go; whoever comes only now waits for the lock of the keys.
        self.held = None;
        if keys.get(self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            keys.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn turns_of_a_key_follow_each_other_and_leave_nothing_behind() {
        let (turns, running) = (Turns::default(), std::cell::Cell::new(0));
        let work = async |key: &'static str| {
            let _turn = turns.take(&key).await;
            running.set(running.get() + 1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let at_once = running.get();
            running.set(at_once - 1);
            at_once
        };
        assert_eq!(tokio::join!(work("a"), work("a"), work("a")), (1, 1, 1));
        let (a, b) = tokio::join!(work("a"), work("b"));
        assert_eq!(a.max(b), 2, "keys do not wait for each other");
        assert!(turns.keys().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_waiting_is_forgotten() {
        let turns = Turns::default();
        let held = turns.take(&"a").await;
        let waited = tokio::time::timeout(Duration::from_secs(1), turns.take(&"a")).await;
        assert!(waited.is_err());
        drop(held);
        assert!(turns.keys().is_empty());
    }
}
