//! The shared store: a PostgreSQL database that many sidecars follow.
//!
//! Nothing here is exotic: plain tables, row locks, snapshots. What only some servers have (notifications, the identity
//! of a cluster) is used where it is there, and the log says when it is not.

mod head;
mod hints;
mod lease;
mod schema;
mod session;

pub(super) use lease::Lease;

use super::{
    Store,
    error::StoreError,
    revision::Epoch,
    tx::{Arg, Tx},
};
use head::{Begin, Found};
use hints::Hints;
use lease::{Places, Turn};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

/// How long a write waits for the follower to have looked at a server that was restarted, and between two tries.
const VOUCHED_WITHIN: Duration = Duration::from_secs(4);
const VOUCHED_PAUSE: Duration = Duration::from_millis(50);

/// What a server does with the store, or a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads alone: a sidecar, on at most two connections, with a role of the database that may write nothing.
    Read,
    /// Reads and writes: a control plane.
    Write,
}

/// A role store in a PostgreSQL database.
pub struct PostgresStore {
    readers: Arc<Places>,
    writer: Option<Arc<Places>>,
    begin: Begin,
    hints: Hints,
    forked: Mutex<Option<Forked>>,
    /// Whether a follower looks at the store, which then knows what its history was.
    followed: AtomicBool,
}

/// An epoch whose history went back or forked, and what stands for it here for as long as nobody who may has renewed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Forked {
    found: Epoch,
    private: Epoch,
}

impl Forked {
    /// After a history of this epoch went back: what is found in the database stays the same even if that happens again.
    fn again(before: Option<Self>, old: Epoch, private: Epoch) -> Self {
        let found = before.filter(|before| before.private == old).map_or(old, |before| before.found);
        Self { found, private }
    }
}

impl PostgresStore {
    /// Makes a new store in a database, and lets `setup` write into it.
    ///
    /// # Errors
    /// There is a store already, it cannot be written, or the set-up fails.
    pub async fn create<T>(
        options: PgConnectOptions,
        setup: impl AsyncFnOnce(&Self) -> super::error::Result<T>,
    ) -> super::error::Result<T> {
        schema::refuse_existing(&options).await?;
        schema::migrate(&options).await?;
        setup(&Self::open(options, Access::Write).await?).await
    }

    /// Brings the schema of a database up to date, under an advisory lock; makes an empty store where there is none.
    ///
    /// # Errors
    /// The database cannot be reached or changed, or holds something else.
    pub async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
        schema::migrate(options).await
    }

    /// Opens a store. Its schema stays as it is.
    ///
    /// # Errors
    /// There is none, its schema is too old or too new, or the server cannot be reached.
    pub async fn open(options: PgConnectOptions, access: Access) -> Result<Self, StoreError> {
        let options = in_our_way(options);
        let server = schema::probe(&options).await?;
        let places = |count| Places::new(options.clone(), count, server.announces);
        let readers = places(if access == Access::Read { 1 } else { 3 });
        let writer = (access == Access::Write).then(|| places(1));
        let begin = server.begin;
        let store = Self {
            readers,
            writer,
            begin,
            hints: Hints::start(options),
            forked: Mutex::default(),
            followed: AtomicBool::new(false),
        };
        // Whatever is wrong with the store is said now.
        store.read().await?;
        if access == Access::Write {
            store.write().await.map_err(may_not_write)?;
        }
        Ok(store)
    }

    async fn begin(&self, places: &Arc<Places>, turn: Turn, access: Access) -> Result<Tx, StoreError> {
        let sql = match access {
            Access::Read => self.begin.read,
            Access::Write => self.begin.write,
        };
        let (lease, row) = places.begin(turn, sql).await?;
        let Found { mut head, unvouched } = head::found(&row, self.begin)?;
        if access == Access::Write {
            head::refuse_unfinished(&row, self.begin)?;
        }
        if let Some(forked) = (*self.forked()).filter(|forked| forked.found == head.epoch) {
            head.epoch = forked.private;
        }
        // Whoever may not write can do nothing about it.
        let unvouched = unvouched.filter(|_| self.writer.is_some());
        Ok(Tx::postgres(lease, head, unvouched))
    }

    async fn begin_write(&self) -> Result<Tx, StoreError> {
        let only_read = || StoreError::Unavailable("this server only reads the role store".to_owned());
        let writer = self.writer.as_ref().ok_or_else(only_read)?;
        // Nobody else's revision can come in between: whoever has the row's lock has the only write there is.
        self.begin(writer, Turn::InLine, Access::Write).await
    }

    /// Whoever may write will renew the epoch. Until then, tokens of the old history are not compared here.
    fn go_by_a_private_epoch(&self, old: Epoch) -> Result<(), StoreError> {
        let private = Epoch::random()?;
        let mut forked = self.forked();
        *forked = Some(Forked::again(*forked, old, private));
        tracing::warn!(
            "the role store's history went back or forked, and this server may not write: until a control plane has given \
             the store a new epoch, revision tokens of other servers are refused here; if none does, run `rolegate migrate \
             --new-epoch`"
        );
        Ok(())
    }

    fn forked(&self) -> MutexGuard<'_, Option<Forked>> {
        self.forked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_not_write(error: StoreError) -> StoreError {
    let StoreError::Refused(why) = error else { return error };
    StoreError::Refused(format!(
        "{why}; a control plane writes to the role store: give it a role of the database that may (see \
         deploy/postgres/roles.sql), or make it a sidecar with --admin-listen off"
    ))
}

