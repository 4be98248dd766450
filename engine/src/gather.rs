//! Gathering what a question needs: from memory where it is there, from the store where it is not.

use super::{
    Engine, Shared,
    answer::Query,
    cache::Cache,
    error::EngineError,
    fenced::{Entry, Fenced, Found},
    piece::Piece,
    view::View,
};
use futures_util::future::BoxFuture;
use rolegate_rbac::{
    decide::Facts,
    gear::GearAccess,
    grants::Grants,
    question::Question,
    text::{GearName, GroupId, ProjectId, UserId},
};
use rolegate_store::{
    error::StoreError,
    load::{self, Interner},
    tx::Tx,
};
use std::{
    borrow::Borrow as _,
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::time::Instant;

/// What a call has loaded for itself, beside what the cache kept: a small cache must not make it load for ever.
///
/// INVARIANT: all of it was loaded for the one cache that it belongs to. The fences of a cache know nothing of changes
/// from before it was built, nor of other epochs' revisions.
#[derive(Default)]
pub(super) struct Held {
    cache: Option<Arc<Cache>>,
    users: HashMap<UserId, Entry<Grants>>,
    projects: HashMap<ProjectId, Entry<GroupId>>,
    groups: HashMap<GroupId, Entry<()>>,
    gears: HashMap<GearName, Entry<Arc<GearAccess>>>,
}

/// Why a question cannot be decided from what is in memory.
pub(super) enum Lack {
    /// Something must be loaded.
    Load,
    /// Something is in memory at a newer revision than the view.
    NewerView(u64),
}

/// What the store says about a question's things, shared with the cache.
pub(super) struct Known {
    user: Option<Grants>,
    project: Option<GroupId>,
    group_exists: bool,
    destination_exists: bool,
    gear: Option<Arc<GearAccess>>,
}

impl Known {
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            user: self.user.as_ref(),
            group_of_project: self.project.as_ref(),
            group_exists: self.group_exists,
            destination_exists: self.destination_exists,
            gear: self.gear.as_deref(),
        }
    }
}

/// Finds everything that a query needs in memory, in the cache or among what the call has loaded, or tells what is lacking.
///
/// `last` is what was recalled before for the same view: what is the same again is taken from it.
pub(super) fn recall(
    view: &View,
    held: Option<&Held>,
    query: &Query,
    last: Option<(&Query, Known)>,
) -> Result<Known, Lack> {
    let (cache, revision) = (&*view.cache, view.head.revision);
    let project_of =
        |id: &ProjectId| known(cache.projects.look(id.as_str(), revision, held.map(|held| &held.projects)));
    let group_of =
        |id: &GroupId| known(cache.groups.look(id.as_str(), revision, held.map(|held| &held.groups)));
    let gear_of =
        |id: &GearName| known(cache.gears.look(id.as_str(), revision, held.map(|held| &held.gears)));
    let (last, known_before) = last.unzip();
    let (last_user, last_project) = known_before.map(|known| (known.user, known.project)).unzip();
    let user = match last_user {
        Some(user) if last.is_some_and(|last| last.user == query.user) => user,
        _ => known(cache.users.look(query.user.as_str(), revision, held.map(|held| &held.users)))?,
    };
    let mut facts = Known { user, project: None, group_exists: false, destination_exists: false, gear: None };
    match &query.question {
        Question::Site(_) => {}
        Question::Group(group, _) => facts.group_exists = group_of(group)?.is_some(),
        Question::Project(project, ask) => {
            facts.project = match last_project {
                Some(known) if last.is_some_and(|last| last.question.project() == Some(project)) => known,
                _ => project_of(project)?,
            };
            if let Some(project) = ask.destination_project() {
                facts.destination_exists = project_of(project)?.is_some();
            }
            if let Some(group) = ask.destination_group() {
                facts.destination_exists = group_of(group)?.is_some();
            }
            if let Some(gear) = ask.gear() {
                facts.gear = gear_of(gear)?;
            }
        }
    }
    Ok(facts)
}

fn known<V>(found: Found<V>) -> Result<Option<V>, Lack> {
    match found {
        Found::Known(value) => Ok(value),
        Found::Ahead(revision) => Err(Lack::NewerView(revision)),
        Found::Nothing => Err(Lack::Load),
    }
}

impl Held {
    /// Whether the call has loaded nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.projects.is_empty() && self.groups.is_empty() && self.gears.is_empty()
    }

    /// Forgets what was loaded for a view that has been rebuilt since.
    pub(super) fn belong_to(&mut self, view: &View) {
        if !self.cache.as_ref().is_some_and(|cache| Arc::ptr_eq(cache, &view.cache)) {
            *self = Self { cache: Some(Arc::clone(&view.cache)), ..Self::default() };
        }
    }

    pub(super) fn take(&mut self, more: Self) {
        self.users.extend(more.users);
        self.projects.extend(more.projects);
        self.groups.extend(more.groups);
        self.gears.extend(more.gears);
    }
}

