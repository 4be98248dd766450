//! Users, as administrators read them.

use super::{Listed, Page, PageRequest, not_found};
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
    level::{SiteAction, SiteRole},
    refusal::Kind,
    text::UserId,
};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The id.
    pub id: UserId,
    /// The one site role.
    pub site_role: SiteRole,
    /// Whether the user is enabled.
    pub enabled: bool,
    /// When it last changed.
    pub revision: u64,
}

impl Listed for UserRecord {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// One user.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn get(tx: &mut Tx, actor: &Actor, id: &UserId) -> Result<UserRecord> {
    permit::permit_self_or_users_manage(tx, actor, id).await?;
    find(tx, id).await?.ok_or_else(|| not_found(Kind::User, id))
}

/// One user, whoever asks.
pub async fn find(tx: &mut Tx, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
    let sql = "SELECT id, site_role, enabled, revision FROM users WHERE id = $1";
    tx.row(sql, &[Text(id.as_str())]).await?.map(|row| record(&row)).transpose()
}

/// A page of users.
pub async fn list(tx: &mut Tx, actor: &Actor, page: &PageRequest) -> Result<Page<UserRecord>> {
    permit::permit_on_site(tx, actor, SiteAction::UsersManage).await?;
    let sql = "SELECT id, site_role, enabled, revision FROM users WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = tx.rows(sql, &[Text(page.after()), Int(page.limit())]).await?;
    let users = rows.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Page::cut(users, page))
}

fn record(row: &Row) -> Result<UserRecord, StoreError> {
    Ok(UserRecord {
        id: row.parsed(0, UserId::parse)?,
        site_role: row.named(1, SiteRole::from_name)?,
        enabled: row.flag(2)?,
        revision: row.count(3)?,
    })
}
