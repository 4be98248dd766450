//! Questions in, decisions out: all from one view.

use super::{
    Engine,
    error::EngineError,
    freshness::Freshness,
    gather::{Held, Known, Lack, Loader, recall},
    view::View,
};
use crate::{
    rbac::{
        action::{Action, ActionName},
        decide::{Decision, decide},
        explain::{EffectiveActions, GrantingRole, effective_actions, granting_roles},
        level::{GroupAction, SiteAction},
        question::{GroupAsk, ProjectAsk, Question, Resource},
        text::UserId,
    },
    store::revision::Token,
};
use futures_util::StreamExt as _;
use std::{collections::HashMap, time::Duration};
use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// How many look-ups one call has in flight.
const PARALLEL_LOADS: usize = 8;

/// A question and who asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Who.
    pub user: UserId,
    /// What, where.
    pub question: Question,
}

/// What a caller wants beside the answer.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How fresh.
    pub freshness: Freshness,
    /// Whether to name the roles that granted an allow.
    pub explain: bool,
    /// How long the caller can wait, from when it asks.
    pub wait: Duration,
}

/// A decision, and on request the roles that granted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// With [`Wish::explain`], on an allow: the roles that granted it, with their labels.
    pub granted_by: Vec<(GrantingRole, String)>,
}

/// An answer with the place in history that it is as new as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<T> {
    /// The answer.
    pub value: T,
    /// A revision that it is at least as new as.
    pub token: Token,
    /// How long ago the store's head was last confirmed.
    pub age: Duration,
}

/// How many questions are decided in one go, before others get their turn: some tens of microseconds' worth.
const BREATH: usize = 256;

/// How a question is decided once everything it needs is known.
trait Decide<T>: Fn(&View, &Query, &Known) -> T + Send + Sync + 'static {}
impl<T, F: Fn(&View, &Query, &Known) -> T + Send + Sync + 'static> Decide<T> for F {}

/// What one look at a view has come to.
struct Round<T> {
    /// What is settled, in the order of the queries; of use only if the round is complete.
    settled: Vec<Result<T, EngineError>>,
    /// Queries for which something must be loaded.
    to_load: Vec<usize>,
    /// The newest revision of what is in memory and newer than the view.
    newer: Option<u64>,
}

impl<T> Round<T> {
    async fn of(
        view: &View,
        gathered: Option<&Gathered>,
        queries: &[Query],
        decide: &impl Decide<T>,
    ) -> Self {
        let mut round = Self { settled: Vec::with_capacity(queries.len()), to_load: Vec::new(), newer: None };
        let held = gathered.map(|gathered| &gathered.held);
        // What holds at the view goes on to do so: neighbours in a batch are often about the same user or project.
        let mut last = None;
        for (at, query) in queries.iter().enumerate() {
            if at % BREATH == BREATH - 1 {
                // A long batch must neither hold up health and the follower, nor outlive its deadline.
                tokio::task::yield_now().await;
            }
            if let Some(error) = gathered.and_then(|gathered| gathered.failed.get(&at)) {
                round.settled.push(Err(error.clone()));
                continue;
            }
            match recall(view, held, query, last.take()) {
                Ok(known) => {
                    round.settled.push(Ok(decide(view, query, &known)));
                    last = Some((query, known));
                }
                Err(Lack::Load) => round.to_load.push(at),
                Err(Lack::NewerView(revision)) => round.newer = round.newer.max(Some(revision)),
            }
        }
        round
    }

    const fn is_complete(&self) -> bool {
        self.to_load.is_empty() && self.newer.is_none()
    }

    fn stamped(self, view: &View, age: Duration) -> Stamped<Vec<Result<T, EngineError>>> {
        Stamped { value: self.settled, token: view.head.token(), age }
    }
}

/// What a call has got from the store, and the queries for which that failed.
#[derive(Default)]
struct Gathered {
    held: Held,
    failed: HashMap<usize, EngineError>,
}

impl Gathered {
    /// Whether the store was not needed.
    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.failed.is_empty()
    }
}

impl Engine {
    /// Decides one question.
    ///
    /// # Errors
    /// No decision was reached; see [`EngineError`].
    pub async fn check(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        let answered = self.answer_one(query, wish, decider(wish)).await;
        self.shared.stats.decisions.count(answered.as_ref().map(|answered| &answered.value));
        answered
    }

    /// The same, where it is not known yet whether the caller will be told: errors are counted, and a decision is left to
    /// be.
    ///
    /// # Errors
    /// No decision was reached; see [`EngineError`].
    pub async fn check_untold(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        let answered = self.answer_one(query, wish, decider(wish)).await;
        answered.inspect_err(|error| self.shared.stats.decisions.count(Err(error)))
    }

