//! Groups, their members, offers and templates, as administrators read them.

use super::{Listed, Page, PageRequest, RoleHolder, all_holders, holders, not_found, permit_on_group, roles};
use crate::{
    auth::Actor,
    error::{Result, StoreError},
    load, permit,
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
};
use rolegate_rbac::{
    level::{GroupAction, GroupRole},
    refusal::Kind,
    text::{GroupId, Label, RoleId, UserId},
};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// The id.
    pub id: GroupId,
    /// For people.
    pub label: Label,
    /// When it last changed.
    pub revision: u64,
}

impl Listed for GroupRecord {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Who.
    pub user: UserId,
    /// The one role in the group.
    pub role: GroupRole,
}

impl Listed for MemberRecord {
    fn id(&self) -> &str {
        self.user.as_str()
    }
}

/// One group.
///
/// # Errors
/// As all reads: refused by the rules, or the store failed.
pub async fn get(tx: &mut Tx, actor: &Actor, id: &GroupId) -> Result<GroupRecord> {
    permit_on_group(tx, actor, id, GroupAction::GroupSettingsView).await?;
    find(tx, id).await?.ok_or_else(|| not_found(Kind::Group, id))
}

/// One group, whoever asks.
pub async fn find(tx: &mut Tx, id: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
    let sql = "SELECT id, label, revision FROM groups WHERE id = $1";
    tx.row(sql, &[Text(id.as_str())]).await?.map(|row| record(&row)).transpose()
}

/// A page of the groups that the actor may view.
pub async fn list(tx: &mut Tx, actor: &Actor, page: &PageRequest) -> Result<Page<GroupRecord>> {
    if permit::is_superuser(tx, actor).await? {
        let sql = "SELECT id, label, revision FROM groups WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = tx.rows(sql, &[Text(page.after()), Int(page.limit())]).await?;
        let groups = rows.iter().map(record).collect::<Result<_, _>>()?;
        return Ok(Page::cut(groups, page));
    }
    let mut groups = Vec::new();
    for id in viewable(tx, actor)
        .await?
        .into_iter()
        .filter(|id| id.as_str() > page.after())
        .take(page.size.saturating_add(1))
    {
        groups.extend(find(tx, &id).await?);
    }
    Ok(Page::cut(groups, page))
}

async fn viewable(tx: &mut Tx, actor: &Actor) -> Result<Vec<GroupId>, StoreError> {
    let Some(user) = actor.user() else { return Ok(Vec::new()) };
    let Some(grants) = load::user(tx, user).await? else { return Ok(Vec::new()) };
    let views = |(_, role): &&(GroupId, GroupRole)| role.may(GroupAction::GroupSettingsView);
    Ok(grants.groups().iter().filter(views).map(|(group, _)| group.clone()).collect())
}

/// A page of a group's members.
pub async fn members(
    tx: &mut Tx,
    actor: &Actor,
    group: &GroupId,
    page: &PageRequest,
) -> Result<Page<MemberRecord>> {
    permit_on_group(tx, actor, group, GroupAction::GroupRolesView).await?;
    let sql = "SELECT user_id, role FROM group_members WHERE group_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3";
    let rows = tx.rows(sql, &[Text(group.as_str()), Text(page.after()), Int(page.limit())]).await?;
    let member = |row: &Row| {
        Ok(MemberRecord { user: row.parsed(0, UserId::parse)?, role: row.named(1, GroupRole::from_name)? })
    };
    let members = rows.iter().map(member).collect::<Result<_, StoreError>>()?;
    Ok(Page::cut(members, page))
}

/// One member of a group.
pub async fn member(tx: &mut Tx, actor: &Actor, group: &GroupId, user: &UserId) -> Result<MemberRecord> {
    permit_on_group(tx, actor, group, GroupAction::GroupRolesView).await?;
    find_member(tx, group, user).await?.ok_or_else(|| not_found(Kind::Member, user))
}

