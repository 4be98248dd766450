//! The edits: each judges rights, then existence, then state, and then writes, all inside one transaction.

pub mod gears;
pub mod groups;
pub mod keys;
pub mod members;
pub mod offers;
pub mod permissions;
pub mod projects;
pub mod roles;
pub mod templates;
pub mod users;

use super::{
    auth::random_hex,
    change::Subject,
    error::{Result, StoreError},
    permit,
    tx::{Arg::Text, Row},
    write::WriteTx,
};
use rolegate_rbac::{
    action::{Action, ActionName},
    level::{GroupAction, SiteAction},
    question::{GroupAsk, ProjectAsk, Question},
    refusal::{Kind, Refusal},
    role::BuiltIn,
    text::{GroupId, ProjectId, RoleId, UserId},
};
use std::collections::BTreeSet;

/// Statements that every kind of object with a revision of its own needs.
struct ObjectSql {
    find: &'static str,
    stamp: &'static str,
}

const fn object_sql(subject: &Subject) -> ObjectSql {
    match subject {
        Subject::User(_) => ObjectSql {
            find: "SELECT revision FROM users WHERE id = $1",
            stamp: "UPDATE users SET revision = $2 WHERE id = $1",
        },
        Subject::Role(_) => ObjectSql {
            find: "SELECT revision FROM roles WHERE id = $1",
            stamp: "UPDATE roles SET revision = $2 WHERE id = $1",
        },
        Subject::Group(_) => ObjectSql {
            find: "SELECT revision FROM groups WHERE id = $1",
            stamp: "UPDATE groups SET revision = $2 WHERE id = $1",
        },
        Subject::Project(_) => ObjectSql {
            find: "SELECT revision FROM projects WHERE id = $1",
            stamp: "UPDATE projects SET revision = $2 WHERE id = $1",
        },
        Subject::Gear(_) => ObjectSql {
            find: "SELECT revision FROM gears WHERE name = $1",
            stamp: "UPDATE gears SET revision = $2 WHERE name = $1",
        },
    }
}

impl Subject {
    fn kind_and_id(&self) -> (Kind, &str) {
        match self {
            Self::User(id) => (Kind::User, id.as_str()),
            Self::Role(id) => (Kind::Role, id.as_str()),
            Self::Group(id) => (Kind::Group, id.as_str()),
            Self::Project(id) => (Kind::Project, id.as_str()),
            Self::Gear(name) => (Kind::Gear, name.as_str()),
        }
    }
}

impl WriteTx {
    /// The revision at which an object last changed, if it exists.
    async fn find(&mut self, object: &Subject) -> Result<Option<u64>> {
        let (_, id) = object.kind_and_id();
        let row = self.tx.row(object_sql(object).find, &[Text(id)]).await?;
        Ok(row.map(|row| row.count(0)).transpose()?)
    }

    /// The revision at which an object last changed; refused if there is none such.
    async fn existing(&mut self, object: &Subject) -> Result<u64> {
        let found = self.find(object).await?;
        let (kind, id) = object.kind_and_id();
        found.ok_or_else(|| Refusal::NotFound { kind, id: id.to_owned() }.into())
    }

    /// An object that the edit is about: it must exist, and have last changed at the revision that the writer expects.
    async fn edited(&mut self, object: &Subject) -> Result<()> {
        let found = self.existing(object).await?;
        self.expect_revision(found)?;
        self.remember(object).await
    }

    /// An object that the edit makes: it must not exist yet.
    async fn made(&mut self, object: &Subject) -> Result<()> {
        let (kind, id) = object.kind_and_id();
        if self.find(object).await?.is_some() {
            return Err(Refusal::Exists { kind, id: id.to_owned() }.into());
        }
        self.expect_revision(0)?;
        self.remember(object).await
    }

    /// Marks an object as changed by this write.
    async fn changed(&mut self, object: Subject) -> Result<()> {
        // Of use to edits that mark what goes along before they change it.
        self.remember(&object).await?;
        let revision = self.revision_arg();
        let (_, id) = object.kind_and_id();
        self.tx.run(object_sql(&object).stamp, &[Text(id), revision]).await?;
        self.touch(object);
        Ok(())
    }