    /// Decides many questions at one revision, each as [`check`](Engine::check) would at that revision. A question that
    /// needs a look-up which fails has that error for itself; the others are answered.
    ///
    /// # Errors
    /// Nothing can be decided at all.
    pub async fn check_many(
        &self,
        queries: &[Query],
        wish: Wish,
    ) -> Result<Stamped<Vec<Result<Answer, EngineError>>>, EngineError> {
        let answered = self.check_many_untold(queries, wish).await;
        answered.inspect(|answered| self.shared.stats.decisions.count_all(&answered.value))
    }

    /// The same, where it is not known yet whether the caller will be told: that nothing can be decided at all is counted,
    /// and what single questions came to is left to be.
    ///
    /// # Errors
    /// Nothing can be decided at all.
    pub async fn check_many_untold(
        &self,
        queries: &[Query],
        wish: Wish,
    ) -> Result<Stamped<Vec<Result<Answer, EngineError>>>, EngineError> {
        let answered = self.answer_many(queries, wish).await;
        answered.inspect_err(|error| self.shared.stats.decisions.count_failed(queries.len(), error))
    }

    async fn answer_many(
        &self,
        queries: &[Query],
        wish: Wish,
    ) -> Result<Stamped<Vec<Result<Answer, EngineError>>>, EngineError> {
        let decide = decider(wish);
        if matches!(wish.freshness, Freshness::Fast) {
            let (view, age) = self.current_view().inspect_err(|error| self.count_refusal(error))?;
            let round = Round::of(&view, None, queries, &decide).await;
            if round.is_complete() {
                self.shared.stats.hits.bump();
                return Ok(round.stamped(&view, age));
            }
        }
        Box::pin(self.settle_at_home(queries, wish, decide)).await
    }

    /// Everything the user may do at the resource.
    ///
    /// # Errors
    /// Nothing can be decided; see [`EngineError`].
    pub async fn effective(
        &self,
        user: &UserId,
        resource: &Resource,
        wish: Wish,
    ) -> Result<Stamped<EffectiveActions>, EngineError> {
        let query = Query { user: user.clone(), question: any_question(resource) };
        let resource = resource.clone();
        let list = move |view: &View, _: &Query, known: &Known| {
            effective_actions(&resource, &view.roles, &known.facts())
        };
        self.answer_one(&query, wish, list).await
    }