/// One member of a group, whoever asks.
pub async fn find_member(
    tx: &mut Tx,
    group: &GroupId,
    user: &UserId,
) -> Result<Option<MemberRecord>, StoreError> {
    let sql = "SELECT role FROM group_members WHERE group_id = $1 AND user_id = $2";
    let row = tx.row(sql, &[Text(group.as_str()), Text(user.as_str())]).await?;
    let role = row.map(|row| row.named(0, GroupRole::from_name)).transpose()?;
    Ok(role.map(|role| MemberRecord { user: user.clone(), role }))
}

/// One user's place in a group's project template.
pub async fn template_entry(
    tx: &mut Tx,
    actor: &Actor,
    group: &GroupId,
    user: &UserId,
) -> Result<RoleHolder> {
    permit_on_group(tx, actor, group, GroupAction::ProjectTemplateView).await?;
    find_template_entry(tx, group, user).await?.ok_or_else(|| not_found(Kind::TemplateEntry, user))
}

/// One user's place in a group's project template, whoever asks.
pub async fn find_template_entry(
    tx: &mut Tx,
    group: &GroupId,
    user: &UserId,
) -> Result<Option<RoleHolder>, StoreError> {
    let sql = "SELECT user_id, role_id FROM template_entries WHERE group_id = $1 AND user_id = $2";
    let rows = tx.rows(sql, &[Text(group.as_str()), Text(user.as_str())]).await?;
    Ok(all_holders(&rows)?.pop())
}

/// One role as a group is offered it: built-in roles are offered everywhere.
pub async fn offer(tx: &mut Tx, actor: &Actor, group: &GroupId, role: &RoleId) -> Result<roles::RoleRecord> {
    permit_on_group(tx, actor, group, GroupAction::GroupRolesView).await?;
    let sql = "SELECT 1 FROM role_offers WHERE group_id = $1 AND role_id = $2";
    let is_offered = tx.row(sql, &[Text(group.as_str()), Text(role.as_str())]).await?.is_some();
    let found = roles::find(tx, role).await?.filter(|found| is_offered || found.role.built_in);
    found.ok_or_else(|| not_found(Kind::Offer, role))
}

/// A page of a group's project template.
pub async fn template(
    tx: &mut Tx,
    actor: &Actor,
    group: &GroupId,
    page: &PageRequest,
) -> Result<Page<RoleHolder>> {
    permit_on_group(tx, actor, group, GroupAction::ProjectTemplateView).await?;
    let sql = "SELECT user_id, role_id FROM template_entries WHERE group_id = $1 AND user_id IN (
                   SELECT DISTINCT user_id FROM template_entries WHERE group_id = $1 AND user_id > $2
                   ORDER BY user_id LIMIT $3)
               ORDER BY user_id, role_id";
    let rows = tx.rows(sql, &[Text(group.as_str()), Text(page.after()), Int(page.limit())]).await?;
    Ok(holders(&rows, page)?)
}

/// A page of the custom roles offered to a group.
pub async fn offers(
    tx: &mut Tx,
    actor: &Actor,
    group: &GroupId,
    page: &PageRequest,
) -> Result<Page<roles::RoleRecord>> {
    permit_on_group(tx, actor, group, GroupAction::GroupRolesView).await?;
    let sql =
        "SELECT role_id FROM role_offers WHERE group_id = $1 AND role_id > $2 ORDER BY role_id LIMIT $3";
    let rows = tx.rows(sql, &[Text(group.as_str()), Text(page.after()), Int(page.limit())]).await?;
    let mut offered = Vec::new();
    for row in rows {
        offered.extend(roles::find(tx, &row.parsed(0, RoleId::parse)?).await?);
    }
    Ok(Page::cut(offered, page))
}

fn record(row: &Row) -> Result<GroupRecord, StoreError> {
    Ok(GroupRecord {
        id: row.parsed(0, GroupId::parse)?,
        label: row.parsed(1, Label::parse)?,
        revision: row.count(2)?,
    })
}
