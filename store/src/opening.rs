//! Opening a store that may be away, and standing in for it until it is there.

use super::{
    Store,
    error::StoreError,
    retry::{BackOff, Trouble},
    revision::Epoch,
    tx::Tx,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Pauses between attempts to open a store.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Opens a store, however long it is away.
///
/// # Errors
/// It is there, and is broken, none of ours, or lets us not in: trying again would not help.
pub async fn patiently(
    open: impl AsyncFn() -> Result<Arc<dyn Store>, StoreError>,
) -> Result<Arc<dyn Store>, StoreError> {
    let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut trouble = Trouble::default();
    loop {
        match open().await {
            Ok(store) => {
                if let Some(away) = trouble.is_over() {
                    tracing::info!(away_ms = away.as_millis(), "the role store is open");
                }
                return Ok(store);
            }
            Err(error @ StoreError::Unavailable(_)) => {
                if let Some(error) = trouble.goes_on(&error) {
                    tracing::error!(error, "cannot open the role store: not ready; trying again");
                }
                tokio::time::sleep(back_off.pause()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Stands in for a store that is still to be opened: unavailable until then, and that store from there on.
#[derive(Default)]
pub struct Awaited(OnceLock<Arc<dyn Store>>);

impl Awaited {
    /// The store is open. The first one stays.
    pub fn arrive(&self, store: Arc<dyn Store>) {
        self.0.get_or_init(|| store);
    }

    fn store(&self) -> Result<&dyn Store, StoreError> {
        let away = || StoreError::Unavailable("it has not been opened yet".to_owned());
        self.0.get().map(|store| &**store).ok_or_else(away)
    }
}

#[async_trait::async_trait]
impl Store for Awaited {
    async fn read(&self) -> Result<Tx, StoreError> {
        self.store()?.read().await
    }

    async fn read_first(&self) -> Result<Tx, StoreError> {
        self.store()?.read_first().await
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        self.store()?.write().await
    }

    async fn vouch(&self, server: &str) -> Result<(), StoreError> {
        self.store()?.vouch(server).await
    }

    async fn changed(&self) {
        match self.store() {
            Ok(store) => store.changed().await,
            Err(_) => std::future::pending().await,
        }
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.store()?.refresh().await
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<(), StoreError> {
        self.store()?.renew_epoch(old).await
    }

    async fn close(&self) {
        if let Ok(store) = self.store() {
            store.close().await;
        }
    }
}
