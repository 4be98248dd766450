//! A store at whose door reads wait to be let through, and whose hints come when somebody gives them.

use crate::support::opened;
use rolegate::store::{Store, error::StoreError, revision::Epoch, sqlite::SqliteStore, tx::Tx};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, oneshot};

/// As many snapshots as a SQLite store opens at a time, at least.
const ALL_READERS: usize = 4;

/// One read's own way into the file: it tells when the read is over.
type Lane = Arc<SqliteStore>;

pub(super) struct Door {
    path: PathBuf,
    free: Mutex<Vec<Lane>>,
    waiting: Mutex<Vec<Waiting>>,
    /// A read has opened its snapshot, and stopped again.
    has_opened: Semaphore,
    hints: Semaphore,
}

/// A read that stands at the door.
pub(super) struct Waiting {
    /// The lane on which the snapshot was opened, if it was.
    lane: Option<Lane>,
    pass: oneshot::Sender<Fate>,
}

pub(super) enum Fate {
    /// Opens its snapshot there.
    Open(Lane),
    /// Goes on with the snapshot that it has.
    GoOn,
    /// Is cut off.
    Fail,
}

impl Door {
    pub(super) fn before(path: PathBuf) -> Arc<Self> {
        let (free, waiting) = (Mutex::default(), Mutex::default());
        Arc::new(Self { path, free, waiting, has_opened: Semaphore::new(0), hints: Semaphore::new(0) })
    }

    pub(super) fn hint(&self) {
        self.hints.add_permits(1);
    }

    pub(super) fn how_many_wait(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }

    /// Lets the nth of those who wait do its next step, or fail, and waits until it is done. What was done.
    pub(super) async fn let_pass(&self, nth: usize, fails: bool) -> &'static str {
        let Waiting { lane, pass } = self.waiting.lock().unwrap().remove(nth);
        let (lane, fate, what) = match (lane, fails) {
            (None, true) => (None, Fate::Fail, "cannot open"),
            (None, false) => {
                let lane = self.lane().await;
                pass.send(Fate::Open(lane)).ok().unwrap();
                self.has_opened.acquire().await.unwrap().forget();
                return "opens";
            }
            (Some(lane), true) => (Some(lane), Fate::Fail, "is cut off"),
            (Some(lane), false) => (Some(lane), Fate::GoOn, "goes on"),
        };
        pass.send(fate).ok().unwrap();
        if let Some(lane) = lane {
            is_over(&lane).await;
            self.free.lock().unwrap().push(lane);
        }
        what
    }

    async fn lane(&self) -> Lane {
        let free = self.free.lock().unwrap().pop();
        match free {
            Some(lane) => lane,
            None => opened(&self.path).await,
        }
    }

    async fn stand(&self, lane: Option<Lane>) -> Result<Fate, StoreError> {
        let (pass, passed) = oneshot::channel();
        self.waiting.lock().unwrap().push(Waiting { lane, pass });
        passed.await.map_err(|_| away())
    }
}

/// Waits until nothing is read there any more: only then are all of its connections free.
async fn is_over(lane: &Lane) {
    let all = (0..ALL_READERS).map(|_| lane.read());
    for opened in futures_util::future::join_all(all).await {
        opened.unwrap();
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("cut off".to_owned())
}

#[async_trait::async_trait]
impl Store for Door {
    async fn read(&self) -> Result<Tx, StoreError> {
        let Fate::Open(lane) = self.stand(None).await? else { return Err(away()) };
        let tx = lane.read().await?;
        self.has_opened.add_permits(1);
        match self.stand(Some(lane)).await? {
            Fate::GoOn => Ok(tx),
            _ => Err(away()),
        }
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        Err(away())
    }

    async fn changed(&self) {
        self.hints.acquire().await.unwrap().forget();
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn renew_epoch(&self, _: Epoch) -> Result<(), StoreError> {
        Err(away())
    }

    async fn close(&self) {}
}
