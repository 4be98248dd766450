//! Project roles, as administrators read them.

use super::{Listed, Page, PageRequest, not_found};
use crate::{
    error::{Result, StoreError},
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
};
use rolegate_rbac::{
    refusal::Kind,
    role::{BuiltIn, Role, RoleActions},
    text::{Label, RoleId},
};

/// A role and when it last changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRecord {
    /// The role.
    pub role: Role,
    /// When it last changed; 0 for built-in roles.
    pub revision: u64,
}

impl Listed for RoleRecord {
    fn id(&self) -> &str {
        self.role.id.as_str()
    }
}

/// One role. What roles there are is no secret: any enabled user may read them.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn get(tx: &mut Tx, id: &RoleId) -> Result<RoleRecord> {
    find(tx, id).await?.ok_or_else(|| not_found(Kind::Role, id))
}

/// One role, if there is such.
pub async fn find(tx: &mut Tx, id: &RoleId) -> Result<Option<RoleRecord>, StoreError> {
    let sql = "SELECT id, label, revision FROM roles WHERE id = $1";
    match tx.row(sql, &[Text(id.as_str())]).await? {
        Some(row) => record(tx, &row).await.map(Some),
        None => Ok(None),
    }
}

/// Whether anyone holds the role, on a project or in a template.
pub async fn is_assigned(tx: &mut Tx, id: &RoleId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM project_permissions WHERE role_id = $1
               UNION ALL SELECT 1 FROM template_entries WHERE role_id = $1 LIMIT 1";
    Ok(tx.row(sql, &[Text(id.as_str())]).await?.is_some())
}

/// A page of roles, built-in ones among them.
pub async fn list(tx: &mut Tx, page: &PageRequest) -> Result<Page<RoleRecord>> {
    let sql = "SELECT id, label, revision FROM roles WHERE id > $1 ORDER BY id LIMIT $2";
    let mut roles = Vec::new();
    for row in tx.rows(sql, &[Text(page.after()), Int(page.limit())]).await? {
        roles.push(record(tx, &row).await?);
    }
    Ok(Page::cut(roles, page))
}

async fn record(tx: &mut Tx, row: &Row) -> Result<RoleRecord, StoreError> {
    let id = row.parsed(0, RoleId::parse)?;
    if let Some(role) = BuiltIn::from_id(id.as_str()).and_then(Role::built_in) {
        return Ok(RoleRecord { role, revision: 0 });
    }
    let rows = tx.rows("SELECT action FROM role_actions WHERE role_id = $1", &[Text(id.as_str())]).await?;
    let names = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    let actions = RoleActions::from_names(names.iter().map(String::as_str));
    let role = Role { id, label: row.parsed(1, Label::parse)?, actions, built_in: false };
    Ok(RoleRecord { role, revision: row.count(2)? })
}
