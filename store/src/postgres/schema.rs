//! The tables of a store: making them, bringing them up to date, and telling whether they are there.

use super::{
    head::{Begin, TRIES_IDENTITY, WITH_IDENTITY, WITHOUT_IDENTITY},
    lease::within,
    session::{self, PATIENCE},
};
use crate::{
    error::StoreError,
    migrations,
    revision::Epoch,
    write::{random_stamp, unix_seconds},
};
use sqlx::{
    Connection as _, Row as _,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgConnection},
};

/// Runs what has not run yet, one process at a time.
pub(super) async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = session::open(options).await?.connection;
    sqlx::raw_sql("SET default_transaction_read_only = off").execute(&mut connection).await?;
    keeps_every_text(&mut connection).await?;
    migrations::POSTGRES.run_direct(None, &mut connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            owner_is_needed(error.into())
        }
        MigrateError::VersionMissing(found) => StoreError::Newer { found, known: super::head::KNOWN_SCHEMA },
        other => StoreError::Corrupt(other.to_string()),
    })?;
    plant(&mut connection).await?;
    Ok(connection.close().await?)
}

fn owner_is_needed(error: StoreError) -> StoreError {
    let StoreError::Refused(why) = error else { return error };
    StoreError::Refused(format!("{why}; run this as the owner of the database, or of the tables in it"))
}

/// Makes sure that every text can be kept as it is.
async fn keeps_every_text(connection: &mut PgConnection) -> Result<(), StoreError> {
    let row = sqlx::raw_sql("SHOW server_encoding").fetch_one(connection).await?;
    let encoding: String = row.try_get(0)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::NotOurs(format!(
        "the database keeps text as {encoding}, and rolegate needs UTF8: make one with CREATE DATABASE ... ENCODING 'UTF8' \
         TEMPLATE template0"
    )))
}

/// Writes the one row of an empty store, unless it is there.
async fn plant(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    let stamp = random_stamp()?;
    let epoch = Epoch::random()?;
    let row = "INSERT INTO store (id, revision, stamp, schema, usable_from) VALUES (1, 0, $1, $2, $2) \
               ON CONFLICT DO NOTHING";
    let planted = sqlx::query(row).bind(stamp).bind(super::head::KNOWN_SCHEMA).execute(&mut *tx).await?;
    if planted.rows_affected() == 1 {
        let history = "INSERT INTO which_history (id, epoch) VALUES (1, $1)";
        sqlx::query(history).bind(epoch.to_string()).execute(&mut *tx).await?;
        let first = "INSERT INTO changes (revision, stamp, actor, changed_at, subjects) VALUES (0, $1, 'init', $2, '')";
        sqlx::query(first).bind(stamp).bind(unix_seconds()).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Refuses a database that holds a store somebody has written to.
pub(super) async fn refuse_existing(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = session::open(options).await?.connection;
    let found = sqlx::query("SELECT revision FROM store WHERE id = 1").fetch_optional(&mut connection).await;
    let revision: i64 = match found {
        Ok(Some(row)) => row.try_get(0)?,
        Ok(None) => 0,
        Err(error) if is_undefined(&error) => 0,
        Err(error) => return Err(error.into()),
    };
    connection.close().await?;
    if revision == 0 {
        return Ok(());
    }
    let database = options.get_database().unwrap_or_default();
    Err(StoreError::NotOurs(format!(
        "the database `{database}` has a role store already; nothing was changed"
    )))
}

/// Whether a table or a function is not there.
fn is_undefined(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("42P01" | "42883"))
}

/// What a server can do beside what every one must.
pub(super) struct Server {
    pub(super) begin: Begin,
    pub(super) announces: bool,
}

/// Finds out what the server can do.
pub(super) async fn probe(options: &PgConnectOptions) -> Result<Server, StoreError> {
    let mut connection = session::open(options).await?.connection;
    let identity = refusal(&mut connection, TRIES_IDENTITY).await?;
    let notify = refusal(&mut connection, "NOTIFY rolegate_changes").await?;
    connection.close().await?;
    if let Some(why) = &identity {
        let advice =
            "after a restore or a promotion, give it a new epoch with `rolegate migrate --new-epoch`";
        tracing::warn!(why, "the role store's server does not tell which cluster it is: {advice}");
    }
    let begin = if identity.is_none() { WITH_IDENTITY } else { WITHOUT_IDENTITY };
    Ok(Server { begin, announces: notify.is_none() })
}

/// What the server has against a statement; `None` if it runs it.
async fn refusal(connection: &mut PgConnection, sql: &'static str) -> Result<Option<String>, StoreError> {
    let tried = sqlx::raw_sql(sql).fetch_all(connection);
    match within(PATIENCE, "the server does not answer", tried).await? {
        Ok(_) => Ok(None),
        Err(sqlx::Error::Database(error)) if !error.code().is_some_and(|code| code.starts_with("57")) => {
            Ok(Some(error.message().to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}
