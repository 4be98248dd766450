//! Batches: items, each over the batch's defaults.

use super::{
    BadField,
    question::{Asked, assemble, resource, user},
};
use crate::{
    engine::answer::Query,
    grpc::proto,
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
pub(in crate::grpc) fn questions(batch: &proto::BatchCheckRequest) -> Questions {
    let defaults = Defaults {
        user: user(batch.default_user.as_deref()),
        resource: resource(batch.default_resource.as_ref()),
        asked: of_batch(batch),
    };
    let mut questions = Questions { good: Vec::with_capacity(batch.items.len()), bad: Vec::new() };
    for (number, item) in batch.items.iter().enumerate() {
        match query(&defaults, item) {
            Ok(query) => questions.good.push(query),
            Err(bad) => questions.bad.push((number, bad)),
        }
    }
    questions
}

fn query(defaults: &Defaults<'_>, item: &proto::BatchCheckItem) -> Result<Query, BadField> {
    let user = item.user.as_deref().map_or_else(|| defaults.user.clone(), |id| user(Some(id)));
    let place = || match &item.resource {
        Some(place) => resource(Some(place)),
        None => defaults.resource.clone(),
    };
    assemble(user, place, of_item(item).or(defaults.asked))
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
