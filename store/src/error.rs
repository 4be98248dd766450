//! What can go wrong in a store.

use crate::aside::CutShort;
use rolegate_rbac::refusal::Refusal;
use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

/// The store itself failed: no answer was reached, and for a write, nothing is known to have changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, is locked, or ended the connection. Trying again may help.
    #[error("the role store is unavailable: {0}")]
    Unavailable(String),
    /// Its server does not let us in, or not do this. Trying again helps once somebody has changed that.
    #[error("the role store's server refuses: {0}")]
    Refused(String),
    /// A write was sent to be committed, and whether it was is not known. Look before trying again.
    #[error("the outcome of the write is not known: {0}")]
    OutcomeUnknown(String),
    /// What it holds breaks its own rules. Trying again does not help.
    #[error("the role store is corrupted: {0}")]
    Corrupt(String),
    /// It is something else.
    #[error("{0}")]
    NotOurs(String),
    /// A newer rolegate has been here.
    #[error(
        "the role store has schema {found}, and this rolegate knows only {known}: it was written by a newer version; \
         run that version or a later one"
    )]
    Newer {
        /// The newest schema version in the store.
        found: i64,
        /// The newest that this binary knows.
        known: i64,
    },
}

/// A refusal by the rules, or a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules refuse; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What store functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<CutShort> for StoreError {
    fn from(cut: CutShort) -> Self {
        Self::Unavailable(cut.to_string())
    }
}

impl From<CutShort> for Error {
    fn from(cut: CutShort) -> Self {
        Self::Store(cut.into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            sqlx::Error::Database(found) => of_database(&**found, &error),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

fn of_database(found: &dyn DatabaseError, error: &sqlx::Error) -> StoreError {
    let code = found.code().unwrap_or_default();
    if found.try_downcast_ref::<PgDatabaseError>().is_some() {
        return match &*code {
            // Data or an index is corrupted.
            "XX001" | "XX002" => StoreError::Corrupt(found.message().to_owned()),
            // A wrong user or password, no such database, or too few rights.
            "28000" | "28P01" | "3D000" | "42501" => StoreError::Refused(found.message().to_owned()),
            // A table or a column is not there.
            "42P01" | "42703" => StoreError::NotOurs(format!(
                "the database holds no role store ({}): make one with `rolegate init`, or bring its schema up to date \
                 with `rolegate migrate`",
                found.message()
            )),
            _ => StoreError::Unavailable(found.message().to_owned()),
        };
    }
    // SQLite's primary codes for a malformed image and for a file that is no database.
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(11 | 26) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
