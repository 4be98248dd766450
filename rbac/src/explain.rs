//! Which of a user's roles granted an allow, and everything a user may do in one place.

use super::{
    decide::{Facts, Holder},
    grants::Grants,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    mask::ActionMask,
    question::{Question, Resource},
    requirement::{Need, Requirement},
    role::RoleTable,
    text::{GroupId, ProjectId, RoleId},
};

/// A role that granted something, and where it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantingRole {
    /// A site role.
    Site(SiteRole),
    /// A group role.
    Group(GroupId, GroupRole),
    /// A project role.
    Project(ProjectId, RoleId),
}

/// The roles that grant what the question takes. Meant for allows; of a deny it names what is held towards it.
#[must_use]
pub fn granting_roles(question: &Question, roles: &RoleTable, facts: &Facts<'_>) -> Vec<GrantingRole> {
    let Some(grants) = facts.user else { return Vec::new() };
    if grants.is_superuser() {
        return vec![GrantingRole::Site(SiteRole::SiteAdmin)];
    }
    let holder = Holder { question, roles, group_of_project: facts.group_of_project, grants };
    let mut granting = Vec::new();
    for need in
        Requirement::of(question, grants.user()).clauses().flat_map(|clause| Vec::from_iter(clause.needs()))
    {
        for role in roles_meeting(&holder, need) {
            if !granting.contains(&role) {
                granting.push(role);
            }
        }
    }
    granting
}

fn roles_meeting(holder: &Holder<'_>, need: Need) -> Vec<GrantingRole> {
    if !holder.meets(need) {
        return Vec::new();
    }
    match need {
        Need::Site(_) => vec![GrantingRole::Site(holder.grants.site_role())],
        Need::Group(_) | Need::DestinationGroup(_) => holder
            .group_of(need)
            .and_then(|group| Some(GrantingRole::Group(group.clone(), holder.grants.group_role(group)?)))
            .into_iter()
            .collect(),
        Need::Project(action) | Need::DestinationProject(action) => {
            let Some(project) = holder.project_of(need) else { return Vec::new() };
            let held = holder.grants.on_project(project.as_str());
            let granting = held.roles().filter(|role| holder.roles.mask(role).contains(action));
            granting.map(|role| GrantingRole::Project(project.clone(), role.clone())).collect()
        }
    }
}

/// Everything a user may do in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectiveActions {
    /// At site level.
    Site(Vec<SiteAction>),
    /// On a group.
    Group(Vec<GroupAction>),
    /// On a project.
    Project(ActionMask),
}

impl EffectiveActions {
    /// How many actions.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Site(actions) => actions.len(),
            Self::Group(actions) => actions.len(),
            Self::Project(mask) => mask.iter().count(),
        }
    }
}

/// Everything the user may do at the resource. Empty for unknown and disabled users, and at unknown places.
#[must_use]
pub fn effective_actions(resource: &Resource, roles: &RoleTable, facts: &Facts<'_>) -> EffectiveActions {
    let user = facts.user.filter(|grants| grants.is_enabled());
    let superuser = user.is_some_and(Grants::is_superuser);
    match resource {
        Resource::Site => EffectiveActions::Site(
            SiteAction::ALL
                .iter()
                .copied()
                .filter(|action| user.is_some_and(|grants| grants.site_role().may(*action)))
                .collect(),
        ),
        Resource::Group(group) => {
            let user = user.filter(|_| facts.group_exists);
            let role = user.and_then(|grants| grants.group_role(group));
            let may = |action: &GroupAction| {
                user.is_some() && (superuser || role.is_some_and(|role| role.may(*action)))
            };
            EffectiveActions::Group(GroupAction::ALL.iter().copied().filter(may).collect())
        }
        Resource::Project(project) => {
            EffectiveActions::Project(match user.filter(|_| facts.group_of_project.is_some()) {
                None => ActionMask::EMPTY,
                Some(_) if superuser => ActionMask::all(),
                Some(grants) => grants.project_mask(project, roles),
            })
        }
    }
}
