//! From a store to a site file.

use super::{
    FORMAT_VERSION, GearEntry, GroupEntry, ProjectEntry, RestrictionEntry, RoleEntry, SiteFile, UserEntry,
    to_yaml,
};
use crate::{
    aside::aside,
    rbac::{
        gear::GearAccess,
        role::Role,
        text::{GearName, GroupId, ProjectId, RoleId},
        world::{Permissions, World, WorldGroup, WorldProject},
    },
    store::{
        auth::Actor,
        error::{Error, Result, StoreError},
        tx::Tx,
        world::world,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Writes the whole site as YAML.
///
/// # Errors
/// The actor is no site admin, or the store failed.
pub async fn export(tx: &mut Tx, actor: Actor) -> Result<String> {
    super::apply::permit(tx, actor).await?;
    let world = world(tx).await?;
    let written = aside(move || to_yaml(&site_file(&world))).await?;
    written.map_err(|problem| Error::Store(StoreError::Corrupt(problem)))
}

/// A site as its file. Roles are referred to by label, and roles and projects keep their ids.
#[must_use]
pub fn site_file(world: &World) -> SiteFile {
    let users = world.users.iter().map(|(id, user)| UserEntry {
        id: id.to_string(),
        site_role: user.site_role.name().to_owned(),
        disabled: !user.enabled,
    });
    let mut projects: BTreeMap<&GroupId, Vec<ProjectEntry>> = BTreeMap::new();
    for (id, project) in &world.projects {
        projects.entry(&project.group).or_default().push(project_entry(world, id, project));
    }
    let groups = world.groups.iter();
    let groups =
        groups.map(|(id, group)| group_entry(world, id, group, projects.remove(id).unwrap_or_default()));
    SiteFile {
        version: FORMAT_VERSION,
        roles: world.roles.values().map(role_entry).collect(),
        users: users.collect(),
        groups: groups.collect(),
        gears: world.gears.iter().map(|(name, access)| gear_entry(name, access)).collect(),
    }
}

fn role_entry(role: &Role) -> RoleEntry {
    RoleEntry {
        id: Some(role.id.to_string()),
        label: role.label.to_string(),
        actions: role.actions.names().map(str::to_owned).collect(),
    }
}

fn group_entry(world: &World, id: &GroupId, group: &WorldGroup, projects: Vec<ProjectEntry>) -> GroupEntry {
    let members = group.members.iter().map(|(user, role)| (user.to_string(), role.name().to_owned()));
    GroupEntry {
        id: id.to_string(),
        label: Some(group.label.to_string()),
        offers: group.offers.iter().map(|role| label(world, role)).collect(),
        members: members.collect(),
        template: permissions(world, &group.template),
        projects,
    }
}

fn project_entry(world: &World, id: &ProjectId, project: &WorldProject) -> ProjectEntry {
    ProjectEntry {
        id: Some(id.to_string()),
        label: project.label.to_string(),
        permissions: permissions(world, &project.permissions),
    }
}

fn gear_entry(name: &GearName, access: &GearAccess) -> GearEntry {
    let restricted = match access {
        GearAccess::Open => None,
        GearAccess::Restricted { projects, users } => {
            Some(RestrictionEntry { projects: strings(projects), users: strings(users) })
        }
    };
    GearEntry { name: name.to_string(), restricted }
}

fn permissions(world: &World, permissions: &Permissions) -> BTreeMap<String, Vec<String>> {
    let entry = |roles: &BTreeSet<RoleId>| roles.iter().map(|role| label(world, role)).collect();
    permissions.iter().map(|(user, roles)| (user.to_string(), entry(roles))).collect()
}

/// A role's label; a built-in role's id is its label.
fn label(world: &World, role: &RoleId) -> String {
    world.roles.get(role).map_or_else(|| role.to_string(), |role| role.label.to_string())
}

fn strings(texts: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    texts.into_iter().map(|text| text.to_string()).collect()
}
