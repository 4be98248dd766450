//! What happened since: how a follower learns of changes, in order and without gaps.

use super::{
    change::{Change, Subject},
    error::StoreError,
    load,
    revision::Head,
    tx::{Arg::Int, Row, Tx},
};
use rolegate_rbac::role::RoleTable;

/// How many revisions a follower catches up by reading changes; further behind, rebuilding is cheaper.
const MOST_CHANGES: u64 = 5_000;

/// What a follower finds.
#[derive(Debug)]
pub enum CatchUp {
    /// The store's history goes on from where the follower is.
    Next {
        /// Where it stands now.
        head: Head,
        /// What happened up to there, in order; empty if nothing did.
        changes: Vec<Change>,
        /// The table of roles as of `head`, if any change names a role.
        roles: Option<RoleTable>,
    },
    /// The changes in between are not to be had: rebuild.
    TooFarBehind,
    /// Another epoch: rebuild.
    OtherEpoch,
    /// The same epoch, yet a history that went back or forked: renew the epoch, then rebuild.
    Forked,
}

/// Reads what happened after `from`, all in one snapshot.
///
/// # Errors
/// The store cannot be read, or holds what it must not.
pub async fn catch_up(tx: &mut Tx, from: Head) -> Result<CatchUp, StoreError> {
    let head = tx.head();
    if head == from {
        return Ok(CatchUp::Next { head, changes: Vec::new(), roles: None });
    }
    if head.epoch != from.epoch {
        return Ok(CatchUp::OtherEpoch);
    }
    if head.revision <= from.revision {
        return Ok(CatchUp::Forked);
    }
    if head.revision - from.revision > MOST_CHANGES {
        let is_other = stamp_at(tx, from.revision).await?.is_some_and(|stamp| stamp != from.stamp);
        return Ok(if is_other { CatchUp::Forked } else { CatchUp::TooFarBehind });
    }
    read_changes(tx, from, head).await
}

/// The stamp of a revision, if its record is still kept.
async fn stamp_at(tx: &mut Tx, revision: u64) -> Result<Option<i64>, StoreError> {
    let revision = i64::try_from(revision).unwrap_or(i64::MAX);
    let row = tx.row("SELECT stamp FROM changes WHERE revision = $1", &[Int(revision)]).await?;
    row.map(|row| row.int(0)).transpose()
}

async fn read_changes(tx: &mut Tx, from: Head, head: Head) -> Result<CatchUp, StoreError> {
    let since = i64::try_from(from.revision).unwrap_or(i64::MAX);
    let sql = "SELECT revision, stamp, subjects FROM changes WHERE revision >= $1 ORDER BY revision";
    let mut rows = tx.rows(sql, &[Int(since)]).await?.into_iter();
    // The record of where the follower is tells whether this is still the history that it followed.
    match rows.next() {
        Some(row) if row.count(0)? != from.revision => return Ok(CatchUp::TooFarBehind),
        Some(row) if row.int(1)? != from.stamp => return Ok(CatchUp::Forked),
        Some(_) => {}
        None => return Ok(CatchUp::TooFarBehind),
    }
    let Some(changes) = rows.map(|row| change(&row)).collect::<Result<Option<Vec<_>>, _>>()? else {
        return Ok(CatchUp::TooFarBehind);
    };
    let complete = (from.revision + 1..=head.revision).eq(changes.iter().map(|change| change.revision));
    if !complete {
        return Ok(CatchUp::TooFarBehind);
    }
    let names_a_role =
        changes.iter().flat_map(|change| &change.subjects).any(|s| matches!(s, Subject::Role(_)));
    let roles = if names_a_role { Some(load::roles(tx).await?) } else { None };
    Ok(CatchUp::Next { head, changes, roles })
}

/// One record; `None` if it names a kind of thing that this binary does not know: then only a rebuild is safe.
fn change(row: &Row) -> Result<Option<Change>, StoreError> {
    let subjects: Option<Vec<_>> = row.text(2)?.lines().map(Subject::from_line).collect();
    Ok(match subjects {
        Some(subjects) => Some(Change { revision: row.count(0)?, stamp: row.int(1)?, subjects }),
        None => None,
    })
}
