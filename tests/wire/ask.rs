//! Questions in the wire's words, as protobuf.

use super::world_file::{Asked, OperationAsked, Owner, Place, What};
use rolegate::grpc::proto::{
    self, BatchCheckItem, CheckRequest, Freshness, Resource, batch_check_item, check_request,
    freshness::Want, resource,
};
use tonic::Status;
use tonic_types::StatusExt as _;

pub(crate) fn site() -> Resource {
    Resource { place: Some(resource::Place::Site(proto::Site {})) }
}

pub(crate) fn group(id: &str) -> Resource {
    Resource { place: Some(resource::Place::Group(id.to_owned())) }
}

pub(crate) fn project(id: &str) -> Resource {
    Resource { place: Some(resource::Place::Project(id.to_owned())) }
}

/// Whether a user may do a plain action.
pub(crate) fn may(user: &str, resource: Resource, action: &str) -> CheckRequest {
    CheckRequest {
        user: user.to_owned(),
        resource: Some(resource),
        question: Some(check_request::Question::Action(action.to_owned())),
        ..CheckRequest::default()
    }
}

/// Whether a user may do an operation on a project.
pub(crate) fn may_operate(user: &str, resource: Resource, operation: proto::Operation) -> CheckRequest {
    let question = Some(check_request::Question::Operation(operation));
    CheckRequest { user: user.to_owned(), resource: Some(resource), question, ..CheckRequest::default() }
}

pub(crate) fn operation(name: &str) -> proto::Operation {
    proto::Operation { name: name.to_owned(), ..proto::Operation::default() }
}

pub(crate) fn at_least(token: &str) -> Option<Freshness> {
    Some(Freshness { want: Some(Want::AtLeastToken(token.to_owned())) })
}

/// The same question as an item of a batch.
pub(crate) fn item(request: CheckRequest) -> BatchCheckItem {
    let question = request.question.map(|question| match question {
        check_request::Question::Action(name) => batch_check_item::Question::Action(name),
        check_request::Question::Operation(operation) => batch_check_item::Question::Operation(operation),
    });
    BatchCheckItem { user: Some(request.user), resource: request.resource, question }
}

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

/// The fields that an INVALID_ARGUMENT names in its details.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request();
    details.into_iter().flat_map(|details| details.field_violations).map(|bad| bad.field).collect()
}

/// The stable name of an error.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
