//! A whole site in memory, read in one snapshot: for exports, plans and reports.

use super::{
    error::StoreError,
    load,
    tx::{Row, Tx},
};
use crate::rbac::{
    level::{GroupRole, SiteRole},
    text::{GroupId, Label, ProjectId, RoleId, UserId},
    world::{World, WorldGroup, WorldProject, WorldUser},
};
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads the whole site.
///
/// # Errors
/// The store cannot be read, or holds what it must not.
pub async fn world(tx: &mut Tx) -> Result<World> {
    let roles = load::custom_roles(tx).await?.into_iter().map(|(role, _)| (role.id.clone(), role)).collect();
    let mut users = BTreeMap::new();
    for row in tx.rows("SELECT id, site_role, enabled FROM users", &[]).await? {
        let user = WorldUser { site_role: row.named(1, SiteRole::from_name)?, enabled: row.flag(2)? };
        users.insert(row.parsed(0, UserId::parse)?, user);
    }
    Ok(World {
        users,
        roles,
        groups: groups(tx).await?,
        projects: projects(tx).await?,
        gears: load::gears(tx).await?,
    })
}

async fn groups(tx: &mut Tx) -> Result<BTreeMap<GroupId, WorldGroup>> {
    let mut groups = BTreeMap::new();
    for row in tx.rows("SELECT id, label FROM groups", &[]).await? {
        let label = row.parsed(1, Label::parse)?;
        let group = WorldGroup {
            label,
            members: BTreeMap::new(),
            offers: BTreeSet::new(),
            template: BTreeMap::new(),
        };
        groups.insert(row.parsed(0, GroupId::parse)?, group);
    }
    for row in tx.rows("SELECT group_id, user_id, role FROM group_members", &[]).await? {
        if let Some(group) = groups.get_mut(row.text(0)?.as_str()) {
            group.members.insert(row.parsed(1, UserId::parse)?, row.named(2, GroupRole::from_name)?);
        }
    }
    for row in tx.rows("SELECT group_id, role_id FROM role_offers", &[]).await? {
        if let Some(group) = groups.get_mut(row.text(0)?.as_str()) {
            group.offers.insert(row.parsed(1, RoleId::parse)?);
        }
    }
    for row in tx.rows("SELECT group_id, user_id, role_id FROM template_entries", &[]).await? {
        if let Some(group) = groups.get_mut(row.text(0)?.as_str()) {
            let (user, role) = holding(&row)?;
            group.template.entry(user).or_default().insert(role);
        }
    }
    Ok(groups)
}

async fn projects(tx: &mut Tx) -> Result<BTreeMap<ProjectId, WorldProject>> {
    let mut projects = BTreeMap::new();
    for row in tx.rows("SELECT id, group_id, label FROM projects", &[]).await? {
        let (group, label) = (row.parsed(1, GroupId::parse)?, row.parsed(2, Label::parse)?);
        let project = WorldProject { group, label, permissions: BTreeMap::new() };
        projects.insert(row.parsed(0, ProjectId::parse)?, project);
    }
    for row in tx.rows("SELECT project_id, user_id, role_id FROM project_permissions", &[]).await? {
        if let Some(project) = projects.get_mut(row.text(0)?.as_str()) {
            let (user, role) = holding(&row)?;
            project.permissions.entry(user).or_default().insert(role);
        }
    }
    Ok(projects)
}

fn holding(row: &Row) -> Result<(UserId, RoleId)> {
    Ok((row.parsed(1, UserId::parse)?, row.parsed(2, RoleId::parse)?))
}
