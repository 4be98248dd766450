//! What callers ask. Types make a question of the wrong level impossible to hold.

use super::{
    action::ActionName,
    level::{GroupAction, SiteAction},
    text::{GearName, GroupId, ProjectId, UserId},
};

/// Where something is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The site as a whole.
    Site,
    /// A group.
    Group(GroupId),
    /// A project.
    Project(ProjectId),
}

/// "May this user do this, here?" without the user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// At site level.
    Site(SiteAction),
    /// On a group.
    Group(GroupId, GroupAsk),
    /// On a project.
    Project(ProjectId, ProjectAsk),
}

impl Question {
    /// The project that it is about.
    #[must_use]
    pub const fn project(&self) -> Option<&ProjectId> {
        match self {
            Self::Project(project, _) => Some(project),
            Self::Site(_) | Self::Group(..) => None,
        }
    }
}

/// What can be asked about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupAsk {
    /// A plain action.
    Action(GroupAction),
    /// The operation `project.create`.
    ProjectCreate,
}

/// What can be asked about a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectAsk {
    /// A plain action, by current or older name.
    Action(ActionName),
    /// An operation.
    Operation(Operation),
}

impl ProjectAsk {
    /// The project that something is moved to.
    #[must_use]
    pub const fn destination_project(&self) -> Option<&ProjectId> {
        match self {
            Self::Operation(Operation::FileMove { destination: Some(project) })
            | Self::Operation(Operation::ContainerMove { destination: project }) => Some(project),
            _ => None,
        }
    }

    /// The group that receives a copy.
    #[must_use]
    pub const fn destination_group(&self) -> Option<&GroupId> {
        match self {
            Self::Operation(Operation::ProjectCopy { destination }) => Some(destination),
            _ => None,
        }
    }

    /// Whether it names a destination.
    #[must_use]
    pub const fn has_destination(&self) -> bool {
        self.destination_project().is_some() || self.destination_group().is_some()
    }

    /// The gear that is to be run.
    #[must_use]
    pub const fn gear(&self) -> Option<&GearName> {
        match self {
            Self::Operation(Operation::JobRun { gear, .. }) => Some(gear),
            _ => None,
        }
    }
}

/// A rule that needs more than one bit. `None` in an attribute means that the caller left it out: the operation is then
/// allowed only if it would be for every value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `file.view`
    FileView,
    /// `file.download`
    FileDownload {
        /// Many at once?
        bulk: Option<bool>,
    },
    /// `file.upload`
    FileUpload {
        /// Many at once?
        bulk: Option<bool>,
    },
    /// `file.delete`
    FileDelete {
        /// Where the file came from.
        origin: Option<FileOrigin>,
    },
    /// `file.move`
    FileMove {
        /// Where to; `None` is within the project.
        destination: Option<ProjectId>,
    },
    /// `container.delete`
    ContainerDelete {
        /// Does it hold what a device sent?
        has_device_data: Option<bool>,
    },
    /// `container.move`
    ContainerMove {
        /// Where to.
        destination: ProjectId,
    },
    /// `project.delete`
    ProjectDelete,
    /// `project.copy`
    ProjectCopy {
        /// The group that receives the copy.
        destination: GroupId,
    },
    /// `project.settings.modify`
    ProjectSettingsModify,
    /// `project.permissions.modify`
    ProjectPermissionsModify,
    /// `job.run`
    JobRun {
        /// Which gear.
        gear: GearName,
        /// Does it make an analysis?
        analysis: Option<bool>,
    },
    /// `job.cancel` and `job.prioritize`, which ask for the same.
    JobControl {
        /// Whose job.
        owner: Option<JobOwner>,
    },
    /// `annotation.view`
    AnnotationView {
        /// Whose annotation.
        owner: Option<UserId>,
    },
    /// `annotation.edit`
    AnnotationEdit {
        /// Whose annotation.
        owner: Option<UserId>,
    },
    /// `annotation.delete`
    AnnotationDelete {
        /// Whose annotation.
        owner: Option<UserId>,
    },
    /// `form_response.view`
    FormResponseView {
        /// Whose response.
        owner: Option<UserId>,
    },
    /// `form_response.edit`
    FormResponseEdit {
        /// Whose response.
        owner: Option<UserId>,
    },
}

/// Whose a job is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobOwner {
    /// The user that it originates from.
    User(UserId),
    /// A job of any other origin.
    System,
}

/// Where a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileOrigin {
    /// A user uploaded it.
    User,
    /// A job made it.
    Job,
    /// A device sent it.
    Device,
    /// The platform made it.
    System,
    /// A gear rule made it.
    GearRule,
    /// A reader task made it.
    Task,
    /// It comes from a user's workspace.
    UserWorkspace,
    /// Nobody knows.
    Unknown,
}

impl FileOrigin {
    /// Every origin but `user` and `job` counts as device data.
    #[must_use]
    pub const fn is_device_data(self) -> bool {
        !matches!(self, Self::User | Self::Job)
    }
}

/// The names of all operations, for suggestions and documentation.
pub const OPERATION_NAMES: [&str; 20] = [
    "file.view",
    "file.download",
    "file.upload",
    "file.delete",
    "file.move",
    "container.delete",
    "container.move",
    "project.create",
    "project.delete",
    "project.copy",
    "project.settings.modify",
    "project.permissions.modify",
    "job.run",
    "job.cancel",
    "job.prioritize",
    "annotation.view",
    "annotation.edit",
    "annotation.delete",
    "form_response.view",
    "form_response.edit",
];
