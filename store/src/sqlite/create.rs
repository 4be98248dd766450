//! Making a new store's file.

use super::{
    log::beside,
    open::{APPLICATION_ID, exists, migrate, options, unavailable},
};
use crate::{
    error::StoreError,
    file_identity::FileIdentity,
    revision::Epoch,
    write::{random_stamp, unix_seconds},
};
use sqlx::{ConnectOptions as _, Connection as _};
use std::{
    fs,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// A new store, written beside its final name, and linked there only when it is whole.
pub(super) struct Draft {
    pub(super) path: PathBuf,
}

impl Draft {
    /// A draft for a store of that name, of which there must not be one yet.
    pub(super) fn beside(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(exists(path));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| unavailable(folder, &error))?;
        }
        // Random, since process ids repeat: in a container every start has the same.
        let ending = format!(".new-{:016x}", random_stamp()?);
        Ok(Self { path: beside(path, &ending) })
    }

    /// Writes an empty store.
    pub(super) async fn write(&self) -> Result<(), StoreError> {
        // Only the owner may read who may see what.
        let mut file = fs::OpenOptions::new();
        file.write(true).create_new(true).mode(0o600);
        file.open(&self.path).map_err(|error| unavailable(&self.path, &error))?;
        let options = options(&self.path).pragma("application_id", APPLICATION_ID.to_string());
        let mut connection = options.connect().await?;
        migrate(&mut connection).await?;
        let stamp = random_stamp()?;
        sqlx::query(
            "INSERT INTO store (id, epoch, revision, stamp, file_identity) VALUES (1, $1, 0, $2, $3)",
        )
        .bind(Epoch::random()?.to_string())
        .bind(stamp)
        .bind(FileIdentity::of(&self.path)?.to_string())
        .execute(&mut connection)
        .await?;
        let first = "INSERT INTO changes (revision, stamp, actor, changed_at, subjects) VALUES (0, $1, 'init', $2, '')";
        sqlx::query(first).bind(stamp).bind(unix_seconds()).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Gives the store its name. It keeps its identity: a link is the same file.
    pub(super) fn publish(&self, path: &Path) -> Result<(), StoreError> {
        fs::hard_link(&self.path, path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(path),
            _ => unavailable(path, &error),
        })?;
        // The name must survive a power cut too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| unavailable(folder, &error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // The draft's name has served its purpose, or is of no use; what else SQLite made for it goes too.
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.path, ending));
        }
    }
}
