//! What a cache holds of one thing: what it is found by, what is told of it, and the cache's note of it.

use rolegate_rbac::{grants::Grants, note::Note, text::UserId};
use std::{borrow::Borrow, hash::Hash};

/// Something that a cache can hold.
pub(super) trait Piece: Send + Sync + 'static {
    /// What it is found by: a text.
    type Key: Borrow<str> + Hash + Eq + Clone + Send + Sync + 'static;
    /// What is told of it, shared by cloning, which should cost little.
    type Value: Clone + Send + Sync + 'static;

    /// What was read of a key, with a note of it.
    fn new(key: Self::Key, value: Self::Value, note: Note) -> Self;

    /// What it is found by.
    fn key(&self) -> &Self::Key;

    /// Whether it is found by this.
    fn is_of(&self, key: &str) -> bool {
        self.key().borrow() == key
    }

    /// What is told of it.
    fn value(&self) -> &Self::Value;

    /// The cache's note of it.
    fn note(&self) -> &Note;
}

/// A piece that lies in its place in the cache's table.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    key: K,
    value: V,
    note: Note,
}

impl<K, V> Piece for Kept<K, V>
where
    K: Borrow<str> + Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Key = K;
    type Value = V;

    fn new(key: K, value: V, note: Note) -> Self {
        Self { key, value, note }
    }

    fn key(&self) -> &K {
        &self.key
    }

    fn value(&self) -> &V {
        &self.value
    }

    fn note(&self) -> &Note {
        &self.note
    }
}

/// Grants have room for all of it themselves. The table's places are as small as can be then: more of them are near, and a look that
/// has found one waits for one piece of memory more.
impl Piece for Grants {
    type Key = UserId;
    type Value = Self;

    fn new(user: UserId, value: Self, note: Note) -> Self {
        debug_assert!(value.are_of(user.as_str()), "what is held of {user} is another's");
        value.noted(note)
    }

    fn key(&self) -> &UserId {
        self.user()
    }

    fn is_of(&self, key: &str) -> bool {
        self.are_of(key)
    }

    fn value(&self) -> &Self {
        self
    }

    fn note(&self) -> &Note {
        self.note()
    }
}
