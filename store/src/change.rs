//! What a revision changed: the record that followers read.

use rolegate_rbac::text::{GearName, GroupId, ProjectId, RoleId, UserId};

/// A thing that a change names. Whatever a cache holds about it is out of date from that revision on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user, or anything that the user holds.
    User(UserId),
    /// A project role.
    Role(RoleId),
    /// A group, or anything that hangs on it but its projects.
    Group(GroupId),
    /// A project, or who is on it.
    Project(ProjectId),
    /// A gear.
    Gear(GearName),
}

/// One revision's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The revision.
    pub revision: u64,
    /// Its stamp, as in [`Head`](super::revision::Head).
    pub stamp: i64,
    /// What it names.
    pub subjects: Vec<Subject>,
}

impl Subject {
    /// The subject as one line of a record. Ids hold no control characters, so lines never run together.
    pub(super) fn to_line(&self) -> String {
        let (kind, id) = match self {
            Self::User(id) => ('u', id.as_str()),
            Self::Role(id) => ('r', id.as_str()),
            Self::Group(id) => ('g', id.as_str()),
            Self::Project(id) => ('p', id.as_str()),
            Self::Gear(name) => ('j', name.as_str()),
        };
        format!("{kind}{id}")
    }

    /// Reads a line of a record; `None` for a kind that this binary does not know.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let (kind, id) = line.split_at_checked(1)?;
        match kind {
            "u" => UserId::parse(id).ok().map(Self::User),
            "r" => RoleId::parse(id).ok().map(Self::Role),
            "g" => GroupId::parse(id).ok().map(Self::Group),
            "p" => ProjectId::parse(id).ok().map(Self::Project),
            "j" => GearName::parse(id).ok().map(Self::Gear),
            _ => None,
        }
    }
}
