//! Which custom roles are offered to which groups.

use super::{
    super::{change::Subject, error::Result, tx::Arg::Text, write::WriteTx},
    roles::{refuse_built_in, refuse_in_use},
};
use rolegate_rbac::{
    level::SiteAction,
    refusal::{Kind, Refusal},
    role::BuiltIn,
    text::{GroupId, RoleId},
};

/// Offers a custom role to a group. Built-in roles are offered everywhere: offering one changes nothing.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn offer(w: &mut WriteTx, group: &GroupId, role: &RoleId) -> Result<()> {
    permit_existing(w, group, role).await?;
    w.edited(&Subject::Group(group.clone())).await?;
    if BuiltIn::from_id(role.as_str()).is_some() {
        return Ok(());
    }
    let sql = "INSERT INTO role_offers (group_id, role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    if w.tx.run(sql, &[Text(group.as_str()), Text(role.as_str())]).await? > 0 {
        w.changed(Subject::Group(group.clone())).await?;
    }
    Ok(())
}

/// Takes an offer back; refused while the role is assigned in the group's projects or template.
pub async fn withdraw(w: &mut WriteTx, group: &GroupId, role: &RoleId) -> Result<()> {
    permit_existing(w, group, role).await?;
    let args = [Text(group.as_str()), Text(role.as_str())];
    if BuiltIn::from_id(role.as_str()).is_none() {
        let offered =
            w.tx.row("SELECT 1 FROM role_offers WHERE group_id = $1 AND role_id = $2", &args).await?;
        offered.ok_or_else(|| Refusal::NotFound { kind: Kind::Offer, id: role.to_string() })?;
    }
    w.edited(&Subject::Group(group.clone())).await?;
    refuse_built_in(role)?;
    refuse_in_use(w, role, Some(group)).await?;
    w.tx.run("DELETE FROM role_offers WHERE group_id = $1 AND role_id = $2", &args).await?;
    w.changed(Subject::Group(group.clone())).await
}

async fn permit_existing(w: &mut WriteTx, group: &GroupId, role: &RoleId) -> Result<()> {
    w.permit_on_site(SiteAction::CustomRolesManage).await?;
    w.existing(&Subject::Group(group.clone())).await?;
    w.existing(&Subject::Role(role.clone())).await.map(drop)
}
