//! Roles, and the roles that a group is offered.

use super::{
    body::{Body, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{List, ListParams, Listing, read_all},
    names::Vocabulary,
};
use crate::{
    platform::model::{Deleted, NewRole, Role, RoleReference, RoleUpdate},
    rbac::{
        role::RoleActions,
        text::{GroupId, Label, RoleId},
    },
    store::{
        edit,
        error::Result as StoreResult,
        read::{self, roles::RoleRecord},
        tx::Tx,
    },
};
use axum::Json;

endpoints!(list, add, get, modify, delete, of_group, offer, offered, withdraw);

/// A role, and whether anyone holds it.
type Found = (RoleRecord, bool);

async fn with_use(tx: &mut Tx, record: RoleRecord) -> StoreResult<Found> {
    let in_use = read::roles::is_assigned(tx, &record.role.id).await?;
    Ok((record, in_use))
}

async fn find(tx: &mut Tx, id: &RoleId) -> StoreResult<Found> {
    let record = read::roles::get(tx, id).await?;
    with_use(tx, record).await
}

fn output(names: Vocabulary, (record, in_use): Found) -> Role {
    let role = record.role;
    Role {
        id: role.id.to_string(),
        label: role.label.to_string(),
        actions: names.names(&role.actions),
        default_flywheel_role: role.built_in.then(|| role.id.to_string()),
        in_use,
    }
}

/// Names are judged by the rules on roles, which name every fault at once; here they only have to be text.
fn actions(names: &[String]) -> Result<RoleActions, Failure> {
    for name in names {
        text("actions", name, Label::parse)?;
    }
    Ok(RoleActions::from_names(names.iter().map(String::as_str)))
}

/// Every role of the site, built-in ones among them
#[utoipa::path(get, path = "/roles", tag = "roles", params(ListParams), responses((status = 200, body = [Role]), Refusals))]
async fn list(caller: Caller, listing: Listing, names: Vocabulary) -> Result<List<Role>, Failure> {
    let (listing, roles) = caller
        .read(|tx| {
            Box::pin(async move {
                let mut roles = Vec::new();
                for record in read_all!(listing, page => read::roles::list(tx, &page)) {
                    roles.push(with_use(tx, record).await?);
                }
                Ok((listing, roles))
            })
        })
        .await?;
    listing.reply(roles.into_iter().map(|role| output(names, role)).collect())
}

/// Make a custom role
#[utoipa::path(post, path = "/roles", tag = "roles", request_body = NewRole, responses((status = 200, body = Role), Refusals))]
async fn add(caller: Caller, names: Vocabulary, Body(new): Body<NewRole>) -> Result<Json<Role>, Failure> {
    let (label, actions) = (text("label", &new.label, Label::parse)?, actions(&new.actions)?);
    let made = caller.write(move |w| {
        Box::pin(async move {
            let id = edit::roles::create(w, None, &label, &actions).await?;
            find(w.reading(), &id).await
        })
    });
    Ok(Json(output(names, made.await?)))
}

/// One role
#[utoipa::path(get, path = "/roles/{role}", tag = "roles", params(("role" = String, Path)), responses((status = 200, body = Role), Refusals))]
async fn get(
    caller: Caller,
    names: Vocabulary,
    Segments(role): Segments<String>,
) -> Result<Json<Role>, Failure> {
    let role = text("role", &role, RoleId::parse)?;
    let found = caller.read(|tx| Box::pin(async move { find(tx, &role).await })).await?;
    Ok(Json(output(names, found)))
}

/// Change a custom role, for all who hold it at once
#[utoipa::path(put, path = "/roles/{role}", tag = "roles", params(("role" = String, Path)), request_body = RoleUpdate,
    responses((status = 200, body = Role), Refusals))]
