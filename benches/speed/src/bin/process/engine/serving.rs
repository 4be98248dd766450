//! An engine over a site's store, with the task that follows the store.

use crate::Result;
use rolegate::{
    engine::{Engine, Settings},
    store::sqlite::SqliteStore,
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinHandle};

/// Room for any of the sites.
const AMPLE: u64 = 64 << 30;
const LONGEST_LOAD: Duration = Duration::from_secs(900);

/// A runtime on which the followers run, while the calling thread asks.
pub fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// What an engine has in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// All that there is.
    Everything,
    /// Nothing: whatever is asked must be read from the store.
    Nothing,
}

/// An engine that answers.
pub struct Served {
    pub engine: Engine,
    follower: JoinHandle<()>,
}

impl Served {
    /// An engine over the store at a path, once it answers.
    pub async fn new(path: &Path, memory: Memory) -> Result<Self> {
        let settings = match memory {
            Memory::Everything => Settings { cache_bytes: AMPLE, ..Settings::default() },
            Memory::Nothing => {
                Settings { preload: false, cache_bytes: 1, absent_entries: 1, ..Settings::default() }
            }
        };
        Self::over(SqliteStore::open(path).await?, settings).await
    }

    /// Over a store that is open, when the engine has read it.
    async fn over(store: SqliteStore, settings: Settings) -> Result<Self> {
        let engine = Engine::new(Arc::new(store), settings);
        let follower = tokio::spawn({
            let engine = engine.clone();
            async move { engine.follow().await }
        });
        let served = Self { engine, follower };
        let started = Instant::now();
        while !served.engine.is_serving() {
            if started.elapsed() > LONGEST_LOAD {
                return Err("the engine does not come to serve".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(served)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.follower.abort();
    }
}
