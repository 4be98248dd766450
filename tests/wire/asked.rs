//! The questions of worlds, as protobuf.

use super::{
    ask::{group, may, may_operate, project, site},
    world_file::{Asked, OperationAsked, Owner, Place, What},
};
use rolegate::grpc::proto::{self, CheckRequest};

/// A world's question.
pub(crate) fn request(asked: &Asked) -> CheckRequest {
    let resource = match &asked.place {
        Place::Site => site(),
        Place::Group(id) => group(id),
        Place::Project(id) => project(id),
    };
    let asking = match &asked.what {
        What::Action(name) => may(&asked.user, resource, name),
        What::Operation(asked_operation) => may_operate(&asked.user, resource, of_world(asked_operation)),
    };
    CheckRequest { explain: true, ..asking }
}

fn of_world(asked: &OperationAsked) -> proto::Operation {
    let owner = asked.owner.clone().map(|owner| match owner {
        Owner::User(id) => proto::owner::Owner::User(id),
        Owner::System => proto::owner::Owner::System(proto::SystemOwner {}),
    });
    proto::Operation {
        name: asked.name.clone(),
        bulk: asked.bulk,
        origin: asked.origin.as_deref().map(origin),
        destination_project: asked.destination_project.clone(),
        destination_group: asked.destination_group.clone(),
        has_device_data: asked.has_device_data,
        gear: asked.gear.clone(),
        analysis: asked.analysis,
        owner: owner.map(|owner| proto::Owner { owner: Some(owner) }),
    }
}

/// The origin's number; one outside the list for a name outside it.
fn origin(name: &str) -> i32 {
    let upper = format!("FILE_ORIGIN_{}", name.to_uppercase());
    let known = proto::FileOrigin::from_str_name(&upper).filter(|_| name == name.to_lowercase());
    known.map_or(99, i32::from)
}
