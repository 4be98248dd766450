//! A write transaction: who writes, what it touches, and how it ends.

use super::{
    Store,
    audit::DEFAULT_AUDIT,
    auth::Actor,
    change::Subject,
    error::{Result, StoreError},
    revision::Head,
    tx::{Arg::Int, Arg::Text, Tx},
};
use rolegate_rbac::{custom_role::RequiredActions, refusal::Refusal};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

/// How many revisions of change history are kept unless configured otherwise.
pub const DEFAULT_HISTORY: u64 = 10_000;

/// What every write to a store goes by, whoever writes; configured once for all who write to it.
#[derive(Clone, Copy, Debug)]
pub struct WriteRules {
    /// What every custom role must hold.
    pub required: RequiredActions,
    /// How many revisions of change history to keep.
    pub history: u64,
    /// How many revisions of the audit to keep.
    pub audit: u64,
}

impl Default for WriteRules {
    fn default() -> Self {
        Self { required: RequiredActions::default(), history: DEFAULT_HISTORY, audit: DEFAULT_AUDIT }
    }
}

/// What a writer says beside the edit itself.
#[derive(Clone, Debug)]
pub struct WriteContext {
    /// Who writes.
    pub actor: Actor,
    /// The revision at which the edit's object must last have changed; `None` if the writer does not mind.
    pub expected_revision: Option<u64>,
    /// What every custom role must hold.
    pub required: RequiredActions,
    /// How many revisions of change history to keep.
    pub history: u64,
    /// How many revisions of the audit to keep.
    pub audit: u64,
}

/// A write in progress. Edits run on it; dropped unfinished, it leaves nothing behind.
pub struct WriteTx {
    pub(super) tx: Tx,
    pub(super) context: WriteContext,
    pub(super) superuser: bool,
    /// Whether roles may name actions that this binary does not know.
    pub(super) keeps_unknown: bool,
    touched: BTreeSet<Subject>,
    /// What the objects that are changed were before; null for those that were not there.
    pub(super) before: BTreeMap<Subject, serde_json::Value>,
}

impl WriteTx {
    /// Opens the store's write transaction and checks again, inside it, that the writer's key still holds.
    ///
    /// # Errors
    /// The store cannot be written, or the key was revoked or has expired meanwhile.
    pub async fn begin(store: &dyn Store, context: WriteContext) -> Result<Self> {
        let mut tx = store.write().await?;
        let superuser = context.actor.confirm(&mut tx).await?;
        Ok(Self {
            tx,
            context,
            superuser,
            keeps_unknown: false,
            touched: BTreeSet::new(),
            before: BTreeMap::new(),
        })
    }

    /// Where the store stood before this write.
    #[must_use]
    pub const fn base(&self) -> Head {
        self.tx.head()
    }

    /// The revision that this write makes, if it changes anything.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.tx.head().revision + 1
    }

    /// The same as a value to bind.
    pub(super) fn revision_arg(&self) -> super::tx::Arg<'static> {
        Int(i64::try_from(self.revision()).unwrap_or(i64::MAX))
    }

    /// Holds the edit's object against the revision that the writer expects.
    pub(super) fn expect_revision(&self, found: u64) -> Result<()> {
        match self.context.expected_revision {
            Some(expected) if expected != found => Err(Refusal::RevisionMismatch { expected, found }.into()),
            _ => Ok(()),
        }
    }

    /// Holds the whole store against the revision that the writer expects, once and for all edits to come.
    ///
    /// # Errors
    /// The store stands at another revision.
    pub fn expect_base(&mut self) -> Result<()> {
        self.expect_revision(self.base().revision)?;
        self.context.expected_revision = None;
        Ok(())
    }

    /// Records that the write changes this.
    pub(super) fn touch(&mut self, subject: Subject) {
        self.touched.insert(subject);
    }

    /// The transaction, to read what the write has made so far.
    pub const fn reading(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Demands that the writer may do everything.
    ///
    /// # Errors
    /// The writer is no site admin.
    pub fn permit_superuser(&self) -> Result<()> {
        if self.superuser {
            Ok(())
        } else {
            Err(Refusal::NotPermitted { takes: "a site admin".to_owned() }.into())
        }
    }

    /// From now on roles may name actions that this binary does not know, which grant nothing: for what was made by a newer
    /// one.
    ///
    /// # Errors
    /// The writer is no site admin.
    pub fn keep_unknown_actions(&mut self) -> Result<()> {
        self.permit_superuser()?;
        self.keeps_unknown = true;
        Ok(())
    }

    /// Whether anything has been changed so far.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Ends the write: advances the revision, records the change, commits. A write that touched nothing leaves the
    /// store as it was.
    ///
    /// # Errors
    /// The store failed. If the commit itself failed, whether it took effect is not known.
    pub async fn commit(mut self) -> Result<Head> {
        if !self.is_change() {
            return Ok(self.base());
        }
        let stamp = random_stamp()?;
        let (revision, now) = (self.revision_arg(), Int(unix_seconds()));
        let actor = self.context.actor.name();
        let lines: Vec<_> = self.touched.iter().map(Subject::to_line).collect();
        let record =
            "INSERT INTO changes (revision, stamp, actor, changed_at, subjects) VALUES ($1, $2, $3, $4, $5)";
        let values = [revision, Int(stamp), Text(&actor), now, Text(&lines.join("\n"))];
        self.tx.run(record, &values).await?;
        self.tx
            .run("UPDATE store SET revision = $1, stamp = $2 WHERE id = 1", &[revision, Int(stamp)])
            .await?;
        let oldest = self.revision().saturating_sub(self.context.history.max(1));
        let oldest = i64::try_from(oldest).unwrap_or(i64::MAX);
        self.tx.run("DELETE FROM changes WHERE revision < $1", &[Int(oldest)]).await?;
        self.write_audit().await?;
        let head = Head { revision: self.revision(), stamp, ..self.base() };
        self.tx.commit().await?;
        tracing::info!(actor, revision = head.revision, subjects = lines.len(), "role store changed");
        Ok(head)
    }
}

pub(super) fn random_stamp() -> Result<i64, StoreError> {
    let stamp = getrandom::u64().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(stamp.cast_signed())
}

/// Seconds since 1970 by this machine's clock; used for what people read and for the expiry of keys only.
pub(super) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
