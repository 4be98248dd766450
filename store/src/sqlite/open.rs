//! Opening a store's file, with every check before the first use.

use super::{
    files,
    log::{self, beside},
    stamp::Stamp,
};
use crate::{error::StoreError, file_identity::FileIdentity, migrations, revision::Epoch};
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::Mutex;

/// "rlgt": marks a file as ours in SQLite's own header.
pub(super) const APPLICATION_ID: i64 = 0x726c_6774;
/// How long to wait for a lock, and for a free connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// The connections to one file.
pub(super) struct Handles {
    pub(super) readers: SqlitePool,
    pub(super) writer: SqlitePool,
    pub(super) identity: FileIdentity,
    /// The file that SQLite keeps beside the store for what is not yet in it.
    log: Option<FileIdentity>,
    watcher: Mutex<Watcher>,
}

/// A connection that never writes, and so sees SQLite's `data_version` move with every commit of any other.
struct Watcher {
    connection: Option<SqliteConnection>,
    data_version: i64,
    log: PathBuf,
    /// The log's, before the last look.
    stamp: Option<Stamp>,
}

impl Handles {
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(connection) = self.take_watcher().await {
            // It never writes: there is nothing that could be lost.
            let _ = connection.close().await;
        }
    }

    /// Whoever watches for commits cannot do so any more.
    pub(super) async fn take_watcher(&self) -> Option<SqliteConnection> {
        self.watcher.lock().await.connection.take()
    }

    /// Whether anyone has committed since the last look.
    pub(super) async fn has_new_data(&self) -> Result<bool, StoreError> {
        let mut watcher = self.watcher.lock().await;
        // Whoever commits writes to the log. To ask SQLite wakes two threads, and takes many times as long.
        let stamp = Stamp::of(&watcher.log);
        if stamp.is_some_and(|stamp| stamp.is_settled()) && stamp == watcher.stamp {
            return Ok(false);
        }
        let closed = || StoreError::Unavailable("the role store is closed".to_owned());
        let seen = data_version(watcher.connection.as_mut().ok_or_else(closed)?).await?;
        watcher.stamp = stamp;
        Ok(std::mem::replace(&mut watcher.data_version, seen) != seen)
    }

    /// Takes the log of a file that was replaced out of the new file's way.
    pub(super) fn forget_log(&self, path: &Path) -> Result<(), StoreError> {
        self.log.map_or(Ok(()), |log| log::remove(path, log))
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    pragma(connection, "PRAGMA data_version").await
}

pub(super) async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, StoreError> {
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get(0)?)
}

/// Opens a store's file; every check comes before the first change to it.
pub(super) async fn open(path: &Path) -> Result<Handles, StoreError> {
    // A file that cannot be seen, because of its folder's permissions or a disk in trouble, may be there all the same.
    if !path.try_exists().map_err(|error| unavailable(path, &error))? {
        let hint = "make one with `rolegate init`";
        return Err(StoreError::NotOurs(format!("there is no role store at `{}`: {hint}", path.display())));
    }
    if path.is_dir() {
        return Err(StoreError::NotOurs(format!("`{}` is a directory, and no role store", path.display())));
    }
    let identity = FileIdentity::of(path)?;
    log::refuse_foreign(path, identity).await?;
    inspect(path).await?;
    let mut connection = options(path).connect().await.map_err(|error| of_file(path, error))?;
    migrate(&mut connection).await?;
    connection.close().await?;
    let handles = connect(path, identity).await?;
    adopt(&handles).await?;
    Ok(handles)
}

async fn connect(path: &Path, identity: FileIdentity) -> Result<Handles, StoreError> {
    let pool = || kept_open().acquire_timeout(PATIENCE);
    let readers =
        pool().max_connections(READERS).connect_with(options(path).pragma("query_only", "ON")).await?;
    let writer = pool().max_connections(1).connect_with(options(path)).await?;
    let mut connection = options(path).pragma("query_only", "ON").connect().await?;
    let data_version = data_version(&mut connection).await?;
    // Reading has made the log, if it was not there.
    let [_, log_path, ..] = files(path);
    let log = FileIdentity::of(&log_path).ok();
    let watcher = Watcher { connection: Some(connection), data_version, log: log_path, stamp: None };
    Ok(Handles { readers, writer, identity, log, watcher: Mutex::new(watcher) })
}

