//! Answers at sight: to the question that is asked most, may this user do this on this project, from memory and by the texts
//! that it came in. Nothing of them is copied or judged: a text that equals a valid one is valid.
//!
//! Whatever cannot be told so is for the usual way, which judges what was asked, and loads what is lacking.

use super::{
    Engine,
    answer::{Answer, Outcome, Query, Stamped},
    bounded::Kept,
    fenced::Found,
    settle::BREATH,
    view::View,
};
use crate::rbac::{
    action::ActionName,
    decide::{Decision, Facts, decide, decide_held},
    grants::Grants,
    question::{ProjectAsk, Question},
    text::UserId,
};
use std::sync::Arc;

/// May this user do this on this project? In texts as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainQuery<'a> {
    /// Who.
    pub user: &'a str,
    /// Where.
    pub project: &'a str,
    /// What.
    pub action: ActionName,
}

impl<'a> PlainQuery<'a> {
    /// The same as the query, if that is plain.
    pub(super) fn of(query: &'a Query) -> Option<Self> {
        match &query.question {
            Question::Project(project, ProjectAsk::Action(action)) => {
                Some(Self { user: query.user.as_str(), project: project.as_str(), action: *action })
            }
            _ => None,
        }
    }
}

/// A user who was found, by the text that they were asked for by.
struct Asked<'a> {
    by: &'a str,
    user: Arc<Kept<UserId, Grants>>,
}

/// Looks at one view.
struct Sight<'v, 'a> {
    view: &'v View,
    /// Neighbours in a batch are often about the same user.
    last: Option<Asked<'a>>,
}

impl<'v, 'a> Sight<'v, 'a> {
    // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
    const fn of(view: &'v View) -> Self {
        Self { view, last: None }
    }

    fn decide(&mut self, asked: PlainQuery<'a>) -> Option<Decision> {
        let roles = &self.view.roles;
        let grants = self.grants(asked.user)?;
        let decision = decide_held(asked.project, asked.action, roles, grants);
        decision.or_else(|| self.decide_by_project(asked))
    }

    /// Where a role on the project does not tell, the project itself must be known.
    fn decide_by_project(&mut self, asked: PlainQuery<'a>) -> Option<Decision> {
        let revision = self.view.head.revision;
        let Found::Known(Some(project)) = self.view.cache.projects.look(asked.project, revision, None) else {
            return None;
        };
        let roles = &self.view.roles;
        let grants = self.grants(asked.user)?;
        let question = Question::Project(project.key.clone(), ProjectAsk::Action(asked.action));
        let facts = Facts { user: Some(grants), group_of_project: Some(&project.value), ..Facts::default() };
        Some(decide(&question, roles, &facts))
    }

    /// What the user holds, if it is in memory and of use for this view.
    fn grants(&mut self, by: &'a str) -> Option<&Grants> {
        if self.last.as_ref().is_none_or(|last| last.by != by) {
            let revision = self.view.head.revision;
            let Found::Known(Some(user)) = self.view.cache.users.look(by, revision, None) else {
                return None;
            };
            self.last = Some(Asked { by, user });
        }
        self.last.as_ref().map(|last| &last.user.value)
    }
}

impl Engine {
    /// The answer, if it can be told at sight, from the view as it stands. It is not counted: whoever tells the caller does
    /// that.
    #[must_use]
    pub fn at_sight(&self, asked: PlainQuery<'_>) -> Option<Stamped<Answer>> {
        let seen = self.with_view(|view, age| {
            let decision = Sight::of(view).decide(asked)?;
            Some(Stamped { value: decision.into(), token: view.head.token(), age })
        });
        // Why nothing can be decided, the usual way tells.
        let seen = seen.ok().flatten()?;
        self.shared.stats.hits.bump();
        Some(seen)
    }

    /// The answers, if all of them can be told at sight, from one view. They are not counted.
    pub async fn all_at_sight(&self, asked: &[PlainQuery<'_>]) -> Option<Stamped<Vec<Outcome>>> {
        let (view, age) = self.current_view().ok()?;
        let (mut sight, mut answers) = (Sight::of(&view), Vec::with_capacity(asked.len()));
        for breath in asked.chunks(BREATH) {
            if !answers.is_empty() {
                // A long batch must neither hold up health and the follower, nor outlive its deadline.
                tokio::task::yield_now().await;
            }
            for asked in breath {
                answers.push(Ok(sight.decide(*asked)?.into()));
            }
        }
        self.shared.stats.hits.bump();
        Some(Stamped { value: answers, token: view.head.token(), age })
    }
}
