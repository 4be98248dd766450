//! Connections, few and each held by one transaction at a time.
//!
//! A pool that waits for a connection to say goodbye waits for as long as TCP does when the other end is gone. Here every
//! wait has an end, and a connection that is left in the middle of something is dropped without a word.

use super::super::{
    error::StoreError,
    tx::{Arg, bind},
};
use super::session::{self, PATIENCE, Session};
use futures_util::TryStreamExt as _;
use sqlx::{
    Arguments as _, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How long to wait for a transaction to begin or to end: longer than the server waits for locks on our behalf.
const TURN: Duration = Duration::from_secs(8);
/// How long to wait for the next row, and for a statement without any. A site is large, but its rows keep coming.
const SILENCE: Duration = Duration::from_secs(10);

/// What is wrong with a database that has no store.
const NO_STORE: &str = "the database holds no role store: make one with `rolegate init`";

/// Who is served before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before all who stand in line.
    First,
    /// After whoever came before.
    InLine,
}

/// A fixed number of places for connections to one database.
pub(super) struct Places {
    options: PgConnectOptions,
    idle: Mutex<Vec<Session>>,
    free: Arc<Semaphore>,
    /// As many as there are places: so many of those who stand in line may wait for a place itself, and whoever goes first
    /// waits behind no more.
    line: Semaphore,
    /// Whether a commit can be announced on this server.
    announces: bool,
}

impl Places {
    pub(super) fn new(options: PgConnectOptions, count: usize, announces: bool) -> Arc<Self> {
        Arc::new(Self {
            options,
            idle: Mutex::default(),
            free: Arc::new(Semaphore::new(count)),
            line: Semaphore::new(count),
            announces,
        })
    }

    /// Drops the connections that nobody uses.
    pub(super) fn forget_idle(&self) {
        self.idle().clear();
    }

    /// Begins a transaction with these statements, and returns it with the one row that the last of them answers.
    pub(super) async fn begin(
        self: &Arc<Self>,
        turn: Turn,
        sql: &'static str,
    ) -> Result<(Lease, PgRow), StoreError> {
        let place = within(PATIENCE, "no connection came free", self.place(turn)).await?;
        let place = place.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut lease = Lease { session: None, places: Arc::clone(self), place: Some(place) };
        // What is left from before may have been cut since: that alone is no reason to fail.
        while let Some(session) = self.take_idle() {
            lease.session = Some(session);
            match lease.first_row(sql).await {
                Err(_) if lease.session.is_none() => {}
                begun => return begun.map(|row| (lease, row)),
            }
        }
        lease.session = Some(session::open(&self.options).await?);
        let row = lease.first_row(sql).await?;
        Ok((lease, row))
    }

    async fn place(&self, turn: Turn) -> Result<OwnedSemaphorePermit, AcquireError> {
        let _in_line = match turn {
            Turn::First => None,
            Turn::InLine => Some(self.line.acquire().await?),
        };
        Arc::clone(&self.free).acquire_owned().await
    }

    fn take_idle(&self) -> Option<Session> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a transaction that was not committed, and keeps the connection.
    ///
    /// A caller who does not wait any more leaves a statement behind that the server may still be at, such as one that
    /// waits for a lock. It is waited for: were the connection dropped, the server would not notice before it is done, and
    /// impatient callers would pile up sessions there.
    async fn take_back(&self, mut session: Session) {
        // A connection that cannot even do that is dropped.
        if matches!(within(TURN, "no end", roll_back(&mut session.connection)).await, Ok(Ok(()))) {
            self.idle().push(session);
        }
    }
}

async fn roll_back(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let rolled_back = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
    if rolled_back.as_ref().is_err_and(is_answer) {
        // It was the answer to what was left behind.
        sqlx::raw_sql("ROLLBACK").execute(connection).await?;
        return Ok(());
    }
    rolled_back.map(drop)
}

/// Whether the server says no to a statement, and stays there for the next.
fn is_answer(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_)) && !is_farewell(error)
}

/// Whether the server ends the connection with this: it is shutting down, or an administrator cut us off.
fn is_farewell(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
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

/// A place, and the connection in it with a transaction on it. The connection is gone once it is of no further use.
pub(crate) struct Lease {
    session: Option<Session>,
    places: Arc<Places>,
    place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Runs the first statements of a transaction, of which the last one answers a row.
    async fn first_row(&mut self, sql: &'static str) -> Result<PgRow, StoreError> {
        // To the last answer: a connection that is handed on must have nothing left to say.
        let began = sqlx::raw_sql(sql).fetch_all(&mut self.session()?.connection);
        let began = within(TURN, "the server does not answer", began).await;
        let row = self.settled(began)?.pop();
        row.ok_or_else(|| StoreError::NotOurs(NO_STORE.to_owned()))
    }

    /// Hands every row on as it comes.
    pub(crate) async fn each(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        mut take: impl FnMut(PgRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let session = self.session()?;
        let mut found = statement(sql, args, session.is_own)?.fetch(&mut session.connection);
        loop {
            match within(SILENCE, "the server fell silent", found.try_next()).await {
                Ok(Ok(Some(row))) => take(row)?,
                ended => {
                    drop(found);
                    return self.settled(ended).map(drop);
                }
            }
        }
    }

    pub(crate) async fn run(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let session = self.session()?;
        let done = statement(sql, args, session.is_own)?.execute(&mut session.connection);
        let done = within(SILENCE, "the server fell silent", done).await;
        Ok(self.settled(done)?.rows_affected())
    }

    /// Commits, and announces it where somebody may listen.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let commit = if self.places.announces { "NOTIFY rolegate_changes; COMMIT" } else { "COMMIT" };
        let committed = sqlx::raw_sql(commit).execute(&mut self.session()?.connection);
        let committed = within(TURN, "the commit was not confirmed", committed).await;
        // Only an answer says that nothing was committed.
        self.settled(committed).map_err(|error| match self.session {
            Some(_) => error,
            None => {
                tracing::warn!(%error, "a commit was not confirmed");
                StoreError::OutcomeUnknown(
                    "the database did not confirm it; look before trying again".to_owned(),
                )
            }
        })?;
        if let Some(session) = self.session.take() {
            self.places.idle().push(session);
        }
        Ok(())
    }

    fn session(&mut self) -> Result<&mut Session, StoreError> {
        self.session.as_mut().ok_or_else(|| StoreError::Unavailable("the transaction is over".to_owned()))
    }

    /// What a statement came to. If the server did not answer it, or with its last words, the connection is dropped.
    fn settled<T>(&mut self, outcome: Result<Result<T, sqlx::Error>, StoreError>) -> Result<T, StoreError> {
        let answered = match &outcome {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => is_answer(error),
            Err(_) => false,
        };
        if !answered {
            self.session = None;
        }
        Ok(outcome??)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (places, place) = (Arc::clone(&self.places), self.place.take());
        // Readers end so as a rule. Outside of a runtime nobody could wait: then the connection is dropped.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                places.take_back(session).await;
                drop(place);
            });
        }
    }
}

/// A statement, which keeps a name only where it is sure to be known by it again: a pooler may run the next transaction
/// elsewhere.
fn statement<'q>(
    sql: &'static str,
    args: &[Arg<'_>],
    is_own: bool,
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    Ok(sqlx::query_with(sql, bind!(PgArguments, args)).persistent(is_own))
}
