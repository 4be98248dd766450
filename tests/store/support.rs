//! What the tests of the store and of the engine share: fixtures, edits as data, and short ways to say ids.

use cluster::Cluster;
use rolegate::{
    rbac::{
        action::Action,
        custom_role::RequiredActions,
        gear::GearAccess,
        level::{GroupRole, SiteRole},
        refusal::Refusal,
        role::RoleActions,
        text::{GearName, GroupId, Label, ProjectId, RoleId, UserId},
        world::World,
    },
    store::{
        Store,
        auth::{Actor, ApiKey},
        change::Change,
        edit::{
            gears, groups, keys, members, offers, permissions,
            projects::{self, NewProject},
            roles, templates,
            users::{self, UserUpdate},
        },
        error::{Error, Result},
        feed::{self, CatchUp},
        location::Location,
        postgres::Access,
        revision::Head,
        sqlite::SqliteStore,
        world,
        write::{DEFAULT_HISTORY, WriteContext, WriteTx},
    },
};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, LazyLock},
};
use tempfile::TempDir;

#[path = "../support/cluster.rs"]
pub(crate) mod cluster;
#[path = "say.rs"]
pub(crate) mod say;

/// A new, empty store, and whatever must live as long as it does.
pub(crate) struct Made {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) path: PathBuf,
    pub(crate) folder: TempDir,
}

/// The factory of the embedded backend.
pub(crate) async fn sqlite() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roles.db");
    SqliteStore::create(&path, async |_| Ok(())).await.unwrap();
    Made { store: opened(&path).await, path, folder }
}

/// A new, empty store of any backend, where it is, and whatever must live as long as it does.
pub(crate) struct Fresh {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) location: Location,
    _keep: Box<dyn std::any::Any + Send>,
}

impl Fresh {
    /// The same store, opened once more, as another process would.
    pub(crate) async fn again(&self) -> Arc<dyn Store> {
        self.location.open(Access::Write).await.unwrap()
    }
}

/// A store in a file of its own.
pub(crate) async fn fresh_file() -> Fresh {
    let made = sqlite().await;
    Fresh { store: made.store, location: Location::File(made.path), _keep: Box::new(made.folder) }
}

/// A store in a database of its own, on the one server of these tests.
pub(crate) async fn fresh_database() -> Fresh {
    let cluster = shared_cluster();
    let location = Location::parse(&cluster.url(&cluster.database())).unwrap();
    location.create(async |_| Ok(())).await.unwrap();
    Fresh { store: location.open(Access::Write).await.unwrap(), location, _keep: Box::new(()) }
}

/// The server that tests share which do it no harm.
pub(crate) fn shared_cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
    &CLUSTER
}

pub(crate) async fn opened(path: &std::path::Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(path).await.unwrap())
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn group(id: &str) -> GroupId {
    GroupId::parse(id).unwrap()
}

pub(crate) fn project(id: &str) -> ProjectId {
    ProjectId::parse(id).unwrap()
}

pub(crate) fn role(id: &str) -> RoleId {
    RoleId::parse(id).unwrap()
}

pub(crate) fn gear(name: &str) -> GearName {
    GearName::parse(name).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

/// Role ids from words, as in `"rw custom"`.
pub(crate) fn role_set(words: &str) -> BTreeSet<RoleId> {
    words.split_whitespace().map(role).collect()
}

/// The actions that every custom role needs, and these.
pub(crate) fn actions(more: &[&str]) -> RoleActions {
    let required = Action::ALL.into_iter().filter(|action| action.is_required()).map(Action::name);
    let mut names: Vec<&str> = required.collect();
    names.extend(more);
    RoleActions::from_names(names)
}

pub(crate) fn restricted(projects: &str, users: &str) -> GearAccess {
    GearAccess::Restricted {
        projects: projects.split_whitespace().map(project).collect(),
        users: users.split_whitespace().map(user).collect(),
    }
}

/// An edit as data: what the edit functions take, by name.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    CreateUser(String, SiteRole),
    UpdateUser(String, Option<SiteRole>, Option<bool>),
    DeleteUser(String),
    CreateGroup(String),
    RenameGroup(String, String),
    DeleteGroup(String),
    SetMember(String, String, GroupRole),
    RemoveMember(String, String),
    Offer(String, String),
    Withdraw(String, String),
    CreateRole(String, String, RoleActions),
    UpdateRole(String, Option<String>, Option<RoleActions>),
    DeleteRole(String),
    /// Id, group, whether to inherit. The label is the id.
    CreateProject(String, String, bool),
    RenameProject(String, String),
    DeleteProject(String),
    SetPermission(String, String, String),
    RemovePermission(String, String),
    /// Group, user, roles, whether to propagate.
    SetTemplate(String, String, String, bool),
    RemoveTemplate(String, String, bool),
    CreateGear(String),
    SetGear(String, GearAccess),
    DeleteGear(String),
    CreateKey(String),
    RevokeKey(String),
}