/// Connections that are neither tried before they are used nor closed for their age: a file does not hang up. Whoever
/// gives up while one is tried leaves it to be closed by its own thread, which nobody waits for: if that was the last one,
/// the end of the process could come first, and leave the log beside the file.
fn kept_open() -> SqlitePoolOptions {
    SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None)
}

/// Looks at the file without changing it: is it a database, is it ours, is it whole, is it not too new?
async fn inspect(path: &Path) -> Result<(), StoreError> {
    let looking = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(PATIENCE);
    let looking = looking.disable_statement_logging();
    let mut connection = looking.connect().await.map_err(|error| of_file(path, error))?;
    let id = pragma(&mut connection, "PRAGMA application_id").await.map_err(|error| in_file(path, error))?;
    if id != APPLICATION_ID {
        let what = "is not a rolegate store";
        return Err(StoreError::NotOurs(format!("`{}` {what}; nothing in it was changed", path.display())));
    }
    let findings = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
    let finding: String = findings.map_err(|error| in_file(path, error.into()))?.try_get(0)?;
    if finding != "ok" {
        let restore = "restore it from a backup";
        return Err(StoreError::Corrupt(format!("`{}`: {finding}; {restore}", path.display())));
    }
    refuse_cut_short(path, &mut connection).await?;
    refuse_newer(&mut connection).await?;
    Ok(connection.close().await?)
}

/// A file that ends within a page reads as if zeros followed. With a log beside it, the log may hold the whole page.
async fn refuse_cut_short(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    let page = pragma(connection, "PRAGMA page_size").await?.try_into().unwrap_or(1_u64);
    if size(&beside(path, "-wal")) == 0 && size(path) % page.max(1) != 0 {
        let what = "the file ends within a page: restore it from a backup";
        return Err(StoreError::Corrupt(format!("`{}`: {what}", path.display())));
    }
    Ok(())
}

async fn refuse_newer(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found = pragma(connection, "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").await?;
    let known = migrations::SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(()) }
}

pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    migrations::SQLITE.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Corrupt(other.to_string()),
    })
}

/// A store whose recorded file is another one is a copy or a restored backup: its history may fork from the one that
/// tokens were given for, so it gets an epoch of its own.
async fn adopt(handles: &Handles) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT epoch, file_identity FROM store WHERE id = 1")
        .fetch_one(&handles.readers)
        .await?;
    let (epoch, recorded): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if recorded == handles.identity.to_string() {
        return Ok(());
    }
    tracing::warn!("the role store's file is a copy or a restored backup: starting a new epoch");
    let epoch = Epoch::parse(&epoch).ok_or_else(|| StoreError::Corrupt(format!("epoch `{epoch}`")))?;
    renew_epoch(&handles.writer, epoch, handles.identity).await?;
    // Into the file itself: a log that is found beside a file which says to be another one counts as foreign.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&handles.writer).await?;
    Ok(())
}

/// Sets a new epoch if it is still the old one, and records which file this is.
pub(super) async fn renew_epoch(
    writer: &SqlitePool,
    old: Epoch,
    identity: FileIdentity,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE store SET epoch = $1, file_identity = $2 WHERE id = 1 AND epoch = $3")
        .bind(Epoch::random()?.to_string())
        .bind(identity.to_string())
        .bind(old.to_string())
        .execute(writer)
        .await?;
    Ok(())
}

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit that was acknowledged survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

pub(super) fn exists(path: &Path) -> StoreError {
    StoreError::NotOurs(format!("`{}` exists already; nothing was changed", path.display()))
}

pub(super) fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {error}", path.display()))
}

fn of_file(path: &Path, error: sqlx::Error) -> StoreError {
    in_file(path, error.into())
}

/// Names the file in an error about what it holds.
pub(super) fn in_file(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(what) => StoreError::Corrupt(format!(
            "`{}`: {what}; it is no rolegate store, or damaged: restore it from a backup",
            path.display()
        )),
        StoreError::Unavailable(what) => StoreError::Unavailable(format!("`{}`: {what}", path.display())),
        other => other,
    }
}