/// Gives the store a new epoch, which holds for the run of the server that it has now, in a write transaction that this ends.
async fn renew(mut tx: Tx) -> Result<(), StoreError> {
    let epoch = Epoch::random()?.to_string();
    tx.run("UPDATE which_history SET epoch = $1 WHERE id = 1", &[Arg::Text(&epoch)]).await?;
    if let Some(server) = tx.unvouched().map(str::to_owned) {
        tx.run("UPDATE store SET server = $1 WHERE id = 1", &[Arg::Text(&server)]).await?;
    }
    tx.commit().await?;
    tracing::info!("the role store has been given a new epoch");
    Ok(())
}

/// How every connection is made.
fn in_our_way(options: PgConnectOptions) -> PgConnectOptions {
    // Poolers know few settings.
    let options = options.application_name("rolegate").extra_float_digits(None);
    options.disable_statement_logging()
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn read(&self) -> Result<Tx, StoreError> {
        self.begin(&self.readers, Turn::InLine, Access::Read).await
    }

    async fn read_first(&self) -> Result<Tx, StoreError> {
        self.followed.store(true, Ordering::Relaxed);
        self.begin(&self.readers, Turn::First, Access::Read).await
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        let end = Instant::now() + VOUCHED_WITHIN;
        loop {
            let tx = self.begin_write().await?;
            if tx.unvouched().is_none() {
                return Ok(tx);
            }
            // The files may be older ones that were put back: what is written now must not bear the epoch of what was. A
            // follower knows, once it has looked; without one nobody does.
            if !self.followed.load(Ordering::Relaxed) {
                renew(tx).await?;
            } else if Instant::now() > end {
                let what = "its server has been restarted, and nobody has looked at its history yet";
                return Err(StoreError::Unavailable(what.to_owned()));
            } else {
                drop(tx);
                tokio::time::sleep(VOUCHED_PAUSE).await;
            }
        }
    }

    async fn vouch(&self, server: &str) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        if tx.unvouched() != Some(server) {
            return Ok(());
        }
        tx.run("UPDATE store SET server = $1 WHERE id = 1", &[Arg::Text(server)]).await?;
        tx.commit().await
    }

    async fn changed(&self) {
        self.hints.heard().await;
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        // A name stands for whatever server answers to it: every transaction tells anew which history it found.
        Ok(())
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<(), StoreError> {
        if self.writer.is_none() {
            return self.go_by_a_private_epoch(old);
        }
        let tx = self.begin_write().await?;
        if tx.head().epoch == old { renew(tx).await } else { Ok(()) }
    }

    async fn close(&self) {
        // Connections that are dropped are noticed by the server at once, and nothing is left undone.
        self.readers.forget_idle();
        if let Some(writer) = &self.writer {
            writer.forget_idle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_goes_back_twice_never_shows_its_first_epoch_again() {
        let epoch = |n: u8| Epoch::from_bytes([n; 16]);
        let once = Forked::again(None, epoch(1), epoch(2));
        assert_eq!(once, Forked { found: epoch(1), private: epoch(2) });
        let twice = Forked::again(Some(once), epoch(2), epoch(3));
        assert_eq!(twice, Forked { found: epoch(1), private: epoch(3) });
        // A control plane has renewed the epoch meanwhile, and then that one's history goes back.
        let other = Forked::again(Some(twice), epoch(4), epoch(5));
        assert_eq!(other, Forked { found: epoch(4), private: epoch(5) });
    }
}
