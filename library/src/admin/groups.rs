//! Groups.

use super::{
    call::{Call, just_written},
    objects, request,
};
use crate::{
    grpc::{convert::text, proto::*},
    rbac::text::{GroupId, Label},
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateGroupRequest>) -> Result<CreateGroupResponse, Status> {
    let id = text("id", &call.message.id, GroupId::parse)?;
    let label = text("label", &call.message.label, Label::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::groups::create(w, &id, &label).await?;
                just_written(read::groups::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(CreateGroupResponse {
        group: Some(objects::group(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn get(call: Call<GetGroupRequest>) -> Result<GetGroupResponse, Status> {
    let id = text("id", &call.message.id, GroupId::parse)?;
    let actor = call.actor.clone();
    let record = call.read(|tx| Box::pin(async move { read::groups::get(tx, &actor, &id).await })).await?;
    Ok(GetGroupResponse { group: Some(objects::group(record)) })
}

pub(super) async fn list(call: Call<ListGroupsRequest>) -> Result<ListGroupsResponse, Status> {
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call.read(|tx| Box::pin(async move { read::groups::list(tx, &actor, &page).await })).await?;
    let (groups, next_page_token) = call.reply(page, objects::group);
    Ok(ListGroupsResponse { groups, next_page_token })
}

pub(super) async fn update(call: Call<UpdateGroupRequest>) -> Result<UpdateGroupResponse, Status> {
    let id = text("id", &call.message.id, GroupId::parse)?;
    let label = text("label", &call.message.label, Label::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::groups::rename(w, &id, &label).await?;
                just_written(read::groups::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(UpdateGroupResponse {
        group: Some(objects::group(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn delete(call: Call<DeleteGroupRequest>) -> Result<DeleteGroupResponse, Status> {
    let id = text("id", &call.message.id, GroupId::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::groups::delete(w, &id).await })
        })
        .await?;
    Ok(DeleteGroupResponse { revision_token: written.token.to_string() })
}
