//! Batches: items, each over the batch's defaults.

use super::{
    BadField,
    question::{Asked, assemble, place, resource, user},
};
use crate::{
    engine::answer::Query,
    grpc::{
        batch::{Batch, Parts},
        proto,
    },
    rbac::{question::Resource, text::UserId},
};

/// The questions of a batch, read.
pub(in crate::grpc) struct Questions {
    /// Those that can be asked, in the order of the items.
    pub(in crate::grpc) good: Vec<Query>,
    /// The others: each is that item's own error, with the item's number.
    pub(in crate::grpc) bad: Vec<(usize, BadField)>,
}

/// What holds for items that do not say, read once for all of them.
struct Defaults<'a> {
    user: Result<UserId, BadField>,
    resource: Result<Resource, BadField>,
    asked: Option<Asked<'a>>,
}

/// Reads every item.
pub(in crate::grpc) fn questions(batch: &Batch<'_>) -> Questions {
    let beside = &batch.beside;
    let defaults = Defaults {
        user: user(beside.default_user.as_deref(), None),
        resource: resource(beside.default_resource.as_ref()),
        asked: of_batch(beside),
    };
    let mut questions = Questions { good: Vec::with_capacity(batch.items.len()), bad: Vec::new() };
    for (number, item) in batch.items.iter().enumerate() {
        match query(&defaults, item.parts(), questions.good.last()) {
            Ok(query) => questions.good.push(query),
            Err(bad) => questions.bad.push((number, bad)),
        }
    }
    questions
}

fn query(defaults: &Defaults<'_>, item: Parts<'_>, last: Option<&Query>) -> Result<Query, BadField> {
    let user = item.user.map_or_else(|| defaults.user.clone(), |id| user(Some(id), last));
    let resource = || item.at.map_or_else(|| defaults.resource.clone(), |at| place(at, last));
    assemble(user, resource, item.asked.or(defaults.asked), last)
}

fn of_batch(batch: &proto::BatchCheckRequest) -> Option<Asked<'_>> {
    use proto::batch_check_request::DefaultQuestion as Q;
    batch.default_question.as_ref().map(|question| match question {
        Q::DefaultAction(name) => Asked::Action(name),
        Q::DefaultOperation(operation) => Asked::Operation(operation),
    })
}
