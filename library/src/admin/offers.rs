//! Offers of custom roles to groups.

use super::{call::Call, objects, request};
use crate::{
    grpc::{
        convert::{BadField, text},
        proto::*,
    },
    rbac::text::{GroupId, RoleId},
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn offer(call: Call<OfferRoleRequest>) -> Result<OfferRoleResponse, Status> {
    let (group, role) = ids(&call.message.group, &call.message.role)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::offers::offer(w, &group, &role).await })
        })
        .await?;
    Ok(OfferRoleResponse { revision_token: written.token.to_string() })
}

pub(super) async fn withdraw(call: Call<WithdrawRoleRequest>) -> Result<WithdrawRoleResponse, Status> {
    let (group, role) = ids(&call.message.group, &call.message.role)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::offers::withdraw(w, &group, &role).await })
        })
        .await?;
    Ok(WithdrawRoleResponse { revision_token: written.token.to_string() })
}

pub(super) async fn list(call: Call<ListOfferedRolesRequest>) -> Result<ListOfferedRolesResponse, Status> {
    let group = text("group", &call.message.group, GroupId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call
        .read(|tx| Box::pin(async move { read::groups::offers(tx, &actor, &group, &page).await }))
        .await?;
    let (roles, next_page_token) = call.reply(page, objects::role);
    Ok(ListOfferedRolesResponse { roles, next_page_token })
}

fn ids(group: &str, role: &str) -> Result<(GroupId, RoleId), BadField> {
    Ok((text("group", group, GroupId::parse)?, text("role", role, RoleId::parse)?))
}
