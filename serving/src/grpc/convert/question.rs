//! Questions: who, where, what. Judged in the order malformed, unknown name, wrong level.

use super::{BadField, Fault, operation::Attributes, quoted, text};
use crate::{
    engine::{answer::Query, sight::PlainQuery},
    grpc::{
        batch::Parts,
        proto::{self, resource::Place},
        suggest,
    },
    rbac::{
        action::ActionName,
        level::{GroupAction, SiteAction},
        question::{GroupAsk, ProjectAsk, Question, Resource},
        text::{GroupId, ProjectId, UserId},
    },
};

/// What is asked, as it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::grpc) enum Asked<'a> {
    Action(&'a str),
    Operation(&'a proto::Operation),
}

impl<'a> Asked<'a> {
    /// What a single question asks, if anything.
    pub(in crate::grpc) fn of(request: &'a proto::CheckRequest) -> Option<Self> {
        use proto::check_request::Question as Q;
        request.question.as_ref().map(|question| match question {
            Q::Action(name) => Self::Action(name),
            Q::Operation(operation) => Self::Operation(operation),
        })
    }
}

/// Where it is asked, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) enum At<'a> {
    Nowhere,
    Site,
    Group(&'a str),
    Project(&'a str),
}

impl<'a> From<&'a proto::Resource> for At<'a> {
    fn from(resource: &'a proto::Resource) -> Self {
        match &resource.place {
            None => Self::Nowhere,
            Some(Place::Site(_)) => Self::Site,
            Some(Place::Group(id)) => Self::Group(id),
            Some(Place::Project(id)) => Self::Project(id),
        }
    }
}

/// Reads a single question.
pub fn query(request: &proto::CheckRequest) -> Result<Query, BadField> {
    let asked = Asked::of(request);
    let query =
        assemble(user(Some(&request.user), None), || resource(request.resource.as_ref()), asked, None);
    query.map_err(|bad| match unknown_name(&bad, asked).and_then(nearest) {
        Some(near) => with_suggestion(bad, near),
        None => bad,
    })
}

/// The question by its texts alone, if it is about an action on a project. Nothing of it has been judged but the action's
/// name.
pub(in crate::grpc) fn at_sight(parts: Parts<'_>) -> Option<PlainQuery<'_>> {
    match parts {
        Parts { user: Some(user), at: Some(At::Project(project)), asked: Some(Asked::Action(name)) } => {
            Some(PlainQuery { user, project, action: ActionName::parse(name)? })
        }
        _ => None,
    }
}

/// Puts a question together from its three parts, which are judged in this order.
///
/// Here and below, `last` is the question that was read before this one, if any: what is the same again is taken from it,
/// and neither judged again nor copied.
pub(super) fn assemble(
    user: Result<UserId, BadField>,
    resource: impl FnOnce() -> Result<Resource, BadField>,
    asked: Option<Asked<'_>>,
    last: Option<&Query>,
) -> Result<Query, BadField> {
    let (user, resource) = (user?, resource()?);
    let asked =
        asked.ok_or_else(|| BadField::malformed("action", "an action or an operation must be given"))?;
    let question = match asked {
        Asked::Action(name) => action(resource, name, last)?,
        Asked::Operation(operation) => Attributes::read(operation)?.into_question(operation, resource)?,
    };
    Ok(Query { user, question })
}

/// Reads who is asked about.
pub(super) fn user(id: Option<&str>, last: Option<&Query>) -> Result<UserId, BadField> {
    let id = id.ok_or_else(|| BadField::malformed("user", "is missing"))?;
    match last {
        Some(last) if last.user.as_str() == id => Ok(last.user.clone()),
        _ => text("user", id, UserId::parse),
    }
}

/// Reads a place.
pub(in crate::grpc) fn resource(resource: Option<&proto::Resource>) -> Result<Resource, BadField> {
    let resource = resource.ok_or_else(|| BadField::malformed("resource", "is missing"))?;
    place(At::from(resource), None)
}

/// Reads a place that was given.
pub(super) fn place(at: At<'_>, last: Option<&Query>) -> Result<Resource, BadField> {
    match (at, last.map(|last| &last.question)) {
        (At::Nowhere, _) => {
            Err(BadField::malformed("resource", "exactly one of site, group and project must be given"))
        }
        (At::Site, _) => Ok(Resource::Site),
        (At::Group(id), Some(Question::Group(last, _))) if last.as_str() == id => {
            Ok(Resource::Group(last.clone()))
        }
        (At::Group(id), _) => text("resource.group", id, GroupId::parse).map(Resource::Group),
        (At::Project(id), Some(Question::Project(last, _))) if last.as_str() == id => {
            Ok(Resource::Project(last.clone()))
        }
        (At::Project(id), _) => text("resource.project", id, ProjectId::parse).map(Resource::Project),
    }
}

fn action(resource: Resource, name: &str, last: Option<&Query>) -> Result<Question, BadField> {
    if name.is_empty() {
        return Err(BadField::malformed("action", "must not be empty"));
    }
    let at = place_of(&resource);
    let question = match resource {
        Resource::Site => SiteAction::from_name(name).map(Question::Site),
        Resource::Group(id) => {
            GroupAction::from_name(name).map(|action| Question::Group(id, GroupAsk::Action(action)))
        }
        Resource::Project(id) => {
            project_action(name, last).map(|action| Question::Project(id, ProjectAsk::Action(action)))
        }
    };
    question.ok_or_else(|| misplaced_action(name, at))
}

fn project_action(name: &str, last: Option<&Query>) -> Option<ActionName> {
    match last.map(|last| &last.question) {
        Some(Question::Project(_, ProjectAsk::Action(last))) if last.name() == name => Some(*last),
        _ => ActionName::parse(name),
    }
}

/// What is wrong with an action that its place does not know.
fn misplaced_action(name: &str, at: &str) -> BadField {
    if SiteAction::from_name(name).is_some() {
        wrong_level("action", name, "site", at)
    } else if GroupAction::from_name(name).is_some() {
        wrong_level("action", name, "group", at)
    } else if ActionName::parse(name).is_some() {
        wrong_level("action", name, "project", at)
    } else {
        unknown_action(name)
    }
}

fn unknown_action(name: &str) -> BadField {
    let problem = format!("unknown action {}", quoted(name));
    BadField { fault: Fault::UnknownAction, field: "action".to_owned(), problem }
}

/// A name that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown<'a> {
    Action(&'a str),
    Operation(&'a str),
}

/// The name that is wrong with a question, if it is one that nobody knows.
pub(super) fn unknown_name<'a>(bad: &BadField, asked: Option<Asked<'a>>) -> Option<Unknown<'a>> {
    match (bad.fault, asked) {
        (Fault::UnknownAction, Some(Asked::Action(name))) => Some(Unknown::Action(name)),
        (Fault::UnknownOperation, Some(Asked::Operation(operation))) => {
            Some(Unknown::Operation(&operation.name))
        }
        _ => None,
    }
}

/// What was likely meant. To find out costs a thousand times what reading a question does.
pub(super) fn nearest(name: Unknown<'_>) -> Option<&'static str> {
    match name {
        Unknown::Action(name) => suggest::nearest_action(name),
        Unknown::Operation(name) => suggest::nearest_operation(name),
    }
}

/// Adds "did you mean" to what is wrong with a question.
pub(super) fn with_suggestion(mut bad: BadField, near: &str) -> BadField {
    bad.problem.push_str(&format!("; did you mean `{near}`?"));
    bad
}

/// What a place is called in messages.
pub(super) const fn place_of(resource: &Resource) -> &'static str {
    match resource {
        Resource::Site => "the site",
        Resource::Group(_) => "a group",
        Resource::Project(_) => "a project",
    }
}

/// The name is known, but belongs elsewhere.
pub(super) fn wrong_level(field: &str, name: &str, level: &str, at: &str) -> BadField {
    let problem = format!("`{name}` belongs to the {level} level and cannot be asked of {at}");
    BadField { fault: Fault::WrongLevel, field: field.to_owned(), problem }
}
