//! Projects and who is on them, as administrators read them.

use super::{Listed, Page, PageRequest, RoleHolder, all_holders, holders, not_found};
use crate::{
    auth::Actor,
    error::{Result, StoreError},
    load, permit,
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
};
use rolegate_rbac::{
    action::{Action, ActionName},
    question::{ProjectAsk, Question},
    refusal::Kind,
    text::{GroupId, Label, ProjectId, UserId},
};

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRecord {
    /// The id.
    pub id: ProjectId,
    /// The group it belongs to.
    pub group: GroupId,
    /// Unique in the group.
    pub label: Label,
    /// When it, or who is on it, last changed.
    pub revision: u64,
}

impl Listed for ProjectRecord {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// One project.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn get(tx: &mut Tx, actor: &Actor, id: &ProjectId) -> Result<ProjectRecord> {
    permit_on_project(tx, actor, id, Action::ContainersViewMetadata).await?;
    find(tx, id).await?.ok_or_else(|| not_found(Kind::Project, id))
}

/// One project, whoever asks.
pub async fn find(tx: &mut Tx, id: &ProjectId) -> Result<Option<ProjectRecord>, StoreError> {
    let sql = "SELECT id, group_id, label, revision FROM projects WHERE id = $1";
    tx.row(sql, &[Text(id.as_str())]).await?.map(|row| record(&row)).transpose()
}

/// A page of the projects whose metadata the actor may view: of one group, or of all.
pub async fn list(
    tx: &mut Tx,
    actor: &Actor,
    group: Option<&GroupId>,
    page: &PageRequest,
) -> Result<Page<ProjectRecord>> {
    if permit::is_superuser(tx, actor).await? {
        return list_all(tx, group, page).await;
    }
    let mut projects = Vec::new();
    for id in viewable(tx, actor).await?.into_iter().filter(|id| id.as_str() > page.after()) {
        let found = find(tx, &id).await?;
        projects.extend(found.filter(|project| group.is_none_or(|group| project.group == *group)));
        if projects.len() > page.size {
            break;
        }
    }
    Ok(Page::cut(projects, page))
}

async fn list_all(tx: &mut Tx, group: Option<&GroupId>, page: &PageRequest) -> Result<Page<ProjectRecord>> {
    // An empty group stands for all: no group's id is empty.
    let sql = "SELECT id, group_id, label, revision FROM projects
               WHERE id > $1 AND ($2 = '' OR group_id = $2) ORDER BY id LIMIT $3";
    let args = [Text(page.after()), Text(group.map_or("", GroupId::as_str)), Int(page.limit())];
    let projects = tx.rows(sql, &args).await?.iter().map(record).collect::<Result<_, _>>()?;
    Ok(Page::cut(projects, page))
}

async fn viewable(tx: &mut Tx, actor: &Actor) -> Result<Vec<ProjectId>, StoreError> {
    let Some(user) = actor.user() else { return Ok(Vec::new()) };
    let Some(grants) = load::user(tx, user).await? else { return Ok(Vec::new()) };
    let roles = load::roles(tx).await?;
    let mut projects: Vec<_> = grants.projects().map(|(project, _)| project.clone()).collect();
    projects.sort();
    projects.dedup();
    projects.retain(|project| grants.project_mask(project, &roles).contains(Action::ContainersViewMetadata));
    Ok(projects)
}

/// A page of who is on a project.
pub async fn permissions(
    tx: &mut Tx,
    actor: &Actor,
    project: &ProjectId,
    page: &PageRequest,
) -> Result<Page<RoleHolder>> {
    permit_on_project(tx, actor, project, Action::ProjectPermissionsView).await?;
    if load::project(tx, project).await?.is_none() {
        return Err(not_found(Kind::Project, project));
    }
    let sql = "SELECT user_id, role_id FROM project_permissions WHERE project_id = $1 AND user_id IN (
                   SELECT DISTINCT user_id FROM project_permissions WHERE project_id = $1 AND user_id > $2
                   ORDER BY user_id LIMIT $3)
               ORDER BY user_id, role_id";
    let rows = tx.rows(sql, &[Text(project.as_str()), Text(page.after()), Int(page.limit())]).await?;
    Ok(holders(&rows, page)?)
}

/// One user's roles on a project.
pub async fn permission(
    tx: &mut Tx,
    actor: &Actor,
    project: &ProjectId,
    user: &UserId,
) -> Result<RoleHolder> {
    permit_on_project(tx, actor, project, Action::ProjectPermissionsView).await?;
    if load::project(tx, project).await?.is_none() {
        return Err(not_found(Kind::Project, project));
    }
    find_permission(tx, project, user).await?.ok_or_else(|| not_found(Kind::Permission, user))
}

/// One user's roles on a project, whoever asks.
pub async fn find_permission(
    tx: &mut Tx,
    project: &ProjectId,
    user: &UserId,
) -> Result<Option<RoleHolder>, StoreError> {
    let sql = "SELECT user_id, role_id FROM project_permissions WHERE project_id = $1 AND user_id = $2";
    let rows = tx.rows(sql, &[Text(project.as_str()), Text(user.as_str())]).await?;
    Ok(all_holders(&rows)?.pop())
}

/// One project, by its group and its label.
pub async fn labelled(tx: &mut Tx, actor: &Actor, group: &GroupId, label: &Label) -> Result<ProjectRecord> {
    let sql = "SELECT id, group_id, label, revision FROM projects WHERE group_id = $1 AND label = $2";
    let found = tx.row(sql, &[Text(group.as_str()), Text(label.as_str())]).await?;
    let found = found.map(|row| record(&row)).transpose()?;
    // Whoever may not view it learns as much as if there were none.
    let missing = || not_found(Kind::Project, &format!("{group}/{label}"));
    let found = found.ok_or_else(missing)?;
    let question = Question::Project(
        found.id.clone(),
        ProjectAsk::Action(ActionName::Current(Action::ContainersViewMetadata)),
    );
    if permit::is_allowed(tx, actor, &question).await? { Ok(found) } else { Err(missing()) }
}

async fn permit_on_project(tx: &mut Tx, actor: &Actor, project: &ProjectId, action: Action) -> Result<()> {
    let question = Question::Project(project.clone(), ProjectAsk::Action(ActionName::Current(action)));
    permit::permit(tx, actor, &question, &format!("`{}` on the project", action.name())).await
}

fn record(row: &Row) -> Result<ProjectRecord, StoreError> {
    Ok(ProjectRecord {
        id: row.parsed(0, ProjectId::parse)?,
        group: row.parsed(1, GroupId::parse)?,
        label: row.parsed(2, Label::parse)?,
        revision: row.count(3)?,
    })
}