async fn modify(
    caller: Caller,
    names: Vocabulary,
    Segments(role): Segments<String>,
    Body(update): Body<RoleUpdate>,
) -> Result<Json<Role>, Failure> {
    let role = text("role", &role, RoleId::parse)?;
    let label = update.label.map(|label| text("label", &label, Label::parse)).transpose()?;
    let actions = update.actions.map(|names| actions(&names)).transpose()?;
    let changed = caller.write(move |w| {
        Box::pin(async move {
            edit::roles::update(w, &role, label.as_ref(), actions.as_ref()).await?;
            find(w.reading(), &role).await
        })
    });
    Ok(Json(output(names, changed.await?)))
}

/// Delete a custom role that nobody holds
#[utoipa::path(delete, path = "/roles/{role}", tag = "roles", params(("role" = String, Path)), responses((status = 200, body = Deleted), Refusals))]
async fn delete(caller: Caller, Segments(role): Segments<String>) -> Result<Json<Deleted>, Failure> {
    let role = text("role", &role, RoleId::parse)?;
    caller.write(move |w| Box::pin(async move { edit::roles::delete(w, &role).await })).await?;
    Ok(Json(Deleted::ONE))
}

/// The custom roles that a group is offered
#[utoipa::path(get, path = "/groups/{group}/roles", tag = "roles", params(("group" = String, Path), ListParams),
    responses((status = 200, body = [Role]), Refusals))]
async fn of_group(
    caller: Caller,
    listing: Listing,
    names: Vocabulary,
    Segments(group): Segments<String>,
) -> Result<List<Role>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    let actor = caller.actor.clone();
    let (listing, roles) = caller
        .read(|tx| {
            Box::pin(async move {
                let mut roles = Vec::new();
                for record in read_all!(listing, page => read::groups::offers(tx, &actor, &group, &page)) {
                    roles.push(with_use(tx, record).await?);
                }
                Ok((listing, roles))
            })
        })
        .await?;
    listing.reply(roles.into_iter().map(|role| output(names, role)).collect())
}

/// Offer a role to a group
#[utoipa::path(post, path = "/groups/{group}/roles", tag = "roles", params(("group" = String, Path)), request_body = RoleReference,
    responses((status = 200, body = Role), Refusals))]
async fn offer(
    caller: Caller,
    names: Vocabulary,
    Segments(group): Segments<String>,
    Body(role): Body<RoleReference>,
) -> Result<Json<Role>, Failure> {
    let (group, role) = place(&group, role.id())?;
    let offered = caller.write(move |w| {
        Box::pin(async move {
            edit::offers::offer(w, &group, &role).await?;
            find(w.reading(), &role).await
        })
    });
    Ok(Json(output(names, offered.await?)))
}

/// One role that a group is offered
#[utoipa::path(get, path = "/groups/{group}/roles/{role}", tag = "roles", params(("group" = String, Path), ("role" = String, Path)),
    responses((status = 200, body = Role), Refusals))]
async fn offered(
    caller: Caller,
    names: Vocabulary,
    Segments((group, role)): Segments<(String, String)>,
) -> Result<Json<Role>, Failure> {
    let (group, role) = place(&group, &role)?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| {
        Box::pin(async move {
            let record = read::groups::offer(tx, &actor, &group, &role).await?;
            with_use(tx, record).await
        })
    });
    Ok(Json(output(names, found.await?)))
}

/// Take an offer back, once nobody in the group holds the role
#[utoipa::path(delete, path = "/groups/{group}/roles/{role}", tag = "roles", params(("group" = String, Path), ("role" = String, Path)),
    responses((status = 200, body = Deleted), Refusals))]
async fn withdraw(
    caller: Caller,
    Segments((group, role)): Segments<(String, String)>,
) -> Result<Json<Deleted>, Failure> {
    let (group, role) = place(&group, &role)?;
    caller.write(move |w| Box::pin(async move { edit::offers::withdraw(w, &group, &role).await })).await?;
    Ok(Json(Deleted::ONE))
}

fn place(group: &str, role: &str) -> Result<(GroupId, RoleId), Failure> {
    Ok((text("group", group, GroupId::parse)?, text("role", role, RoleId::parse)?))
}
