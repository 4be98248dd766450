//! Who holds which role in a group.

use super::{
    body::{Body, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    permissions::must_be,
};
use crate::{
    platform::model::{Access, AccessLevel, AccessPermission, Modified},
    rbac::{
        level::GroupRole,
        refusal::Kind,
        text::{GroupId, UserId},
    },
    store::{
        edit,
        read::{self, groups::MemberRecord},
    },
};
use axum::Json;

endpoints!(add, get, modify, delete);

pub(super) fn output(member: MemberRecord) -> AccessPermission {
    let access = match member.role {
        GroupRole::Admin => AccessLevel::Admin,
        GroupRole::ReadWrite => AccessLevel::Rw,
        GroupRole::ReadOnly => AccessLevel::Ro,
    };
    AccessPermission { id: member.user.to_string(), access }
}

const fn role(access: AccessLevel) -> GroupRole {
    match access {
        AccessLevel::Admin => GroupRole::Admin,
        AccessLevel::Rw => GroupRole::ReadWrite,
        AccessLevel::Ro => GroupRole::ReadOnly,
    }
}

fn place(group: &str, user: &str) -> Result<(GroupId, UserId), Failure> {
    Ok((text("group", group, GroupId::parse)?, text("user", user, UserId::parse)?))
}

/// Sets a user's role in a group; whether the user was a member must be as expected.
async fn set(
    caller: Caller,
    (group, user): (GroupId, UserId),
    access: AccessLevel,
    there: bool,
) -> Result<Json<AccessPermission>, Failure> {
    let reply = AccessPermission { id: user.to_string(), access };
    let written = caller.write(move |w| {
        Box::pin(async move {
            let held = read::groups::find_member(w.reading(), &group, &user).await?;
            edit::members::set(w, &group, &user, role(access)).await?;
            must_be(Kind::Member, &user, held.is_some(), there)
        })
    });
    written.await?;
    Ok(Json(reply))
}

/// Make a user a member of a group
#[utoipa::path(post, path = "/groups/{group}/permissions", tag = "groups", params(("group" = String, Path)),
    request_body = AccessPermission, responses((status = 200, body = AccessPermission), Refusals))]
async fn add(
    caller: Caller,
    Segments(group): Segments<String>,
    Body(new): Body<AccessPermission>,
) -> Result<Json<AccessPermission>, Failure> {
    set(caller, place(&group, &new.id)?, new.access, false).await
}

/// A user's role in a group
#[utoipa::path(get, path = "/groups/{group}/permissions/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), responses((status = 200, body = AccessPermission), Refusals))]
async fn get(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
) -> Result<Json<AccessPermission>, Failure> {
    let (group, user) = place(&group, &user)?;
    let actor = caller.actor.clone();
    let found =
        caller.read(|tx| Box::pin(async move { read::groups::member(tx, &actor, &group, &user).await }));
    Ok(Json(output(found.await?)))
}

/// Change a member's role in a group
#[utoipa::path(put, path = "/groups/{group}/permissions/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), request_body = Access,
    responses((status = 200, body = AccessPermission), Refusals))]
async fn modify(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
    Body(new): Body<Access>,
) -> Result<Json<AccessPermission>, Failure> {
    set(caller, place(&group, &user)?, new.access, true).await
}

/// Take a member out of a group
#[utoipa::path(delete, path = "/groups/{group}/permissions/{user}", tag = "groups",
    params(("group" = String, Path), ("user" = String, Path)), responses((status = 200, body = Modified), Refusals))]
async fn delete(
    caller: Caller,
    Segments((group, user)): Segments<(String, String)>,
) -> Result<Json<Modified>, Failure> {
    let (group, user) = place(&group, &user)?;
    caller.write(move |w| Box::pin(async move { edit::members::remove(w, &group, &user).await })).await?;
    Ok(Json(Modified::ONE))
}
