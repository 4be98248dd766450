//! A whole site in memory, read in one snapshot: for exports, plans and reports.

use super::{
    error::StoreError,
    load,
    tx::{Row, Tx},
};
use rolegate_rbac::{
    level::{GroupRole, SiteRole},
    text::{GroupId, Label, ProjectId, RoleId, UserId},
    world::{Permissions, World, WorldGroup, WorldProject, WorldUser},
};
use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads the whole site.
///
/// # Errors
/// The store cannot be read, or holds what it must not.
pub async fn world(tx: &mut Tx) -> Result<World> {
    let roles = load::custom_roles(tx).await?.into_iter().map(|(role, _)| (role.id.clone(), role)).collect();
    let mut users = BTreeMap::new();
    tx.each("SELECT id, site_role, enabled FROM users", &[], |row| {
        let user = WorldUser { site_role: row.named(1, SiteRole::from_name)?, enabled: row.flag(2)? };
        users.insert(row.parsed(0, UserId::parse)?, user);
        Ok(())
    })
    .await?;
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
    tx.each("SELECT id, label FROM groups", &[], |row| {
        let label = row.parsed(1, Label::parse)?;
        let group = WorldGroup {
            label,
            members: BTreeMap::new(),
            offers: BTreeSet::new(),
            template: BTreeMap::new(),
        };
        groups.insert(row.parsed(0, GroupId::parse)?, group);
        Ok(())
    })
    .await?;
    let sql = "SELECT group_id, user_id, role FROM group_members";
    fill(tx, sql, &mut groups, |group, row| {
        group.members.insert(row.parsed(1, UserId::parse)?, row.named(2, GroupRole::from_name)?);
        Ok(())
    })
    .await?;
    let sql = "SELECT group_id, role_id FROM role_offers";
    fill(tx, sql, &mut groups, |group, row| {
        group.offers.insert(row.parsed(1, RoleId::parse)?);
        Ok(())
    })
    .await?;
    let sql = "SELECT group_id, user_id, role_id FROM template_entries";
    fill(tx, sql, &mut groups, |group, row| hold(&mut group.template, row)).await?;
    Ok(groups)
}

async fn projects(tx: &mut Tx) -> Result<BTreeMap<ProjectId, WorldProject>> {
    let mut projects = BTreeMap::new();
    tx.each("SELECT id, group_id, label FROM projects", &[], |row| {
        let (group, label) = (row.parsed(1, GroupId::parse)?, row.parsed(2, Label::parse)?);
        let project = WorldProject { group, label, permissions: BTreeMap::new() };
        projects.insert(row.parsed(0, ProjectId::parse)?, project);
        Ok(())
    })
    .await?;
    let sql = "SELECT project_id, user_id, role_id FROM project_permissions";
    fill(tx, sql, &mut projects, |project, row| hold(&mut project.permissions, row)).await?;
    Ok(projects)
}

/// Hands every row of a query to the thing that its first column names, if it is there.
async fn fill<K: Borrow<str> + Ord, T>(
    tx: &mut Tx,
    sql: &'static str,
    things: &mut BTreeMap<K, T>,
    take: impl Fn(&mut T, &Row) -> Result<()>,
) -> Result<()> {
    tx.each(sql, &[], |row| things.get_mut(row.str(0)?).map_or(Ok(()), |thing| take(thing, &row))).await
}

/// Takes in the user and the role of a row's second and third column.
fn hold(permissions: &mut Permissions, row: &Row) -> Result<()> {
    let role = row.parsed(2, RoleId::parse)?;
    permissions.entry(row.parsed(1, UserId::parse)?).or_default().insert(role);
    Ok(())
}
