//! Where roles and grants are kept: one contract, and its backends.
//!
//! A [`Tx`] hides which database it is. Everything above it (what is loaded, what is listed, which edits are
//! allowed) is written once: [`load`], [`read`], [`feed`] and [`edit`] are functions over a transaction.

pub mod aside;
pub mod audit;
pub mod auth;
pub mod change;
pub mod edit;
pub mod error;
pub mod feed;
pub mod file_identity;
pub mod load;
pub mod location;
mod migrations;
pub mod opening;
pub mod permit;
pub mod postgres;
pub mod read;
pub mod retry;
pub mod revision;
pub mod scene;
pub mod setup;
pub mod sqlite;
pub mod tx;
pub mod world;
pub mod write;

use error::StoreError;
use revision::Epoch;
use tx::Tx;

/// What a backend promises.
///
/// Errors are of two classes everywhere: [`StoreError::Unavailable`] may pass by itself, the others do not.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Opens a snapshot: whatever is read through it is as of one revision.
    async fn read(&self) -> Result<Tx, StoreError>;

    /// The same for the follower, whose turn comes before that of everyone who waits for [`read`](Self::read): many
    /// look-ups must not make what is in memory seem old.
    async fn read_first(&self) -> Result<Tx, StoreError> {
        self.read().await
    }

    /// Opens the one write transaction there is at a time, across processes. Waits for its turn, and gives up with
    /// [`StoreError::Unavailable`] after a few seconds.
    async fn write(&self) -> Result<Tx, StoreError>;

    /// Returns when something may have been committed by anyone since the last call. A hint: it may come late, or
    /// without a cause, and a follower must look for itself from time to time as well.
    async fn changed(&self);

    /// Makes sure that the store being read is the one that its name stands for now, opening it anew if it was
    /// replaced. Call before looking at the head.
    async fn refresh(&self) -> Result<(), StoreError>;

    /// Gives the store a new epoch because its history went back or forked: tokens of the old one must not be compared
    /// any more. Does nothing if the epoch is not `old` any longer.
    async fn renew_epoch(&self, old: Epoch) -> Result<(), StoreError>;

    /// Says of a run of the store's server (see [`Tx::unvouched`]) that its history goes on from what is known.
    async fn vouch(&self, _server: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends every connection in good order, once nothing is read or written any more.
    async fn close(&self);
}
