//! Who holds which role in a group.

use super::super::{change::Subject, error::Result, tx::Arg::Text, write::WriteTx};
use rolegate_rbac::{
    level::{GroupAction, GroupRole},
    refusal::{Kind, Refusal},
    text::{GroupId, UserId},
};

/// Gives a user a role in a group, in place of the one held.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn set(w: &mut WriteTx, group: &GroupId, user: &UserId, role: GroupRole) -> Result<()> {
    permit_existing(w, group).await?;
    w.known_user(user).await?;
    w.edited(&Subject::Group(group.clone())).await?;
    let sql = "INSERT INTO group_members (group_id, user_id, role) VALUES ($1, $2, $3)
               ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role
               WHERE group_members.role <> excluded.role";
    let args = [Text(group.as_str()), Text(user.as_str()), Text(role.name())];
    if w.tx.run(sql, &args).await? > 0 {
        member_changed(w, group, user).await?;
    }
    Ok(())
}

/// Takes a user's group role away.
pub async fn remove(w: &mut WriteTx, group: &GroupId, user: &UserId) -> Result<()> {
    permit_existing(w, group).await?;
    let args = [Text(group.as_str()), Text(user.as_str())];
    let held = w.tx.row("SELECT 1 FROM group_members WHERE group_id = $1 AND user_id = $2", &args).await?;
    held.ok_or_else(|| Refusal::NotFound { kind: Kind::Member, id: user.to_string() })?;
    w.edited(&Subject::Group(group.clone())).await?;
    w.tx.run("DELETE FROM group_members WHERE group_id = $1 AND user_id = $2", &args).await?;
    member_changed(w, group, user).await
}

async fn permit_existing(w: &mut WriteTx, group: &GroupId) -> Result<()> {
    w.permit_on_group(group, GroupAction::GroupRolesManage).await?;
    w.existing(&Subject::Group(group.clone())).await.map(drop)
}

async fn member_changed(w: &mut WriteTx, group: &GroupId, user: &UserId) -> Result<()> {
    w.touch(Subject::User(user.clone()));
    w.changed(Subject::Group(group.clone())).await
}
