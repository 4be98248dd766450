//! What one user holds, at every level.

use super::{
    level::{GroupRole, SiteRole},
    mask::ActionMask,
    role::{ProjectGrant, RoleTable},
    text::{GroupId, ProjectId, UserId},
};

/// Everything one user holds: the unit that is loaded, cached and decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    user: UserId,
    enabled: bool,
    site_role: SiteRole,
    // INVARIANT: both lists are sorted and free of duplicates, so that look-ups may search them by halves.
    groups: Box<[(GroupId, GroupRole)]>,
    projects: Box<[ProjectGrant]>,
}

impl Grants {
    /// What a user holds, from lists in any order.
    #[must_use]
    pub fn new(
        user: UserId,
        enabled: bool,
        site_role: SiteRole,
        mut groups: Vec<(GroupId, GroupRole)>,
        mut projects: Vec<ProjectGrant>,
    ) -> Self {
        groups.sort();
        groups.dedup_by(|a, b| a.0 == b.0);
        projects.sort();
        projects.dedup();
        Self { user, enabled, site_role, groups: groups.into(), projects: projects.into() }
    }

    /// Whose they are.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// Whether the user is enabled; a disabled one is denied everything.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The user's one site role.
    #[must_use]
    pub const fn site_role(&self) -> SiteRole {
        self.site_role
    }

    /// Whether the user may do everything, everywhere: an enabled site admin.
    #[must_use]
    pub const fn is_superuser(&self) -> bool {
        self.enabled && matches!(self.site_role, SiteRole::SiteAdmin)
    }

    /// The user's role in a group.
    #[must_use]
    pub fn group_role(&self, group: &GroupId) -> Option<GroupRole> {
        let at = self.groups.binary_search_by(|(held, _)| held.cmp(group)).ok()?;
        self.groups.get(at).map(|(_, role)| *role)
    }

    /// The user's roles on a project; empty when the user is not on it.
    #[must_use]
    pub fn on_project(&self, project: &ProjectId) -> &[ProjectGrant] {
        let from = self.projects.partition_point(|grant| grant.project < *project);
        let to = self.projects.partition_point(|grant| grant.project <= *project);
        self.projects.get(from..to).unwrap_or_default()
    }

    /// What the user's roles on a project come to.
    #[must_use]
    pub fn project_mask(&self, project: &ProjectId, roles: &RoleTable) -> ActionMask {
        roles.union(self.on_project(project).iter().map(|grant| &grant.role))
    }

    /// All group roles, by group.
    #[must_use]
    pub const fn groups(&self) -> &[(GroupId, GroupRole)] {
        &self.groups
    }

    /// All project grants, by project.
    #[must_use]
    pub const fn projects(&self) -> &[ProjectGrant] {
        &self.projects
    }
}
