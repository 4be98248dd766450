//! Permissions on projects.

use super::{call::Call, objects, request};
use crate::{
    grpc::{
        convert::{BadField, text},
        proto::*,
    },
    rbac::text::{ProjectId, UserId},
    store::{
        edit,
        read::{self, RoleHolder},
    },
};
use tonic::Status;

pub(super) async fn set(
    call: Call<SetProjectPermissionRequest>,
) -> Result<SetProjectPermissionResponse, Status> {
    let (project, user) = ids(&call.message.project, &call.message.user)?;
    let roles = request::role_ids(&call.message.roles)?;
    let permission = objects::permission(RoleHolder { user: user.clone(), roles: roles.clone() });
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::permissions::set(w, &project, &user, &roles).await })
        })
        .await?;
    Ok(SetProjectPermissionResponse {
        permission: Some(permission),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn remove(
    call: Call<RemoveProjectPermissionRequest>,
) -> Result<RemoveProjectPermissionResponse, Status> {
    let (project, user) = ids(&call.message.project, &call.message.user)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::permissions::remove(w, &project, &user).await })
        })
        .await?;
    Ok(RemoveProjectPermissionResponse { revision_token: written.token.to_string() })
}

pub(super) async fn list(
    call: Call<ListProjectPermissionsRequest>,
) -> Result<ListProjectPermissionsResponse, Status> {
    let project = text("project", &call.message.project, ProjectId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call
        .read(|tx| Box::pin(async move { read::projects::permissions(tx, &actor, &project, &page).await }))
        .await?;
    let (permissions, next_page_token) = call.reply(page, objects::permission);
    Ok(ListProjectPermissionsResponse { permissions, next_page_token })
}

fn ids(project: &str, user: &str) -> Result<(ProjectId, UserId), BadField> {
    Ok((text("project", project, ProjectId::parse)?, text("user", user, UserId::parse)?))
}