    async fn answer_one<T: Send + 'static>(
        &self,
        query: &Query,
        wish: Wish,
        decide: impl Decide<T>,
    ) -> Result<Stamped<T>, EngineError> {
        match self.at_once(query, wish, &decide)? {
            Some(answered) => Ok(answered),
            // Boxed, here and below: what hardly ever runs must not make every call's state larger to move about.
            None => only(Box::pin(self.settle_at_home(std::slice::from_ref(query), wish, decide)).await?),
        }
    }

    /// The answer, if everything that it takes is in memory: without waiting, and next to without allocating.
    fn at_once<T>(
        &self,
        query: &Query,
        wish: Wish,
        decide: &impl Decide<T>,
    ) -> Result<Option<Stamped<T>>, EngineError> {
        if !matches!(wish.freshness, Freshness::Fast) {
            return Ok(None);
        }
        // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
        let answered = self.with_view(|view, age| {
            let known = recall(view, None, query, None).ok()?;
            self.shared.stats.hits.bump();
            Some(Stamped { value: decide(view, query, &known), token: view.head.token(), age })
        });
        answered.inspect_err(|error| self.count_refusal(error))
    }

    /// Settles what cannot be settled from memory at once, where the store is read: the thread that asked goes on with
    /// other calls. Whoever gives up waiting ends the work.
    async fn settle_at_home<T: Send + 'static>(
        &self,
        queries: &[Query],
        wish: Wish,
        decide: impl Decide<T>,
    ) -> Result<Stamped<Vec<Result<T, EngineError>>>, EngineError> {
        let Some(home) = self.shared.home.get() else { return Err(EngineError::NotReady) };
        if home.id() == Handle::current().id() {
            return self.settle(queries, wish, decide).await;
        }
        let (engine, queries) = (self.clone(), queries.to_vec());
        let work = home.spawn(async move { engine.settle(&queries, wish, decide).await });
        // Work that panicked has decided nothing.
        AbortOnDropHandle::new(work).await.unwrap_or(Err(EngineError::NotReady))
    }

    /// Gathers what the queries need, at one view, and then decides them all.
    async fn settle<T>(
        &self,
        queries: &[Query],
        wish: Wish,
        decide: impl Decide<T>,
    ) -> Result<Stamped<Vec<Result<T, EngineError>>>, EngineError> {
        let (stats, deadline) = (&self.shared.stats, Instant::now() + wish.wait);
        let fresh = self.wait_for(wish.freshness, deadline).await;
        fresh.inspect_err(|error| self.count_refusal(error))?;
        let mut gathered = Gathered::default();
        loop {
            if Instant::now() >= deadline {
                return Err(EngineError::Deadline);
            }
            // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
            let (view, age) = self.current_view().inspect_err(|error| self.count_refusal(error))?;
            gathered.held.belong_to(&view);
            let round = Round::of(&view, Some(&gathered), queries, &decide).await;
            if round.is_complete() {
                if gathered.is_empty() {
                    stats.hits.bump()
                } else {
                    stats.misses.bump()
                }
                return Ok(round.stamped(&view, age));
            }
            self.load_all(&view, queries, &round.to_load, &mut gathered, deadline).await;
            if let Some(revision) = round.newer {
                let token = Token { epoch: view.head.epoch, revision };
                match self.wait_for_token(token, deadline).await {
                    // The view was rebuilt in the meantime: start over with the new one.
                    Err(EngineError::OtherEpoch) => {}
                    waited => waited?,
                }
            }
        }
    }

    /// Loads what some of the queries need, a few at a time.
    async fn load_all(
        &self,
        view: &View,
        queries: &[Query],
        to_load: &[usize],
        gathered: &mut Gathered,
        deadline: Instant,
    ) {
        let loader = Loader::new(self, view, deadline);
        // Futures in a list, and no closure in the stream: the compiler could not tell that it may move between threads.
        let mut loads = Vec::with_capacity(to_load.len());
        for at in to_load {
            if let Some(query) = queries.get(*at) {
                loads.push(load_one(&loader, *at, query, &gathered.held, deadline));
            }
        }
        let loaded: Vec<_> =
            futures_util::stream::iter(loads).buffer_unordered(PARALLEL_LOADS).collect().await;
        for (at, outcome) in loaded {
            match outcome {
                Ok(more) => gathered.held.take(more),
                Err(error) => {
                    gathered.failed.insert(at, error);
                }
            }
        }
    }

    /// What is wrong with a caller's token is no sign of old data.
    fn count_refusal(&self, error: &EngineError) {
        if matches!(error, EngineError::Stale { .. } | EngineError::NotReady) {
            self.shared.stats.stale_refusals.bump();
        }
    }
}

/// The one answer to one question.
fn only<T>(stamped: Stamped<Vec<Result<T, EngineError>>>) -> Result<Stamped<T>, EngineError> {
    let value = stamped.value.into_iter().next().unwrap_or(Err(EngineError::NotReady))?;
    Ok(Stamped { value, token: stamped.token, age: stamped.age })
}

fn decider(wish: Wish) -> impl Decide<Answer> {
    move |view: &View, query: &Query, known: &Known| answer(view, query, known, wish.explain)
}

async fn load_one(
    loader: &Loader<'_>,
    at: usize,
    query: &Query,
    held: &Held,
    deadline: Instant,
) -> (usize, Result<Held, EngineError>) {
    let loaded = tokio::time::timeout_at(deadline, loader.load(query, held)).await;
    (at, loaded.unwrap_or(Err(EngineError::Deadline)))
}

fn answer(view: &View, query: &Query, known: &Known, explain: bool) -> Answer {
    let facts = known.facts();
    let decision = decide(&query.question, &view.roles, &facts);
    let granted_by = if explain && decision.is_allowed() {
        granting_roles(&query.question, &view.roles, &facts)
    } else {
        Vec::new()
    };
    let labelled = granted_by.into_iter().map(|role| {
        let label = match &role {
            GrantingRole::Site(role) => role.name().to_owned(),
            GrantingRole::Group(_, role) => role.name().to_owned(),
            GrantingRole::Project(_, id) => {
                view.roles.get(id).map_or_else(|| id.to_string(), |r| r.label.to_string())
            }
        };
        (role, label)
    });
    Answer { decision, granted_by: labelled.collect() }
}

/// Some question at the resource: gathering facts for it gathers them for all plain actions there.
fn any_question(resource: &Resource) -> Question {
    match resource {
        Resource::Site => Question::Site(SiteAction::UsersManage),
        Resource::Group(group) => {
            Question::Group(group.clone(), GroupAsk::Action(GroupAction::GroupSettingsView))
        }
        Resource::Project(project) => {
            let action = ActionName::Current(Action::ContainersViewMetadata);
            Question::Project(project.clone(), ProjectAsk::Action(action))
        }
    }
}
