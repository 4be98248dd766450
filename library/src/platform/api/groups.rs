//! Groups.

use super::{
    body::{Body, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{List, ListParams, Listing, read_all},
    members, permissions, projects,
};
use crate::{
    platform::model::{Deleted, Group, Id, LabelUpdate, Modified, NewGroup, Project},
    rbac::text::{GroupId, Label},
    store::{
        auth::Actor,
        edit,
        error::Result as StoreResult,
        read::{self, groups::GroupRecord},
        tx::Tx,
    },
};
use axum::Json;

endpoints!(list, add, get, modify, delete, projects_of);

/// A group with everything that is set on it.
pub(super) async fn whole(tx: &mut Tx, actor: &Actor, record: GroupRecord) -> StoreResult<Group> {
    let (all, id) = (Listing::default(), &record.id);
    let members = read_all!(all, page => read::groups::members(tx, actor, id, &page));
    let template = read_all!(all, page => read::groups::template(tx, actor, id, &page));
    let offers = read_all!(all, page => read::groups::offers(tx, actor, id, &page));
    Ok(Group {
        id: record.id.to_string(),
        label: Some(record.label.to_string()),
        permissions: members.into_iter().map(members::output).collect(),
        permissions_template: template.into_iter().map(permissions::output).collect(),
        roles: offers.into_iter().map(|offer| offer.role.id.to_string()).collect(),
        revision: record.revision,
    })
}

/// The groups that the caller may view, as far as they are wanted.
pub(super) async fn all(tx: &mut Tx, actor: &Actor, listing: &Listing) -> StoreResult<Vec<Group>> {
    let mut groups = Vec::new();
    for record in read_all!(listing, page => read::groups::list(tx, actor, &page)) {
        groups.push(whole(tx, actor, record).await?);
    }
    Ok(groups)
}

/// Every group that the caller may view
#[utoipa::path(get, path = "/groups", tag = "groups", params(ListParams), responses((status = 200, body = [Group]), Refusals))]
async fn list(caller: Caller, listing: Listing) -> Result<List<Group>, Failure> {
    let actor = caller.actor.clone();
    let (listing, groups) = caller
        .read(|tx| {
            Box::pin(async move {
                let groups = all(tx, &actor, &listing).await?;
                Ok((listing, groups))
            })
        })
        .await?;
    listing.reply(groups)
}

/// Make a group
#[utoipa::path(post, path = "/groups", tag = "groups", request_body = NewGroup, responses((status = 200, body = Id), Refusals))]
async fn add(caller: Caller, Body(new): Body<NewGroup>) -> Result<Json<Id>, Failure> {
    let id = text("_id", &new.id, GroupId::parse)?;
    let label = text("label", new.label.as_deref().unwrap_or(&new.id), Label::parse)?;
    caller.write(move |w| Box::pin(async move { edit::groups::create(w, &id, &label).await })).await?;
    Ok(Json(Id { id: new.id }))
}

/// One group
#[utoipa::path(get, path = "/groups/{group}", tag = "groups", params(("group" = String, Path)), responses((status = 200, body = Group), Refusals))]
async fn get(caller: Caller, Segments(group): Segments<String>) -> Result<Json<Group>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| {
        Box::pin(async move {
            let record = read::groups::get(tx, &actor, &group).await?;
            whole(tx, &actor, record).await
        })
    });
    Ok(Json(found.await?))
}

/// Rename a group
#[utoipa::path(put, path = "/groups/{group}", tag = "groups", params(("group" = String, Path)), request_body = LabelUpdate,
    responses((status = 200, body = Modified), Refusals))]
async fn modify(
    caller: Caller,
    Segments(group): Segments<String>,
    Body(update): Body<LabelUpdate>,
) -> Result<Json<Modified>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    let label = update.label.map(|label| text("label", &label, Label::parse)).transpose()?;
    let Some(label) = label else {
        let actor = caller.actor.clone();
        caller.read(|tx| Box::pin(async move { read::groups::get(tx, &actor, &group).await })).await?;
        return Ok(Json(Modified::NONE));
    };
    caller.write(move |w| Box::pin(async move { edit::groups::rename(w, &group, &label).await })).await?;
    Ok(Json(Modified::ONE))
}

/// Delete a group that has no projects
#[utoipa::path(delete, path = "/groups/{group}", tag = "groups", params(("group" = String, Path)), responses((status = 200, body = Deleted), Refusals))]
async fn delete(caller: Caller, Segments(group): Segments<String>) -> Result<Json<Deleted>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    caller.write(move |w| Box::pin(async move { edit::groups::delete(w, &group).await })).await?;
    Ok(Json(Deleted::ONE))
}

/// The projects of a group that the caller may view
#[utoipa::path(get, path = "/groups/{group}/projects", tag = "groups", params(("group" = String, Path), ListParams),
    responses((status = 200, body = [Project]), Refusals))]
async fn projects_of(
    caller: Caller,
    listing: Listing,
    Segments(group): Segments<String>,
) -> Result<List<Project>, Failure> {
    projects::list_of(caller, listing, Some(text("group", &group, GroupId::parse)?)).await
}
