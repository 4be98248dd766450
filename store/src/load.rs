//! What decisions need, as a cache wants it: one user, one project, one group, one gear, or everything at once.

use super::{
    error::StoreError,
    tx::{Arg::Text, Row, Tx},
};
use rolegate_rbac::{
    gear::GearAccess,
    grants::{Grants, RoleLists},
    level::{GroupRole, SiteRole},
    role::{ProjectGrant, Role, RoleActions, RoleTable},
    text::{GearName, GroupId, Label, ProjectId, RoleId, TextError, UserId},
};
use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, PoisonError},
};

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
    user_sharing(tx, id, &Mutex::default()).await
}

/// The same, sharing the texts of ids with what was loaded before.
pub async fn user_sharing(tx: &mut Tx, id: &UserId, ids: &Mutex<Interner>) -> Result<Option<Grants>> {
    let (mut standing, mut groups, mut projects) = (None, Vec::new(), Vec::new());
    let rows = tx.rows(USER, &[Text(id.as_str())]).await?;
    let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        match row.str(0)? {
            "user" => standing = Some((row.named(1, SiteRole::from_name)?, row.str(2)? == "enabled")),
            "group" => groups.push(ids.membership(&row, 1)?),
            _ => projects.push(ids.grant(row.str(1)?, row.str(2)?)?),
        }
    }
    Ok(standing.map(|(site_role, enabled)| {
        Grants::sharing(id.clone(), enabled, site_role, groups, projects, &mut ids.role_lists)
    }))
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
        projects.push((ids.project(&row, 0)?, ids.group(&row, 1)?));
        Ok(())
    })
    .await?;
    let users = all_users(tx, &mut ids).await?;
    let groups = tx.rows("SELECT id FROM groups", &[]).await?;
    let groups = groups.iter().map(|row| ids.group(row, 0)).collect::<Result<_>>()?;
    Ok(Everything { users, projects, groups, gears: gears(tx).await?.into_iter().collect() })
}

async fn all_users(tx: &mut Tx, ids: &mut Interner) -> Result<Vec<Grants>> {
    let mut standings = Standings::default();
    tx.each("SELECT id, site_role, enabled FROM users", &[], |row| {
        let id = row.parsed(0, UserId::parse)?;
        let standing = (row.flag(2)?, row.named(1, SiteRole::from_name)?, Vec::new());
        standings.0.insert(id, standing);
        Ok(())
    })
    .await?;
    tx.each("SELECT user_id, group_id, role FROM group_members", &[], |row| {
        if let Some((_, _, groups)) = standings.0.get_mut(row.str(0)?) {
            groups.push(ids.membership(&row, 1)?);
        }
        Ok(())
    })
    .await?;
    // A row for each grant would cost far more than what it holds, and the lists of all users at once twice the room. No id
    // holds control characters.
    let sql = "SELECT user_id, string_agg(project_id || $1 || role_id, $2) FROM project_permissions GROUP BY user_id";
    let mut users = Vec::with_capacity(standings.0.len());
    tx.each(sql, &[Text("\t"), Text("\n")], |row| {
        let grants = row.str(1)?.lines().map(|line| ids.grant_of(line)).collect::<Result<_>>()?;
        users.extend(standings.take(row.str(0)?, grants, &mut ids.role_lists));
        Ok(())
    })
    .await?;
    users.extend(standings.rest(&mut ids.role_lists));
    Ok(users)
}

/// Users whose grants are still to come: whether they are enabled, their site role and group roles.
#[derive(Default)]
struct Standings(HashMap<UserId, Standing>);

type Standing = (bool, SiteRole, Vec<(GroupId, GroupRole)>);

impl Standings {
    /// The user with these project grants.
    fn take(&mut self, user: &str, projects: Vec<ProjectGrant>, lists: &mut RoleLists) -> Option<Grants> {
        let (id, (enabled, site_role, groups)) = self.0.remove_entry(user)?;
        Some(Grants::sharing(id, enabled, site_role, groups, projects, lists))
    }

    /// Those without any.
    fn rest(self, lists: &mut RoleLists) -> impl Iterator<Item = Grants> {
        self.0.into_iter().map(|(id, (enabled, site_role, groups))| {
            Grants::sharing(id, enabled, site_role, groups, Vec::new(), lists)
        })
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

/// Makes one copy of each id, and of each list of roles, that many grants share: memory per grant is what bounds a cache's reach.
#[derive(Default)]
pub struct Interner {
    role_lists: RoleLists,
    groups: HashSet<GroupId>,
    projects: HashSet<ProjectId>,
    roles: HashSet<RoleId>,
    most: Option<usize>,
}

impl Interner {
    /// One that remembers so many ids of each kind at most. What it forgets is not shared with what comes later.
    #[must_use]
    pub fn bounded(most: usize) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    fn group(&mut self, row: &Row, at: usize) -> Result<GroupId> {
        one_of(&mut self.groups, self.most, row.str(at)?, GroupId::parse)
    }

    fn project(&mut self, row: &Row, at: usize) -> Result<ProjectId> {
        one_of(&mut self.projects, self.most, row.str(at)?, ProjectId::parse)
    }

    fn membership(&mut self, row: &Row, at: usize) -> Result<(GroupId, GroupRole)> {
        Ok((self.group(row, at)?, row.named(at + 1, GroupRole::from_name)?))
    }

    fn grant(&mut self, project: &str, role: &str) -> Result<ProjectGrant> {
        Ok(ProjectGrant {
            project: one_of(&mut self.projects, self.most, project, ProjectId::parse)?,
            role: one_of(&mut self.roles, self.most, role, RoleId::parse)?,
        })
    }

    /// The grant of a line that holds a project, a tab and a role.
    fn grant_of(&mut self, line: &str) -> Result<ProjectGrant> {
        let (project, role) = line.split_once('\t').unwrap_or((line, ""));
        self.grant(project, role)
    }
}

fn one_of<T: Clone + Eq + Hash + Borrow<str>>(
    known: &mut HashSet<T>,
    most: Option<usize>,
    text: &str,
    parse: fn(&str) -> std::result::Result<T, TextError>,
) -> Result<T> {
    if let Some(id) = known.get(text) {
        return Ok(id.clone());
    }
    if most.is_some_and(|most| known.len() >= most) {
        known.clear();
    }
    let id = parse(text).map_err(|error| StoreError::Corrupt(format!("`{text}` {error}")))?;
    known.insert(id.clone());
    Ok(id)
}
