//! API keys without their secrets, as administrators read them.

use super::{Listed, Page, PageRequest, not_found, users};
use crate::{
    auth::Actor,
    error::{Result, StoreError},
    permit,
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
};
use rolegate_rbac::{
    refusal::Kind,
    text::{Label, UserId},
};

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The readable part.
    pub id: String,
    /// Whose key it is.
    pub user: UserId,
    /// What it is for.
    pub label: Label,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it ends, in seconds since 1970; `None` for never.
    pub expires_at: Option<i64>,
}

impl Listed for KeyRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A page of a user's keys.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn list(tx: &mut Tx, actor: &Actor, user: &UserId, page: &PageRequest) -> Result<Page<KeyRecord>> {
    permit::permit_self_or_users_manage(tx, actor, user).await?;
    if users::find(tx, user).await?.is_none() {
        return Err(not_found(Kind::User, user));
    }
    let sql = "SELECT id, user_id, label, created_at, expires_at FROM api_keys
               WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    let rows = tx.rows(sql, &[Text(user.as_str()), Text(page.after()), Int(page.limit())]).await?;
    let keys = rows.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Page::cut(keys, page))
}

fn record(row: &Row) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        id: row.text(0)?,
        user: row.parsed(1, UserId::parse)?,
        label: row.parsed(2, Label::parse)?,
        created_at: row.int(3)?,
        expires_at: row.maybe_int(4)?,
    })
}
