//! Gears.

use super::{
    call::{Call, just_written},
    objects, request,
};
use crate::{
    grpc::{convert::text, proto::*},
    rbac::text::GearName,
    store::{edit, read},
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateGearRequest>) -> Result<CreateGearResponse, Status> {
    let name = text("name", &call.message.name, GearName::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::gears::create(w, &name).await?;
                just_written(read::gears::find(w.reading(), &name).await?)
            })
        })
        .await?;
    Ok(CreateGearResponse {
        gear: Some(objects::gear(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn get(call: Call<GetGearRequest>) -> Result<GetGearResponse, Status> {
    let name = text("name", &call.message.name, GearName::parse)?;
    let actor = call.actor.clone();
    let record = call.read(|tx| Box::pin(async move { read::gears::get(tx, &actor, &name).await })).await?;
    Ok(GetGearResponse { gear: Some(objects::gear(record)) })
}

pub(super) async fn list(call: Call<ListGearsRequest>) -> Result<ListGearsResponse, Status> {
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call.read(|tx| Box::pin(async move { read::gears::list(tx, &actor, &page).await })).await?;
    let (gears, next_page_token) = call.reply(page, objects::gear);
    Ok(ListGearsResponse { gears, next_page_token })
}

pub(super) async fn set_access(call: Call<SetGearAccessRequest>) -> Result<SetGearAccessResponse, Status> {
    let name = text("name", &call.message.name, GearName::parse)?;
    let access = request::gear_access(call.message.access.as_ref())?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::gears::set_access(w, &name, &access).await?;
                just_written(read::gears::find(w.reading(), &name).await?)
            })
        })
        .await?;
    Ok(SetGearAccessResponse {
        gear: Some(objects::gear(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn delete(call: Call<DeleteGearRequest>) -> Result<DeleteGearResponse, Status> {
    let name = text("name", &call.message.name, GearName::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::gears::delete(w, &name).await })
        })
        .await?;
    Ok(DeleteGearResponse { revision_token: written.token.to_string() })
}
