//! What becomes of connections, by the listener that they come to.

use crate::engine::stats::Count;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

/// The listeners that a server may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Where questions are answered.
    Authorization,
    /// Where administrators are served.
    Admin,
    /// Where the platform's own clients are served.
    Http,
    /// Where metrics are told.
    Metrics,
}

impl Door {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Authorization, Self::Admin, Self::Http, Self::Metrics];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Admin => "admin",
            Self::Http => "http",
            Self::Metrics => "metrics",
        }
    }
}

/// Why a connection was closed by this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It did not greet in time.
    Greeting,
    /// Nothing was heard on it any more, not even answers to pings.
    Silent,
    /// No call began on it for long.
    Idle,
    /// There was no more room, and it had been quiet for longer than others.
    Displaced,
}

impl Cause {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Greeting, Self::Silent, Self::Idle, Self::Displaced];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Silent => "silent",
            Self::Idle => "idle",
            Self::Displaced => "displaced",
        }
    }
}

/// The counts of one listener, or of several that serve one purpose.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicI64,
    /// Level: how many there may be at a time.
    pub(super) limit: Count,
    pub(super) accepted: Count,
    pub(super) errors: Count,
    closed: [Count; Cause::ALL.len()],
}

/// A connection, for as long as it is open.
#[derive(Debug)]
pub struct Open(Arc<Connections>);

impl Connections {
    /// One more listener, which so many connections may come to at a time.
    pub fn add_limit(&self, connections: usize) {
        self.limit.set(self.limit.get() + connections as u64);
    }

    /// A connection has been accepted.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Open {
        self.accepted.bump();
        self.open.fetch_add(1, Relaxed);
        Open(Arc::clone(self))
    }

    /// The operating system did not give a connection that should have been there.
    pub fn failed(&self) {
        self.errors.bump();
    }

    /// How many are open now.
    pub(super) fn now_open(&self) -> i64 {
        self.open.load(Relaxed)
    }

    /// How many were closed by this end for this cause.
    pub(super) fn closed(&self, cause: Cause) -> u64 {
        self.closed.get(cause as usize).map_or(0, Count::get)
    }
}

impl Open {
    /// This end closes the connection.
    pub fn closes(&self, cause: Cause) {
        if let Some(count) = self.0.closed.get(cause as usize) {
            count.bump();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
