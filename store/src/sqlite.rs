//! The embedded store: one SQLite file in WAL mode.

mod create;
mod log;
mod open;
mod stamp;
#[cfg(test)]
mod tests;

use super::{
    Store,
    error::{Result, StoreError},
    file_identity::FileIdentity,
    revision::Epoch,
    tx::Tx,
};
use arc_swap::ArcSwap;
use create::Draft;
use open::Handles;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Mutex;

/// How often the file is looked at for commits of others. Where nothing has been written, a look asks the file system alone.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The files that a store of this path is made of, whether they are there or not: the file itself first, and what SQLite
/// keeps beside it.
pub fn files(path: &Path) -> [PathBuf; 4] {
    // It is beside the file itself, not beside a link to it.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    ["", "-wal", "-shm", "-journal"].map(|ending| log::beside(&path, ending))
}

/// A role store in a SQLite file that other processes may use at the same time.
pub struct SqliteStore {
    path: PathBuf,
    handles: ArcSwap<Handles>,
    /// Held while the file is opened anew: once, however many callers find it replaced. Holds the file that was told of
    /// last: one that cannot be opened is tried again and again.
    reopening: Mutex<Option<FileIdentity>>,
}

impl SqliteStore {
    /// Makes a new store and lets `setup` write into it. It appears under its name whole and set up, or not at all.
    ///
    /// # Errors
    /// There is something of that name already, it cannot be written, or the set-up fails.
    pub async fn create<T>(path: &Path, setup: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let draft = Draft::beside(path)?;
        draft.write().await?;
        let store = Self::open(&draft.path).await?;
        let made = setup(&store).await;
        store.close().await;
        let made = made?;
        draft.publish(path)?;
        Ok(made)
    }

    /// Opens a store and brings its schema up to date.
    ///
    /// # Errors
    /// There is none, or it is not ours, is corrupted, or is of a newer schema. Nothing has been changed then.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let handles = open::open(path).await?;
        Ok(Self {
            path: path.to_owned(),
            handles: ArcSwap::from_pointee(handles),
            reopening: Mutex::default(),
        })
    }

    /// Whether the path still names the file that is open.
    fn is_in_place(&self) -> Result<bool, StoreError> {
        Ok(FileIdentity::of(&self.path)? == self.handles.load().identity)
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Tx, StoreError> {
        // Nobody must be answered from a file that others do not see any more.
        self.refresh().await?;
        let readers = self.handles.load().readers.clone();
        Tx::sqlite(readers.begin().await?).await
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        // A writer must not write into a file that nobody will read again.
        self.refresh().await?;
        let writer = self.handles.load().writer.clone();
        Tx::sqlite(writer.begin_with("BEGIN IMMEDIATE").await?).await
    }

    async fn changed(&self) {
        let handles: Arc<Handles> = self.handles.load_full();
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            // Whatever is wrong, the follower finds out when it looks.
            if !matches!(self.is_in_place(), Ok(true)) || handles.has_new_data().await.unwrap_or(true) {
                return;
            }
        }
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        if self.is_in_place()? {
            return Ok(());
        }
        let mut told_of = self.reopening.lock().await;
        let found = FileIdentity::of(&self.path)?;
        if found == self.handles.load().identity {
            return Ok(());
        }
        if told_of.replace(found) != Some(found) {
            tracing::warn!(path = %self.path.display(), "the role store's file was replaced: opening it anew");
        }
        self.handles.load().forget_log(&self.path)?;
        self.handles.store(Arc::new(open::open(&self.path).await?));
        Ok(())
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<(), StoreError> {
        let handles = self.handles.load_full();
        open::renew_epoch(&handles.writer, old, handles.identity).await
    }

    /// The last one to close a file leaves everything in that one file.
    async fn close(&self) {
        self.handles.load_full().close().await;
    }
}
