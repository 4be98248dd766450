//! Who holds which roles on a project.

use super::{
    super::{
        change::Subject,
        error::Result,
        tx::{Arg, Arg::Text},
        write::WriteTx,
    },
    role_ids, some_roles,
};
use rolegate_rbac::{
    action::Action,
    refusal::{Kind, Refusal},
    text::{ProjectId, RoleId, UserId},
};
use std::collections::BTreeSet;

/// Sets a user's roles on a project, in place of those held.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn set(
    w: &mut WriteTx,
    project: &ProjectId,
    user: &UserId,
    roles: &BTreeSet<RoleId>,
) -> Result<()> {
    some_roles(roles)?;
    w.permit_on_project(project, Action::ProjectPermissionsManage).await?;
    let group = w.group_of(project).await?;
    w.known_user(user).await?;
    w.known_roles(roles).await?;
    w.edited(&Subject::Project(project.clone())).await?;
    w.assignable(roles, &group).await?;
    replace(w, project, user, roles).await
}

/// Takes a user off a project.
pub async fn remove(w: &mut WriteTx, project: &ProjectId, user: &UserId) -> Result<()> {
    w.permit_on_project(project, Action::ProjectPermissionsManage).await?;
    w.group_of(project).await?;
    if held(w, project, user).await?.is_empty() {
        return Err(Refusal::NotFound { kind: Kind::Permission, id: user.to_string() }.into());
    }
    w.edited(&Subject::Project(project.clone())).await?;
    replace(w, project, user, &BTreeSet::new()).await
}

/// Makes the user's roles on the project exactly these, whoever asks; none takes the user off it.
pub(super) async fn replace(
    w: &mut WriteTx,
    project: &ProjectId,
    user: &UserId,
    roles: &BTreeSet<RoleId>,
) -> Result<()> {
    if held(w, project, user).await? == *roles {
        return Ok(());
    }
    w.remember(&Subject::Project(project.clone())).await?;
    let sql = "DELETE FROM project_permissions WHERE project_id = $1 AND user_id = $2";
    w.tx.run(sql, &place(project, user)).await?;
    for role in roles {
        let sql = "INSERT INTO project_permissions (project_id, user_id, role_id) VALUES ($1, $2, $3)";
        let [project, user] = place(project, user);
        w.tx.run(sql, &[project, user, Text(role.as_str())]).await?;
    }
    w.touch(Subject::User(user.clone()));
    w.changed(Subject::Project(project.clone())).await
}

async fn held(w: &mut WriteTx, project: &ProjectId, user: &UserId) -> Result<BTreeSet<RoleId>> {
    let sql = "SELECT role_id FROM project_permissions WHERE project_id = $1 AND user_id = $2";
    Ok(role_ids(&w.tx.rows(sql, &place(project, user)).await?)?)
}

fn place<'a>(project: &'a ProjectId, user: &'a UserId) -> [Arg<'a>; 2] {
    [Text(project.as_str()), Text(user.as_str())]
}
