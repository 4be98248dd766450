//! Projects.

use super::{
    super::{
        change::Subject,
        error::{Result, StoreError},
        tx::Arg::Text,
        write::WriteTx,
    },
    new_id, permissions,
};
use rolegate_rbac::{
    level::GroupAction,
    question::{Operation, ProjectAsk},
    refusal::{Kind, Refusal},
    role::BuiltIn,
    text::{GearName, GroupId, Label, ProjectId, RoleId, UserId},
    world::Permissions,
};

/// A project to make.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Absent: an id is made.
    pub id: Option<ProjectId>,
    /// The group it will belong to, for good.
    pub group: GroupId,
    /// Unique in the group.
    pub label: Label,
    /// Whether it starts with the group's template. Its creator is on it as `admin` in any case.
    pub inherit: bool,
}

/// Makes a project, and tells its id.
///
/// # Errors
/// As all edits: refused by the rules, or the store failed.
pub async fn create(w: &mut WriteTx, new: NewProject) -> Result<ProjectId> {
    w.permit_on_group(&new.group, GroupAction::GroupProjectsCreate).await?;
    w.existing(&Subject::Group(new.group.clone())).await?;
    let id = match new.id {
        Some(id) => id,
        None => ProjectId::parse(&new_id()?).map_err(|error| StoreError::Corrupt(error.to_string()))?,
    };
    insert(w, &id, &new.group, &new.label).await?;
    for (user, roles) in first_permissions(w, &new.group, new.inherit).await? {
        permissions::replace(w, &id, &user, &roles).await?;
    }
    Ok(id)
}

/// Makes a project with no one on it, for a writer who may do everything and says next who is.
pub async fn create_bare(w: &mut WriteTx, id: &ProjectId, group: &GroupId, label: &Label) -> Result<()> {
    w.permit_superuser()?;
    w.existing(&Subject::Group(group.clone())).await?;
    insert(w, id, group, label).await
}

async fn insert(w: &mut WriteTx, id: &ProjectId, group: &GroupId, label: &Label) -> Result<()> {
    let project = Subject::Project(id.clone());
    w.made(&project).await?;
    refuse_taken(w, group, label, id).await?;
    let revision = w.revision_arg();
    let sql = "INSERT INTO projects (id, group_id, label, revision) VALUES ($1, $2, $3, $4)";
    w.tx.run(sql, &[Text(id.as_str()), Text(group.as_str()), Text(label.as_str()), revision]).await?;
    w.touch(project);
    Ok(())
}

/// The template's permissions, if they are wanted, and the creator as admin.
async fn first_permissions(w: &mut WriteTx, group: &GroupId, inherit: bool) -> Result<Permissions> {
    let mut first = Permissions::new();
    if inherit {
        let sql = "SELECT user_id, role_id FROM template_entries WHERE group_id = $1";
        for row in w.tx.rows(sql, &[Text(group.as_str())]).await? {
            let (user, role) = (row.parsed(0, UserId::parse)?, row.parsed(1, RoleId::parse)?);
            first.entry(user).or_default().insert(role);
        }
    }
    if let Some(creator) = w.context.actor.user() {
        let admin = RoleId::parse(BuiltIn::Admin.name()).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        first.entry(creator.clone()).or_default().insert(admin);
    }
    Ok(first)
}

/// Renames a project.
pub async fn rename(w: &mut WriteTx, id: &ProjectId, label: &Label) -> Result<()> {
    let takes = "`settings_modify` on the project or `group_projects_settings_manage` on its group";
    w.permit_ask(id, ProjectAsk::Operation(Operation::ProjectSettingsModify), takes).await?;
    let group = w.group_of(id).await?;
    w.edited(&Subject::Project(id.clone())).await?;
    refuse_taken(w, &group, label, id).await?;
    let sql = "UPDATE projects SET label = $2 WHERE id = $1 AND label <> $2";
    if w.tx.run(sql, &[Text(id.as_str()), Text(label.as_str())]).await? > 0 {
        w.changed(Subject::Project(id.clone())).await?;
    }
    Ok(())
}

/// Frees a project's label for another, for a writer who may do everything and labels or deletes this one next.
pub async fn give_label_up(w: &mut WriteTx, id: &ProjectId) -> Result<()> {
    w.permit_superuser()?;
    w.remember(&Subject::Project(id.clone())).await?;
    let nobodys = new_id()?;
    w.tx.run("UPDATE projects SET label = $2 WHERE id = $1", &[Text(id.as_str()), Text(&nobodys)]).await?;
    w.changed(Subject::Project(id.clone())).await
}

/// Deletes a project with its permissions and its places in gear lists.
pub async fn delete(w: &mut WriteTx, id: &ProjectId) -> Result<()> {
    let takes = "`containers_delete_project` on the project or `group_projects_delete` on its group";
    w.permit_ask(id, ProjectAsk::Operation(Operation::ProjectDelete), takes).await?;
    let project = Subject::Project(id.clone());
    w.edited(&project).await?;
    let users = "SELECT DISTINCT user_id FROM project_permissions WHERE project_id = $1";
    for row in w.tx.rows(users, &[Text(id.as_str())]).await? {
        w.touch(Subject::User(row.parsed(0, UserId::parse)?));
    }
    let gears = "SELECT gear FROM gear_projects WHERE project_id = $1";
    w.changed_all(gears, id.as_str(), |row| row.parsed(0, GearName::parse), Subject::Gear).await?;
    w.tx.run("DELETE FROM projects WHERE id = $1", &[Text(id.as_str())]).await?;
    w.touch(project);
    Ok(())
}

async fn refuse_taken(w: &mut WriteTx, group: &GroupId, label: &Label, id: &ProjectId) -> Result<()> {
    let sql = "SELECT 1 FROM projects WHERE group_id = $1 AND label = $2 AND id <> $3";
    let taken = w.tx.row(sql, &[Text(group.as_str()), Text(label.as_str()), Text(id.as_str())]).await?;
    match taken {
        Some(_) => Err(Refusal::Exists { kind: Kind::Project, id: label.to_string() }.into()),
        None => Ok(()),
    }
}
