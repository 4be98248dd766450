//! Gears and whom they are open to.

use super::{
    body::{Body, Segments},
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    listing::{List, ListParams, Listing, read_all},
};
use crate::{
    platform::model::{self, GearDoc, GearItem, GearPermissions, GearSeries},
    rbac::{
        gear::GearAccess,
        refusal::{Kind, Refusal},
        text::{GearName, ProjectId, UserId},
    },
    store::{
        edit,
        error::Result as StoreResult,
        read::{self, gears::GearRecord},
        write::WriteTx,
    },
};
use axum::Json;
use std::collections::BTreeSet;

endpoints!(list, series, replace, lift, add_project, add_user, remove_project, remove_user);

fn output(record: GearRecord) -> GearSeries {
    let (is_restricted, permissions) = match record.access {
        GearAccess::Open => (false, GearPermissions::default()),
        GearAccess::Restricted { projects, users } => {
            let projects = projects.iter().map(ToString::to_string).collect();
            (true, GearPermissions { projects, users: users.iter().map(ToString::to_string).collect() })
        }
    };
    let name = record.name.to_string();
    GearSeries { id: name.clone(), name, permissions, is_restricted }
}

/// Changes whom a gear is open to, starting from those that it is restricted to.
async fn change(
    caller: Caller,
    gear: &str,
    change: impl FnOnce(Lists) -> StoreResult<GearAccess> + Send + 'static,
) -> Result<Json<GearSeries>, Failure> {
    let name = text("gear", gear, GearName::parse)?;
    let written = caller.write(move |w| {
        Box::pin(async move {
            let found = read::gears::find(w.reading(), &name).await?;
            let access = match found.map_or(GearAccess::Open, |found| found.access) {
                GearAccess::Open => change(Lists::default()),
                GearAccess::Restricted { projects, users } => change(Lists { projects, users }),
            };
            match access {
                Ok(access) => edit::gears::set_access(w, &name, &access).await?,
                Err(refused) => return refuse(w, &name, refused).await,
            }
            let written = read::gears::find(w.reading(), &name).await?;
            written.ok_or_else(|| Refusal::NotFound { kind: Kind::Gear, id: name.to_string() }.into())
        })
    });
    Ok(Json(output(written.await?)))
}

/// Rights and existence are judged before state.
async fn refuse(
    w: &mut WriteTx,
    name: &GearName,
    refused: crate::store::error::Error,
) -> StoreResult<GearRecord> {
    edit::gears::set_access(w, name, &GearAccess::Open).await?;
    Err(refused)
}

/// Whom a gear is restricted to.
#[derive(Default)]
struct Lists {
    projects: BTreeSet<ProjectId>,
    users: BTreeSet<UserId>,
}

impl Lists {
    fn restricted(self) -> StoreResult<GearAccess> {
        Ok(GearAccess::Restricted { projects: self.projects, users: self.users })
    }
}

fn not_listed(id: &impl ToString) -> crate::store::error::Error {
    Refusal::NotFound { kind: Kind::Permission, id: id.to_string() }.into()
}

/// Every gear
#[utoipa::path(get, path = "/gears", tag = "gears", params(ListParams), responses((status = 200, body = [GearDoc]), Refusals))]
async fn list(caller: Caller, listing: Listing) -> Result<List<GearDoc>, Failure> {
    let actor = caller.actor.clone();
    let (listing, gears) = caller
        .read(|tx| {
            Box::pin(async move {
                let gears = read_all!(listing, page => read::gears::list(tx, &actor, &page));
                Ok((listing, gears))
            })
        })
        .await?;
    let doc = |gear: GearRecord| {
        let name = gear.name.to_string();
        GearDoc { id: name.clone(), gear: model::GearName { name } }
    };
    listing.reply(gears.into_iter().map(doc).collect())
}

/// A gear and whom it is open to
#[utoipa::path(get, path = "/gears/{gear}/series", tag = "gears", params(("gear" = String, Path)), responses((status = 200, body = GearSeries), Refusals))]
async fn series(caller: Caller, Segments(gear): Segments<String>) -> Result<Json<GearSeries>, Failure> {
    let gear = text("gear", &gear, GearName::parse)?;
    let actor = caller.actor.clone();
    let found = caller.read(|tx| Box::pin(async move { read::gears::get(tx, &actor, &gear).await }));
    Ok(Json(output(found.await?)))
}

