//! API keys.

use super::{call::Call, objects, request};
use crate::{
    grpc::{convert::text, proto::*},
    rbac::text::{Label, UserId},
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateApiKeyRequest>) -> Result<CreateApiKeyResponse, Status> {
    let user = text("user", &call.message.user, UserId::parse)?;
    let label = text("label", &call.message.label, Label::parse)?;
    let expires_at = request::expiry(call.message.expires_at)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::keys::create(w, &user, &label, expires_at).await })
        })
        .await?;
    let (record, key) = written.value;
    Ok(CreateApiKeyResponse {
        key: Some(objects::key(record)),
        secret: key.reveal(),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn list(call: Call<ListApiKeysRequest>) -> Result<ListApiKeysResponse, Status> {
    let user = text("user", &call.message.user, UserId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page =
        call.read(|tx| Box::pin(async move { read::keys::list(tx, &actor, &user, &page).await })).await?;
    let (keys, next_page_token) = call.reply(page, objects::key);
    Ok(ListApiKeysResponse { keys, next_page_token })
}

pub(super) async fn revoke(call: Call<RevokeApiKeyRequest>) -> Result<RevokeApiKeyResponse, Status> {
    let id = text("id", &call.message.id, Label::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::keys::revoke(w, id.as_str()).await })
        })
        .await?;
    Ok(RevokeApiKeyResponse { revision_token: written.token.to_string() })
}
