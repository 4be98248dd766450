//! Batches: items, each over the batch's defaults.

use super::{
    BadField,
    question::{Asked, At, Unknown, assemble, nearest, place, resource, unknown_name, user, with_suggestion},
};
use crate::{
    engine::{
        answer::Query,
        sight::{PlainQuery, are_same},
    },
    grpc::{
        batch::{Batch, Parts},
        proto,
    },
    rbac::{action::ActionName, question::Resource, text::UserId},
};

/// How many items are read in one go.
const BREATH: usize = 256;
/// For how many wrong names of a batch it is told what they may mean. To find out takes long: a caller whose names are all
/// wrong must not keep a thread from everyone else.
const SUGGESTIONS: usize = 8;

/// What was found for the wrong names of a batch so far.
#[derive(Default)]
struct Suggestions<'a>(Vec<(Unknown<'a>, Option<&'static str>)>);

impl<'a> Suggestions<'a> {
    fn add_to(&mut self, bad: BadField, asked: Option<Asked<'a>>) -> BadField {
        match unknown_name(&bad, asked).and_then(|name| self.of(name)) {
            Some(near) => with_suggestion(bad, near),
            None => bad,
        }
    }

    fn of(&mut self, name: Unknown<'a>) -> Option<&'static str> {
        if let Some((_, near)) = self.0.iter().find(|(known, _)| *known == name) {
            return *near;
        }
        if self.0.len() == SUGGESTIONS {
            return None;
        }
        let near = nearest(name);
        self.0.push((name, near));
        near
    }
}

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

/// The questions of a batch by their texts alone, if all of them are about actions on projects. Nothing of them has been judged
/// but the actions' names.
pub(in crate::grpc) fn at_sight<'a>(batch: &'a Batch<'_>) -> Option<Vec<PlainQuery<'a>>> {
    let beside = &batch.beside;
    let (user, at) = (beside.default_user.as_deref(), beside.default_resource.as_ref().map(At::from));
    let (asked, mut last) = (of_batch(beside), None::<(&str, ActionName)>);
    let mut plain = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        let item = item.parts();
        let (Some(At::Project(project)), Some(Asked::Action(name))) = (item.at.or(at), item.asked.or(asked))
        else {
            return None;
        };
        // Neighbours often ask the same.
        let action = last.filter(|(by, _)| are_same(by, name)).map(|(_, action)| action);
        let action = action.or_else(|| ActionName::parse(name))?;
        last = Some((name, action));
        plain.push(PlainQuery { user: item.user.or(user)?, project, action });
    }
    Some(plain)
}

/// Reads every item, and lets others have their turn now and then: what is wrong with an item takes long to tell.
pub(in crate::grpc) async fn questions(batch: &Batch<'_>) -> Questions {
    let beside = &batch.beside;
    let defaults = Defaults {
        user: user(beside.default_user.as_deref(), None),
        resource: resource(beside.default_resource.as_ref()),
        asked: of_batch(beside),
    };
    let mut questions = Questions { good: Vec::with_capacity(batch.items.len()), bad: Vec::new() };
    let mut suggestions = Suggestions::default();
    for (number, item) in batch.items.iter().enumerate() {
        if number % BREATH == BREATH - 1 {
            tokio::task::yield_now().await;
        }
        match query(&defaults, item.parts(), questions.good.last()) {
            Ok(query) => questions.good.push(query),
            Err(bad) => {
                let asked = item.parts().asked.or(defaults.asked);
                questions.bad.push((number, suggestions.add_to(bad, asked)));
            }
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