/// Restrict a gear to projects and users
#[utoipa::path(put, path = "/gears/{gear}/permissions", tag = "gears", params(("gear" = String, Path)), request_body = GearPermissions,
    responses((status = 200, body = GearSeries), Refusals))]
async fn replace(
    caller: Caller,
    Segments(gear): Segments<String>,
    Body(new): Body<GearPermissions>,
) -> Result<Json<GearSeries>, Failure> {
    let projects = new.projects.iter().map(|id| text("projects", id, ProjectId::parse));
    let users = new.users.iter().map(|id| text("users", id, UserId::parse));
    let lists =
        Lists { projects: projects.collect::<Result<_, _>>()?, users: users.collect::<Result<_, _>>()? };
    change(caller, &gear, move |_| lists.restricted()).await
}

/// Open a gear to all
#[utoipa::path(delete, path = "/gears/{gear}/permissions", tag = "gears", params(("gear" = String, Path)), responses((status = 200, body = GearSeries), Refusals))]
async fn lift(caller: Caller, Segments(gear): Segments<String>) -> Result<Json<GearSeries>, Failure> {
    change(caller, &gear, |_| Ok(GearAccess::Open)).await
}

/// Restrict a gear to one more project
#[utoipa::path(put, path = "/gears/{gear}/permissions/projects", tag = "gears", params(("gear" = String, Path)), request_body = GearItem,
    responses((status = 200, body = GearSeries), Refusals))]
async fn add_project(
    caller: Caller,
    Segments(gear): Segments<String>,
    Body(new): Body<GearItem>,
) -> Result<Json<GearSeries>, Failure> {
    let id = text("id", &new.id, ProjectId::parse)?;
    let add = move |mut lists: Lists| {
        lists.projects.insert(id);
        lists.restricted()
    };
    change(caller, &gear, add).await
}

/// Restrict a gear to one more user
#[utoipa::path(put, path = "/gears/{gear}/permissions/users", tag = "gears", params(("gear" = String, Path)), request_body = GearItem,
    responses((status = 200, body = GearSeries), Refusals))]
async fn add_user(
    caller: Caller,
    Segments(gear): Segments<String>,
    Body(new): Body<GearItem>,
) -> Result<Json<GearSeries>, Failure> {
    let id = text("id", &new.id, UserId::parse)?;
    let add = move |mut lists: Lists| {
        lists.users.insert(id);
        lists.restricted()
    };
    change(caller, &gear, add).await
}

/// Close a gear to a project; it stays restricted
#[utoipa::path(delete, path = "/gears/{gear}/permissions/projects/{project}", tag = "gears",
    params(("gear" = String, Path), ("project" = String, Path)), responses((status = 200, body = GearSeries), Refusals))]
async fn remove_project(
    caller: Caller,
    Segments((gear, project)): Segments<(String, String)>,
) -> Result<Json<GearSeries>, Failure> {
    let id = text("project", &project, ProjectId::parse)?;
    let remove = move |mut lists: Lists| {
        if lists.projects.remove(&id) { lists.restricted() } else { Err(not_listed(&id)) }
    };
    change(caller, &gear, remove).await
}

/// Close a gear to a user; it stays restricted
#[utoipa::path(delete, path = "/gears/{gear}/permissions/users/{user}", tag = "gears",
    params(("gear" = String, Path), ("user" = String, Path)), responses((status = 200, body = GearSeries), Refusals))]
async fn remove_user(
    caller: Caller,
    Segments((gear, user)): Segments<(String, String)>,
) -> Result<Json<GearSeries>, Failure> {
    let id = text("user", &user, UserId::parse)?;
    let remove = move |mut lists: Lists| {
        if lists.users.remove(&id) { lists.restricted() } else { Err(not_listed(&id)) }
    };
    change(caller, &gear, remove).await
}