/// Looks things up at the store for one call.
pub(super) struct Loader<'a> {
    shared: &'a Shared,
    view: &'a View,
    deadline: Instant,
}

/// How one kind of thing is read.
type Read<K, V> =
    for<'t> fn(&'t mut Tx, &'t K, &'t Mutex<Interner>) -> BoxFuture<'t, Result<Option<V>, StoreError>>;

impl<'a> Loader<'a> {
    pub(super) fn new(engine: &'a Engine, view: &'a View, deadline: Instant) -> Self {
        Self { shared: &engine.shared, view, deadline }
    }

    /// Loads whatever of the query's things is not in memory.
    pub(super) async fn load(&self, query: &Query, held: &Held) -> Result<Held, EngineError> {
        let cache = &*self.view.cache;
        let mut more = Held::default();
        self.fill(&cache.users, &query.user, &held.users, &mut more.users, read_user).await?;
        match &query.question {
            Question::Site(_) => {}
            Question::Group(group, _) => self.fill_group(group, held, &mut more).await?,
            Question::Project(project, ask) => {
                self.fill_project(project, held, &mut more).await?;
                if let Some(project) = ask.destination_project() {
                    self.fill_project(project, held, &mut more).await?;
                }
                if let Some(group) = ask.destination_group() {
                    self.fill_group(group, held, &mut more).await?;
                }
                if let Some(gear) = ask.gear() {
                    self.fill(&cache.gears, gear, &held.gears, &mut more.gears, read_gear).await?;
                }
            }
        }
        Ok(more)
    }

    async fn fill_group(&self, id: &GroupId, held: &Held, more: &mut Held) -> Result<(), EngineError> {
        self.fill(&self.view.cache.groups, id, &held.groups, &mut more.groups, read_group).await
    }

    async fn fill_project(&self, id: &ProjectId, held: &Held, more: &mut Held) -> Result<(), EngineError> {
        self.fill(&self.view.cache.projects, id, &held.projects, &mut more.projects, read_project).await
    }

    async fn fill<P: Piece>(
        &self,
        cache: &Fenced<P>,
        key: &P::Key,
        held: &HashMap<P::Key, Entry<P::Value>>,
        more: &mut HashMap<P::Key, Entry<P::Value>>,
        read: Read<P::Key, P::Value>,
    ) -> Result<(), EngineError> {
        if matches!(cache.look(key.borrow(), self.view.head.revision, Some(held)), Found::Nothing) {
            let entry = cache.load(key, || self.read_one(key, read)).await?;
            more.insert(key.clone(), entry);
        }
        Ok(())
    }

    async fn read_one<K, V>(&self, key: &K, read: Read<K, V>) -> Result<Entry<V>, EngineError> {
        let (stats, budget) = (&self.shared.stats, &self.shared.budget);
        if budget.is_exhausted() {
            stats.throttled.bump();
        }
        let _turn = budget.turn(self.deadline).await?;
        stats.loads.bump();
        let entry = self.read_from_store(key, read).await.inspect_err(|_| stats.store_errors.bump())?;
        if entry.value.is_none() {
            stats.unknown.bump();
            budget.charge();
        }
        Ok(entry)
    }

    async fn read_from_store<K, V>(&self, key: &K, read: Read<K, V>) -> Result<Entry<V>, EngineError> {
        let mut tx = self.shared.store.read().await?;
        let head = tx.head();
        if !head.goes_on_from(self.view.head) || self.view.cache.saw(head).is_err() {
            // The view is about to be rebuilt: what is read now must not be mixed with it.
            self.shared.nudge.notify_one();
            return Err(EngineError::StoreUnavailable);
        }
        Ok(Entry { as_of: head.revision, value: read(&mut tx, key, &self.shared.ids).await? })
    }
}

fn read_user<'t>(
    tx: &'t mut Tx,
    id: &'t UserId,
    ids: &'t Mutex<Interner>,
) -> BoxFuture<'t, Result<Option<Grants>, StoreError>> {
    Box::pin(load::user_sharing(tx, id, ids))
}

fn read_project<'t>(
    tx: &'t mut Tx,
    id: &'t ProjectId,
    _: &'t Mutex<Interner>,
) -> BoxFuture<'t, Result<Option<GroupId>, StoreError>> {
    Box::pin(load::project(tx, id))
}

fn read_group<'t>(
    tx: &'t mut Tx,
    id: &'t GroupId,
    _: &'t Mutex<Interner>,
) -> BoxFuture<'t, Result<Option<()>, StoreError>> {
    Box::pin(async move { Ok(load::group(tx, id).await?.then_some(())) })
}

fn read_gear<'t>(
    tx: &'t mut Tx,
    name: &'t GearName,
    _: &'t Mutex<Interner>,
) -> BoxFuture<'t, Result<Option<Arc<GearAccess>>, StoreError>> {
    Box::pin(async move { Ok(load::gear(tx, name).await?.map(Arc::new)) })
}
