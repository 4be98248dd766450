//! Projects.

use super::{
    body::{Body, Params, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{List, ListParams, Listing, read_all},
    permissions::{self, truth},
};
use crate::{
    platform::model::{Deleted, Id, LabelUpdate, Modified, NewProject, Parents, Project},
    rbac::{
        refusal::Refusal,
        role::BuiltIn,
        text::{GroupId, Label, ProjectId, RoleId, UserId},
    },
    store::{
        auth::Actor,
        edit,
        error::{Error, Result as StoreResult},
        read::{self, RoleHolder, projects::ProjectRecord},
        tx::Tx,
    },
};
use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

endpoints!(list, add, get, modify, delete);

/// A project with everyone on it, if the caller may see who is.
pub(super) async fn whole(tx: &mut Tx, actor: &Actor, record: ProjectRecord) -> StoreResult<Project> {
    let permissions = match holders(tx, actor, &record.id).await {
        Err(Error::Refused(Refusal::NotPermitted { .. })) => Vec::new(),
        holders => holders?.into_iter().map(permissions::output).collect(),
    };
    Ok(Project {
        id: record.id.to_string(),
        label: record.label.to_string(),
        group: record.group.to_string(),
        parents: Parents { group: Some(record.group.to_string()) },
        permissions,
        revision: record.revision,
    })
}

async fn holders(tx: &mut Tx, actor: &Actor, project: &ProjectId) -> StoreResult<Vec<RoleHolder>> {
    Ok(read_all!(Listing::default(), page => read::projects::permissions(tx, actor, project, &page)))
}

/// The projects that the caller may view, as far as they are wanted: of one group, or of all.
pub(super) async fn all(
    tx: &mut Tx,
    actor: &Actor,
    group: Option<&GroupId>,
    listing: &Listing,
) -> StoreResult<Vec<Project>> {
    let mut projects = Vec::new();
    for record in read_all!(listing, page => read::projects::list(tx, actor, group, &page)) {
        projects.push(whole(tx, actor, record).await?);
    }
    Ok(projects)
}

/// The same as an answer.
pub(super) async fn list_of(
    caller: Caller,
    listing: Listing,
    group: Option<GroupId>,
) -> Result<List<Project>, Failure> {
    let actor = caller.actor.clone();
    let (listing, projects) = caller
        .read(|tx| {
            Box::pin(async move {
                if let Some(group) = &group {
                    read::groups::get(tx, &actor, group).await?;
                }
                let projects = all(tx, &actor, group.as_ref(), &listing).await?;
                Ok((listing, projects))
            })
        })
        .await?;
    listing.reply(projects)
}

/// Every project that the caller may view
#[utoipa::path(get, path = "/projects", tag = "projects", params(ListParams), responses((status = 200, body = [Project]), Refusals))]
async fn list(caller: Caller, listing: Listing) -> Result<List<Project>, Failure> {
    list_of(caller, listing, None).await
}

/// What a new project starts with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Inherit {
    /// Start with the group's template
    #[param(value_type = Option<bool>)]
    inherit: Option<String>,
}

/// Make a project; its maker is on it as `admin`
#[utoipa::path(post, path = "/projects", tag = "projects", params(Inherit), request_body = NewProject, responses((status = 200, body = Id), Refusals))]
async fn add(
    caller: Caller,
    Params(inherit): Params<Inherit>,
    Body(new): Body<NewProject>,
) -> Result<Json<Id>, Failure> {
    let project = edit::projects::NewProject {
        id: None,
        group: text("group", &new.group, GroupId::parse)?,
        label: text("label", &new.label, Label::parse)?,
        inherit: truth("inherit", inherit.inherit.as_deref())?,
    };
    let mut others = Vec::new();
    for other in &new.permissions {
        others
            .push((text("permissions", &other.id, UserId::parse)?, permissions::role_ids(&other.role_ids)?));
    }
    // Whoever makes a project stays on it as admin, whatever else they give themselves.
    for (_, roles) in others.iter_mut().filter(|(user, _)| caller.actor.user() == Some(user)) {
        roles.extend(RoleId::parse(BuiltIn::Admin.name()));
    }
    let made = caller.write(move |w| {
        Box::pin(async move {
            let id = edit::projects::create(w, project).await?;
            for (user, roles) in &others {
                edit::permissions::set(w, &id, user, roles).await?;
            }
            Ok(id)
        })
    });
    Ok(Json(Id { id: made.await?.to_string() }))
}

/// One project
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)), responses((status = 200, body = Project), Refusals))]
async fn get(caller: Caller, Segments(project): Segments<String>) -> Result<Json<Project>, Failure> {
    let project = text("project", &project, ProjectId::parse)?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| {
        Box::pin(async move {
            let record = read::projects::get(tx, &actor, &project).await?;
            whole(tx, &actor, record).await
        })
    });
    Ok(Json(found.await?))
}

/// Rename a project
#[utoipa::path(put, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)), request_body = LabelUpdate,
    responses((status = 200, body = Modified), Refusals))]
async fn modify(
    caller: Caller,
    Segments(project): Segments<String>,
    Body(update): Body<LabelUpdate>,
) -> Result<Json<Modified>, Failure> {
    let project = text("project", &project, ProjectId::parse)?;
    let label = update.label.map(|label| text("label", &label, Label::parse)).transpose()?;
    let Some(label) = label else {
        let actor = caller.actor.clone();
        caller.read(|tx| Box::pin(async move { read::projects::get(tx, &actor, &project).await })).await?;
        return Ok(Json(Modified::NONE));
    };
    caller.write(move |w| Box::pin(async move { edit::projects::rename(w, &project, &label).await })).await?;
    Ok(Json(Modified::ONE))
}

/// Delete a project
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)), responses((status = 200, body = Deleted), Refusals))]
async fn delete(caller: Caller, Segments(project): Segments<String>) -> Result<Json<Deleted>, Failure> {
    let project = text("project", &project, ProjectId::parse)?;
    caller.write(move |w| Box::pin(async move { edit::projects::delete(w, &project).await })).await?;
    Ok(Json(Deleted::ONE))
}
