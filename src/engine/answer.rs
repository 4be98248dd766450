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
use tokio::time::Instant;

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
    /// When the caller will not wait any longer.
    pub deadline: Instant,
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

/// How many questions are decided in one go, before others get their turn.
const BREATH: usize = 32;

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
        held: &Held,
        failed: &HashMap<usize, EngineError>,
        queries: &[Query],
        decide: &impl Fn(&View, usize, &Known) -> Option<T>,
    ) -> Self {
        let mut round = Self { settled: Vec::with_capacity(queries.len()), to_load: Vec::new(), newer: None };
        for (at, query) in queries.iter().enumerate() {
            if at % BREATH == BREATH - 1 {
                // A long batch must neither hold up health and the follower, nor outlive its deadline.
                tokio::task::yield_now().await;
            }
            if let Some(error) = failed.get(&at) {
                round.settled.push(Err(error.clone()));
                continue;
            }
            match recall(view, held, query).await {
                Ok(known) => round.settled.push(decide(view, at, &known).ok_or(EngineError::NotReady)),
                Err(Lack::Load) => round.to_load.push(at),
                Err(Lack::NewerView(revision)) => round.newer = round.newer.max(Some(revision)),
            }
        }
        round
    }

    const fn is_complete(&self) -> bool {
        self.to_load.is_empty() && self.newer.is_none()
    }
}

impl Engine {
    /// Decides one question.
    ///
    /// # Errors
    /// No decision was reached; see [`EngineError`].
    pub async fn check(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        let stamped = self.check_many(std::slice::from_ref(query), wish).await?;
        let answer = stamped.value.into_iter().next().unwrap_or(Err(EngineError::NotReady))?;
        Ok(Stamped { value: answer, token: stamped.token, age: stamped.age })
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
        let decide = |view: &View, at: usize, known: &Known| {
            queries.get(at).map(|query| answer(view, query, known, wish.explain))
        };
        self.settle(queries, wish, decide).await
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
        let list = |view: &View, _: usize, known: &Known| {
            Some(effective_actions(resource, &view.roles, &known.facts()))
        };
        let stamped = self.settle(std::slice::from_ref(&query), wish, list).await?;
        let value = stamped.value.into_iter().next().unwrap_or(Err(EngineError::NotReady))?;
        Ok(Stamped { value, token: stamped.token, age: stamped.age })
    }

    /// Gathers what the queries need, at one view, and then decides them all.
    async fn settle<T>(
        &self,
        queries: &[Query],
        wish: Wish,
        decide: impl Fn(&View, usize, &Known) -> Option<T>,
    ) -> Result<Stamped<Vec<Result<T, EngineError>>>, EngineError> {
        let stats = &self.shared.stats;
        let fresh = self.wait_for(wish.freshness, wish.deadline).await;
        fresh.inspect_err(|_| stats.stale_refusals.bump())?;
        let mut held = Held::default();
        let mut failed: HashMap<usize, EngineError> = HashMap::new();
        loop {
            if Instant::now() >= wish.deadline {
                return Err(EngineError::Deadline);
            }
            // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
            let (view, age) = self.current_view().inspect_err(|_| stats.stale_refusals.bump())?;
            held.belong_to(&view);
            let round = Round::of(&view, &held, &failed, queries, &decide).await;
            if round.is_complete() {
                if held.is_empty() {
                    stats.hits.bump()
                } else {
                    stats.misses.bump()
                }
                return Ok(Stamped { value: round.settled, token: view.head.token(), age });
            }
            self.load_all(&view, queries, &round.to_load, &mut held, &mut failed, wish.deadline).await;
            if let Some(revision) = round.newer {
                let token = Token { epoch: view.head.epoch, revision };
                match self.wait_for_token(token, wish.deadline).await {
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
        held: &mut Held,
        failed: &mut HashMap<usize, EngineError>,
        deadline: Instant,
    ) {
        let loader = Loader::new(self, view, deadline);
        // Futures in a list, and no closure in the stream: the compiler could not tell that it may move between threads.
        let mut loads = Vec::with_capacity(to_load.len());
        for at in to_load {
            if let Some(query) = queries.get(*at) {
                loads.push(load_one(&loader, *at, query, held, deadline));
            }
        }
        let loaded: Vec<_> =
            futures_util::stream::iter(loads).buffer_unordered(PARALLEL_LOADS).collect().await;
        for (at, outcome) in loaded {
            match outcome {
                Ok(more) => held.take(more),
                Err(error) => {
                    failed.insert(at, error);
                }
            }
        }
    }
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
