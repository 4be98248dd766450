//! From a question in the wire's words to the core's types, or to the error that it is.
//!
//! A second reading of what is malformed, which name is known and which level it belongs to. Errors are found in that
//! order.

use super::world_file::{Asked, ErrorKind, OperationAsked, Owner, Place, What};
use rolegate::rbac::{
    action::ActionName,
    level::{GroupAction, SiteAction},
    question::{FileOrigin, GroupAsk, JobOwner, OPERATION_NAMES, Operation, ProjectAsk, Question},
    text::{GearName, GroupId, ProjectId, TextError, UserId},
};

type Asking<T> = Result<T, ErrorKind>;

/// The user and the typed question.
pub(crate) fn typed(asked: &Asked) -> Asking<(UserId, Question)> {
    let user = text(UserId::parse(&asked.user))?;
    let place = match &asked.place {
        Place::Site => TypedPlace::Site,
        Place::Group(id) => TypedPlace::Group(text(GroupId::parse(id))?),
        Place::Project(id) => TypedPlace::Project(text(ProjectId::parse(id))?),
    };
    let question = match &asked.what {
        What::Action(name) => action(place, name)?,
        What::Operation(asked) => operation(place, asked)?,
    };
    Ok((user, question))
}

enum TypedPlace {
    Site,
    Group(GroupId),
    Project(ProjectId),
}

fn text<T>(parsed: Result<T, TextError>) -> Asking<T> {
    parsed.map_err(|_| ErrorKind::Malformed)
}

fn action(place: TypedPlace, name: &str) -> Asking<Question> {
    let (site, group, project) =
        (SiteAction::from_name(name), GroupAction::from_name(name), ActionName::parse(name));
    match (place, site, group, project) {
        (_, None, None, None) => Err(ErrorKind::UnknownName),
        (TypedPlace::Site, Some(action), _, _) => Ok(Question::Site(action)),
        (TypedPlace::Group(id), _, Some(action), _) => Ok(Question::Group(id, GroupAsk::Action(action))),
        (TypedPlace::Project(id), _, _, Some(name)) => Ok(Question::Project(id, ProjectAsk::Action(name))),
        _ => Err(ErrorKind::WrongLevel),
    }
}

fn operation(place: TypedPlace, asked: &OperationAsked) -> Asking<Question> {
    let attributes = Attributes::of(asked)?;
    if !OPERATION_NAMES.contains(&asked.name.as_str()) {
        return Err(ErrorKind::UnknownName);
    }
    let operation = attributes.fit(&asked.name)?;
    match (place, operation) {
        (TypedPlace::Group(id), None) => Ok(Question::Group(id, GroupAsk::ProjectCreate)),
        (TypedPlace::Project(id), Some(operation)) => {
            Ok(Question::Project(id, ProjectAsk::Operation(operation)))
        }
        _ => Err(ErrorKind::WrongLevel),
    }
}

/// Attributes whose texts are valid; whether they belong is another matter.
#[derive(Default)]
struct Attributes {
    bulk: Option<bool>,
    origin: Option<FileOrigin>,
    destination_project: Option<ProjectId>,
    destination_group: Option<GroupId>,
    has_device_data: Option<bool>,
    gear: Option<GearName>,
    analysis: Option<bool>,
    owner: Option<JobOwner>,
}

impl Attributes {
    fn of(asked: &OperationAsked) -> Asking<Self> {
        let owner = match &asked.owner {
            None => None,
            Some(Owner::System) => Some(JobOwner::System),
            Some(Owner::User(id)) => Some(JobOwner::User(text(UserId::parse(id))?)),
        };
        Ok(Self {
            bulk: asked.bulk,
            origin: asked.origin.as_deref().map(origin).transpose()?,
            destination_project: text(
                asked.destination_project.as_deref().map(ProjectId::parse).transpose(),
            )?,
            destination_group: text(asked.destination_group.as_deref().map(GroupId::parse).transpose())?,
            has_device_data: asked.has_device_data,
            gear: text(asked.gear.as_deref().map(GearName::parse).transpose())?,
            analysis: asked.analysis,
            owner,
        })
    }

    /// Takes out what the operation takes; refuses what is left over. `None` is `project.create`.
    fn fit(mut self, name: &str) -> Asking<Option<Operation>> {
        let operation = self.take(name)?;
        let is_left_over = self.bulk.is_some()
            || self.origin.is_some()
            || self.destination_project.is_some()
            || self.destination_group.is_some()
            || self.has_device_data.is_some()
            || self.gear.is_some()
            || self.analysis.is_some()
            || self.owner.is_some();
        if is_left_over { Err(ErrorKind::Malformed) } else { Ok(operation) }
    }

    fn take(&mut self, name: &str) -> Asking<Option<Operation>> {
        Ok(Some(match name {
            "file.view" => Operation::FileView,
            "file.download" => Operation::FileDownload { bulk: self.bulk.take() },
            "file.upload" => Operation::FileUpload { bulk: self.bulk.take() },
            "file.delete" => Operation::FileDelete { origin: self.origin.take() },
            "file.move" => Operation::FileMove { destination: self.destination_project.take() },
            "container.delete" => Operation::ContainerDelete { has_device_data: self.has_device_data.take() },
            "container.move" => {
                Operation::ContainerMove { destination: given(self.destination_project.take())? }
            }
            "project.create" => return Ok(None),
            "project.delete" => Operation::ProjectDelete,
            "project.copy" => Operation::ProjectCopy { destination: given(self.destination_group.take())? },
            "project.settings.modify" => Operation::ProjectSettingsModify,
            "project.permissions.modify" => Operation::ProjectPermissionsModify,
            "job.run" => Operation::JobRun { gear: given(self.gear.take())?, analysis: self.analysis.take() },
            "job.cancel" | "job.prioritize" => Operation::JobControl { owner: self.owner.take() },
            "annotation.view" => Operation::AnnotationView { owner: self.take_user()? },
            "annotation.edit" => Operation::AnnotationEdit { owner: self.take_user()? },
            "annotation.delete" => Operation::AnnotationDelete { owner: self.take_user()? },
            "form_response.view" => Operation::FormResponseView { owner: self.take_user()? },
            "form_response.edit" => Operation::FormResponseEdit { owner: self.take_user()? },
            other => panic!("`{other}` is on the list of operations, and nothing here reads it"),
        }))
    }

    fn take_user(&mut self) -> Asking<Option<UserId>> {
        match self.owner.take() {
            None => Ok(None),
            Some(JobOwner::User(user)) => Ok(Some(user)),
            Some(JobOwner::System) => Err(ErrorKind::Malformed),
        }
    }
}

fn given<T>(attribute: Option<T>) -> Asking<T> {
    attribute.ok_or(ErrorKind::Malformed)
}

fn origin(name: &str) -> Asking<FileOrigin> {
    match name {
        "user" => Ok(FileOrigin::User),
        "job" => Ok(FileOrigin::Job),
        "device" => Ok(FileOrigin::Device),
        "system" => Ok(FileOrigin::System),
        "gear_rule" => Ok(FileOrigin::GearRule),
        "task" => Ok(FileOrigin::Task),
        "user_workspace" => Ok(FileOrigin::UserWorkspace),
        "unknown" => Ok(FileOrigin::Unknown),
        _ => Err(ErrorKind::Malformed),
    }
}
