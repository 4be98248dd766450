//! The audit, as site admins read it.

use super::{Listed, Page, PageRequest};
use crate::{
    audit::revision_of_entry,
    auth::Actor,
    error::{Error, Result, StoreError},
    permit,
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
};
use rolegate_rbac::refusal::Refusal;
use serde_json::Value;

/// What a write made of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Unique; in the order of the writes.
    pub id: String,
    /// The write's revision.
    pub revision: u64,
    /// When, in seconds since 1970.
    pub changed_at: i64,
    /// Who: a user's id, or `operator` for someone at the store itself.
    pub actor: String,
    /// By what they are known: an API key's id and label, or the operating system's user.
    pub credential: String,
    /// What kind of object.
    pub kind: String,
    /// The object's id.
    pub subject: String,
    /// As JSON: the parts that are different now; `null` if there was no such object.
    pub before: String,
    /// The same as they became; `null` if the object is gone.
    pub after: String,
}

impl Listed for AuditEntry {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Which entries are wanted; the default is all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Those by this user, or `operator`.
    pub by: Option<String>,
    /// Those that are of this object, or name it.
    pub of: Option<String>,
    /// Those from then on, in seconds since 1970.
    pub since: Option<i64>,
}

/// How far the audit reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The history that it is of.
    pub epoch: String,
    /// The id of the oldest entry that is kept; `None` if there are none.
    pub oldest: Option<String>,
    /// The id of the newest entry; `None` if there are none.
    pub newest: Option<String>,
}

/// How far the audit reaches.
///
/// # Errors
/// The store failed.
pub async fn reach(tx: &mut Tx) -> Result<Reach> {
    let oldest = tx.row("SELECT id FROM audit ORDER BY id LIMIT 1", &[]).await?;
    let newest = tx.row("SELECT id FROM audit ORDER BY id DESC LIMIT 1", &[]).await?;
    let id = |row: Option<Row>| row.map(|row| row.text(0)).transpose();
    Ok(Reach { epoch: tx.head().epoch.to_string(), oldest: id(oldest)?, newest: id(newest)? })
}

/// A page of the audit, the oldest entries first.
///
/// # Errors
/// The actor is no site admin, or the store failed.
pub async fn list(
    tx: &mut Tx,
    actor: &Actor,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<AuditEntry>> {
    if !permit::is_superuser(tx, actor).await? {
        return Err(Error::from(Refusal::NotPermitted { takes: "a site admin".to_owned() }));
    }
    // An empty text stands for all: no id is empty.
    let (by, of) = (filter.by.as_deref().unwrap_or(""), filter.of.as_deref().unwrap_or(""));
    // A text that replacing changes holds what was replaced: to the byte, on every database. LIKE ignores case on SQLite.
    let sql = "SELECT id, changed_at, actor, credential, kind, subject, was, became FROM audit
               WHERE id > $1 AND changed_at >= $2 AND ($3 = '' OR actor = $3)
                 AND ($4 = '' OR subject = $4 OR replace(was, $5, '') <> was OR replace(became, $5, '') <> became)
               ORDER BY id LIMIT $6";
    let (since, quoted) = (filter.since.unwrap_or(i64::MIN), Value::from(of).to_string());
    let (mut after, mut found) = (page.after().to_owned(), Vec::new());
    loop {
        let args = [Text(&after), Int(since), Text(by), Text(of), Text(&quoted), Int(page.limit())];
        let entries: Vec<_> = tx.rows(sql, &args).await?.iter().map(entry).collect::<Result<_, _>>()?;
        let is_end = entries.len() <= page.size;
        after = entries.last().map(|last| last.id.clone()).unwrap_or_default();
        // What the database finds may stand there as a word, such as a label.
        found.extend(entries.into_iter().filter(|entry| of.is_empty() || is_of(entry, of)));
        if is_end || found.len() > page.size {
            return Ok(Page::cut(found, page));
        }
    }
}

/// Whether an entry is of an object, or names it.
fn is_of(entry: &AuditEntry, id: &str) -> bool {
    let names = |part: &str| serde_json::from_str(part).is_ok_and(|part| names(&part, id));
    entry.subject == id || names(&entry.before) || names(&entry.after)
}

/// Whether a part of an object has this id where ids are, and not in a word of another meaning.
fn names(part: &Value, id: &str) -> bool {
    let is = |value: &Value| value.as_str() == Some(id);
    let lists = |value: &Value| value.as_array().is_some_and(|all| all.iter().any(is));
    let has = |value: &Value| value.get(id).is_some();
    let holds = |value: &Value| value.as_object().is_some_and(|all| all.values().any(lists));
    part.as_object().into_iter().flatten().any(|(field, value)| match field.as_str() {
        "group" => is(value),
        "keys" | "members" => has(value),
        "permissions" | "template" => has(value) || holds(value),
        "offers" | "projects" | "users" => lists(value),
        _ => false,
    })
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let id = row.text(0)?;
    let revision =
        revision_of_entry(&id).ok_or_else(|| StoreError::Corrupt(format!("audit entry `{id}`")))?;
    Ok(AuditEntry {
        revision,
        changed_at: row.int(1)?,
        actor: row.text(2)?,
        credential: row.text(3)?,
        kind: row.text(4)?,
        subject: row.text(5)?,
        before: row.text(6)?,
        after: row.text(7)?,
        id,
    })
}
