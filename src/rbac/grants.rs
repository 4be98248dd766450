//! What one user holds, at every level.

use super::{
    level::{GroupRole, SiteRole},
    mark,
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
    // INVARIANT: sorted and free of duplicates, so that look-ups may search by halves: groups by id, projects by mark and
    // then by id. `marks` are those of the projects, in the same order: searching them touches little memory.
    groups: Box<[(GroupId, GroupRole)]>,
    marks: Box<[u32]>,
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
        projects: Vec<ProjectGrant>,
    ) -> Self {
        groups.sort();
        groups.dedup_by(|a, b| a.0 == b.0);
        let marked = projects.into_iter().map(|grant| (mark::of(grant.project.as_str()), grant));
        let mut marked: Vec<_> = marked.collect();
        marked.sort_unstable();
        marked.dedup();
        let (marks, projects): (Vec<_>, Vec<_>) = marked.into_iter().unzip();
        Self {
            user,
            enabled,
            site_role,
            groups: groups.into(),
            marks: marks.into(),
            projects: projects.into(),
        }
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
    pub fn on_project(&self, project: &str) -> &[ProjectGrant] {
        let mark = mark::of(project);
        let start = mark::first(&self.marks, mark);
        let alike = self.marks.iter().skip(start).take_while(|held| **held == mark).count();
        let is_it = |grant: &ProjectGrant| grant.project.as_str() == project;
        match self.projects.get(start..start + alike).unwrap_or_default() {
            [] => &[],
            [only] => {
                if is_it(only) {
                    std::slice::from_ref(only)
                } else {
                    &[]
                }
            }
            // Other projects may bear the same mark. Grants on one project stand beside each other.
            many => many
                .chunk_by(|one, next| one.project == next.project)
                .find(|same| same.first().is_some_and(is_it))
                .unwrap_or_default(),
        }
    }

    /// What the user's roles on a project come to.
    #[must_use]
    pub fn project_mask(&self, project: &ProjectId, roles: &RoleTable) -> ActionMask {
        roles.union(self.on_project(project.as_str()).iter().map(|grant| &grant.role))
    }

    /// All group roles, by group.
    #[must_use]
    pub const fn groups(&self) -> &[(GroupId, GroupRole)] {
        &self.groups
    }

    /// All project grants, those on one project beside each other; otherwise in no order that means anything.
    #[must_use]
    pub const fn projects(&self) -> &[ProjectGrant] {
        &self.projects
    }
}
