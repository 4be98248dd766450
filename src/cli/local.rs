//! Stores that a command opens by itself, without a server.

use crate::store::{Store, error::Result, sqlite::SqliteStore};
use std::path::Path;

/// Opens a store, lets `work` use it, and closes it whatever came of that: what is left is one whole file.
///
/// # Errors
/// The store cannot be opened, or those of the work.
pub(super) async fn using<T>(store: &Path, work: impl AsyncFnOnce(&dyn Store) -> Result<T>) -> Result<T> {
    let store = SqliteStore::open(store).await?;
    let done = work(&store).await;
    store.close().await;
    done
}
