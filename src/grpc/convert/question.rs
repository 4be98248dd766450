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
    assemble(Some(&request.user), request.resource.as_ref(), asked)
}

/// Puts a question together from its three parts.
pub(super) fn assemble(
    user: Option<&str>,
    place: Option<&proto::Resource>,
    asked: Option<Asked<'_>>,
) -> Result<Query, BadField> {
    let user = user.ok_or_else(|| BadField::malformed("user", "is missing"))?;
    let user = text("user", user, UserId::parse)?;
    let resource = resource(place)?;
    let asked =
        asked.ok_or_else(|| BadField::malformed("action", "an action or an operation must be given"))?;
    let question = match asked {
        Asked::Action(name) => action(resource, name)?,
        Asked::Operation(operation) => Attributes::read(operation)?.into_question(operation, resource)?,
    };
    Ok(Query { user, question })
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
    let (site, group, project) =
        (SiteAction::from_name(name), GroupAction::from_name(name), ActionName::parse(name));
    let level = match (site, group, project) {
        (Some(_), _, _) => "site",
        (_, Some(_), _) => "group",
        (_, _, Some(_)) => "project",
        (None, None, None) => return Err(unknown_action(name)),
    };
    match (resource, site, group, project) {
        (Resource::Site, Some(action), _, _) => Ok(Question::Site(action)),
        (Resource::Group(id), _, Some(action), _) => Ok(Question::Group(id, GroupAsk::Action(action))),
        (Resource::Project(id), _, _, Some(name)) => Ok(Question::Project(id, ProjectAsk::Action(name))),
        (resource, ..) => Err(wrong_level("action", name, level, &resource)),
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

/// The name is known, but belongs elsewhere.
pub(super) fn wrong_level(field: &str, name: &str, level: &str, resource: &Resource) -> BadField {
    let at = match resource {
        Resource::Site => "the site",
        Resource::Group(_) => "a group",
        Resource::Project(_) => "a project",
    };
    let problem = format!("`{name}` belongs to the {level} level and cannot be asked of {at}");
    BadField { fault: Fault::WrongLevel, field: field.to_owned(), problem }
}
