//! Users.

use super::{
    call::{Call, just_written},
    objects, request,
};
use crate::{
    grpc::{convert::text, proto::*},
    rbac::{level::SiteRole, text::UserId},
    store::{
        edit::{self, users::UserUpdate},
        read,
    },
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateUserRequest>) -> Result<CreateUserResponse, Status> {
    let id = text("id", &call.message.id, UserId::parse)?;
    let site_role = call.message.site_role.as_deref().map_or(Ok(SiteRole::User), request::site_role)?;
    let enabled = !call.message.disabled;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::users::create(w, &id, site_role, enabled).await?;
                just_written(read::users::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(CreateUserResponse {
        user: Some(objects::user(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn get(call: Call<GetUserRequest>) -> Result<GetUserResponse, Status> {
    let id = text("id", &call.message.id, UserId::parse)?;
    let actor = call.actor.clone();
    let record = call.read(|tx| Box::pin(async move { read::users::get(tx, &actor, &id).await })).await?;
    Ok(GetUserResponse { user: Some(objects::user(record)) })
}

pub(super) async fn list(call: Call<ListUsersRequest>) -> Result<ListUsersResponse, Status> {
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call.read(|tx| Box::pin(async move { read::users::list(tx, &actor, &page).await })).await?;
    let (users, next_page_token) = call.reply(page, objects::user);
    Ok(ListUsersResponse { users, next_page_token })
}

pub(super) async fn update(call: Call<UpdateUserRequest>) -> Result<UpdateUserResponse, Status> {
    let id = text("id", &call.message.id, UserId::parse)?;
    let update = UserUpdate {
        site_role: call.message.site_role.as_deref().map(request::site_role).transpose()?,
        enabled: call.message.disabled.map(|disabled| !disabled),
    };
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::users::update(w, &id, update).await?;
                just_written(read::users::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(UpdateUserResponse {
        user: Some(objects::user(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn delete(call: Call<DeleteUserRequest>) -> Result<DeleteUserResponse, Status> {
    let id = text("id", &call.message.id, UserId::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::users::delete(w, &id).await })
        })
        .await?;
    Ok(DeleteUserResponse { revision_token: written.token.to_string() })
}
