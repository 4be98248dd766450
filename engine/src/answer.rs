//! Questions in, decisions out: all from one view.

use super::{
    Engine,
    error::EngineError,
    freshness::Freshness,
    gather::{Known, recall},
    settle::{Decide, Round},
    sight::PlainQuery,
    view::View,
};
use rolegate_rbac::{
    action::{Action, ActionName},
    decide::{Decision, decide},
    explain::{EffectiveActions, GrantingRole, effective_actions, granting_roles},
    level::{GroupAction, SiteAction},
    question::{GroupAsk, ProjectAsk, Question, Resource},
    text::UserId,
};
use rolegate_store::revision::Token;
use std::time::Duration;

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

impl Wish {
    /// Whether an answer at sight is all that is wanted.
    #[must_use]
    pub const fn takes_sight(&self) -> bool {
        matches!(self.freshness, Freshness::Fast) && !self.explain
    }
}

/// A decision, and on request the roles that granted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// With [`Wish::explain`], on an allow: the roles that granted it, with their labels. Hardly anyone asks for them, and
    /// nothing costs less than nothing.
    pub granted_by: Option<Box<[(GrantingRole, String)]>>,
}

/// What a question of many came to.
pub type Outcome = Result<Answer, EngineError>;

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        Self { decision, granted_by: None }
    }
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

impl Engine {
    /// Decides one question.
    ///
    /// # Errors
    /// No decision was reached; see [`EngineError`].
    pub async fn check(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        let answered = self.decide_one(query, wish).await;
        self.shared.stats.decisions.count(answered.as_ref().map(|answered| &answered.value));
        answered
    }

    /// The same, where it is not known yet whether the caller will be told: errors are counted, and a decision is left to
    /// be.
    ///
    /// # Errors
    /// No decision was reached; see [`EngineError`].
    pub async fn check_untold(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        let answered = self.decide_one(query, wish).await;
        answered.inspect_err(|error| self.shared.stats.decisions.count(Err(error)))
    }

    async fn decide_one(&self, query: &Query, wish: Wish) -> Result<Stamped<Answer>, EngineError> {
        if wish.takes_sight()
            && let Some(seen) = PlainQuery::of(query).and_then(|plain| self.at_sight(plain))
        {
            return Ok(seen);
        }
        self.answer_one(query, wish, decider(wish)).await
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
    ) -> Result<Stamped<Vec<Outcome>>, EngineError> {
        let answered = match self.many_at_sight(queries, wish).await {
            Some(seen) => Ok(seen),
            None => self.check_many_untold(queries, wish, || {}).await,
        };
        answered.inspect(|answered| self.shared.stats.decisions.count_all(&answered.value))
    }

    /// The same, where it is not known yet whether the caller will be told: that nothing can be decided at all is counted,
    /// and what single questions came to is left to be. `waits` is called before anything else is waited for than that others
    /// have their turn.
    ///
    /// # Errors
    /// Nothing can be decided at all.
    pub async fn check_many_untold(
        &self,
        queries: &[Query],
        wish: Wish,
        waits: impl FnOnce() + Send,
    ) -> Result<Stamped<Vec<Outcome>>, EngineError> {
        let answered = self.answer_many(queries, wish, waits).await;
        answered.inspect_err(|error| self.shared.stats.decisions.count_failed(queries.len(), error))
    }

    async fn many_at_sight(&self, queries: &[Query], wish: Wish) -> Option<Stamped<Vec<Outcome>>> {
        if !wish.takes_sight() {
            return None;
        }
        let mut plain = Vec::with_capacity(queries.len());
        for query in queries {
            plain.push(PlainQuery::of(query)?);
        }
        self.all_at_sight(&plain).await
    }

    async fn answer_many(
        &self,
        queries: &[Query],
        wish: Wish,
        waits: impl FnOnce() + Send,
    ) -> Result<Stamped<Vec<Outcome>>, EngineError> {
        let decide = decider(wish);
        if matches!(wish.freshness, Freshness::Fast) {
            let (view, age) = self.current_view().inspect_err(|error| self.count_refusal(error))?;
            let round = Round::of(&view, None, queries, &decide).await;
            if round.is_complete() {
                self.shared.stats.hits.bump();
                return Ok(round.stamped(&view, age));
            }
        }
        waits();
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

    /// What is wrong with a caller's token is no sign of old data.
    pub(super) fn count_refusal(&self, error: &EngineError) {
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

fn answer(view: &View, query: &Query, known: &Known, explain: bool) -> Answer {
    let facts = known.facts();
    let decision = decide(&query.question, &view.roles, &facts);
    if !explain || !decision.is_allowed() {
        return decision.into();
    }
    let granting = granting_roles(&query.question, &view.roles, &facts);
    let labelled = granting.into_iter().map(|role| {
        let label = match &role {
            GrantingRole::Site(role) => role.name().to_owned(),
            GrantingRole::Group(_, role) => role.name().to_owned(),
            GrantingRole::Project(_, id) => {
                view.roles.get(id).map_or_else(|| id.to_string(), |r| r.label.to_string())
            }
        };
        (role, label)
    });
    Answer { decision, granted_by: Some(labelled.collect()) }
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
