//! Custom roles.

use super::{
    super::{
        change::Subject,
        error::{Error, Result, StoreError},
        read,
        tx::Arg::Text,
        write::WriteTx,
    },
    new_id,
};
use rolegate_rbac::{
    custom_role::faults_of_actions,
    level::SiteAction,
    refusal::{Refusal, RoleUse},
    role::{BuiltIn, RoleActions},
    text::{GroupId, Label, ProjectId, RoleId},
};

/// How many holders a refusal names.
const FIRST: usize = 5;

/// Makes a custom role, and tells its id.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(
    w: &mut WriteTx,
    id: Option<RoleId>,
    label: &Label,
    actions: &RoleActions,
) -> Result<RoleId> {
    w.permit_on_site(SiteAction::CustomRolesManage).await?;
    let id = match id {
        Some(id) => id,
        None => RoleId::parse(&new_id()?).map_err(|error| StoreError::Corrupt(error.to_string()))?,
    };
    let role = Subject::Role(id.clone());
    w.made(&role).await?;
    judge(w, &id, label, actions, &RoleActions::default()).await?;
    let revision = w.revision_arg();
    let sql = "INSERT INTO roles (id, label, built_in, revision) VALUES ($1, $2, 0, $3)";
    w.tx.run(sql, &[Text(id.as_str()), Text(label.as_str()), revision]).await?;
    write_actions(w, &id, actions).await?;
    w.touch(role);
    Ok(id)
}

/// Changes a custom role's label or actions, for all its holders at once; what is absent stays.
pub async fn update(
    w: &mut WriteTx,
    id: &RoleId,
    label: Option<&Label>,
    actions: Option<&RoleActions>,
) -> Result<()> {
    w.permit_on_site(SiteAction::CustomRolesManage).await?;
    let role = Subject::Role(id.clone());
    w.existing(&role).await?;
    refuse_built_in(id)?;
    w.edited(&role).await?;
    let (old_label, old_actions) = held(w, id).await?;
    let label = label.unwrap_or(&old_label);
    let actions = actions.unwrap_or(&old_actions);
    if *label == old_label && *actions == old_actions {
        return Ok(());
    }
    judge(w, id, label, actions, &old_actions).await?;
    w.tx.run("UPDATE roles SET label = $2 WHERE id = $1", &[Text(id.as_str()), Text(label.as_str())]).await?;
    if *actions != old_actions {
        w.tx.run("DELETE FROM role_actions WHERE role_id = $1", &[Text(id.as_str())]).await?;
        write_actions(w, id, actions).await?;
    }
    w.changed(role).await
}

/// Deletes a custom role that is assigned nowhere, and withdraws it from every group.
pub async fn delete(w: &mut WriteTx, id: &RoleId) -> Result<()> {
    w.permit_on_site(SiteAction::CustomRolesManage).await?;
    let role = Subject::Role(id.clone());
    w.existing(&role).await?;
    refuse_built_in(id)?;
    w.edited(&role).await?;
    refuse_in_use(w, id, None).await?;
    let groups = "SELECT group_id FROM role_offers WHERE role_id = $1";
    w.changed_all(groups, id.as_str(), |row| row.parsed(0, GroupId::parse), Subject::Group).await?;
    w.tx.run("DELETE FROM role_offers WHERE role_id = $1", &[Text(id.as_str())]).await?;
    w.tx.run("DELETE FROM roles WHERE id = $1", &[Text(id.as_str())]).await?;
    w.touch(role);
    Ok(())
}

/// Frees a role's label for another, for a writer who may do everything and labels or deletes this one next.
pub async fn give_label_up(w: &mut WriteTx, id: &RoleId) -> Result<()> {
    w.permit_superuser()?;
    w.remember(&Subject::Role(id.clone())).await?;
    let nobodys = new_id()?;
    w.tx.run("UPDATE roles SET label = $2 WHERE id = $1", &[Text(id.as_str()), Text(&nobodys)]).await?;
    w.changed(Subject::Role(id.clone())).await
}

/// Names every fault of a custom role at once.
async fn judge(
    w: &mut WriteTx,
    id: &RoleId,
    label: &Label,
    actions: &RoleActions,
    kept: &RoleActions,
) -> Result<()> {
    let mut faults = faults_of_actions(actions, w.context.required, kept);
    if w.keeps_unknown {
        faults.unknown.clear();
    }
    let sql = "SELECT 1 FROM roles WHERE label = $1 AND id <> $2";
    if w.tx.row(sql, &[Text(label.as_str()), Text(id.as_str())]).await?.is_some() {
        faults.label_taken = Some(label.to_string());
    }
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Role(faults).into()) }
}

pub(super) fn refuse_built_in(id: &RoleId) -> Result<()> {
    match BuiltIn::from_id(id.as_str()) {
        Some(_) => Err(Refusal::BuiltInRole { role: id.clone() }.into()),
        None => Ok(()),
    }
}

/// Refuses if the role is assigned on a project or in a template: anywhere, or in this group.
pub(super) async fn refuse_in_use(w: &mut WriteTx, id: &RoleId, group: Option<&GroupId>) -> Result<()> {
    let by = uses(w, id, group).await?;
    if by.is_none() {
        return Ok(());
    }
    let (role, _) = held(w, id).await?;
    Err(Refusal::RoleInUse { role, by }.into())
}

async fn uses(w: &mut WriteTx, id: &RoleId, group: Option<&GroupId>) -> Result<RoleUse> {
    // An empty group stands for all: no group's id is empty.
    let args = [Text(id.as_str()), Text(group.map_or("", GroupId::as_str))];
    let sql = "SELECT p.user_id, p.project_id, projects.label
               FROM project_permissions p JOIN projects ON projects.id = p.project_id
               WHERE p.role_id = $1 AND ($2 = '' OR projects.group_id = $2)
               ORDER BY p.user_id, projects.label";
    let mut found = RoleUse::default();
    let (mut users, mut projects) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for row in w.tx.rows(sql, &args).await? {
        let (user, project) = (row.text(0)?, row.parsed(1, ProjectId::parse)?);
        if found.first.len() < FIRST {
            found.first.push((user.clone(), project.clone(), row.parsed(2, Label::parse)?));
        }
        found.permissions += 1;
        users.insert(user);
        projects.insert(project);
    }
    (found.users, found.projects) = (users.len() as u64, projects.len() as u64);
    let sql = "SELECT user_id, group_id FROM template_entries
               WHERE role_id = $1 AND ($2 = '' OR group_id = $2) ORDER BY group_id, user_id";
    for row in w.tx.rows(sql, &args).await? {
        if found.first_templates.len() < FIRST {
            found.first_templates.push((row.text(0)?, row.parsed(1, GroupId::parse)?));
        }
        found.template_entries += 1;
    }
    Ok(found)
}

async fn held(w: &mut WriteTx, id: &RoleId) -> Result<(Label, RoleActions)> {
    let gone = || Error::Store(StoreError::Corrupt(format!("role `{id}` vanished")));
    let role = read::roles::find(&mut w.tx, id).await?.ok_or_else(gone)?.role;
    Ok((role.label, role.actions))
}

async fn write_actions(w: &mut WriteTx, id: &RoleId, actions: &RoleActions) -> Result<()> {
    for name in actions.names() {
        let sql = "INSERT INTO role_actions (role_id, action) VALUES ($1, $2)";
        w.tx.run(sql, &[Text(id.as_str()), Text(name)]).await?;
    }
    Ok(())
}
