//! Operations and their attributes: which belong to which, which are needed, and what they may hold.

use super::{
    BadField, Fault, maybe_text,
    question::{place_of, wrong_level},
    quoted, text,
};
use crate::{
    grpc::proto::{self, owner::Owner},
    rbac::{
        question::{FileOrigin, GroupAsk, JobOwner, Operation, ProjectAsk, Question, Resource},
        text::{GearName, GroupId, ProjectId, UserId},
    },
};

/// An operation's attributes, each well-formed by itself. Those that belong are taken out; what is left does not belong.
pub(super) struct Attributes {
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
    /// Checks every attribute by itself.
    pub(super) fn read(operation: &proto::Operation) -> Result<Self, BadField> {
        if operation.name.is_empty() {
            return Err(BadField::malformed("operation.name", "must not be empty"));
        }
        let project = operation.destination_project.as_deref();
        let group = operation.destination_group.as_deref();
        Ok(Self {
            bulk: operation.bulk,
            origin: operation.origin.map(origin).transpose()?,
            destination_project: maybe_text("operation.destination_project", project, ProjectId::parse)?,
            destination_group: maybe_text("operation.destination_group", group, GroupId::parse)?,
            has_device_data: operation.has_device_data,
            gear: maybe_text("operation.gear", operation.gear.as_deref(), GearName::parse)?,
            analysis: operation.analysis,
            owner: operation.owner.as_ref().map(owner).transpose()?,
        })
    }

    /// Makes a question of the operation's name and attributes, asked of a resource.
    pub(super) fn into_question(
        mut self,
        operation: &proto::Operation,
        resource: Resource,
    ) -> Result<Question, BadField> {
        let name = operation.name.as_str();
        let ask = self.take(name)?;
        if let Some(field) = self.left_over() {
            let problem = format!("does not belong to the operation `{name}`");
            return Err(BadField::malformed(field, problem));
        }
        match (ask, resource) {
            (Ask::OfGroup(ask), Resource::Group(id)) => Ok(Question::Group(id, ask)),
            (Ask::OfProject(ask), Resource::Project(id)) => {
                Ok(Question::Project(id, ProjectAsk::Operation(ask)))
            }
            (Ask::OfGroup(_), resource) => {
                Err(wrong_level("operation.name", name, "group", place_of(&resource)))
            }
            (Ask::OfProject(_), resource) => {
                Err(wrong_level("operation.name", name, "project", place_of(&resource)))
            }
        }
    }

    /// The operation of that name, with its attributes taken out of here.
    fn take(&mut self, name: &str) -> Result<Ask, BadField> {
        Ok(Ask::OfProject(match name {
            "project.create" => return Ok(Ask::OfGroup(GroupAsk::ProjectCreate)),
            "file.view" => Operation::FileView,
            "file.download" => Operation::FileDownload { bulk: self.bulk.take() },
            "file.upload" => Operation::FileUpload { bulk: self.bulk.take() },
            "file.delete" => Operation::FileDelete { origin: self.origin.take() },
            "file.move" => Operation::FileMove { destination: self.destination_project.take() },
            "container.delete" => Operation::ContainerDelete { has_device_data: self.has_device_data.take() },
            "container.move" => Operation::ContainerMove {
                destination: needed("operation.destination_project", name, self.destination_project.take())?,
            },
            "project.delete" => Operation::ProjectDelete,
            "project.copy" => Operation::ProjectCopy {
                destination: needed("operation.destination_group", name, self.destination_group.take())?,
            },
            "project.settings.modify" => Operation::ProjectSettingsModify,
            "project.permissions.modify" => Operation::ProjectPermissionsModify,
            "job.run" => Operation::JobRun {
                gear: needed("operation.gear", name, self.gear.take())?,
                analysis: self.analysis.take(),
            },
            "job.cancel" | "job.prioritize" => Operation::JobControl { owner: self.owner.take() },
            "annotation.view" => Operation::AnnotationView { owner: self.user_owner(name)? },
            "annotation.edit" => Operation::AnnotationEdit { owner: self.user_owner(name)? },
            "annotation.delete" => Operation::AnnotationDelete { owner: self.user_owner(name)? },
            "form_response.view" => Operation::FormResponseView { owner: self.user_owner(name)? },
            "form_response.edit" => Operation::FormResponseEdit { owner: self.user_owner(name)? },
            _ => return Err(unknown_operation(name)),
        }))
    }

    /// Only jobs may have the system as owner.
    fn user_owner(&mut self, name: &str) -> Result<Option<UserId>, BadField> {
        match self.owner.take() {
            None => Ok(None),
            Some(JobOwner::User(user)) => Ok(Some(user)),
            Some(JobOwner::System) => {
                let problem = format!("only jobs may belong to the system, and `{name}` is about no job");
                Err(BadField::malformed("operation.owner.system", problem))
            }
        }
    }

    fn left_over(&self) -> Option<&'static str> {
        let present = [
            (self.bulk.is_some(), "operation.bulk"),
            (self.origin.is_some(), "operation.origin"),
            (self.destination_project.is_some(), "operation.destination_project"),
            (self.destination_group.is_some(), "operation.destination_group"),
            (self.has_device_data.is_some(), "operation.has_device_data"),
            (self.gear.is_some(), "operation.gear"),
            (self.analysis.is_some(), "operation.analysis"),
            (self.owner.is_some(), "operation.owner"),
        ];
        present.into_iter().find_map(|(is_left, field)| is_left.then_some(field))
    }
}

enum Ask {
    OfGroup(GroupAsk),
    OfProject(Operation),
}

fn needed<T>(field: &str, operation: &str, value: Option<T>) -> Result<T, BadField> {
    value.ok_or_else(|| BadField::malformed(field, format!("is needed by the operation `{operation}`")))
}

fn unknown_operation(name: &str) -> BadField {
    let problem = format!("unknown operation {}", quoted(name));
    BadField { fault: Fault::UnknownOperation, field: "operation.name".to_owned(), problem }
}

fn origin(number: i32) -> Result<FileOrigin, BadField> {
    use proto::FileOrigin as P;
    match P::try_from(number) {
        Ok(P::User) => Ok(FileOrigin::User),
        Ok(P::Job) => Ok(FileOrigin::Job),
        Ok(P::Device) => Ok(FileOrigin::Device),
        Ok(P::System) => Ok(FileOrigin::System),
        Ok(P::GearRule) => Ok(FileOrigin::GearRule),
        Ok(P::Task) => Ok(FileOrigin::Task),
        Ok(P::UserWorkspace) => Ok(FileOrigin::UserWorkspace),
        Ok(P::Unknown) => Ok(FileOrigin::Unknown),
        Ok(P::Unspecified) | Err(_) => {
            Err(BadField::malformed("operation.origin", format!("{number} is not a file's origin")))
        }
    }
}

fn owner(owner: &proto::Owner) -> Result<JobOwner, BadField> {
    match &owner.owner {
        None => Err(BadField::malformed("operation.owner", "exactly one of user and system must be given")),
        Some(Owner::User(id)) => text("operation.owner.user", id, UserId::parse).map(JobOwner::User),
        Some(Owner::System(_)) => Ok(JobOwner::System),
    }
}
