//! Why an edit or a read of the role store is refused.

use super::{
    custom_role::RoleFaults,
    text::{GroupId, Label, ProjectId, RoleId, counted},
};
use std::fmt;

/// A kind of thing that the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// A project role.
    Role,
    /// A group.
    Group,
    /// A user's role in a group.
    Member,
    /// A user's place in a group's template.
    TemplateEntry,
    /// A role's offer to a group.
    Offer,
    /// A project.
    Project,
    /// A user's place on a project.
    Permission,
    /// A gear.
    Gear,
    /// An API key.
    Key,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Group => "group",
            Self::Member => "group member",
            Self::TemplateEntry => "template entry",
            Self::Offer => "offered role",
            Self::Project => "project",
            Self::Permission => "project permission",
            Self::Gear => "gear",
            Self::Key => "API key",
        })
    }
}

/// A refused edit or read; nothing has changed. In the order in which faults are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A field is malformed.
    Malformed {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The key is missing, unknown, wrong, revoked or expired.
    Unauthenticated,
    /// The caller lacks a right. Says nothing about whether the thing exists.
    NotPermitted {
        /// What it takes.
        takes: String,
    },
    /// No such thing.
    NotFound {
        /// What kind.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// There is one already.
    Exists {
        /// What kind.
        kind: Kind,
        /// Its id or label.
        id: String,
    },
    /// The custom role breaks a rule.
    Role(RoleFaults),
    /// The object last changed at another revision than the caller expected.
    RevisionMismatch {
        /// What the caller expected.
        expected: u64,
        /// What is.
        found: u64,
    },
    /// Built-in roles cannot be changed, deleted or withdrawn.
    BuiltInRole {
        /// Which one.
        role: RoleId,
    },
    /// The role is assigned, and so can be neither deleted nor withdrawn.
    RoleInUse {
        /// Its label.
        role: Label,
        /// Where.
        by: RoleUse,
    },
    /// The role is not offered to the group, and so cannot be assigned there.
    NotOffered {
        /// Which role.
        role: RoleId,
        /// Which group.
        group: GroupId,
        /// Where the assignment stands in a site file, if it comes from one.
        place: Option<String>,
    },
    /// The last enabled site admin can be neither demoted, disabled nor deleted.
    LastSiteAdmin,
    /// The user has as many API keys as a user may have.
    TooManyKeys {
        /// How many that is.
        most: u64,
    },
    /// The group still has projects.
    GroupHasProjects {
        /// How many.
        count: u64,
        /// The first few, by label.
        first: Vec<Label>,
    },
}

/// Where a role is assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleUse {
    /// How many users hold it on a project.
    pub users: u64,
    /// On how many projects.
    pub projects: u64,
    /// How many times it is held: once a user and project.
    pub permissions: u64,
    /// The first few holders: user, and project by id and label.
    pub first: Vec<(String, ProjectId, Label)>,
    /// In how many templates' entries.
    pub template_entries: u64,
    /// The first few templates: user and group.
    pub first_templates: Vec<(String, GroupId)>,
}

impl RoleUse {
    /// Whether it is assigned nowhere.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.users == 0 && self.template_entries == 0
    }
}

impl fmt::Display for RoleUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.users > 0 {
            let first: Vec<_> =
                self.first.iter().map(|(user, id, label)| format!("{user} on {label} ({id})")).collect();
            let (users, projects) =
                (counted(self.users, "user", "users"), counted(self.projects, "project", "projects"));
            let more = if self.first.len() as u64 >= self.permissions { "" } else { ", ..." };
            parts.push(format!("{users} in {projects}: {}{more}", first.join(", ")));
        }
        if self.template_entries > 0 {
            let first: Vec<_> =
                self.first_templates.iter().map(|(user, group)| format!("{user} in {group}")).collect();
            let entries = counted(self.template_entries, "template entry", "template entries");
            let more = if self.first_templates.len() as u64 >= self.template_entries { "" } else { ", ..." };
            parts.push(format!("{entries}: {}{more}", first.join(", ")));
        }
        f.write_str(&parts.join("; and "))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { field, problem } => write!(f, "{field}: {problem}"),
            Self::Unauthenticated => f.write_str("a valid API key is needed"),
            Self::NotPermitted { takes } => write!(f, "this takes {takes}"),
            Self::NotFound { kind, id } => write!(f, "no {kind} `{id}`"),
            Self::Exists { kind, id } => write!(f, "{kind} `{id}` exists already"),
            Self::Role(faults) => faults.fmt(f),
            Self::RevisionMismatch { expected, found } => {
                write!(f, "expected revision {expected}, but it last changed at revision {found}")
            }
            Self::BuiltInRole { role } => {
                write!(f, "role `{role}` is built in: it cannot be changed, deleted or withdrawn")
            }
            Self::RoleInUse { role, by } => write!(f, "role `{role}` is assigned to {by}"),
            Self::NotOffered { role, group, place } => {
                if let Some(place) = place {
                    write!(f, "{place}: ")?;
                }
                write!(f, "role `{role}` is not offered to group `{group}`")
            }
            Self::LastSiteAdmin => {
                f.write_str("the last enabled site admin can be neither demoted, disabled nor deleted")
            }
            Self::TooManyKeys { most } => {
                write!(f, "the user has {most} API keys, which is the most: revoke one first")
            }
            Self::GroupHasProjects { count, first } => {
                let more = if first.len() as u64 >= *count { "" } else { ", ..." };
                let first: Vec<_> = first.iter().map(Label::as_str).collect();
                write!(
                    f,
                    "the group still has {}: {}{more}",
                    counted(*count, "project", "projects"),
                    first.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for Refusal {}
