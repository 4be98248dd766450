//! Project templates: what a group's new projects start with.

use super::{
    super::{
        change::Subject,
        error::{Error, Result},
        tx::{Arg, Arg::Text},
        write::WriteTx,
    },
    permissions, role_ids, some_roles,
};
use rolegate_rbac::{
    action::Action,
    level::GroupAction,
    refusal::{Kind, Refusal},
    text::{GroupId, ProjectId, RoleId, UserId},
};
use std::collections::BTreeSet;

/// Sets a user's roles in a group's template, in place of those held there. With `propagate`, every project of the
/// group is brought in line for this user.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn set(
    w: &mut WriteTx,
    group: &GroupId,
    user: &UserId,
    roles: &BTreeSet<RoleId>,
    propagate: bool,
) -> Result<()> {
    some_roles(roles)?;
    permit_existing(w, group, propagate).await?;
    w.known_user(user).await?;
    w.known_roles(roles).await?;
    w.edited(&Subject::Group(group.clone())).await?;
    w.assignable(roles, group).await?;
    replace(w, group, user, roles, propagate).await
}

/// Takes a user out of a group's template. With `propagate`, off every project of the group too.
pub async fn remove(w: &mut WriteTx, group: &GroupId, user: &UserId, propagate: bool) -> Result<()> {
    permit_existing(w, group, propagate).await?;
    if held(w, group, user).await?.is_empty() {
        return Err(Refusal::NotFound { kind: Kind::TemplateEntry, id: user.to_string() }.into());
    }
    w.edited(&Subject::Group(group.clone())).await?;
    replace(w, group, user, &BTreeSet::new(), propagate).await
}

/// Propagating takes a right on every project: otherwise a group's admin could make themselves admin of projects that
/// they may not see.
async fn permit_existing(w: &mut WriteTx, group: &GroupId, propagate: bool) -> Result<()> {
    w.permit_on_group(group, GroupAction::ProjectTemplateManage).await?;
    if propagate && !w.superuser {
        for project in projects_of(w, group).await? {
            w.permit_on_project(&project, Action::ProjectPermissionsManage).await.map_err(every_project)?;
        }
    }
    w.existing(&Subject::Group(group.clone())).await.map(drop)
}

fn every_project(error: Error) -> Error {
    match error {
        Error::Refused(Refusal::NotPermitted { .. }) => Refusal::NotPermitted {
            takes: "`project_permissions_manage` on every project of the group, or a site admin".to_owned(),
        }
        .into(),
        other => other,
    }
}

async fn replace(
    w: &mut WriteTx,
    group: &GroupId,
    user: &UserId,
    roles: &BTreeSet<RoleId>,
    propagate: bool,
) -> Result<()> {
    if held(w, group, user).await? != *roles {
        let sql = "DELETE FROM template_entries WHERE group_id = $1 AND user_id = $2";
        w.tx.run(sql, &place(group, user)).await?;
        for role in roles {
            let sql = "INSERT INTO template_entries (group_id, user_id, role_id) VALUES ($1, $2, $3)";
            let [group, user] = place(group, user);
            w.tx.run(sql, &[group, user, Text(role.as_str())]).await?;
        }
        w.changed(Subject::Group(group.clone())).await?;
    }
    if propagate {
        for project in projects_of(w, group).await? {
            permissions::replace(w, &project, user, roles).await?;
        }
    }
    Ok(())
}

async fn held(w: &mut WriteTx, group: &GroupId, user: &UserId) -> Result<BTreeSet<RoleId>> {
    let sql = "SELECT role_id FROM template_entries WHERE group_id = $1 AND user_id = $2";
    Ok(role_ids(&w.tx.rows(sql, &place(group, user)).await?)?)
}

fn place<'a>(group: &'a GroupId, user: &'a UserId) -> [Arg<'a>; 2] {
    [Text(group.as_str()), Text(user.as_str())]
}

async fn projects_of(w: &mut WriteTx, group: &GroupId) -> Result<Vec<ProjectId>> {
    let rows =
        w.tx.rows("SELECT id FROM projects WHERE group_id = $1 ORDER BY id", &[Text(group.as_str())]).await?;
    Ok(rows.iter().map(|row| row.parsed(0, ProjectId::parse)).collect::<Result<_, _>>()?)
}
