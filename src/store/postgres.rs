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
        if access == Access::Write {
            store.begin_write().await.map_err(may_not_write)?;
        }
        Ok(store)
    }

    async fn begin(&self, places: &Arc<Places>, turn: Turn, sql: &'static str) -> Result<Begun, StoreError> {
        let (lease, row) = places.begin(turn, sql).await?;
        let Found { mut head, moved_to } = head::found(&row, self.begin)?;
        if sql == self.begin.write {
            head::refuse_unfinished(&row, self.begin)?;
        }
        if let Some(forked) = (*self.forked()).filter(|forked| forked.found == head.epoch) {
            head.epoch = forked.private;
        }
        Ok(Begun { tx: Tx::postgres(lease, head), moved_to })
    }

    async fn begin_read(&self, turn: Turn) -> Result<Tx, StoreError> {
        let begun = self.begin(&self.readers, turn, self.begin.read).await?;
        if begun.moved_to.is_none() || self.writer.is_none() {
            return Ok(begun.tx);
        }
        drop(begun);
        self.settle().await?;
        Ok(self.begin(&self.readers, turn, self.begin.read).await?.tx)
    }

    async fn begin_write(&self) -> Result<Begun, StoreError> {
        let only_read = || StoreError::Unavailable("this server only reads the role store".to_owned());
        let writer = self.writer.as_ref().ok_or_else(only_read)?;
        // Nobody else's revision can come in between: whoever has the row's lock has the only write there is.
        self.begin(writer, Turn::InLine, self.begin.write).await
    }

    /// Gives the store a new epoch, unless it is on the timeline that the present one was made on.
    async fn settle(&self) -> Result<(), StoreError> {
        match self.begin_write().await? {
            Begun { tx, moved_to: Some(timeline) } => renew(tx, Some(&timeline)).await,
            Begun { moved_to: None, .. } => Ok(()),
        }
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

/// A transaction that has begun, and the timeline that the store has moved to since its epoch was made.
struct Begun {
    tx: Tx,
    moved_to: Option<String>,
}

/// Gives the store a new epoch, in a write transaction that this ends.
async fn renew(mut tx: Tx, moved_to: Option<&str>) -> Result<(), StoreError> {
    let epoch = Epoch::random()?.to_string();
    let timeline = Arg::Text(moved_to.unwrap_or_default());
    let renew =
        "UPDATE which_history SET epoch = $1, timeline = coalesce(nullif($2, ''), timeline) WHERE id = 1";
    tx.run(renew, &[Arg::Text(&epoch), timeline]).await?;
    tx.commit().await?;
    tracing::info!(timeline = moved_to, "the role store has been given a new epoch");
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
        self.begin_read(Turn::InLine).await
    }

    async fn read_first(&self) -> Result<Tx, StoreError> {
        self.begin_read(Turn::First).await
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        let begun = self.begin_write().await?;
        let Some(timeline) = begun.moved_to else { return Ok(begun.tx) };
        renew(begun.tx, Some(&timeline)).await?;
        Ok(self.begin_write().await?.tx)
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
        let Begun { tx, moved_to } = self.begin_write().await?;
        if tx.head().epoch == old { renew(tx, moved_to.as_deref()).await } else { Ok(()) }
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
