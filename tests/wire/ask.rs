//! Questions in the wire's words, as protobuf.

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

/// The fields that an INVALID_ARGUMENT names in its details.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request();
    details.into_iter().flat_map(|details| details.field_violations).map(|bad| bad.field).collect()
}

/// The stable name of an error.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
