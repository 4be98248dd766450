//! Project templates of groups.

use super::{call::Call, objects, request};
use crate::{
    grpc::{
        convert::{BadField, text},
        proto::*,
    },
    rbac::text::{GroupId, UserId},
    store::{
        edit,
        read::{self, RoleHolder},
    },
};
use tonic::Status;

pub(super) async fn set(call: Call<SetTemplateEntryRequest>) -> Result<SetTemplateEntryResponse, Status> {
    let (group, user) = ids(&call.message.group, &call.message.user)?;
    let roles = request::role_ids(&call.message.roles)?;
    let propagate = call.message.propagate;
    let entry = objects::template_entry(RoleHolder { user: user.clone(), roles: roles.clone() });
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::templates::set(w, &group, &user, &roles, propagate).await })
        })
        .await?;
    Ok(SetTemplateEntryResponse { entry: Some(entry), revision_token: written.token.to_string() })
}

pub(super) async fn remove(
    call: Call<RemoveTemplateEntryRequest>,
) -> Result<RemoveTemplateEntryResponse, Status> {
    let (group, user) = ids(&call.message.group, &call.message.user)?;
    let propagate = call.message.propagate;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::templates::remove(w, &group, &user, propagate).await })
        })
        .await?;
    Ok(RemoveTemplateEntryResponse { revision_token: written.token.to_string() })
}

pub(super) async fn list(
    call: Call<ListTemplateEntriesRequest>,
) -> Result<ListTemplateEntriesResponse, Status> {
    let group = text("group", &call.message.group, GroupId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call
        .read(|tx| Box::pin(async move { read::groups::template(tx, &actor, &group, &page).await }))
        .await?;
    let (entries, next_page_token) = call.reply(page, objects::template_entry);
    Ok(ListTemplateEntriesResponse { entries, next_page_token })
}

fn ids(group: &str, user: &str) -> Result<(GroupId, UserId), BadField> {
    Ok((text("group", group, GroupId::parse)?, text("user", user, UserId::parse)?))
}
