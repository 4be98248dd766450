//! Users.

use super::{
    body::{Body, Params, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{List, ListParams, Listing, read_all},
    permissions::truth,
};
use crate::{
    platform::model::{Deleted, Id, Modified, NewUser, User, UserUpdate},
    rbac::{level::SiteRole, text::UserId},
    store::{
        edit,
        read::{self, users::UserRecord},
    },
};
use axum::Json;
use serde::Deserialize;
use utoipa::IntoParams;

endpoints!(list, add, get, modify, delete);

fn output(record: UserRecord) -> User {
    let roles = vec![record.site_role.name().to_owned()];
    let id = record.id.to_string();
    User { email: Some(id.clone()), id, roles, disabled: Some(!record.enabled) }
}

/// The one site role that a user is to have: of a list, the strongest.
fn site_role(roles: &[String]) -> Result<SiteRole, Failure> {
    let is_known = roles.iter().all(|role| SiteRole::from_name(role).is_some());
    SiteRole::strongest(roles.iter().map(String::as_str)).filter(|_| is_known).ok_or_else(|| {
        let known: Vec<_> = SiteRole::ALL.iter().map(|role| role.name()).collect();
        Failure::malformed("roles", format!("must name one or more of {}", known.join(", ")))
    })
}

/// Every user
#[utoipa::path(get, path = "/users", tag = "users", params(ListParams), responses((status = 200, body = [User]), Refusals))]
async fn list(caller: Caller, listing: Listing) -> Result<List<User>, Failure> {
    let actor = caller.actor.clone();
    let (listing, users) = caller
        .read(|tx| {
            Box::pin(async move {
                let users = read_all!(listing, page => read::users::list(tx, &actor, &page));
                Ok((listing, users))
            })
        })
        .await?;
    listing.reply(users.into_iter().map(output).collect())
}

/// Make a user
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser, responses((status = 200, body = Id), Refusals))]
async fn add(caller: Caller, Body(new): Body<NewUser>) -> Result<Json<Id>, Failure> {
    let id = text("_id", &new.id, UserId::parse)?;
    let role = new.roles.as_deref().map_or(Ok(SiteRole::User), site_role)?;
    let enabled = !new.disabled.unwrap_or(false);
    caller.write(move |w| Box::pin(async move { edit::users::create(w, &id, role, enabled).await })).await?;
    Ok(Json(Id { id: new.id }))
}

/// One user
#[utoipa::path(get, path = "/users/{user}", tag = "users", params(("user" = String, Path)), responses((status = 200, body = User), Refusals))]
async fn get(caller: Caller, Segments(user): Segments<String>) -> Result<Json<User>, Failure> {
    let user = text("user", &user, UserId::parse)?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| Box::pin(async move { read::users::get(tx, &actor, &user).await }));
    Ok(Json(output(found.await?)))
}

/// What else happens to a user who is changed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Clear {
    /// Take the user out of all groups, templates and projects
    #[param(value_type = Option<bool>)]
    clear_permissions: Option<String>,
}

/// Change a user's site role, or disable or enable them
#[utoipa::path(put, path = "/users/{user}", tag = "users", params(("user" = String, Path), Clear), request_body = UserUpdate,
    responses((status = 200, body = Modified), Refusals))]
async fn modify(
    caller: Caller,
    Segments(user): Segments<String>,
    Params(clear): Params<Clear>,
    Body(update): Body<UserUpdate>,
) -> Result<Json<Modified>, Failure> {
    let user = text("user", &user, UserId::parse)?;
    let site_role = update.roles.as_deref().map(site_role).transpose()?;
    let update = edit::users::UserUpdate { site_role, enabled: update.disabled.map(|disabled| !disabled) };
    let clear = truth("clear_permissions", clear.clear_permissions.as_deref())?;
    let written = caller.write(move |w| {
        Box::pin(async move {
            edit::users::update(w, &user, update).await?;
            if clear { edit::users::take_off_everything(w, &user).await } else { Ok(()) }
        })
    });
    written.await?;
    Ok(Json(Modified::ONE))
}

/// Delete a user with everything they hold
#[utoipa::path(delete, path = "/users/{user}", tag = "users", params(("user" = String, Path)), responses((status = 200, body = Deleted), Refusals))]
async fn delete(caller: Caller, Segments(user): Segments<String>) -> Result<Json<Deleted>, Failure> {
    let user = text("user", &user, UserId::parse)?;
    caller.write(move |w| Box::pin(async move { edit::users::delete(w, &user).await })).await?;
    Ok(Json(Deleted::ONE))
}
