//! A whole site in memory, for reports, plans and models. The hot path never holds one.

use super::{
    decide::Facts,
    gear::GearAccess,
    grants::Grants,
    level::{GroupRole, SiteRole},
    question::Question,
    role::{ProjectGrant, Role, RoleTable},
    text::{GearName, GroupId, Label, ProjectId, RoleId, UserId},
};
use std::collections::{BTreeMap, BTreeSet};

/// A whole site at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Everyone.
    pub users: BTreeMap<UserId, WorldUser>,
    /// Custom roles; the built-in ones go without saying.
    pub roles: BTreeMap<RoleId, Role>,
    /// Groups, with all that hangs on them but their projects.
    pub groups: BTreeMap<GroupId, WorldGroup>,
    /// Projects of all groups.
    pub projects: BTreeMap<ProjectId, WorldProject>,
    /// Gears.
    pub gears: BTreeMap<GearName, GearAccess>,
}

/// A user of a [`World`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldUser {
    /// The one site role.
    pub site_role: SiteRole,
    /// Whether the user is enabled.
    pub enabled: bool,
}

/// A group of a [`World`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldGroup {
    /// For people.
    pub label: Label,
    /// Who holds which role in it.
    pub members: BTreeMap<UserId, GroupRole>,
    /// The custom roles offered to it.
    pub offers: BTreeSet<RoleId>,
    /// Its project template.
    pub template: Permissions,
}

/// A project of a [`World`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldProject {
    /// The group it belongs to.
    pub group: GroupId,
    /// Unique in the group.
    pub label: Label,
    /// Who holds which roles on it.
    pub permissions: Permissions,
}

/// Users and their one or more project roles.
pub type Permissions = BTreeMap<UserId, BTreeSet<RoleId>>;

impl World {
    /// The table of all roles, built-in ones included.
    #[must_use]
    pub fn role_table(&self) -> RoleTable {
        RoleTable::with_custom(self.roles.values().cloned())
    }

    /// What every user holds.
    #[must_use]
    pub fn grants(&self) -> BTreeMap<UserId, Grants> {
        let mut groups: BTreeMap<&UserId, Vec<(GroupId, GroupRole)>> = BTreeMap::new();
        for (id, group) in &self.groups {
            for (user, role) in &group.members {
                groups.entry(user).or_default().push((id.clone(), *role));
            }
        }
        let mut projects: BTreeMap<&UserId, Vec<ProjectGrant>> = BTreeMap::new();
        for (id, project) in &self.projects {
            for (user, roles) in &project.permissions {
                let grants =
                    roles.iter().map(|role| ProjectGrant { project: id.clone(), role: role.clone() });
                projects.entry(user).or_default().extend(grants);
            }
        }
        let grants = |(id, user): (&UserId, &WorldUser)| {
            let groups = groups.remove(id).unwrap_or_default();
            let projects = projects.remove(id).unwrap_or_default();
            (id.clone(), Grants::new(id.clone(), user.enabled, user.site_role, groups, projects))
        };
        self.users.iter().map(grants).collect()
    }

    /// What there is of the things that a question names, beside what the user holds.
    #[must_use]
    pub fn facts<'a>(&'a self, user: Option<&'a Grants>, question: &Question) -> Facts<'a> {
        let mut facts = Facts { user, ..Facts::default() };
        match question {
            Question::Site(_) => {}
            Question::Group(group, _) => facts.group_exists = self.groups.contains_key(group),
            Question::Project(project, ask) => {
                facts.group_of_project = self.projects.get(project).map(|project| &project.group);
                facts.destination_exists =
                    ask.destination_project().is_some_and(|to| self.projects.contains_key(to))
                        || ask.destination_group().is_some_and(|to| self.groups.contains_key(to));
                facts.gear = ask.gear().and_then(|gear| self.gears.get(gear));
            }
        }
        facts
    }
}
