//! Stores that a command opens by itself, without a server.

use crate::store::{Store, error::Result, location::Location, postgres::Access};

/// Opens a store, lets `work` use it, and closes it whatever came of that: what is left of a file is one whole file.
///
/// # Errors
/// The store cannot be opened, or those of the work.
pub(super) async fn using<T>(
    store: &Location,
    access: Access,
    work: impl AsyncFnOnce(&dyn Store) -> Result<T>,
) -> Result<T> {
    let store = store.open(access).await?;
    let done = work(&*store).await;
    store.close().await;
    done
}
