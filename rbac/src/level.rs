//! The site and group levels: their roles, their actions, and the tables between them.
//!
//! Nothing leaks from one level to another. Only the site admin reaches down; `decide` knows that, these tables do not.

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            /// All of them, in the platform's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name that callers and stores use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named! {
    /// An action at site level.
    SiteAction {
        /// Create, disable and delete users and their keys.
        UsersManage = "users_manage",
        /// Create and delete groups.
        GroupsManage = "groups_manage",
        /// Change site roles.
        SiteRolesManage = "site_roles_manage",
        /// Create, edit, delete and offer custom roles.
        CustomRolesManage = "custom_roles_manage",
        /// Register and delete gears.
        GearsUpload = "gears_upload",
        /// Limit a gear to projects or users.
        GearsRestrict = "gears_restrict",
    }
}

named! {
    /// A user's role on the site; everyone holds exactly one.
    SiteRole {
        /// May do everything, at every level.
        SiteAdmin = "site_admin",
        /// May upload and restrict gears.
        Developer = "developer",
        /// May do nothing by itself.
        User = "user",
        /// A name kept for the platform's clients; grants nothing.
        Public = "public",
        /// A name kept for the platform's clients; grants nothing.
        Drone = "drone",
        /// A name kept for the platform's clients; grants nothing.
        SecurityChampion = "security_champion",
    }
}

impl SiteRole {
    /// The one role that a list stands for, as some clients send it: the one that grants most. Names that are none count for
    /// nothing; `None` if none is known.
    pub fn strongest<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let known: Vec<_> = names.into_iter().filter_map(Self::from_name).collect();
        Self::ALL.iter().copied().find(|role| known.contains(role))
    }

    /// Whether the role holds the action.
    #[must_use]
    pub const fn may(self, action: SiteAction) -> bool {
        match self {
            Self::SiteAdmin => true,
            Self::Developer => matches!(action, SiteAction::GearsUpload | SiteAction::GearsRestrict),
            Self::User | Self::Public | Self::Drone | Self::SecurityChampion => false,
        }
    }
}

named! {
    /// An action on a group.
    GroupAction {
        /// See who is in the group, and which roles it is offered.
        GroupRolesView = "group_roles_view",
        /// Change who is in the group.
        GroupRolesManage = "group_roles_manage",
        /// See the project template.
        ProjectTemplateView = "project_template_view",
        /// Change the project template.
        ProjectTemplateManage = "project_template_manage",
        /// See the group's settings.
        GroupSettingsView = "group_settings_view",
        /// Change the group's settings, its label included.
        GroupSettingsManage = "group_settings_manage",
        /// Create projects in the group.
        GroupProjectsCreate = "group_projects_create",
        /// Delete projects of the group.
        GroupProjectsDelete = "group_projects_delete",
        /// Change the settings of the group's projects.
        GroupProjectsSettingsManage = "group_projects_settings_manage",
    }
}

named! {
    /// A user's role in a group.
    GroupRole {
        /// Manages the group.
        Admin = "admin",
        /// Changes the group's settings.
        ReadWrite = "rw",
        /// Views the group.
        ReadOnly = "ro",
    }
}

impl GroupRole {
    /// Whether the role holds the action.
    ///
    /// One sentence of the platform's documents lets a read-write member manage group roles, its table does not. The
    /// table is taken: least privilege.
    #[must_use]
    pub const fn may(self, action: GroupAction) -> bool {
        use GroupAction as G;
        let view = matches!(action, G::GroupRolesView | G::ProjectTemplateView | G::GroupSettingsView);
        match self {
            Self::Admin => true,
            Self::ReadWrite => view || matches!(action, G::GroupSettingsManage),
            Self::ReadOnly => view,
        }
    }
}
