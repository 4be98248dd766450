//! Users and their site roles.

use super::super::{
    change::Subject,
    error::Result,
    tx::{Arg::Int, Arg::Text},
    write::WriteTx,
};
use rolegate_rbac::{
    level::{SiteAction, SiteRole},
    refusal::Refusal,
    text::{GearName, GroupId, ProjectId, UserId},
};

/// Makes a user, who holds nothing but the site role.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(w: &mut WriteTx, id: &UserId, site_role: SiteRole, enabled: bool) -> Result<()> {
    w.permit_on_site(SiteAction::UsersManage).await?;
    if site_role != SiteRole::User {
        w.permit_on_site(SiteAction::SiteRolesManage).await?;
    }
    let user = Subject::User(id.clone());
    w.made(&user).await?;
    let sql = "INSERT INTO users (id, site_role, enabled, revision) VALUES ($1, $2, $3, $4)";
    let revision = w.revision_arg();
    w.tx.run(sql, &[Text(id.as_str()), Text(site_role.name()), Int(enabled.into()), revision]).await?;
    w.touch(user);
    Ok(())
}

/// A change to a user; what is absent stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserUpdate {
    /// The new site role.
    pub site_role: Option<SiteRole>,
    /// Whether the user is enabled from now on.
    pub enabled: Option<bool>,
}

/// Changes a user's site role, or disables or enables them.
pub async fn update(w: &mut WriteTx, id: &UserId, update: UserUpdate) -> Result<()> {
    if update.site_role.is_some() {
        w.permit_on_site(SiteAction::SiteRolesManage).await?;
    }
    if update.enabled.is_some() || update.site_role.is_none() {
        w.permit_on_site(SiteAction::UsersManage).await?;
    }
    let user = Subject::User(id.clone());
    w.edited(&user).await?;
    let (role, enabled) = standing(w, id).await?;
    let new = (update.site_role.unwrap_or(role), update.enabled.unwrap_or(enabled));
    if new == (role, enabled) {
        return Ok(());
    }
    if new != (SiteRole::SiteAdmin, true) {
        keep_a_site_admin(w, id).await?;
    }
    let sql = "UPDATE users SET site_role = $2, enabled = $3 WHERE id = $1";
    w.tx.run(sql, &[Text(id.as_str()), Text(new.0.name()), Int(new.1.into())]).await?;
    w.changed(user).await
}

async fn standing(w: &mut WriteTx, id: &UserId) -> Result<(SiteRole, bool)> {
    let sql = "SELECT site_role, enabled FROM users WHERE id = $1";
    let row = w.tx.row(sql, &[Text(id.as_str())]).await?;
    let row = row.ok_or_else(|| super::super::error::StoreError::Corrupt(format!("user `{id}` vanished")))?;
    Ok((row.named(0, SiteRole::from_name)?, row.flag(1)?))
}

/// Refuses if this user is the only enabled site admin.
async fn keep_a_site_admin(w: &mut WriteTx, id: &UserId) -> Result<()> {
    if standing(w, id).await? != (SiteRole::SiteAdmin, true) {
        return Ok(());
    }
    let sql = "SELECT 1 FROM users WHERE site_role = 'site_admin' AND enabled = 1 AND id <> $1";
    w.tx.row(sql, &[Text(id.as_str())]).await?.ok_or(Refusal::LastSiteAdmin)?;
    Ok(())
}

/// Deletes a user with everything they hold: permissions, group roles, template entries, places in gear lists, keys.
pub async fn delete(w: &mut WriteTx, id: &UserId) -> Result<()> {
    w.permit_on_site(SiteAction::UsersManage).await?;
    let user = Subject::User(id.clone());
    w.edited(&user).await?;
    keep_a_site_admin(w, id).await?;
    places_change(w, id).await?;
    let gear = "SELECT gear FROM gear_users WHERE user_id = $1";
    w.changed_all(gear, id.as_str(), |row| row.parsed(0, GearName::parse), Subject::Gear).await?;
    w.tx.run("DELETE FROM users WHERE id = $1", &[Text(id.as_str())]).await?;
    w.touch(user);
    Ok(())
}

/// Takes a user out of all groups, templates and projects.
pub async fn take_off_everything(w: &mut WriteTx, id: &UserId) -> Result<()> {
    w.permit_on_site(SiteAction::UsersManage).await?;
    let user = Subject::User(id.clone());
    w.edited(&user).await?;
    places_change(w, id).await?;
    let places = [
        "DELETE FROM project_permissions WHERE user_id = $1",
        "DELETE FROM group_members WHERE user_id = $1",
        "DELETE FROM template_entries WHERE user_id = $1",
    ];
    let mut taken = 0;
    for place in places {
        taken += w.tx.run(place, &[Text(id.as_str())]).await?;
    }
    if taken > 0 {
        w.changed(user).await?;
    }
    Ok(())
}

/// Whatever a user has a place in changes with that place.
async fn places_change(w: &mut WriteTx, id: &UserId) -> Result<()> {
    let project = "SELECT DISTINCT project_id FROM project_permissions WHERE user_id = $1";
    w.changed_all(project, id.as_str(), |row| row.parsed(0, ProjectId::parse), Subject::Project).await?;
    let group = "SELECT group_id FROM group_members WHERE user_id = $1
                 UNION SELECT group_id FROM template_entries WHERE user_id = $1";
    w.changed_all(group, id.as_str(), |row| row.parsed(0, GroupId::parse), Subject::Group).await
}
