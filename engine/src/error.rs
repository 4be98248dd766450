//! Why no decision was reached.

use rolegate_store::error::StoreError;
use std::time::Duration;

/// No decision was reached. Never an allow, and no deny either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The store has not been read yet.
    #[error("not ready: the role store has not been loaded yet")]
    NotReady,
    /// The store's head has not been confirmed for too long.
    #[error("too stale: the role store was last confirmed {} ms ago, and {} ms is the most", age.as_millis(), most.as_millis())]
    Stale {
        /// How long ago.
        age: Duration,
        /// How long it may be.
        most: Duration,
    },
    /// The wanted revision did not arrive in time.
    #[error("the wanted revision {wanted} has not arrived here in time; this server is at {applied}")]
    Behind {
        /// The revision wanted.
        wanted: u64,
        /// The revision applied here.
        applied: u64,
    },
    /// The token is of another epoch: its revision cannot be compared.
    #[error(
        "the revision token is of another store epoch: the role store was restored or replaced since; \
         drop the token and ask again without it"
    )]
    OtherEpoch,
    /// Something had to be looked up, and the store did not answer.
    #[error("the role store is unavailable, and this question needs it")]
    StoreUnavailable,
    /// Too many look-ups of unknown ids.
    #[error("too many look-ups of unknown ids; try again later")]
    TooManyUnknown,
    /// The time for the answer is over.
    #[error("the deadline passed before a decision was reached")]
    Deadline,
}

impl EngineError {
    /// One of each kind.
    pub const KINDS: [Self; 7] = [
        Self::NotReady,
        Self::Stale { age: Duration::ZERO, most: Duration::ZERO },
        Self::Behind { wanted: 0, applied: 0 },
        Self::OtherEpoch,
        Self::StoreUnavailable,
        Self::TooManyUnknown,
        Self::Deadline,
    ];
}

impl From<StoreError> for EngineError {
    fn from(_: StoreError) -> Self {
        Self::StoreUnavailable
    }
}
