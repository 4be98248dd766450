//! Projects.

use super::{
    call::{Call, just_written},
    objects, request,
};
use crate::{
    grpc::{
        convert::{maybe_text, text},
        proto::*,
    },
    rbac::text::{GroupId, Label, ProjectId},
    store::{
        edit::{self, projects::NewProject},
        read,
    },
};
use tonic::Status;

pub(super) async fn create(call: Call<CreateProjectRequest>) -> Result<CreateProjectResponse, Status> {
    let message = &call.message;
    let new = NewProject {
        id: maybe_text("id", message.id.as_deref(), ProjectId::parse)?,
        group: text("group", &message.group, GroupId::parse)?,
        label: text("label", &message.label, Label::parse)?,
        inherit: !message.without_template,
    };
    let written = call
        .write(message.expected_revision, move |w| {
            Box::pin(async move {
                let id = edit::projects::create(w, new).await?;
                just_written(read::projects::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(CreateProjectResponse {
        project: Some(objects::project(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn get(call: Call<GetProjectRequest>) -> Result<GetProjectResponse, Status> {
    let id = text("id", &call.message.id, ProjectId::parse)?;
    let actor = call.actor.clone();
    let record = call.read(|tx| Box::pin(async move { read::projects::get(tx, &actor, &id).await })).await?;
    Ok(GetProjectResponse { project: Some(objects::project(record)) })
}

pub(super) async fn list(call: Call<ListProjectsRequest>) -> Result<ListProjectsResponse, Status> {
    let group = maybe_text("group", call.message.group.as_deref(), GroupId::parse)?;
    let page = request::page(call.message.page_size, &call.message.page_token)?;
    let actor = call.actor.clone();
    let page = call
        .read(|tx| Box::pin(async move { read::projects::list(tx, &actor, group.as_ref(), &page).await }))
        .await?;
    let (projects, next_page_token) = call.reply(page, objects::project);
    Ok(ListProjectsResponse { projects, next_page_token })
}

pub(super) async fn update(call: Call<UpdateProjectRequest>) -> Result<UpdateProjectResponse, Status> {
    let id = text("id", &call.message.id, ProjectId::parse)?;
    let label = text("label", &call.message.label, Label::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move {
                edit::projects::rename(w, &id, &label).await?;
                just_written(read::projects::find(w.reading(), &id).await?)
            })
        })
        .await?;
    Ok(UpdateProjectResponse {
        project: Some(objects::project(written.value)),
        revision_token: written.token.to_string(),
    })
}

pub(super) async fn delete(call: Call<DeleteProjectRequest>) -> Result<DeleteProjectResponse, Status> {
    let id = text("id", &call.message.id, ProjectId::parse)?;
    let written = call
        .write(call.message.expected_revision, move |w| {
            Box::pin(async move { edit::projects::delete(w, &id).await })
        })
        .await?;
    Ok(DeleteProjectResponse { revision_token: written.token.to_string() })
}
