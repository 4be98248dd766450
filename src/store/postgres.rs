//! The shared store: a PostgreSQL database that many sidecars follow.
//!
//! Nothing here is exotic: plain tables, row locks, snapshots. What only some servers have (notifications, the identity
//! of a cluster) is used where it is there, and the log says when it is not.

mod head;
mod hints;
mod lease;
mod schema;

pub(super) use lease::Lease;

use super::{Store, error::StoreError, revision::Epoch, tx::Tx};
use head::Begin;
use hints::Hints;
use lease::Places;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a server does with the store.
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
        let store = Self { readers, writer, begin, hints: Hints::start(options), forked: Mutex::default() };
        // Whatever is wrong with the store is said now.
        store.read().await?;
        Ok(store)
    }

    async fn begin(&self, places: &Arc<Places>, sql: &'static str) -> Result<Tx, StoreError> {
        let (lease, row) = places.begin(sql).await?;
        let mut head = head::head(&row, self.begin)?;
        if let Some(forked) = (*self.forked()).filter(|forked| forked.found == head.epoch) {
            head.epoch = forked.private;
        }
        Ok(Tx::postgres(lease, head))
    }

    fn forked(&self) -> MutexGuard<'_, Option<Forked>> {
        self.forked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How every connection is made.
fn in_our_way(options: PgConnectOptions) -> PgConnectOptions {
    // Poolers in transaction mode know neither named statements nor parameters that they were not told of.
    let options = options.application_name("rolegate").statement_cache_capacity(0).extra_float_digits(None);
    options.disable_statement_logging()
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn read(&self) -> Result<Tx, StoreError> {
        self.begin(&self.readers, self.begin.read).await
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        let only_read = || StoreError::Unavailable("this server only reads the role store".to_owned());
        let writer = self.writer.as_ref().ok_or_else(only_read)?;
        // Nobody else's revision can come in between: whoever has the row's lock has the only write there is.
        self.begin(writer, self.begin.write).await
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
            // Whoever may write will renew it. Until then, tokens of the old history are not compared here.
            let private = Epoch::random()?;
            let mut forked = self.forked();
            *forked = Some(Forked::again(*forked, old, private));
            return Ok(());
        }
        let mut tx = self.write().await?;
        if tx.head().epoch != old {
            return Ok(());
        }
        let new = Epoch::random()?.to_string();
        tx.run("UPDATE store SET epoch = $1 WHERE id = 1", &[super::tx::Arg::Text(&new)]).await?;
        tx.commit().await
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
