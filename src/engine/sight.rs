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
    decide::{Decision, decide_plain},
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

/// Of how many questions the users are looked up before any is decided. Each look waits for memory again and again, and looks
/// that do not depend on each other wait together.
const ABREAST: usize = 16;

/// Looks at one view.
struct Sight<'v, 'a> {
    // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
    view: &'v View,
    /// Those who were asked about last, in the order of the questions; neighbours are often about the same user.
    found: Vec<Asked<'a>>,
}

impl<'v, 'a> Sight<'v, 'a> {
    const fn of(view: &'v View) -> Self {
        Self { view, found: Vec::new() }
    }

    /// Decides all of these, or as many as can be told from the first on.
    fn decide_all(&mut self, asked: &[PlainQuery<'a>], mut told: impl FnMut(Decision)) -> Option<()> {
        for abreast in asked.chunks(ABREAST) {
            self.look_up(abreast)?;
            let mut found = self.found.iter().peekable();
            for asked in abreast {
                // One for each stretch of neighbours: the next one's turn comes with the first question that is not about this one.
                while found.peek().is_some_and(|user| !are_same(user.by, asked.user)) {
                    found.next();
                }
                told(decide(self.view, &found.peek()?.user.value, *asked)?);
            }
        }
        Some(())
    }

    /// Finds the users who are asked about, each stretch of neighbours once.
    fn look_up(&mut self, asked: &[PlainQuery<'a>]) -> Option<()> {
        let last = self.found.pop();
        self.found.clear();
        self.found.extend(last);
        for PlainQuery { user, .. } in asked {
            if self.found.last().is_none_or(|last| !are_same(last.by, user)) {
                self.found.push(Asked { by: user, user: find(self.view, user)? });
            }
        }
        Some(())
    }
}

/// Whether texts are equal: those of a batch's defaults are the same piece of memory.
pub(crate) fn are_same(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// What the user holds, if it is in memory and of use for this view.
fn find(view: &View, user: &str) -> Option<Arc<Kept<UserId, Grants>>> {
    match view.cache.users.look(user, view.head.revision, None) {
        Found::Known(user) => user,
        Found::Ahead(_) | Found::Nothing => None,
    }
}

fn decide(view: &View, grants: &Grants, asked: PlainQuery<'_>) -> Option<Decision> {
    let held = grants.on_project(asked.project);
    // Whoever holds a role on a project vouches for it: stores hold no grants on projects that are not there, and what the user
    // holds is of this view.
    if held.is_empty() && !is_known(view, asked.project) {
        return None;
    }
    Some(decide_plain(asked.action, &view.roles, grants, held))
}

/// Whether the project is in memory. One that is not there may be no project, or no valid id.
fn is_known(view: &View, project: &str) -> bool {
    matches!(view.cache.projects.look(project, view.head.revision, None), Found::Known(Some(_)))
}

impl Engine {
    /// The answer, if it can be told at sight, from the view as it stands. It is not counted: whoever tells the caller does
    /// that.
    #[must_use]
    pub fn at_sight(&self, asked: PlainQuery<'_>) -> Option<Stamped<Answer>> {
        let seen = self.with_view(|view, age| {
            let user = find(view, asked.user)?;
            let decision = decide(view, &user.value, asked)?;
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
            sight.decide_all(breath, |decision| answers.push(Ok(decision.into())))?;
        }
        self.shared.stats.hits.bump();
        Some(Stamped { value: answers, token: view.head.token(), age })
    }
}
