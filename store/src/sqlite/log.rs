//! The log (`-wal`) that SQLite keeps beside a store's file for what is not yet in it.
//!
//! SQLite finds a log by name alone. After a file was replaced, the old one's log would be read on top of the new one:
//! revoked grants could come back, or two stores be mixed into one.

use super::open::{PATIENCE, unavailable};
use crate::{error::StoreError, file_identity::FileIdentity};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The path with something added to its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Removes the log of a file that was replaced. Whoever has the old file open keeps its log; a log that came with the
/// new file is another one, and stays.
pub(super) fn remove(path: &Path, known: FileIdentity) -> Result<(), StoreError> {
    let (log, index) = (beside(path, "-wal"), beside(path, "-shm"));
    if FileIdentity::of(&log).ok() != Some(known) {
        return Ok(());
    }
    for name in [&index, &log] {
        match fs::remove_file(name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unavailable(name, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a file that says to be another one (a copy, a restored backup) with a log beside it that may not be its own.
pub(super) async fn refuse_foreign(path: &Path, identity: FileIdentity) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    if fs::metadata(&log).map_or(0, |meta| meta.len()) == 0 {
        return Ok(());
    }
    // What cannot be read here is judged by the checks that follow.
    let Some(recorded) = recorded_identity(path).await else { return Ok(()) };
    if recorded == identity.to_string() {
        return Ok(());
    }
    let (path, log) = (path.display(), log.display());
    Err(StoreError::NotOurs(format!(
        "`{path}` was copied or restored, and `{log}` beside it may belong to the file that was there before: reading \
         both would mix two stores. If you restored a backup, remove `{log}` and the `-shm` file beside it"
    )))
}

/// Which file the store says it is, in the file itself, whatever a log says.
async fn recorded_identity(path: &Path) -> Option<String> {
    let looking =
        SqliteConnectOptions::new().filename(path).immutable(true).read_only(true).busy_timeout(PATIENCE);
    let mut connection = looking.disable_statement_logging().connect().await.ok()?;
    let row =
        sqlx::query("SELECT file_identity FROM store WHERE id = 1").fetch_one(&mut connection).await.ok();
    // Nothing was written that closing could lose.
    let _ = connection.close().await;
    row?.try_get(0).ok()
}
