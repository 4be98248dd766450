//! Who holds which roles on a project, and in a group's template.

use super::{
    body::{Body, Params, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
};
use crate::{
    platform::model::{Modified, RoleIds, RolePermission},
    rbac::{
        refusal::{Kind, Refusal},
        text::{GroupId, ProjectId, RoleId, UserId},
    },
    store::{
        edit,
        error::Result as StoreResult,
        read::{self, RoleHolder},
    },
};
use axum::Json;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::IntoParams;

endpoints!(add, get, modify, delete, add_to_template, in_template, modify_in_template, delete_from_template);

pub(super) fn output(holder: RoleHolder) -> RolePermission {
    let role_ids = holder.roles.iter().map(ToString::to_string).collect();
    RolePermission { id: holder.user.to_string(), role_ids }
}

pub(super) fn role_ids(ids: &[String]) -> Result<BTreeSet<RoleId>, Failure> {
    ids.iter().map(|id| text("role_ids", id, RoleId::parse)).collect()
}

/// What is to be written, once it is read.
struct Wanted<P> {
    place: P,
    user: UserId,
    roles: BTreeSet<RoleId>,
}

impl<P> Wanted<P> {
    fn of(place: P, user: &str, roles: &[String]) -> Result<Self, Failure> {
        Ok(Self { place, user: text("user", user, UserId::parse)?, roles: role_ids(roles)? })
    }

    fn output(&self) -> RolePermission {
        output(RoleHolder { user: self.user.clone(), roles: self.roles.clone() })
    }
}

/// Adding is for those who are not there yet, changing for those who are. Told only to whoever may write.
pub(super) fn must_be(kind: Kind, user: &UserId, there: bool, wanted: bool) -> StoreResult<()> {
    let id = user.to_string();
    match (there, wanted) {
        (true, false) => Err(Refusal::Exists { kind, id }.into()),
        (false, true) => Err(Refusal::NotFound { kind, id }.into()),
        _ => Ok(()),
    }
}

/// Sets a user's roles on a project; whether the user was on it must be as expected.
async fn set(
    caller: Caller,
    wanted: Wanted<ProjectId>,
    there: bool,
) -> Result<Json<RolePermission>, Failure> {
    let reply = wanted.output();
    let written = caller.write(move |w| {
        Box::pin(async move {
            let held = read::projects::find_permission(w.reading(), &wanted.place, &wanted.user).await?;
            edit::permissions::set(w, &wanted.place, &wanted.user, &wanted.roles).await?;
            must_be(Kind::Permission, &wanted.user, held.is_some(), there)
        })
    });
    written.await?;
    Ok(Json(reply))
}

/// Give a user roles on a project
#[utoipa::path(post, path = "/projects/{project}/permissions", tag = "projects", params(("project" = String, Path)),
    request_body = RolePermission, responses((status = 200, body = RolePermission), Refusals))]
async fn add(
    caller: Caller,
    Segments(project): Segments<String>,
    Body(new): Body<RolePermission>,
) -> Result<Json<RolePermission>, Failure> {
    let project = text("project", &project, ProjectId::parse)?;
    set(caller, Wanted::of(project, &new.id, &new.role_ids)?, false).await
}

/// A user's roles on a project
#[utoipa::path(get, path = "/projects/{project}/permissions/{user}", tag = "projects",
    params(("project" = String, Path), ("user" = String, Path)), responses((status = 200, body = RolePermission), Refusals))]
async fn get(
    caller: Caller,
    Segments((project, user)): Segments<(String, String)>,
) -> Result<Json<RolePermission>, Failure> {
    let wanted = Wanted::of(text("project", &project, ProjectId::parse)?, &user, &[])?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| {
        Box::pin(async move { read::projects::permission(tx, &actor, &wanted.place, &wanted.user).await })
    });
    Ok(Json(output(found.await?)))
}

/// Change a user's roles on a project, in place of those held
#[utoipa::path(put, path = "/projects/{project}/permissions/{user}", tag = "projects",
    params(("project" = String, Path), ("user" = String, Path)), request_body = RoleIds,
    responses((status = 200, body = RolePermission), Refusals))]
async fn modify(
    caller: Caller,
    Segments((project, user)): Segments<(String, String)>,
    Body(new): Body<RoleIds>,
) -> Result<Json<RolePermission>, Failure> {
    let project = text("project", &project, ProjectId::parse)?;
    set(caller, Wanted::of(project, &user, &new.role_ids)?, true).await
}

