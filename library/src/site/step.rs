//! The steps that bring a site in line with its file, each one edit of the store.

use crate::rbac::{
    gear::GearAccess,
    level::{GroupRole, SiteRole},
    role::RoleActions,
    text::{GearName, GroupId, Label, ProjectId, RoleId, UserId, counted},
};
use std::collections::BTreeSet;

/// One change to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named for what they hold")]
pub enum Step {
    /// Make a custom role.
    CreateRole { id: RoleId, label: Label, actions: RoleActions },
    /// Change a custom role.
    UpdateRole { id: RoleId, label: Label, actions: RoleActions, old: RoleActions },
    /// Delete a custom role.
    DeleteRole { id: RoleId, label: Label },
    /// Make a user.
    CreateUser { id: UserId, site_role: SiteRole, enabled: bool },
    /// Change a user.
    UpdateUser { id: UserId, site_role: SiteRole, enabled: bool },
    /// Delete a user.
    DeleteUser { id: UserId },
    /// Make a group.
    CreateGroup { id: GroupId, label: Label },
    /// Rename a group.
    RenameGroup { id: GroupId, label: Label },
    /// Delete a group.
    DeleteGroup { id: GroupId },
    /// Offer a role to a group.
    Offer { group: GroupId, role: RoleId, label: String },
    /// Withdraw a role from a group.
    Withdraw { group: GroupId, role: RoleId, label: String },
    /// Set a member's role.
    SetMember { group: GroupId, user: UserId, role: GroupRole },
    /// Remove a member.
    RemoveMember { group: GroupId, user: UserId },
    /// Set a user's roles in a template.
    SetTemplate { group: GroupId, user: UserId, roles: BTreeSet<RoleId>, labels: String },
    /// Take a user out of a template.
    RemoveTemplate { group: GroupId, user: UserId },
    /// Make a project, with no one on it.
    CreateProject { id: ProjectId, group: GroupId, label: Label },
    /// Rename a project.
    RenameProject { id: ProjectId, label: Label },
    /// Delete a project.
    DeleteProject { id: ProjectId, label: Label },
    /// Set a user's roles on a project.
    SetPermission { project: ProjectId, label: Label, user: UserId, roles: BTreeSet<RoleId>, labels: String },
    /// Take a user off a project.
    RemovePermission { project: ProjectId, label: Label, user: UserId },
    /// Register a gear.
    CreateGear { name: GearName },
    /// Open or restrict a gear.
    SetGearAccess { name: GearName, access: GearAccess },
    /// Delete a gear.
    DeleteGear { name: GearName },
}

impl Step {
    /// What happens: `create`, `update` or `delete`.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::CreateRole { .. }
            | Self::CreateUser { .. }
            | Self::CreateGroup { .. }
            | Self::CreateProject { .. }
            | Self::CreateGear { .. } => "create",
            Self::DeleteRole { .. }
            | Self::DeleteUser { .. }
            | Self::DeleteGroup { .. }
            | Self::DeleteProject { .. }
            | Self::DeleteGear { .. } => "delete",
            _ => "update",
        }
    }

    /// What it happens to.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::CreateRole { label, .. }
            | Self::UpdateRole { label, .. }
            | Self::DeleteRole { label, .. } => {
                format!("role \"{label}\"")
            }
            Self::CreateUser { id, .. } | Self::UpdateUser { id, .. } | Self::DeleteUser { id } => {
                format!("user {id}")
            }
            Self::CreateGroup { id: group, .. }
            | Self::RenameGroup { id: group, .. }
            | Self::DeleteGroup { id: group }
            | Self::Offer { group, .. }
            | Self::Withdraw { group, .. }
            | Self::SetMember { group, .. }
            | Self::RemoveMember { group, .. }
            | Self::SetTemplate { group, .. }
            | Self::RemoveTemplate { group, .. } => format!("group {group}"),
            Self::CreateProject { id, label, .. }
            | Self::RenameProject { id, label }
            | Self::DeleteProject { id, label }
            | Self::SetPermission { project: id, label, .. }
            | Self::RemovePermission { project: id, label, .. } => format!("project \"{label}\" ({id})"),
            Self::CreateGear { name } | Self::SetGearAccess { name, .. } | Self::DeleteGear { name } => {
                format!("gear {name}")
            }
        }
    }

    /// The change in words; may be empty.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::CreateRole { actions, .. } => counted(actions.names().count() as u64, "action", "actions"),
            Self::UpdateRole { actions, old, .. } => role_difference(old, actions),
            Self::CreateUser { site_role, enabled, .. } | Self::UpdateUser { site_role, enabled, .. } => {
                let state = if *enabled { "" } else { ", disabled" };
                format!("site role {}{state}", site_role.name())
            }
            Self::CreateGroup { label, .. } | Self::RenameGroup { label, .. } => format!("label \"{label}\""),
            Self::Offer { label, .. } => format!("offer role \"{label}\""),
            Self::Withdraw { label, .. } => format!("withdraw role \"{label}\""),
            Self::SetMember { user, role, .. } => format!("member {user}: {}", role.name()),
            Self::RemoveMember { user, .. } => format!("remove member {user}"),
            Self::SetTemplate { user, labels, .. } => format!("template {user}: {labels}"),
            Self::RemoveTemplate { user, .. } => format!("remove {user} from the template"),
            Self::CreateProject { group, .. } => format!("in group {group}"),
            Self::RenameProject { label, .. } => format!("label \"{label}\""),
            Self::SetPermission { user, labels, .. } => format!("{user}: {labels}"),
            Self::RemovePermission { user, .. } => format!("remove {user}"),
            Self::SetGearAccess { access: GearAccess::Open, .. } => "open to all".to_owned(),
            Self::SetGearAccess { access: GearAccess::Restricted { projects, users }, .. } => {
                let projects = counted(projects.len() as u64, "project", "projects");
                format!("restricted to {projects} and {}", counted(users.len() as u64, "user", "users"))
            }
            Self::DeleteRole { .. }
            | Self::DeleteUser { .. }
            | Self::DeleteGroup { .. }
            | Self::DeleteProject { .. }
            | Self::CreateGear { .. }
            | Self::DeleteGear { .. } => String::new(),
        }
    }
}

fn role_difference(old: &RoleActions, new: &RoleActions) -> String {
    let only_in = |this: &RoleActions, other: &RoleActions, sign: char| -> Vec<String> {
        let held: BTreeSet<_> = other.names().collect();
        this.names().filter(|name| !held.contains(name)).map(|name| format!("{sign}{name}")).collect()
    };
    let mut parts = only_in(new, old, '+');
    parts.extend(only_in(old, new, '-'));
    if parts.is_empty() { "label".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_told_in_the_plural() -> Result<(), crate::rbac::text::TextError> {
        let name = GearName::parse("g")?;
        let of = |projects: BTreeSet<_>, users: BTreeSet<_>| {
            let access = GearAccess::Restricted { projects, users };
            Step::SetGearAccess { name: name.clone(), access }.detail()
        };
        let (project, user) = (ProjectId::parse("p")?, UserId::parse("u")?);
        assert_eq!(of([project].into(), [user].into()), "restricted to 1 project and 1 user");
        assert_eq!(of([].into(), [].into()), "restricted to 0 projects and 0 users");
        Ok(())
    }
}