    /// Marks every object of a query's first column as changed by this write.
    async fn changed_all<T>(
        &mut self,
        sql: &'static str,
        id: &str,
        parse: impl Fn(&Row) -> Result<T, StoreError>,
        subject: impl Fn(T) -> Subject,
    ) -> Result<()> {
        for row in self.tx.rows(sql, &[Text(id)]).await? {
            self.changed(subject(parse(&row)?)).await?;
        }
        Ok(())
    }

    /// Demands that the writer may do what the question asks. Whoever may do everything passes before it is asked.
    async fn permit(&mut self, question: &Question, takes: &str) -> Result<()> {
        if self.superuser {
            return Ok(());
        }
        permit::permit(&mut self.tx, &self.context.actor, question, takes).await
    }

    async fn permit_on_site(&mut self, action: SiteAction) -> Result<()> {
        self.permit(&Question::Site(action), &format!("`{}` on the site", action.name())).await
    }

    /// Demands that the writer is this user, or may manage users.
    async fn permit_self_or_users_manage(&mut self, user: &UserId) -> Result<()> {
        if self.context.actor.user() == Some(user) {
            return Ok(());
        }
        self.permit_on_site(SiteAction::UsersManage).await
    }

    async fn permit_on_group(&mut self, group: &GroupId, action: GroupAction) -> Result<()> {
        let question = Question::Group(group.clone(), GroupAsk::Action(action));
        self.permit(&question, &format!("`{}` on the group", action.name())).await
    }

    async fn permit_on_project(&mut self, project: &ProjectId, action: Action) -> Result<()> {
        let takes = format!("`{}` on the project", action.name());
        self.permit_ask(project, ProjectAsk::Action(ActionName::Current(action)), &takes).await
    }

    async fn permit_ask(&mut self, project: &ProjectId, ask: ProjectAsk, takes: &str) -> Result<()> {
        let question = Question::Project(project.clone(), ask);
        self.permit(&question, takes).await
    }

    /// The user must exist.
    async fn known_user(&mut self, user: &UserId) -> Result<()> {
        self.existing(&Subject::User(user.clone())).await.map(drop)
    }

    /// Roles that are to be assigned in a group or its projects: each must exist, and be built in or offered.
    async fn assignable(&mut self, roles: &BTreeSet<RoleId>, group: &GroupId) -> Result<()> {
        for role in roles.iter().filter(|role| BuiltIn::from_id(role.as_str()).is_none()) {
            let sql = "SELECT 1 FROM role_offers WHERE group_id = $1 AND role_id = $2";
            if self.tx.row(sql, &[Text(group.as_str()), Text(role.as_str())]).await?.is_none() {
                return Err(
                    Refusal::NotOffered { role: role.clone(), group: group.clone(), place: None }.into()
                );
            }
        }
        Ok(())
    }

    /// Roles that an edit names must exist.
    async fn known_roles(&mut self, roles: &BTreeSet<RoleId>) -> Result<()> {
        for role in roles {
            self.existing(&Subject::Role(role.clone())).await?;
        }
        Ok(())
    }

    /// The group that a project belongs to; the project must exist.
    async fn group_of(&mut self, project: &ProjectId) -> Result<GroupId> {
        let group = super::load::project(&mut self.tx, project).await?;
        group.ok_or_else(|| Refusal::NotFound { kind: Kind::Project, id: project.to_string() }.into())
    }
}

/// An opaque id of 24 hex digits.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_id() -> Result<String, StoreError> {
    random_hex::<12>()
}

/// A list of roles to assign must not be empty: removing is an edit of its own.
fn some_roles(roles: &BTreeSet<RoleId>) -> Result<()> {
    if roles.is_empty() {
        let problem = "must name at least one role; to take all away, remove the permission".to_owned();
        return Err(Refusal::Malformed { field: "roles", problem }.into());
    }
    Ok(())
}

/// The role ids of a query's first column.
fn role_ids(rows: &[Row]) -> Result<BTreeSet<RoleId>, StoreError> {
    rows.iter().map(|row| row.parsed(0, RoleId::parse)).collect()
}
