//! What administrators read: objects and pages of them, each guarded by its right.

pub mod audit;
pub mod gears;
pub mod groups;
pub mod keys;
pub mod projects;
pub mod roles;
pub mod users;

use super::{
    auth::Actor,
    error::{Result, StoreError},
    permit,
    tx::{Row, Tx},
};
use rolegate_rbac::{
    level::GroupAction,
    question::{GroupAsk, Question},
    refusal::{Kind, Refusal},
    text::{GroupId, RoleId, UserId},
};
use std::collections::BTreeSet;

/// Which part of a list to read.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// How many at most; at least 1.
    pub size: usize,
    /// The id after which to start; `None` for the first page.
    pub after: Option<String>,
}

impl PageRequest {
    /// The id to start after, as SQL compares it: every id is greater than the empty text.
    fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("")
    }

    /// One more than asked for, to learn whether there is a next page.
    fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }
}

/// What is listed in pages, in the order of its id.
pub trait Listed {
    /// The id, unique in the list.
    fn id(&self) -> &str;
}

/// Part of a list, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The id after which the next page starts; `None` on the last one.
    pub next: Option<String>,
}

impl<T: Listed> Page<T> {
    /// A page from the items found, of which there may be one too many.
    fn cut(items: Vec<T>, request: &PageRequest) -> Self {
        Self { items, next: None }.first(request.size)
    }

    /// The first items of the page, so that the next page starts after them.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        if self.items.len() > count {
            self.items.truncate(count);
            self.next = self.items.last().map(|item| item.id().to_owned());
        }
        self
    }
}

/// A user with one or more project roles, on a project or in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHolder {
    /// Who.
    pub user: UserId,
    /// Which roles.
    pub roles: BTreeSet<RoleId>,
}

impl Listed for RoleHolder {
    fn id(&self) -> &str {
        self.user.as_str()
    }
}

/// A page of role holders from rows of user and role, sorted by user.
fn holders(rows: &[Row], request: &PageRequest) -> Result<Page<RoleHolder>, StoreError> {
    Ok(Page::cut(all_holders(rows)?, request))
}

/// Role holders from rows of user and role, sorted by user.
fn all_holders(rows: &[Row]) -> Result<Vec<RoleHolder>, StoreError> {
    let mut holders: Vec<RoleHolder> = Vec::new();
    for row in rows {
        let (user, role) = (row.parsed(0, UserId::parse)?, row.parsed(1, RoleId::parse)?);
        match holders.last_mut() {
            Some(last) if last.user == user => {
                last.roles.insert(role);
            }
            _ => holders.push(RoleHolder { user, roles: BTreeSet::from([role]) }),
        }
    }
    Ok(holders)
}

/// Demands a right on a group, and that the group exists.
async fn permit_on_group(tx: &mut Tx, actor: &Actor, group: &GroupId, action: GroupAction) -> Result<()> {
    let question = Question::Group(group.clone(), GroupAsk::Action(action));
    permit::permit(tx, actor, &question, &format!("`{}` on the group", action.name())).await?;
    if super::load::group(tx, group).await? { Ok(()) } else { Err(not_found(Kind::Group, group)) }
}

fn not_found(kind: Kind, id: &impl ToString) -> super::error::Error {
    Refusal::NotFound { kind, id: id.to_string() }.into()
}
