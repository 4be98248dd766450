//! From a question to what it takes: clauses that must all hold, each of one need or of two alternatives.
//!
//! Leaving an optional attribute out adds the clauses of every value it could take, so leaving out never helps.

use super::{
    action::{Action, ActionName, OlderName},
    level::{GroupAction, SiteAction},
    question::{FileOrigin, GroupAsk, JobOwner, Operation, ProjectAsk, Question},
    text::UserId,
};

/// One action at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// At site level.
    Site(SiteAction),
    /// On the group asked about, or the group of the project asked about.
    Group(GroupAction),
    /// On the destination group.
    DestinationGroup(GroupAction),
    /// On the project asked about.
    Project(Action),
    /// On the destination project.
    DestinationProject(Action),
}

/// Holds when any of its needs is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    first: Need,
    or: Option<Need>,
}

impl Clause {
    /// The alternatives, one or two.
    pub fn needs(&self) -> impl Iterator<Item = Need> {
        std::iter::once(self.first).chain(self.or)
    }
}

/// Holds when every clause does. There is always a first clause: nothing is ever allowed for want of a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    first: Clause,
    and: Option<Clause>,
}

impl Requirement {
    /// The clauses, one or two.
    pub fn clauses(&self) -> impl Iterator<Item = Clause> {
        std::iter::once(self.first).chain(self.and)
    }

    /// What the question takes of this user.
    #[must_use]
    pub fn of(question: &Question, user: &UserId) -> Self {
        match question {
            Question::Site(action) => need(Need::Site(*action)),
            Question::Group(_, GroupAsk::Action(action)) => need(Need::Group(*action)),
            Question::Group(_, GroupAsk::ProjectCreate) => {
                need(Need::Group(GroupAction::GroupProjectsCreate))
            }
            Question::Project(_, ProjectAsk::Action(name)) => named(*name),
            Question::Project(_, ProjectAsk::Operation(operation)) => of_operation(operation, user),
        }
    }
}

const fn need(first: Need) -> Requirement {
    Requirement { first: Clause { first, or: None }, and: None }
}

const fn either(first: Need, or: Need) -> Requirement {
    Requirement { first: Clause { first, or: Some(or) }, and: None }
}

const fn both(first: Need, and: Need) -> Requirement {
    Requirement { first: Clause { first, or: None }, and: Some(Clause { first: and, or: None }) }
}

const fn project(action: Action) -> Requirement {
    need(Need::Project(action))
}

const fn both_on_project(first: Action, and: Action) -> Requirement {
    both(Need::Project(first), Need::Project(and))
}

/// An older name takes all that it stands for.
const fn named(name: ActionName) -> Requirement {
    match name {
        ActionName::Current(action) => project(action),
        ActionName::Older(OlderName::FilesCreateUpload) => {
            both_on_project(Action::FilesCreateBulk, Action::FilesCreateSingle)
        }
        ActionName::Older(OlderName::JobsRunCancel) => project(Action::JobsManage),
        ActionName::Older(OlderName::JobsCancelAny) => project(Action::JobsManageOthers),
    }
}

fn of_operation(operation: &Operation, user: &UserId) -> Requirement {
    use Action as A;
    match operation {
        Operation::FileView => project(A::FilesViewContents),
        Operation::FileDownload { bulk } => file_download(*bulk),
        Operation::FileUpload { bulk } => one_or_all(*bulk, A::FilesCreateBulk, A::FilesCreateSingle),
        Operation::FileDelete { origin } => one_or_all(
            origin.map(FileOrigin::is_device_data),
            A::FilesDeleteDeviceData,
            A::FilesDeleteNonDeviceData,
        ),
        Operation::FileMove { destination: None } => project(A::FilesMove),
        Operation::FileMove { destination: Some(_) } => {
            both(Need::Project(A::FilesMove), Need::DestinationProject(A::FilesMove))
        }
        Operation::ContainerDelete { has_device_data: Some(false) } => project(A::ContainersDeleteHierarchy),
        Operation::ContainerDelete { has_device_data: Some(true) | None } => {
            both_on_project(A::ContainersDeleteHierarchy, A::FilesDeleteDeviceData)
        }
        // Device data does not matter: nothing leaves the system.
        Operation::ContainerMove { .. } => both(
            Need::Project(A::ContainersDeleteHierarchy),
            Need::DestinationProject(A::ContainersCreateHierarchy),
        ),
        Operation::ProjectDelete => {
            either(Need::Project(A::ContainersDeleteProject), Need::Group(GroupAction::GroupProjectsDelete))
        }
        Operation::ProjectCopy { .. } => {
            both(Need::Project(A::CopyByReference), Need::DestinationGroup(GroupAction::GroupProjectsCreate))
        }
        Operation::ProjectSettingsModify => {
            either(Need::Project(A::SettingsModify), Need::Group(GroupAction::GroupProjectsSettingsManage))
        }
        Operation::ProjectPermissionsModify => project(A::ProjectPermissionsManage),
        Operation::JobRun { analysis: Some(false), .. } => project(A::JobsManage),
        Operation::JobRun { analysis: Some(true) | None, .. } => {
            both_on_project(A::JobsManage, A::AnalysesCreateJob)
        }
        Operation::JobControl { owner } => one_or_all(
            owner.as_ref().map(|owner| matches!(owner, JobOwner::User(owner) if owner == user)),
            A::JobsManage,
            A::JobsManageOthers,
        ),
        Operation::AnnotationView { owner } => {
            owned(owner, user, A::AnnotationsManage, A::AnnotationsViewOthers)
        }
        Operation::AnnotationEdit { owner } => {
            owned(owner, user, A::AnnotationsManage, A::AnnotationsEditOthers)
        }
        Operation::AnnotationDelete { owner } => {
            owned(owner, user, A::AnnotationsManage, A::AnnotationsDeleteOthers)
        }
        Operation::FormResponseView { owner } => {
            owned(owner, user, A::FormResponsesManage, A::FormResponsesViewOthers)
        }
        Operation::FormResponseEdit { owner } => {
            owned(owner, user, A::FormResponsesManage, A::FormResponsesEditOthers)
        }
    }
}

/// Files in bulk take `files_download`. For a single one, seeing contents would do; not knowing which, both rules hold.
fn file_download(bulk: Option<bool>) -> Requirement {
    let single = either(Need::Project(Action::FilesViewContents), Need::Project(Action::FilesDownload));
    let many = project(Action::FilesDownload);
    match bulk {
        Some(false) => single,
        Some(true) => many,
        None => Requirement { first: single.first, and: Some(many.first) },
    }
}

/// Takes one action if it is so, another if it is not, and both if nobody said.
const fn one_or_all(is_so: Option<bool>, if_so: Action, if_not: Action) -> Requirement {
    match is_so {
        Some(true) => project(if_so),
        Some(false) => project(if_not),
        None => both_on_project(if_so, if_not),
    }
}

/// Holding an action on others' things does not cover one's own.
fn owned(owner: &Option<UserId>, user: &UserId, own: Action, others: Action) -> Requirement {
    one_or_all(owner.as_ref().map(|owner| owner == user), own, others)
}
