//! Where a store in PostgreSQL stands, in which of the histories that may bear its name.

use super::super::{
    error::StoreError,
    revision::{Epoch, Head},
};
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, postgres::PgRow};

/// What makes a cluster and a history one: the random epoch is copied with a dump and with a standby.
///
/// The transaction that wrote the epoch (of a restored row it is the one that restored it), the database (of a copy by
/// template it is another one), the cluster's identifier, and the timeline, which a promotion or a recovery begins anew. A
/// server that only speaks the protocol may know none of them.
macro_rules! identity {
    () => {
        "h.xmin::text::bigint, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), \
         (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(), \
         CASE WHEN pg_is_in_recovery() THEN NULL \
         ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END, \
         extract(epoch FROM pg_postmaster_start_time())::text"
    };
}

/// Fails where the identity is not to be had.
pub(super) const TRIES_IDENTITY: &str = concat!("SELECT ", identity!(), " FROM pg_class h LIMIT 1");

/// How many foreign keys a whole store has. While a dump is being restored they come last: what is deleted before they
/// are there leaves its grants behind.
macro_rules! foreign_keys {
    () => {
        "(SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid IN \
         ('users'::regclass, 'roles'::regclass, 'groups'::regclass, 'projects'::regclass, 'gears'::regclass))"
    };
}
const FOREIGN_KEYS: i64 = 17;

/// Tells where the store stands, and in which history.
macro_rules! head {
    ($($identity:expr)?) => {
        concat!(
            "SELECT h.epoch, s.revision, s.stamp, s.schema, s.usable_from", $(", s.server, ", $identity,)?
            " FROM store s, which_history h WHERE s.id = 1 AND h.id = 1"
        )
    };
}

/// The statements that begin a transaction and tell where the store stands in it.
macro_rules! begin {
    (read, $head:expr) => {
        concat!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '1s'; ", $head)
    };
    // A writer that stops in the middle must not hold the lock for as long as TCP lives. What it finds is looked up
    // once it has the lock, by a statement of its own: what was read while waiting for it is of before.
    (write, $head:expr) => {
        concat!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = '5s'; ",
            "SET LOCAL synchronous_commit = 'on'; SET LOCAL idle_in_transaction_session_timeout = '30s'; ",
            "SELECT 1 FROM store WHERE id = 1 FOR UPDATE; ",
            $head
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
pub(super) const WITH_IDENTITY: Begin = Begin {
    read: begin!(read, head!(identity!())),
    write: begin!(write, head!(concat!(identity!(), ", ", foreign_keys!()))),
    has_identity: true,
};
/// On any other.
pub(super) const WITHOUT_IDENTITY: Begin =
    Begin { read: begin!(read, head!()), write: begin!(write, head!()), has_identity: false };

/// What beginning a transaction finds.
pub(super) struct Found {
    pub(super) head: Head,
    /// The run of the server, if it is another one than that in which the history was last vouched for. Files may have been
    /// put back since, and two standbys of one primary may both be promoted to the same next timeline.
    pub(super) unvouched: Option<String>,
}

/// The newest schema that this binary knows.
pub(super) const KNOWN_SCHEMA: i64 = 2;

/// Reads where the store stands from the row that beginning a transaction answers.
pub(super) fn found(row: &PgRow, begin: Begin) -> Result<Found, StoreError> {
    check_schema(row.try_get(3)?, row.try_get(4)?)?;
    let text: String = row.try_get(0)?;
    let stored = Epoch::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("epoch `{text}`")))?;
    let revision: i64 = row.try_get(1)?;
    let revision = revision.try_into().map_err(|_| StoreError::Corrupt(format!("revision {revision}")))?;
    let stamp = row.try_get(2)?;
    if !begin.has_identity {
        return Ok(Found { head: Head { epoch: stored, revision, stamp }, unvouched: None });
    }
    let timeline = timeline(row)?;
    let vouched_for: String = row.try_get(5)?;
    let epoch = epoch_here(stored, [row.try_get(6)?, row.try_get(7)?, row.try_get(8)?], &timeline);
    let server = format!("{timeline} {}", row.try_get::<String, _>(11)?);
    let unvouched = (server != vouched_for).then_some(server);
    Ok(Found { head: Head { epoch, revision, stamp }, unvouched })
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

/// The server's timeline.
fn timeline(row: &PgRow) -> Result<String, StoreError> {
    if row.try_get(9)? {
        // What a standby has replayed says nothing of what was written since: it could be confirmed for ever.
        let what = "the role store's server is a standby, which does not know how far behind it is";
        return Err(StoreError::Unavailable(format!("{what}: waiting for it to be promoted")));
    }
    Ok(row.try_get(10)?)
}

/// Refuses to write to a store that is not whole yet.
pub(super) fn refuse_unfinished(row: &PgRow, begin: Begin) -> Result<(), StoreError> {
    if !begin.has_identity || row.try_get::<i64, _>(12)? >= FOREIGN_KEYS {
        return Ok(());
    }
    let what = "its tables lack foreign keys: it is being restored, or was restored with errors";
    Err(StoreError::Unavailable(format!("{what}; nothing is written until they are there")))
}

/// The epoch of this history in this cluster: a copy of the store elsewhere goes on in an epoch of its own.
fn epoch_here(stored: Epoch, identity: [i64; 3], timeline: &str) -> Epoch {
    let mut hash = Sha256::new();
    hash.update(stored.to_string());
    identity.iter().for_each(|part| hash.update(part.to_be_bytes()));
    hash.update(timeline);
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    Epoch::from_bytes(bytes)
}
