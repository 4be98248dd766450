//! Custom roles.

use super::{
    call::{Call, just_written},
    objects, request,
};
use crate::{
    engine::write::WriteOptions,
    grpc::{
        convert::{maybe_text, text},
        proto::*,
        size::Room,
    },
    rbac::text::{Label, RoleId},
    site::report,
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateRoleRequest>) -> Result<CreateRoleResponse, Status> {
    let message = &call.message;
    let id = maybe_text("id", message.id.as_deref(), RoleId::parse)?;
    let label = text("label", &message.label, Label::parse)?;
    let actions = request::role_actions(&message.actions)?;
    let written = call
        .write(message.expected_revision, move |w| {
            Box::pin(async move {
                let id = edit::roles::create(w, id, &label, &actions).await?;
                just_written(read::roles::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(CreateRoleResponse {
        role: Some(objects::role(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn get(call: Call<GetRoleRequest>) -> Result<GetRoleResponse, Status> {
    let id = text("id", &call.message.id, RoleId::parse)?;
    let record = call.read(|tx| Box::pin(async move { read::roles::get(tx, &id).await })).await?;
    Ok(GetRoleResponse { role: Some(objects::role(record)) })
}

pub(super) async fn list(call: Call<ListRolesRequest>) -> Result<ListRolesResponse, Status> {
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let page = call.read(|tx| Box::pin(async move { read::roles::list(tx, &page).await })).await?;
    let (roles, next_page_token) = call.reply(page, objects::role);
    Ok(ListRolesResponse { roles, next_page_token })
}

pub(super) async fn update(call: Call<UpdateRoleRequest>) -> Result<UpdateRoleResponse, Status> {
    let message = &call.message;
    let id = text("id", &message.id, RoleId::parse)?;
    let label = maybe_text("label", message.label.as_deref(), Label::parse)?;
    let actions =
        message.actions.as_ref().map(|actions| request::role_actions(&actions.names)).transpose()?;
    let (expected_revision, dry_run) = (message.expected_revision, message.dry_run);
    let written = call
        .write_with(WriteOptions { expected_revision, dry_run }, move |w| {
            Box::pin(async move {
                let before = report::before(w, dry_run).await?;
                edit::roles::update(w, &id, label.as_ref(), actions.as_ref()).await?;
                let changes = report::access_changes(w, before).await?;
                Ok((just_written(read::roles::find(w.reading(), &id).await?)?, changes))
            })
        })
        .await?;
    let (record, changes) = written.value;
    let role = objects::role(record);
    let mut room = Room::in_reply(call.reply_bytes);
    room.takes(&role);
    let all = changes.len();
    let changes = changes.into_iter().map(objects::access_change);
    let access_changes: Vec<_> = changes.take_while(|change| room.takes(change)).collect();
    Ok(UpdateRoleResponse {
        role: Some(role),
        revision_token: written.token.to_string(),
        access_changes_left_out: (all - access_changes.len()) as u64,
        access_changes,
    })
}

pub(super) async fn delete(call: Call<DeleteRoleRequest>) -> Result<DeleteRoleResponse, Status> {
    let id = text("id", &call.message.id, RoleId::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::roles::delete(w, &id).await })
        })
        .await?;
    Ok(DeleteRoleResponse { revision_token: written.token.to_string() })
}