impl Edit {
    /// Runs the edit in a write transaction.
    pub(crate) async fn run(&self, w: &mut WriteTx) -> Result<()> {
        match self {
            Self::CreateUser(id, site_role) => users::create(w, &user(id), *site_role, true).await,
            Self::UpdateUser(id, site_role, enabled) => {
                let update = UserUpdate { site_role: *site_role, enabled: *enabled };
                users::update(w, &user(id), update).await
            }
            Self::DeleteUser(id) => users::delete(w, &user(id)).await,
            Self::CreateGroup(id) => groups::create(w, &group(id), &label(id)).await,
            Self::RenameGroup(id, to) => groups::rename(w, &group(id), &label(to)).await,
            Self::DeleteGroup(id) => groups::delete(w, &group(id)).await,
            Self::SetMember(id, who, held) => members::set(w, &group(id), &user(who), *held).await,
            Self::RemoveMember(id, who) => members::remove(w, &group(id), &user(who)).await,
            Self::Offer(id, what) => offers::offer(w, &group(id), &role(what)).await,
            Self::Withdraw(id, what) => offers::withdraw(w, &group(id), &role(what)).await,
            Self::CreateRole(id, name, held) => {
                roles::create(w, Some(role(id)), &label(name), held).await.map(drop)
            }
            Self::UpdateRole(id, name, held) => {
                let name = name.as_deref().map(label);
                roles::update(w, &role(id), name.as_ref(), held.as_ref()).await
            }
            Self::DeleteRole(id) => roles::delete(w, &role(id)).await,
            _ => self.run_in_projects(w).await,
        }
    }

    async fn run_in_projects(&self, w: &mut WriteTx) -> Result<()> {
        match self {
            Self::CreateProject(id, of, inherit) => {
                let new = NewProject {
                    id: Some(project(id)),
                    group: group(of),
                    label: label(id),
                    inherit: *inherit,
                };
                projects::create(w, new).await.map(drop)
            }
            Self::RenameProject(id, to) => projects::rename(w, &project(id), &label(to)).await,
            Self::DeleteProject(id) => projects::delete(w, &project(id)).await,
            Self::SetPermission(id, who, held) => {
                permissions::set(w, &project(id), &user(who), &role_set(held)).await
            }
            Self::RemovePermission(id, who) => permissions::remove(w, &project(id), &user(who)).await,
            Self::SetTemplate(id, who, held, propagate) => {
                templates::set(w, &group(id), &user(who), &role_set(held), *propagate).await
            }
            Self::RemoveTemplate(id, who, propagate) => {
                templates::remove(w, &group(id), &user(who), *propagate).await
            }
            Self::CreateGear(name) => gears::create(w, &gear(name)).await,
            Self::SetGear(name, access) => gears::set_access(w, &gear(name), access).await,
            Self::DeleteGear(name) => gears::delete(w, &gear(name)).await,
            Self::CreateKey(of) => keys::create(w, &user(of), &label("key"), None).await.map(drop),
            Self::RevokeKey(id) => keys::revoke(w, id).await,
            _ => unreachable!("the caller runs {self:?}"),
        }
    }
}

