//! What decisions need, as a cache wants it: one user, one project, one group, one gear, or everything at once.

use super::{
    error::StoreError,
    tx::{Arg::Text, Row, Tx},
};
use crate::rbac::{
    gear::GearAccess,
    grants::Grants,
    level::{GroupRole, SiteRole},
    role::{ProjectGrant, Role, RoleActions, RoleTable},
    text::{GearName, GroupId, Label, ProjectId, RoleId, UserId},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Result<T> = std::result::Result<T, StoreError>;

/// The table of all roles.
///
/// # Errors
/// As all functions here: the store cannot be read, or holds what it must not.
pub async fn roles(tx: &mut Tx) -> Result<RoleTable> {
    Ok(RoleTable::with_custom(custom_roles(tx).await?.into_iter().map(|(role, _)| role)))
}

/// Every custom role with the revision at which it last changed, by id.
pub(super) async fn custom_roles(tx: &mut Tx) -> Result<Vec<(Role, u64)>> {
    let mut names: HashMap<String, Vec<String>> = HashMap::new();
    for row in tx.rows("SELECT role_id, action FROM role_actions", &[]).await? {
        names.entry(row.text(0)?).or_default().push(row.text(1)?);
    }
    let rows = tx.rows("SELECT id, label, revision FROM roles WHERE built_in = 0 ORDER BY id", &[]).await?;
    rows.iter()
        .map(|row| {
            let id = row.parsed(0, RoleId::parse)?;
            let names = names.remove(id.as_str()).unwrap_or_default();
            let actions = RoleActions::from_names(names.iter().map(String::as_str));
            let role = Role { id, label: row.parsed(1, Label::parse)?, actions, built_in: false };
            Ok((role, row.count(2)?))
        })
        .collect()
}

/// What a user holds, in one question: every one more is a round trip to a server, and many may wait behind it.
const USER: &str = "\
    SELECT 'user', site_role, CASE enabled WHEN 1 THEN 'enabled' ELSE 'disabled' END FROM users WHERE id = $1
    UNION ALL SELECT 'group', group_id, role FROM group_members WHERE user_id = $1
    UNION ALL SELECT 'project', project_id, role_id FROM project_permissions WHERE user_id = $1";

/// What a user holds; `None` if there is no such user.
pub async fn user(tx: &mut Tx, id: &UserId) -> Result<Option<Grants>> {
    let (mut standing, mut groups, mut projects) = (None, Vec::new(), Vec::new());
    let mut ids = Interner::default();
    for row in tx.rows(USER, &[Text(id.as_str())]).await? {
        match row.str(0)? {
            "user" => standing = Some((row.named(1, SiteRole::from_name)?, row.str(2)? == "enabled")),
            "group" => groups.push(membership(&row, 1)?),
            _ => projects.push(ids.grant(&row, 1)?),
        }
    }
    Ok(standing.map(|(site_role, enabled)| Grants::new(id.clone(), enabled, site_role, groups, projects)))
}

fn membership(row: &Row, at: usize) -> Result<(GroupId, GroupRole)> {
    Ok((row.parsed(at, GroupId::parse)?, row.named(at + 1, GroupRole::from_name)?))
}

/// The group that a project belongs to; `None` if there is no such project.
pub async fn project(tx: &mut Tx, id: &ProjectId) -> Result<Option<GroupId>> {
    let row = tx.row("SELECT group_id FROM projects WHERE id = $1", &[Text(id.as_str())]).await?;
    row.map(|row| row.parsed(0, GroupId::parse)).transpose()
}

/// Whether there is such a group.
pub async fn group(tx: &mut Tx, id: &GroupId) -> Result<bool> {
    Ok(tx.row("SELECT 1 FROM groups WHERE id = $1", &[Text(id.as_str())]).await?.is_some())
}

/// Whom a gear is open to; `None` if there is no such gear.
pub async fn gear(tx: &mut Tx, name: &GearName) -> Result<Option<GearAccess>> {
    let by_name = [Text(name.as_str())];
    let Some(row) = tx.row("SELECT restricted FROM gears WHERE name = $1", &by_name).await? else {
        return Ok(None);
    };
    if !row.flag(0)? {
        return Ok(Some(GearAccess::Open));
    }
    let projects = tx.rows("SELECT project_id FROM gear_projects WHERE gear = $1", &by_name).await?;
    let users = tx.rows("SELECT user_id FROM gear_users WHERE gear = $1", &by_name).await?;
    Ok(Some(GearAccess::Restricted {
        projects: projects.iter().map(|row| row.parsed(0, ProjectId::parse)).collect::<Result<_>>()?,
        users: users.iter().map(|row| row.parsed(0, UserId::parse)).collect::<Result<_>>()?,
    }))
}

/// Everything that decisions need, for a cache that holds a whole site.
#[derive(Debug)]
pub struct Everything {
    /// What every user holds.
    pub users: Vec<Grants>,
    /// Every project and its group.
    pub projects: Vec<(ProjectId, GroupId)>,
    /// Every group.
    pub groups: Vec<GroupId>,
    /// Every gear.
    pub gears: Vec<(GearName, GearAccess)>,
}

/// How many things there are, to judge whether everything fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "counts of what their names say")]
pub struct Size {
    pub users: u64,
    pub project_grants: u64,
    pub group_grants: u64,
    pub projects: u64,
    pub groups: u64,
    pub gears: u64,
    pub gear_entries: u64,
}

/// How many things there are.
pub async fn size(tx: &mut Tx) -> Result<Size> {
    let sql = "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM project_permissions),
                      (SELECT COUNT(*) FROM group_members), (SELECT COUNT(*) FROM projects),
                      (SELECT COUNT(*) FROM groups), (SELECT COUNT(*) FROM gears),
                      (SELECT COUNT(*) FROM gear_projects) + (SELECT COUNT(*) FROM gear_users)";
    let Some(row) = tx.row(sql, &[]).await? else { return Ok(Size::default()) };
    Ok(Size {
        users: row.count(0)?,
        project_grants: row.count(1)?,
        group_grants: row.count(2)?,
        projects: row.count(3)?,
        groups: row.count(4)?,
        gears: row.count(5)?,
        gear_entries: row.count(6)?,
    })
}

/// Everything that decisions need.
pub async fn everything(tx: &mut Tx) -> Result<Everything> {
    let mut ids = Interner::default();
    let mut projects = Vec::new();
    tx.each("SELECT id, group_id FROM projects", &[], |row| {
        projects.push((ids.project(&row, 0)?, row.parsed(1, GroupId::parse)?));
        Ok(())
    })
    .await?;
    let users = all_users(tx, &mut ids).await?;
    let groups = tx.rows("SELECT id FROM groups", &[]).await?;
    let groups = groups.iter().map(|row| row.parsed(0, GroupId::parse)).collect::<Result<_>>()?;
    Ok(Everything { users, projects, groups, gears: gears(tx).await?.into_iter().collect() })
}

async fn all_users(tx: &mut Tx, ids: &mut Interner) -> Result<Vec<Grants>> {
    let mut groups = OfUsers::default();
    tx.each("SELECT user_id, group_id, role FROM group_members", &[], |row| {
        groups.add(row.str(0)?, membership(&row, 1)?);
        Ok(())
    })
    .await?;
    let mut projects = OfUsers::default();
    tx.each("SELECT user_id, project_id, role_id FROM project_permissions", &[], |row| {
        projects.add(row.str(0)?, ids.grant(&row, 1)?);
        Ok(())
    })
    .await?;
    let mut users = Vec::new();
    tx.each("SELECT id, site_role, enabled FROM users", &[], |row| {
        let id = row.parsed(0, UserId::parse)?;
        let (groups, projects) = (groups.take(&id), projects.take(&id));
        users.push(Grants::new(id, row.flag(2)?, row.named(1, SiteRole::from_name)?, groups, projects));
        Ok(())
    })
    .await?;
    Ok(users)
}

/// What each user holds of one kind, as rows in any order tell it.
struct OfUsers<T>(HashMap<String, Vec<T>>);

impl<T> Default for OfUsers<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> OfUsers<T> {
    fn add(&mut self, user: &str, held: T) {
        match self.0.get_mut(user) {
            Some(all) => all.push(held),
            None => _ = self.0.insert(user.to_owned(), vec![held]),
        }
    }

    fn take(&mut self, user: &UserId) -> Vec<T> {
        self.0.remove(user.as_str()).unwrap_or_default()
    }
}

/// Whom every gear is open to.
pub(super) async fn gears(tx: &mut Tx) -> Result<BTreeMap<GearName, GearAccess>> {
    let mut gears = BTreeMap::new();
    for row in tx.rows("SELECT name, restricted FROM gears", &[]).await? {
        let closed = GearAccess::Restricted { projects: BTreeSet::new(), users: BTreeSet::new() };
        let access = if row.flag(1)? { closed } else { GearAccess::Open };
        gears.insert(row.parsed(0, GearName::parse)?, access);
    }
    for row in tx.rows("SELECT gear, project_id FROM gear_projects", &[]).await? {
        if let Some(GearAccess::Restricted { projects, .. }) = gears.get_mut(row.text(0)?.as_str()) {
            projects.insert(row.parsed(1, ProjectId::parse)?);
        }
    }
    for row in tx.rows("SELECT gear, user_id FROM gear_users", &[]).await? {
        if let Some(GearAccess::Restricted { users, .. }) = gears.get_mut(row.text(0)?.as_str()) {
            users.insert(row.parsed(1, UserId::parse)?);
        }
    }
    Ok(gears)
}

/// Makes one copy of each id that many grants share: memory per grant is what bounds a cache's reach.
#[derive(Default)]
struct Interner {
    projects: HashMap<String, ProjectId>,
    roles: HashMap<String, RoleId>,
}

impl Interner {
    fn project(&mut self, row: &Row, at: usize) -> Result<ProjectId> {
        let text = row.str(at)?;
        if let Some(id) = self.projects.get(text) {
            return Ok(id.clone());
        }
        let id = row.parsed(at, ProjectId::parse)?;
        self.projects.insert(text.to_owned(), id.clone());
        Ok(id)
    }

    fn role(&mut self, row: &Row, at: usize) -> Result<RoleId> {
        let text = row.str(at)?;
        if let Some(id) = self.roles.get(text) {
            return Ok(id.clone());
        }
        let id = row.parsed(at, RoleId::parse)?;
        self.roles.insert(text.to_owned(), id.clone());
        Ok(id)
    }

    fn grant(&mut self, row: &Row, at: usize) -> Result<ProjectGrant> {
        Ok(ProjectGrant { project: self.project(row, at)?, role: self.role(row, at + 1)? })
    }
}