/// Take a user off a project
#[utoipa::path(delete, path = "/projects/{project}/permissions/{user}", tag = "projects",
    params(("project" = String, Path), ("user" = String, Path)), responses((status = 200, body = Modified), Refusals))]
async fn delete(
    caller: Caller,
    Segments((project, user)): Segments<(String, String)>,
) -> Result<Json<Modified>, Failure> {
    let wanted = Wanted::of(text("project", &project, ProjectId::parse)?, &user, &[])?;
    let written = caller.write(move |w| {
        Box::pin(async move { edit::permissions::remove(w, &wanted.place, &wanted.user).await })
    });
    written.await?;
    Ok(Json(Modified::ONE))
}

/// Whether what is written to a template goes for the group's projects as well.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Propagate {
    /// Bring every project of the group in line for this user
    #[param(value_type = Option<bool>)]
    propagate: Option<String>,
}

impl Propagate {
    fn wanted(&self) -> Result<bool, Failure> {
        truth("propagate", self.propagate.as_deref())
    }
}

/// A truth value as clients spell it; false if absent.
pub(super) fn truth(name: &str, text: Option<&str>) -> Result<bool, Failure> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Failure::malformed(name, "must be `true` or `false`")),
    }
}

/// Sets a user's roles in a template; whether the user was in it must be as expected.
async fn set_in_template(
    caller: Caller,
    wanted: Wanted<GroupId>,
    propagate: &Propagate,
    there: bool,
) -> Result<Json<RolePermission>, Failure> {
    let (reply, propagate) = (wanted.output(), propagate.wanted()?);
    let written = caller.write(move |w| {
        Box::pin(async move {
            let held = read::groups::find_template_entry(w.reading(), &wanted.place, &wanted.user).await?;
            edit::templates::set(w, &wanted.place, &wanted.user, &wanted.roles, propagate).await?;
            must_be(Kind::TemplateEntry, &wanted.user, held.is_some(), there)
        })
    });
    written.await?;
    Ok(Json(reply))
}

/// Let a group's new projects start with a user
#[utoipa::path(post, path = "/groups/{group}/permissions/templates", tag = "groups", params(("group" = String, Path), Propagate),
    request_body = RolePermission, responses((status = 200, body = RolePermission), Refusals))]
async fn add_to_template(
    caller: Caller,
    Segments(group): Segments<String>,
    Params(propagate): Params<Propagate>,
    Body(new): Body<RolePermission>,
) -> Result<Json<RolePermission>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    set_in_template(caller, Wanted::of(group, &new.id, &new.role_ids)?, &propagate, false).await
}

/// The roles that a user has on a group's new projects
#[utoipa::path(get, path = "/groups/{group}/permissions/templates/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), responses((status = 200, body = RolePermission), Refusals))]
async fn in_template(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
) -> Result<Json<RolePermission>, Failure> {
    let wanted = Wanted::of(text("group", &group, GroupId::parse)?, &user, &[])?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| {
        Box::pin(async move { read::groups::template_entry(tx, &actor, &wanted.place, &wanted.user).await })
    });
    Ok(Json(output(found.await?)))
}

/// Change the roles that a user has on a group's new projects
#[utoipa::path(put, path = "/groups/{group}/permissions/templates/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path), Propagate), request_body = RoleIds,
    responses((status = 200, body = RolePermission), Refusals))]
async fn modify_in_template(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
    Params(propagate): Params<Propagate>,
    Body(new): Body<RoleIds>,
) -> Result<Json<RolePermission>, Failure> {
    let group = text("group", &group, GroupId::parse)?;
    set_in_template(caller, Wanted::of(group, &user, &new.role_ids)?, &propagate, true).await
}

/// Let a group's new projects start without a user
#[utoipa::path(delete, path = "/groups/{group}/permissions/templates/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path), Propagate), responses((status = 200, body = Modified), Refusals))]
async fn delete_from_template(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
    Params(propagate): Params<Propagate>,
) -> Result<Json<Modified>, Failure> {
    let wanted = Wanted::of(text("group", &group, GroupId::parse)?, &user, &[])?;
    let propagate = propagate.wanted()?;
    let written = caller.write(move |w| {
        Box::pin(async move { edit::templates::remove(w, &wanted.place, &wanted.user, propagate).await })
    });
    written.await?;
    Ok(Json(Modified::ONE))
}
