//! Where a store in PostgreSQL stands, in which of the histories that may bear its name.

use super::super::{
    error::StoreError,
    revision::{Epoch, Head},
};
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, postgres::PgRow};

/// What makes a cluster and a history one: the random epoch is copied with a dump and with a standby.
///
/// The cluster's identifier, the timeline (which a promotion or a recovery begins anew), and the table itself (which a
/// restored dump makes anew). A server that only speaks the protocol may know none of them.
macro_rules! identity {
    () => {
        "tableoid::bigint, (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(), \
         CASE WHEN pg_is_in_recovery() THEN NULL \
         ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END"
    };
}

/// Fails where the identity is not to be had.
pub(super) const TRIES_IDENTITY: &str = concat!("SELECT ", identity!(), " FROM pg_class LIMIT 1");

/// The statements that begin a transaction and tell where the store stands in it.
macro_rules! begin {
    (read $(, $identity:expr)?) => {
        concat!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '3s'; ",
            "SELECT epoch, revision, stamp, schema, usable_from", $(", ", $identity,)? " FROM store WHERE id = 1"
        )
    };
    // A writer that stops in the middle must not hold the lock for as long as TCP lives.
    (write $(, $identity:expr)?) => {
        concat!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '5s'; ",
            "SET LOCAL synchronous_commit = 'on'; SET LOCAL idle_in_transaction_session_timeout = '30s'; ",
            "SELECT epoch, revision, stamp, schema, usable_from", $(", ", $identity,)?
            " FROM store WHERE id = 1 FOR UPDATE"
        )
    };
}

/// How to begin transactions on a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) read: &'static str,
    pub(super) write: &'static str,
    has_identity: bool,
}

/// On a server that can say which cluster it is, and on which timeline.
pub(super) const WITH_IDENTITY: Begin =
    Begin { read: begin!(read, identity!()), write: begin!(write, identity!()), has_identity: true };
/// On any other.
pub(super) const WITHOUT_IDENTITY: Begin =
    Begin { read: begin!(read), write: begin!(write), has_identity: false };

/// The newest schema that this binary knows.
pub(super) const KNOWN_SCHEMA: i64 = 1;

/// Reads where the store stands from the row that beginning a transaction answers.
pub(super) fn head(row: &PgRow, begin: Begin) -> Result<Head, StoreError> {
    check_schema(row.try_get(3)?, row.try_get(4)?)?;
    let text: String = row.try_get(0)?;
    let stored = Epoch::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("epoch `{text}`")))?;
    let revision: i64 = row.try_get(1)?;
    let revision = revision.try_into().map_err(|_| StoreError::Corrupt(format!("revision {revision}")))?;
    let epoch = if begin.has_identity { epoch_here(row, stored)? } else { stored };
    Ok(Head { epoch, revision, stamp: row.try_get(2)? })
}

/// Forward only: a binary works with a newer schema for as long as that allows it.
fn check_schema(schema: i64, usable_from: i64) -> Result<(), StoreError> {
    if usable_from > KNOWN_SCHEMA {
        return Err(StoreError::Newer { found: schema, known: KNOWN_SCHEMA });
    }
    if schema < KNOWN_SCHEMA {
        let what = format!("the role store has schema {schema}, and this rolegate needs {KNOWN_SCHEMA}");
        return Err(StoreError::NotOurs(format!("{what}: run `rolegate migrate` first")));
    }
    Ok(())
}

/// The epoch of this history in this cluster: a copy of the store elsewhere goes on in an epoch of its own.
fn epoch_here(row: &PgRow, stored: Epoch) -> Result<Epoch, StoreError> {
    let (table, cluster): (i64, i64) = (row.try_get(5)?, row.try_get(6)?);
    if row.try_get(7)? {
        // What a standby has replayed says nothing of what was written since: it could be confirmed for ever.
        let what = "the role store's server is a standby, which does not know how far behind it is";
        return Err(StoreError::Unavailable(format!("{what}: waiting for it to be promoted")));
    }
    let timeline: String = row.try_get(8)?;
    let mut hash = Sha256::new();
    hash.update(stored.to_string());
    hash.update(cluster.to_be_bytes());
    hash.update(timeline);
    hash.update(table.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    Ok(Epoch::from_bytes(bytes))
}
