//! The catalogue of project actions: names, frozen bits, and who holds them by default.

use super::{mark::ByMark, mask::ActionMask};
use std::{collections::HashMap, sync::LazyLock};

/// How low in the built-in roles an action starts: each tier's holders hold all tiers above it in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Held by `ro`, `rw` and `admin`, and required in every custom role.
    Required,
    /// Held by `ro`, `rw` and `admin`.
    ReadOnly,
    /// Held by `rw` and `admin`.
    ReadWrite,
    /// Held by `admin` alone.
    Admin,
}

macro_rules! catalogue {
    ($($bit:literal $variant:ident $name:literal $tier:ident $what:literal;)*) => {
        /// A current project action. Its number is its bit in an [`ActionMask`].
        // INVARIANT: bits are frozen. They never change meaning and are never reused; tests/golden pins them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Action {
            $(#[doc = $what] $variant = $bit,)*
        }

        impl Action {
            /// Every current action, in catalogue order, which is bit order.
            pub const ALL: [Self; [$($bit),*].len()] = [$(Self::$variant),*];

            /// The name that callers and stores use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the action allows, for a person.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// Which built-in roles hold it.
            #[must_use]
            pub const fn tier(self) -> Tier {
                match self { $(Self::$variant => Tier::$tier,)* }
            }
        }
    };
}

catalogue! {
    0 ContainersViewMetadata "containers_view_metadata" Required "see metadata of the project, its subjects, sessions, acquisitions";
    1 ContainersCreateHierarchy "containers_create_hierarchy" ReadWrite "create subjects, sessions, acquisitions (also needed to import or move data in)";
    2 ContainersModifyMetadata "containers_modify_metadata" ReadWrite "change their metadata, the project's included";
    3 ContainersDeleteHierarchy "containers_delete_hierarchy" ReadWrite "delete them with their files; also needed to move them out";
    4 ContainersDeleteProject "containers_delete_project" Admin "delete the project";
    5 CopyByReference "copy_by_reference" Admin "make a smart copy of the project";
    6 AnalysesViewMetadata "analyses_view_metadata" ReadOnly "see analyses";
    7 AnalysesCreateSdk "analyses_create_sdk" ReadWrite "create an ad-hoc analysis, with its file uploads";
    8 AnalysesCreateJob "analyses_create_job" ReadWrite "create an analysis by a job";
    9 AnalysesModifyMetadata "analyses_modify_metadata" ReadWrite "change analyses";
    10 AnalysesDelete "analyses_delete" ReadWrite "delete analyses with their output files";
    11 FilesViewMetadata "files_view_metadata" Required "see file metadata";
    12 FilesViewContents "files_view_contents" ReadOnly "see file contents; covers single-file download APIs";
    13 FilesDownload "files_download" ReadOnly "download files, one or in bulk";
    14 FilesCreateBulk "files_create_bulk" ReadWrite "upload files in bulk";
    15 FilesCreateSingle "files_create_single" ReadWrite "upload one file";
    16 FilesModifyMetadata "files_modify_metadata" ReadWrite "change file metadata";
    17 FilesMove "files_move" ReadWrite "move files";
    18 FilesDeleteNonDeviceData "files_delete_non_device_data" ReadWrite "delete files that no device sent";
    19 FilesDeleteDeviceData "files_delete_device_data" ReadWrite "delete files that a device sent";
    20 TagsView "tags_view" Required "see tags";
    21 TagsManage "tags_manage" ReadWrite "change tags";
    22 NotesView "notes_view" Required "see notes";
    23 NotesManage "notes_manage" ReadWrite "change notes";
    24 ProjectPermissionsView "project_permissions_view" Required "see who is on the project";
    25 ProjectPermissionsManage "project_permissions_manage" Admin "change who is on the project, and its services";
    26 ProjectSharingManage "project_sharing_manage" Admin "change sharing";
    27 GearRulesView "gear_rules_view" Required "see gear rules";
    28 GearRulesManage "gear_rules_manage" Admin "change gear rules";
    29 DataViewsView "data_views_view" Required "see data views and results";
    30 DataViewsManage "data_views_manage" ReadWrite "change data views";
    31 SessionTemplatesView "session_templates_view" Required "see session templates and results";
    32 SessionTemplatesManage "session_templates_manage" ReadWrite "change session templates";
    33 JobsView "jobs_view" Required "see jobs: metadata, configuration, logs";
    34 JobsManage "jobs_manage" ReadWrite "run, cancel, prioritise one's own jobs";
    35 JobsManageOthers "jobs_manage_others" Admin "cancel, prioritise other users' and system jobs";
    36 SettingsModify "settings_modify" Admin "change project settings";
    37 SettingsView "settings_view" ReadOnly "see project settings";
    38 ReaderTaskAdmin "reader_task_admin" Admin "manage reader tasks";
    39 ReaderTaskView "reader_task_view" ReadOnly "see reader tasks";
    40 AnnotationsManage "annotations_manage" ReadWrite "create, see, change, delete one's own annotations";
    41 AnnotationsViewOthers "annotations_view_others" Admin "see others' annotations";
    42 AnnotationsEditOthers "annotations_edit_others" Admin "change others' annotations";
    43 AnnotationsDeleteOthers "annotations_delete_others" Admin "delete others' annotations";
    44 FormAdmin "form_admin" Admin "manage viewer protocol and form definitions";
    45 FormResponsesManage "form_responses_manage" ReadWrite "create, see, change, delete one's own form responses";
    46 FormResponsesViewOthers "form_responses_view_others" Admin "see others' form responses";
    47 FormResponsesEditOthers "form_responses_edit_others" Admin "change or delete others' form responses";
    48 ImportsManage "imports_manage" Admin "manage imports";
    49 ExportsManage "exports_manage" Admin "manage exports";
    50 JupyterlabServersRead "jupyterlab_servers_read" Admin "see notebook servers";
    51 JupyterlabServersLaunch "jupyterlab_servers_launch" Admin "launch notebook servers";
    52 JupyterlabServersCreate "jupyterlab_servers_create" Admin "create notebook servers";
    53 JupyterlabServersModify "jupyterlab_servers_modify" Admin "change notebook servers";
    54 JupyterlabServersDelete "jupyterlab_servers_delete" Admin "delete notebook servers";
    55 AuditTrailReportsManage "audit_trail_reports_manage" Admin "create and delete audit trail reports";
    56 AuditTrailReportsView "audit_trail_reports_view" Admin "see audit trail reports";
    57 TasksView "tasks_view" Admin "see tasks in the tasks manager";
    58 TasksCreate "tasks_create" Admin "create tasks";
    59 TasksModify "tasks_modify" Admin "change tasks";
    60 TasksAssign "tasks_assign" Admin "assign tasks";
    61 TasksReportCreate "tasks_report_create" Admin "create task reports";
    62 TasksReportDelete "tasks_report_delete" Admin "delete task reports";
    63 TasksReportRead "tasks_report_read" Admin "see task reports";
    64 MalwareFindingsView "malware_findings_view" Admin "see malware findings";
}

