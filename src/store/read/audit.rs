//! The audit, as site admins read it.

use super::{Listed, Page, PageRequest};
use crate::{
    rbac::refusal::Refusal,
    store::{
        auth::Actor,
        error::{Error, Result, StoreError},
        permit,
        tx::{
            Arg::{Int, Text},
            Row, Tx,
        },
    },
};

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
    let naming = naming(of);
    let sql = "SELECT id, changed_at, actor, credential, kind, subject, was, became FROM audit
               WHERE id > $1 AND changed_at >= $2 AND ($3 = '' OR actor = $3)
                 AND ($4 = '' OR subject = $4 OR was LIKE $5 ESCAPE '\\' OR became LIKE $5 ESCAPE '\\')
               ORDER BY id LIMIT $6";
    let since = Int(filter.since.unwrap_or(i64::MIN));
    let args = [Text(page.after()), since, Text(by), Text(of), Text(&naming), Int(page.limit())];
    let entries = tx.rows(sql, &args).await?.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Page::cut(entries, page))
}

/// The pattern of JSON that names something.
fn naming(id: &str) -> String {
    let mut pattern = String::from("%");
    for letter in serde_json::Value::from(id).to_string().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let id = row.text(0)?;
    let revision = id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let revision = revision.ok_or_else(|| StoreError::Corrupt(format!("audit entry `{id}`")))?;
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
