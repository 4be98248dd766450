//! Gears, as administrators read them.

use super::{Listed, Page, PageRequest, not_found};
use crate::{
    auth::Actor,
    error::{Result, StoreError},
    load, permit,
    tx::{
        Arg::{Int, Text},
        Tx,
    },
};
use rolegate_rbac::{gear::GearAccess, level::SiteAction, refusal::Kind, text::GearName};

/// A gear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GearRecord {
    /// The name.
    pub name: GearName,
    /// Whom it is open to.
    pub access: GearAccess,
    /// When it last changed.
    pub revision: u64,
}

impl Listed for GearRecord {
    fn id(&self) -> &str {
        self.name.as_str()
    }
}

/// One gear. Whom it is open to names users and projects: that is for those who may say so.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn get(tx: &mut Tx, actor: &Actor, name: &GearName) -> Result<GearRecord> {
    permit::permit_on_site(tx, actor, SiteAction::GearsRestrict).await?;
    find(tx, name).await?.ok_or_else(|| not_found(Kind::Gear, name))
}

/// One gear, whoever asks.
pub async fn find(tx: &mut Tx, name: &GearName) -> Result<Option<GearRecord>, StoreError> {
    let Some(row) = tx.row("SELECT revision FROM gears WHERE name = $1", &[Text(name.as_str())]).await?
    else {
        return Ok(None);
    };
    let access = load::gear(tx, name).await?;
    let revision = row.count(0)?;
    Ok(access.map(|access| GearRecord { name: name.clone(), access, revision }))
}

/// A page of gears.
pub async fn list(tx: &mut Tx, actor: &Actor, page: &PageRequest) -> Result<Page<GearRecord>> {
    permit::permit_on_site(tx, actor, SiteAction::GearsRestrict).await?;
    let sql = "SELECT name FROM gears WHERE name > $1 ORDER BY name LIMIT $2";
    let mut gears = Vec::new();
    for row in tx.rows(sql, &[Text(page.after()), Int(page.limit())]).await? {
        gears.extend(find(tx, &row.parsed(0, GearName::parse)?).await?);
    }
    Ok(Page::cut(gears, page))
}
