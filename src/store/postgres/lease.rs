//! Connections, few and each held by one transaction at a time.
//!
//! A pool that waits for a connection to say goodbye waits for as long as TCP does when the other end is gone. Here every
//! wait has an end, and a connection that is left in the middle of something is dropped without a word.

use super::super::{
    error::StoreError,
    tx::{Arg, bind},
};
use futures_util::TryStreamExt as _;
use sqlx::{
    Arguments as _, ConnectOptions as _, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait for a place, and for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for a transaction to begin or to end: longer than the server waits for locks on our behalf.
const TURN: Duration = Duration::from_secs(8);
/// How long to wait for the next row, and for a statement without any. A site is large, but its rows keep coming.
const SILENCE: Duration = Duration::from_secs(10);

/// What is wrong with a database that has no store.
const NO_STORE: &str = "the database holds no role store: make one with `rolegate init`";

/// A fixed number of places for connections to one database.
pub(super) struct Places {
    options: PgConnectOptions,
    idle: Mutex<Vec<PgConnection>>,
    free: Arc<Semaphore>,
    /// Whether a commit can be announced on this server.
    announces: bool,
}

impl Places {
    pub(super) fn new(options: PgConnectOptions, count: usize, announces: bool) -> Arc<Self> {
        Arc::new(Self { options, idle: Mutex::default(), free: Arc::new(Semaphore::new(count)), announces })
    }

    /// Drops the connections that nobody uses.
    pub(super) fn forget_idle(&self) {
        self.idle().clear();
    }

    /// Begins a transaction with these statements, and returns it with the one row that they answer.
    pub(super) async fn begin(self: &Arc<Self>, sql: &'static str) -> Result<(Lease, PgRow), StoreError> {
        let place =
            within(PATIENCE, "no connection came free", Arc::clone(&self.free).acquire_owned()).await?;
        let place = place.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (connection, row) = match self.begin_on_idle(sql).await? {
            Some(begun) => begun,
            None => {
                let mut connection = connect(&self.options).await?;
                let row = first_row(&mut connection, sql).await.map_err(NotBegun::into_inner)?;
                (connection, row)
            }
        };
        let lease = Lease {
            connection: Some(connection),
            midway: false,
            places: Arc::clone(self),
            place: Some(place),
        };
        Ok((lease, row))
    }

    /// Begins on a connection that is left from before. It may have been cut since: that alone is no reason to fail.
    async fn begin_on_idle(&self, sql: &'static str) -> Result<Option<(PgConnection, PgRow)>, StoreError> {
        while let Some(mut connection) = self.take_idle() {
            match first_row(&mut connection, sql).await {
                Ok(row) => return Ok(Some((connection, row))),
                Err(NotBegun::Connection(_)) => {}
                Err(NotBegun::Statement(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    fn take_idle(&self) -> Option<PgConnection> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a transaction that was not committed, and keeps the connection.
    async fn take_back(&self, mut connection: PgConnection) {
        let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut connection);
        // A connection that cannot even do that is dropped.
        if matches!(within(TURN, "no end", rollback).await, Ok(Ok(_))) {
            self.idle().push(connection);
        }
    }
}

/// Why a transaction did not begin.
enum NotBegun {
    /// The connection is of no use any more.
    Connection(StoreError),
    /// The server said no.
    Statement(StoreError),
}

impl NotBegun {
    fn into_inner(self) -> StoreError {
        match self {
            Self::Connection(error) | Self::Statement(error) => error,
        }
    }
}

/// Runs the first statements of a transaction, of which one answers a row.
async fn first_row(connection: &mut PgConnection, sql: &'static str) -> Result<PgRow, NotBegun> {
    // To the last answer: a connection that is handed on must have nothing left to say.
    let began = sqlx::raw_sql(sql).fetch_all(connection);
    match within(TURN, "the server does not answer", began).await.map_err(NotBegun::Connection)? {
        Ok(mut rows) => {
            rows.pop().ok_or_else(|| NotBegun::Statement(StoreError::NotOurs(NO_STORE.to_owned())))
        }
        Err(error @ sqlx::Error::Database(_)) if !is_farewell(&error) => {
            Err(NotBegun::Statement(error.into()))
        }
        Err(error) => Err(NotBegun::Connection(error.into())),
    }
}

/// Whether the server ends the connection with this: it is shutting down, or an administrator cut us off.
fn is_farewell(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}

/// Makes a connection.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    Ok(within(PATIENCE, "the server takes no connection", options.connect()).await??)
}

/// Waits for no longer than this.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let late = |_| StoreError::Unavailable(format!("{what} within {} s", limit.as_secs()));
    tokio::time::timeout(limit, work).await.map_err(late)
}

/// A connection with a transaction on it.
pub(in crate::store) struct Lease {
    connection: Option<PgConnection>,
    /// Whether a statement is being run: a lease that is dropped then leaves a connection of no further use.
    midway: bool,
    places: Arc<Places>,
    place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Hands every row on as it comes.
    pub(in crate::store) async fn each(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        mut take: impl FnMut(PgRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let query = statement(sql, args)?;
        let connection = self.begin_statement()?;
        let mut found = query.fetch(connection);
        while let Some(row) = within(SILENCE, "the server fell silent", found.try_next()).await?? {
            take(row)?;
        }
        drop(found);
        self.midway = false;
        Ok(())
    }

    pub(in crate::store) async fn run(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let query = statement(sql, args)?;
        let done =
            within(SILENCE, "the server fell silent", query.execute(self.begin_statement()?)).await??;
        self.midway = false;
        Ok(done.rows_affected())
    }

    /// Commits, and announces it where somebody may listen.
    pub(in crate::store) async fn commit(mut self) -> Result<(), StoreError> {
        let commit = if self.places.announces { "NOTIFY rolegate_changes; COMMIT" } else { "COMMIT" };
        let commit = sqlx::raw_sql(commit).execute(self.begin_statement()?);
        within(TURN, "the commit was not confirmed", commit).await??;
        if let Some(connection) = self.connection.take() {
            self.places.idle().push(connection);
        }
        Ok(())
    }

    fn begin_statement(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.midway = true;
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("the transaction is over".to_owned()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take().filter(|_| !self.midway) else { return };
        let (places, place) = (Arc::clone(&self.places), self.place.take());
        // Readers end so as a rule. Outside of a runtime nobody could wait: then the connection is dropped.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                places.take_back(connection).await;
                drop(place);
            });
        }
    }
}

/// A statement without a name: a pooler may run the next transaction on another server connection, which would not know it.
fn statement<'q>(
    sql: &'static str,
    args: &[Arg<'_>],
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    Ok(sqlx::query_with(sql, bind!(PgArguments, args)).persistent(false))
}