/// What a writer says beside the edit.
pub(crate) fn context(actor: &Actor, expected_revision: Option<u64>, history: u64) -> WriteContext {
    WriteContext {
        actor: actor.clone(),
        expected_revision,
        required: RequiredActions::default(),
        history,
        audit: 1_000,
    }
}

/// Writes edits in one transaction.
pub(crate) async fn write_with(db: &dyn Store, context: WriteContext, edits: &[Edit]) -> Result<Head> {
    let mut w = WriteTx::begin(db, context).await?;
    for edit in edits {
        edit.run(&mut w).await?;
    }
    w.commit().await
}

/// Writes one edit as this actor.
pub(crate) async fn try_as(db: &dyn Store, actor: &Actor, edit: Edit) -> Result<Head> {
    write_with(db, context(actor, None, DEFAULT_HISTORY), &[edit]).await
}

/// Writes one edit as the operator, each in a revision of its own.
pub(crate) async fn write(db: &dyn Store, edits: impl IntoIterator<Item = Edit>) -> Head {
    let mut head = head(db).await;
    for edit in edits {
        let said = format!("{edit:?}");
        head = try_as(db, &Actor::Operator, edit).await.unwrap_or_else(|error| panic!("{said}: {error}"));
    }
    head
}

/// Why an edit of this actor's is refused; makes sure that nothing has changed.
pub(crate) async fn refused_as(db: &dyn Store, actor: &Actor, edit: Edit) -> Refusal {
    let (before, said) = ((head(db).await, snapshot(db).await), format!("{edit:?}"));
    let refusal = refusal(try_as(db, actor, edit).await, &said);
    assert_eq!(before, (head(db).await, snapshot(db).await), "{said} was refused and left a trace");
    refusal
}

/// Why an edit of the operator's is refused.
pub(crate) async fn refused(db: &dyn Store, edit: Edit) -> Refusal {
    refused_as(db, &Actor::Operator, edit).await
}

/// The refusal that must have come.
pub(crate) fn refusal<T>(outcome: Result<T>, said: &str) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Store(error)) => panic!("{said}: the store failed: {error}"),
        Ok(_) => panic!("{said} was accepted"),
    }
}

/// Makes a key for a user, as the operator; the actor that uses it, and the key.
pub(crate) async fn key_of(db: &dyn Store, id: &str) -> (Actor, ApiKey) {
    let mut w = WriteTx::begin(db, context(&Actor::Operator, None, DEFAULT_HISTORY)).await.unwrap();
    let (record, key) = keys::create(&mut w, &user(id), &label("test"), None).await.unwrap();
    w.commit().await.unwrap();
    (Actor::Key { user: user(id), key: record.id }, key)
}

/// The actor of a key made for the user.
pub(crate) async fn actor(db: &dyn Store, id: &str) -> Actor {
    key_of(db, id).await.0
}

pub(crate) async fn head(db: &dyn Store) -> Head {
    db.read().await.unwrap().head()
}

pub(crate) async fn snapshot(db: &dyn Store) -> World {
    world::world(&mut db.read().await.unwrap()).await.unwrap()
}

/// What has been recorded since.
pub(crate) async fn changes_since(db: &dyn Store, from: Head) -> Vec<Change> {
    match feed::catch_up(&mut db.read().await.unwrap(), from).await.unwrap() {
        CatchUp::Next { changes, .. } => changes,
        other => panic!("no history since {from:?}: {other:?}"),
    }
}

/// A connection past the store, as an administrator's own tools make it.
pub(crate) async fn raw(path: &std::path::Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    sqlx::ConnectOptions::connect(&options).await.unwrap()
}

/// A backup as SQLite makes it: one whole file, with no log beside it.
pub(crate) async fn vacuum_into(from: &std::path::Path, to: &std::path::Path) {
    let mut connection = raw(from).await;
    let done = sqlx::query("VACUUM INTO $1").bind(to.to_str().unwrap()).execute(&mut connection).await;
    done.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}
