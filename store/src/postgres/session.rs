//! Connections, and whether the server has a session for each of them alone.
//!
//! A pooler hands sessions around: whatever is left in one (a prepared statement, LISTEN) is met by whoever gets it next. So
//! every session is marked by the request that begins it, and one that does not bear its mark is taken for a pooler's.

use super::lease::within;
use crate::error::StoreError;
use sqlx::{
    ConnectOptions as _, Executor, Postgres, Row as _,
    postgres::{PgConnectOptions, PgConnection},
};
use std::time::Duration;

/// How long to wait for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The setting that sessions are marked by. Servers know none by this name, and keep it for us.
const MARK: &str = "rolegate.session";

/// What one session is marked by.
pub(super) struct Mark(String);

impl Mark {
    /// A new one.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub(super) fn new() -> Result<Self, StoreError> {
        let random = getrandom::u64().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(format!("{random:016x}")))
    }

    /// Asks for a session with this mark. Poolers may refuse to: see [`is_refused`].
    pub(super) fn ask(&self, options: PgConnectOptions) -> PgConnectOptions {
        options.options([(MARK, &self.0)])
    }

    /// Whether this session bears the mark.
    pub(super) async fn is_on<'c>(
        &self,
        session: impl Executor<'c, Database = Postgres>,
    ) -> Result<bool, sqlx::Error> {
        let found = format!("SELECT coalesce(current_setting('{MARK}', true), '') = '{}'", self.0);
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(found)).fetch_one(session).await?;
        row.try_get(0)
    }
}

impl AsRef<str> for Mark {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Whether a connection was refused for what was asked of its session: poolers know few settings.
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "08P01")
}

/// A connection.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    /// Whether statements that are prepared here are still there for the next transaction.
    pub(super) is_own: bool,
}

/// Makes a connection.
pub(super) async fn open(options: &PgConnectOptions) -> Result<Session, StoreError> {
    within(PATIENCE, "the server takes no connection", marked(options)).await?
}

async fn marked(options: &PgConnectOptions) -> Result<Session, StoreError> {
    let mark = Mark::new()?;
    match mark.ask(options.clone()).connect().await {
        Ok(mut connection) => {
            let is_own = mark.is_on(&mut connection).await?;
            Ok(Session { connection, is_own })
        }
        Err(error) if is_refused(&error) => {
            Ok(Session { connection: options.connect().await?, is_own: false })
        }
        Err(error) => Err(error.into()),
    }
}
