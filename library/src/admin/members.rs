//! Members of groups.

use super::{call::Call, objects, request};
use crate::{
    grpc::{
        convert::{BadField, text},
        proto::*,
    },
    rbac::text::{GroupId, UserId},
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn set(call: Call<SetGroupMemberRequest>) -> Result<SetGroupMemberResponse, Status> {
    let (group, user) = ids(&call.message.group, &call.message.user)?;
    let role = request::group_role(call.message.role)?;
    let member = objects::member(read::groups::MemberRecord { user: user.clone(), role });
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::members::set(w, &group, &user, role).await })
        })
        .await?;
    Ok(SetGroupMemberResponse { member: Some(member), revision_token: written.token.to_string() })
}

pub(super) async fn remove(
    call: Call<RemoveGroupMemberRequest>,
) -> Result<RemoveGroupMemberResponse, Status> {
    let (group, user) = ids(&call.message.group, &call.message.user)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::members::remove(w, &group, &user).await })
        })
        .await?;
    Ok(RemoveGroupMemberResponse { revision_token: written.token.to_string() })
}

pub(super) async fn list(call: Call<ListGroupMembersRequest>) -> Result<ListGroupMembersResponse, Status> {
    let group = text("group", &call.message.group, GroupId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call
        .read(|tx| Box::pin(async move { read::groups::members(tx, &actor, &group, &page).await }))
        .await?;
    let (members, next_page_token) = call.reply(page, objects::member);
    Ok(ListGroupMembersResponse { members, next_page_token })
}

fn ids(group: &str, user: &str) -> Result<(GroupId, UserId), BadField> {
    Ok((text("group", group, GroupId::parse)?, text("user", user, UserId::parse)?))
}
