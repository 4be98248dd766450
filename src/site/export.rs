//! From a store to a site file.

use super::{
    FORMAT_VERSION, GearEntry, GroupEntry, ProjectEntry, RestrictionEntry, RoleEntry, SiteFile, UserEntry,
    to_yaml,
};
use crate::{
    rbac::{
        gear::GearAccess,
        text::{ProjectId, RoleId},
        world::{Permissions, World, WorldGroup},
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
    let file = site_file(&world(tx).await?);
    to_yaml(&file).map_err(|problem| Error::Store(StoreError::Corrupt(problem)))
}

/// A site as its file. Roles are referred to by label, and roles and projects keep their ids.
#[must_use]
pub fn site_file(world: &World) -> SiteFile {
    let roles = world.roles.values().map(|role| RoleEntry {
        id: Some(role.id.to_string()),
        label: role.label.to_string(),
        actions: role.actions.names().map(str::to_owned).collect(),
    });
    let users = world.users.iter().map(|(id, user)| UserEntry {
        id: id.to_string(),
        site_role: user.site_role.name().to_owned(),
        disabled: !user.enabled,
    });
    let gears = world.gears.iter().map(|(name, access)| GearEntry {
        name: name.to_string(),
        restricted: match access {
            GearAccess::Open => None,
            GearAccess::Restricted { projects, users } => {
                Some(RestrictionEntry { projects: strings(projects), users: strings(users) })
            }
        },
    });
    let groups = world.groups.iter().map(|(id, group)| GroupEntry {
        id: id.to_string(),
        projects: world
            .projects
            .iter()
            .filter(|(_, project)| project.group == *id)
            .map(|(id, project)| ProjectEntry {
                id: Some(ProjectId::to_string(id)),
                label: project.label.to_string(),
                permissions: permissions(world, &project.permissions),
            })
            .collect(),
        ..group_entry(world, group)
    });
    SiteFile {
        version: FORMAT_VERSION,
        roles: roles.collect(),
        users: users.collect(),
        groups: groups.collect(),
        gears: gears.collect(),
    }
}

fn group_entry(world: &World, group: &WorldGroup) -> GroupEntry {
    GroupEntry {
        id: String::new(),
        label: Some(group.label.to_string()),
        offers: group.offers.iter().map(|role| label(world, role)).collect(),
        members: group
            .members
            .iter()
            .map(|(user, role)| (user.to_string(), role.name().to_owned()))
            .collect(),
        template: permissions(world, &group.template),
        projects: Vec::new(),
    }
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
