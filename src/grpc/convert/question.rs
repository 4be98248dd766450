//! Questions: who, where, what. Judged in the order malformed, unknown name, wrong level.

use super::{BadField, Fault, operation::Attributes, quoted, text};
use crate::{
    engine::answer::Query,
    grpc::{
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
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    Action(&'a str),
    Operation(&'a proto::Operation),
}

/// Reads a single question.
pub(in crate::grpc) fn query(request: &proto::CheckRequest) -> Result<Query, BadField> {
    use proto::check_request::Question as Q;
    let asked = request.question.as_ref().map(|question| match question {
        Q::Action(name) => Asked::Action(name),
        Q::Operation(operation) => Asked::Operation(operation),
    });
    assemble(user(Some(&request.user)), || resource(request.resource.as_ref()), asked)
}

/// Puts a question together from its three parts, which are judged in this order.
pub(super) fn assemble(
    user: Result<UserId, BadField>,
    resource: impl FnOnce() -> Result<Resource, BadField>,
    asked: Option<Asked<'_>>,
) -> Result<Query, BadField> {
    let (user, resource) = (user?, resource()?);
    let asked =
        asked.ok_or_else(|| BadField::malformed("action", "an action or an operation must be given"))?;
    let question = match asked {
        Asked::Action(name) => action(resource, name)?,
        Asked::Operation(operation) => Attributes::read(operation)?.into_question(operation, resource)?,
    };
    Ok(Query { user, question })
}

/// Reads who is asked about.
pub(super) fn user(id: Option<&str>) -> Result<UserId, BadField> {
    let id = id.ok_or_else(|| BadField::malformed("user", "is missing"))?;
    text("user", id, UserId::parse)
}

/// Reads a place.
pub(in crate::grpc) fn resource(resource: Option<&proto::Resource>) -> Result<Resource, BadField> {
    let resource = resource.ok_or_else(|| BadField::malformed("resource", "is missing"))?;
    match &resource.place {
        None => Err(BadField::malformed("resource", "exactly one of site, group and project must be given")),
        Some(Place::Site(_)) => Ok(Resource::Site),
        Some(Place::Group(id)) => text("resource.group", id, GroupId::parse).map(Resource::Group),
        Some(Place::Project(id)) => text("resource.project", id, ProjectId::parse).map(Resource::Project),
    }
}

fn action(resource: Resource, name: &str) -> Result<Question, BadField> {
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
            ActionName::parse(name).map(|action| Question::Project(id, ProjectAsk::Action(action)))
        }
    };
    question.ok_or_else(|| misplaced_action(name, at))
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
    let problem = with_suggestion(format!("unknown action {}", quoted(name)), suggest::nearest_action(name));
    BadField { fault: Fault::UnknownAction, field: "action".to_owned(), problem }
}

/// Adds "did you mean" to a problem, if there is a likely answer.
pub(super) fn with_suggestion(problem: String, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("{problem}; did you mean `{near}`?"),
        None => problem,
    }
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
