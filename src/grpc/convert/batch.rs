//! Batches: items, each over the batch's defaults.

use super::{
    BadField,
    question::{Asked, assemble},
};
use crate::{engine::answer::Query, grpc::proto};

/// Reads every item; a malformed one is that item's own error.
pub(in crate::grpc) fn queries(batch: &proto::BatchCheckRequest) -> Vec<Result<Query, BadField>> {
    batch.items.iter().map(|item| query(batch, item)).collect()
}

fn query(batch: &proto::BatchCheckRequest, item: &proto::BatchCheckItem) -> Result<Query, BadField> {
    let user = item.user.as_deref().or(batch.default_user.as_deref());
    let resource = item.resource.as_ref().or(batch.default_resource.as_ref());
    assemble(user, resource, of_item(item).or_else(|| of_batch(batch)))
}

fn of_item(item: &proto::BatchCheckItem) -> Option<Asked<'_>> {
    use proto::batch_check_item::Question as Q;
    item.question.as_ref().map(|question| match question {
        Q::Action(name) => Asked::Action(name),
        Q::Operation(operation) => Asked::Operation(operation),
    })
}

fn of_batch(batch: &proto::BatchCheckRequest) -> Option<Asked<'_>> {
    use proto::batch_check_request::DefaultQuestion as Q;
    batch.default_question.as_ref().map(|question| match question {
        Q::DefaultAction(name) => Asked::Action(name),
        Q::DefaultOperation(operation) => Asked::Operation(operation),
    })
}
