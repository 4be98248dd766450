//! From a site file to the core's types, and questions answered from them without any store.

use super::{
    question,
    world_file::{Asked, ErrorKind, Granting},
};
use rolegate::{
    rbac::{
        decide::{Decision, Facts, Reason, decide},
        explain::{GrantingRole, granting_roles},
        gear::GearAccess,
        grants::Grants,
        level::{GroupRole, SiteRole},
        question::Question,
        role::{BuiltIn, Role, RoleActions, RoleTable},
        text::{GearName, GroupId, Label, ProjectId, RoleId, UserId},
        world::{Permissions, World, WorldGroup, WorldProject, WorldUser},
    },
    site::{GearEntry, SiteFile},
};
use std::collections::BTreeMap;

/// A site in memory, ready to answer.
pub(crate) struct Memory {
    pub(crate) world: World,
    pub(crate) roles: RoleTable,
    pub(crate) grants: BTreeMap<UserId, Grants>,
}

impl Memory {
    pub(crate) fn of(site: &SiteFile) -> Self {
        let world = world(site);
        Self { roles: world.role_table(), grants: world.grants(), world }
    }

    /// What the site says about the things that a question names.
    pub(crate) fn facts<'a>(&'a self, user: &UserId, question: &Question) -> Facts<'a> {
        self.world.facts(self.grants.get(user), question)
    }

    pub(crate) fn decide(&self, asked: &Asked) -> Result<Decision, ErrorKind> {
        let (user, question) = question::typed(asked)?;
        Ok(decide(&question, &self.roles, &self.facts(&user, &question)))
    }

    pub(crate) fn granting(&self, asked: &Asked) -> Result<Vec<Granting>, ErrorKind> {
        let (user, question) = question::typed(asked)?;
        let roles = granting_roles(&question, &self.roles, &self.facts(&user, &question));
        Ok(roles.into_iter().map(granting).collect())
    }
}

/// The wire's word for a reason.
pub(crate) const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::GrantedByRole => "granted_by_role",
        Reason::SiteAdmin => "site_admin",
        Reason::UnknownUser => "unknown_user",
        Reason::UserDisabled => "user_disabled",
        Reason::UnknownGroup => "unknown_group",
        Reason::UnknownProject => "unknown_project",
        Reason::UnknownDestination => "unknown_destination",
        Reason::UnknownGear => "unknown_gear",
        Reason::NoRole => "no_role",
        Reason::LackingAction => "lacking_action",
        Reason::GearRestricted => "gear_restricted",
    }
}

fn granting(role: GrantingRole) -> Granting {
    let (level, place, role) = match role {
        GrantingRole::Site(role) => ("site", String::new(), role.name().to_owned()),
        GrantingRole::Group(group, role) => ("group", group.to_string(), role.name().to_owned()),
        GrantingRole::Project(project, role) => ("project", project.to_string(), role.to_string()),
    };
    Granting { level: level.to_owned(), place, role }
}

/// The site as the core knows it. Every id must be given.
pub(crate) fn world(site: &SiteFile) -> World {
    let mut world = World::default();
    for entry in &site.users {
        let site_role = SiteRole::from_name(&entry.site_role).unwrap();
        world.users.insert(user(&entry.id), WorldUser { site_role, enabled: !entry.disabled });
    }
    for entry in &site.roles {
        let id = RoleId::parse(entry.id.as_deref().unwrap()).unwrap();
        let role = Role {
            id: id.clone(),
            label: Label::parse(&entry.label).unwrap(),
            actions: RoleActions::from_names(entry.actions.iter().map(String::as_str)),
            built_in: false,
        };
        assert!(world.roles.insert(id, role).is_none(), "role {entry:?} twice");
    }
    for entry in &site.groups {
        let id = GroupId::parse(&entry.id).unwrap();
        let group = WorldGroup {
            label: Label::parse(entry.label.as_ref().unwrap_or(&entry.id)).unwrap(),
            members: entry
                .members
                .iter()
                .map(|(id, role)| (user(id), GroupRole::from_name(role).unwrap()))
                .collect(),
            offers: entry.offers.iter().map(|role| role_id(site, role)).collect(),
            template: permissions(site, &entry.template),
        };
        assert!(world.groups.insert(id.clone(), group).is_none(), "group {id} twice");
        for entry in &entry.projects {
            let project = WorldProject {
                group: id.clone(),
                label: Label::parse(&entry.label).unwrap(),
                permissions: permissions(site, &entry.permissions),
            };
            let id = ProjectId::parse(entry.id.as_deref().unwrap()).unwrap();
            assert!(world.projects.insert(id, project).is_none(), "project {entry:?} twice");
        }
    }
    world.gears = site.gears.iter().map(|entry| gear(site, entry)).collect();
    world
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn permissions(site: &SiteFile, listed: &BTreeMap<String, Vec<String>>) -> Permissions {
    listed
        .iter()
        .map(|(id, roles)| (user(id), roles.iter().map(|role| role_id(site, role)).collect()))
        .collect()
}

/// A built-in role by its name, a custom one by its id or label.
fn role_id(site: &SiteFile, name: &str) -> RoleId {
    if BuiltIn::from_id(name).is_some() {
        return RoleId::parse(name).unwrap();
    }
    let named = |id: &str, label: &str| id == name || label == name;
    let entry = site.roles.iter().find(|role| named(role.id.as_deref().unwrap(), &role.label));
    RoleId::parse(entry.unwrap_or_else(|| panic!("no role is `{name}`")).id.as_deref().unwrap()).unwrap()
}

/// A gear; its projects by id or as `group/label`.
fn gear(site: &SiteFile, entry: &GearEntry) -> (GearName, GearAccess) {
    let project = |name: &String| {
        let listed = site.groups.iter().flat_map(|group| group.projects.iter().map(move |p| (group, p)));
        let id = listed
            .filter_map(|(group, project)| {
                Some((project.id.clone()?, format!("{}/{}", group.id, project.label)))
            })
            .find(|(id, path)| id == name || path == name)
            .unwrap_or_else(|| panic!("no project is `{name}`"))
            .0;
        ProjectId::parse(&id).unwrap()
    };
    let access = match &entry.restricted {
        None => GearAccess::Open,
        Some(to) => GearAccess::Restricted {
            projects: to.projects.iter().map(project).collect(),
            users: to.users.iter().map(|id| user(id)).collect(),
        },
    };
    (GearName::parse(&entry.name).unwrap(), access)
}
