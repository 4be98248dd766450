//! Finding things by where they are.

use super::{
    body::Body,
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals, text},
    groups,
    listing::Listing,
    projects,
};
use crate::{
    platform::model::{Node, Path, Resolved},
    rbac::{
        refusal::{Kind, Refusal},
        text::{GroupId, Label, ProjectId},
    },
    store::{
        auth::Actor,
        error::{Error, Result as StoreResult},
        read,
        tx::Tx,
    },
};
use axum::Json;

endpoints!(lookup, resolve);

/// A path, read.
enum Place {
    Top,
    Group(GroupId),
    Project(GroupId, Called),
    /// Nothing here lies so deep.
    Beyond(String),
}

/// How a project is named in a path.
enum Called {
    Id(ProjectId),
    Label(Label),
}

impl Place {
    fn of(path: &Path) -> Result<Self, Failure> {
        Ok(match path.path.as_slice() {
            [] => Self::Top,
            [top] if top.is_empty() => Self::Top,
            [group] => Self::Group(group_id(group)?),
            [group, project] => Self::Project(group_id(group)?, Called::of(project)?),
            deeper => Self::Beyond(deeper.join("/")),
        })
    }
}

fn group_id(segment: &str) -> Result<GroupId, Failure> {
    text("path", id_in(segment).unwrap_or(segment), GroupId::parse)
}

/// The id in `<id:ID>`.
fn id_in(segment: &str) -> Option<&str> {
    segment.strip_prefix("<id:")?.strip_suffix('>')
}

impl Called {
    fn of(segment: &str) -> Result<Self, Failure> {
        Ok(match id_in(segment) {
            Some(id) => Self::Id(text("path", id, ProjectId::parse)?),
            None => Self::Label(text("path", segment, Label::parse)?),
        })
    }

    async fn find(&self, tx: &mut Tx, actor: &Actor, group: &GroupId) -> StoreResult<Node> {
        let record = match self {
            Self::Label(label) => read::projects::labelled(tx, actor, group, label).await?,
            Self::Id(id) => {
                let record = read::projects::get(tx, actor, id).await?;
                if record.group != *group {
                    return Err(not_found(Kind::Project, id.to_string()));
                }
                record
            }
        };
        Ok(Node::Project(projects::whole(tx, actor, record).await?))
    }
}

fn not_found(kind: Kind, id: String) -> Error {
    Refusal::NotFound { kind, id }.into()
}

/// A group in a path; one that the caller may not view is none.
async fn group(tx: &mut Tx, actor: &Actor, id: &GroupId) -> StoreResult<Node> {
    match read::groups::get(tx, actor, id).await {
        Ok(record) => Ok(Node::Group(groups::whole(tx, actor, record).await?)),
        Err(Error::Refused(Refusal::NotPermitted { .. })) => Err(not_found(Kind::Group, id.to_string())),
        Err(error) => Err(error),
    }
}

/// Find a group, or a project by its group and its label
#[utoipa::path(post, path = "/lookup", tag = "lookup", request_body = Path, responses((status = 200, body = Node), Refusals))]
async fn lookup(caller: Caller, Body(path): Body<Path>) -> Result<Json<Node>, Failure> {
    let (place, actor) = (Place::of(&path)?, caller.actor.clone());
    let found = caller.read(|tx| {
        Box::pin(async move {
            match place {
                Place::Top => Err(not_found(Kind::Group, String::new())),
                Place::Group(id) => group(tx, &actor, &id).await,
                Place::Project(group, called) => called.find(tx, &actor, &group).await,
                Place::Beyond(path) => Err(not_found(Kind::Project, path)),
            }
        })
    });
    Ok(Json(found.await?))
}

/// Find everything along a path, and what lies below it
#[utoipa::path(post, path = "/resolve", tag = "lookup", request_body = Path, responses((status = 200, body = Resolved), Refusals))]
async fn resolve(caller: Caller, Body(path): Body<Path>) -> Result<Json<Resolved>, Failure> {
    let (place, actor) = (Place::of(&path)?, caller.actor.clone());
    let found = caller.read(|tx| {
        Box::pin(async move {
            match place {
                Place::Top => {
                    let groups = groups::all(tx, &actor, &Listing::default()).await?;
                    Ok(Resolved { path: Vec::new(), children: groups.into_iter().map(Node::Group).collect() })
                }
                Place::Group(id) => {
                    let path = vec![group(tx, &actor, &id).await?];
                    let projects = projects::all(tx, &actor, Some(&id), &Listing::default()).await?;
                    Ok(Resolved { path, children: projects.into_iter().map(Node::Project).collect() })
                }
                Place::Project(id, called) => {
                    let project = called.find(tx, &actor, &id).await?;
                    // Whoever is on a project need not be a member of its group.
                    let mut path: Vec<_> = group(tx, &actor, &id).await.into_iter().collect();
                    path.push(project);
                    Ok(Resolved { path, children: Vec::new() })
                }
                Place::Beyond(path) => Err(not_found(Kind::Project, path)),
            }
        })
    });
    Ok(Json(found.await?))
}