// A mask is 128 bits wide, and every bit must fit.
const _: () = assert!(Action::ALL.len() == 65 && Action::ALL.len() <= ActionMask::BITS as usize);

// INVARIANT: bits have no gaps, so that the catalogue can be searched by them.
#[expect(clippy::indexing_slicing, reason = "at compile time")]
const _: () = {
    let mut at = 0;
    while at < Action::ALL.len() {
        assert!(Action::ALL[at].bit() as usize == at);
        at += 1;
    }
};

impl Action {
    /// The action's bit number in an [`ActionMask`].
    #[must_use]
    pub const fn bit(self) -> u32 {
        self as u32
    }

    /// The action of that current name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match ActionName::parse(name)? {
            ActionName::Current(action) => Some(action),
            ActionName::Older(_) => None,
        }
    }

    /// The action of that bit.
    pub(super) fn of_bit(bit: u32) -> Option<Self> {
        Self::ALL.get(bit as usize).copied()
    }

    /// Whether every custom role must hold it.
    #[must_use]
    pub const fn is_required(self) -> bool {
        matches!(self.tier(), Tier::Required)
    }
}

/// A name that older documentation and clients still use for one or more current actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OlderName {
    /// Stands for both ways of uploading.
    FilesCreateUpload,
    /// Stands for managing one's own jobs.
    JobsRunCancel,
    /// Stands for managing others' jobs.
    JobsCancelAny,
}

impl OlderName {
    /// Every older name, in catalogue order (after all current names).
    pub const ALL: [Self; 3] = [Self::FilesCreateUpload, Self::JobsRunCancel, Self::JobsCancelAny];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FilesCreateUpload => "files_create_upload",
            Self::JobsRunCancel => "jobs_run_cancel",
            Self::JobsCancelAny => "jobs_cancel_any",
        }
    }

    /// The current actions it stands for.
    #[must_use]
    pub const fn stands_for(self) -> &'static [Action] {
        match self {
            Self::FilesCreateUpload => &[Action::FilesCreateBulk, Action::FilesCreateSingle],
            Self::JobsRunCancel => &[Action::JobsManage],
            Self::JobsCancelAny => &[Action::JobsManageOthers],
        }
    }
}

/// A project action's name as callers may write it. Orders as the catalogue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionName {
    /// A current name.
    Current(Action),
    /// An older one.
    Older(OlderName),
}

impl ActionName {
    /// Every name, in catalogue order.
    pub fn all() -> impl Iterator<Item = Self> {
        Action::ALL.into_iter().map(Self::Current).chain(OlderName::ALL.into_iter().map(Self::Older))
    }

    /// The name of that spelling, current or older.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        // Comparing name after name would take longer than a decision does.
        static BY_SPELLING: LazyLock<HashMap<&str, ActionName, ByMark>> =
            LazyLock::new(|| ActionName::all().map(|name| (name.name(), name)).collect());
        BY_SPELLING.get(name).copied()
    }

    /// The name's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current(action) => action.name(),
            Self::Older(older) => older.name(),
        }
    }

    /// The current actions that the name stands for.
    #[must_use]
    pub fn mask(self) -> ActionMask {
        match self {
            Self::Current(action) => ActionMask::only(action),
            Self::Older(older) => ActionMask::of(older.stands_for()),
        }
    }
}

/// Names the catalogue: FNV-1a over every `bit:name` line. A mask means what its reader thinks only if both hold the
/// same fingerprint.
#[must_use]
pub fn catalogue_fingerprint() -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = Action::ALL
        .into_iter()
        .flat_map(|action| format!("{}:{}\n", action.bit(), action.name()).into_bytes())
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}
