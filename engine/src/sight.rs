//! Answers at sight: to the question that is asked most, may this user do this on this project, from memory and by the texts
//! that it came in. Nothing of them is copied, and only what equals nothing is judged: a text that equals a valid one is valid.
//!
//! Whatever cannot be told so is for the usual way, which judges what was asked, and loads what is lacking.

use super::{
    Engine,
    answer::{Answer, Outcome, Query, Stamped},
    bounded::Hashed,
    fenced,
    settle::BREATH,
    view::View,
};
use rolegate_rbac::{
    action::ActionName,
    decide::{Decision, decide_plain},
    grants::Grants,
    mark::Marked,
    question::{ProjectAsk, Question},
    text,
};
use smallvec::SmallVec;
use std::hint::black_box;

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

/// Of how many questions the users are looked up at once. Each look waits for memory again and again; in steps, one for all, the
/// waits go by together.
const ABREAST: usize = 16;

/// Looks at one view, for some questions.
struct Sight<'v> {
    // INVARIANT: the view is taken before anything is looked up, as the fenced caches demand.
    view: &'v View,
    queries: &'v [PlainQuery<'v>],
    /// Their users'.
    hashes: Vec<Hashed>,
    users: fenced::Open<'v, Grants>,
}

/// A question of several that are answered at once.
struct Asked<'a> {
    query: &'a PlainQuery<'a>,
    project: Marked<'a>,
    hash: Hashed,
    likely: Option<&'a Grants>,
}

impl<'v> Sight<'v> {
    fn of(view: &'v View, queries: &'v [PlainQuery<'v>]) -> Self {
        let mut hashes = Vec::with_capacity(queries.len());
        let mut last = None::<(&str, Hashed)>;
        for query in queries {
            let same = last.filter(|(user, _)| are_same(user, query.user));
            let hash = same.map_or_else(|| view.cache.users.hash(query.user), |(_, hash)| hash);
            hashes.push(hash);
            last = Some((query.user, hash));
        }
        let users = view.cache.users.open(&hashes, view.head.revision);
        Self { view, queries, hashes, users }
    }

    /// Decides all of them, or as many as can be told from the first on.
    fn decide_all(&self, mut told: impl FnMut(Decision)) -> Option<()> {
        let mut last = None;
        for (queries, hashes) in self.queries.chunks(ABREAST).zip(self.hashes.chunks(ABREAST)) {
            let asked = self.ahead(queries, hashes);
            for Asked { query, project, hash, .. } in &asked {
                // Neighbours are often about the same user.
                let user = match last {
                    Some((by, user)) if are_same(by, query.user) => user,
                    _ => self.find(*hash, query.user)?,
                };
                last = Some((query.user, user));
                told(decide(self.view, user, *project, query.action)?);
            }
        }
        Some(())
    }

    /// Reads what deciding these will read, as far as it is likely to be that, and judges nothing: what has been read once is
    /// near.
    fn ahead<'a>(
        &'a self,
        queries: &'a [PlainQuery<'a>],
        hashes: &[Hashed],
    ) -> SmallVec<[Asked<'a>; ABREAST]> {
        let of = |(query, hash): (&'a PlainQuery<'a>, &Hashed)| {
            let project = Marked::of(query.project);
            Asked { query, project, hash: *hash, likely: None }
        };
        let mut asked: SmallVec<[Asked<'a>; ABREAST]> = queries.iter().zip(hashes).map(of).collect();
        let mut last: Option<(Hashed, _)> = None;
        for asked in &mut asked {
            let same = last.filter(|(hash, _)| *hash == asked.hash);
            asked.likely = same.map_or_else(|| self.users.likely(asked.hash), |(_, likely)| likely);
            last = Some((asked.hash, asked.likely));
        }
        let near = asked.iter().filter_map(|asked| Some(asked.likely?.near(asked.project)));
        black_box(near.fold(0, |all, one| all ^ one));
        asked
    }

    /// What the user holds, or that there is no such user, if memory tells.
    fn find(&self, hash: Hashed, user: &str) -> Option<Option<&Grants>> {
        self.users.known(hash, user).filter(|known| known.is_some() || text::is_valid(user))
    }
}

/// Whether texts are equal: those of a batch's defaults are the same piece of memory.
pub fn are_same(one: &str, other: &str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// The decision for what a user holds, or for there being no such user, if memory tells.
fn decide(view: &View, user: Option<&Grants>, project: Marked<'_>, action: ActionName) -> Option<Decision> {
    let held = user.map(|grants| grants.on_marked(project)).unwrap_or_default();
    // Whoever holds a role on a project vouches for it: stores hold no grants on projects that are not there, and what the user
    // holds is of this view.
    let is_there = !held.is_empty() || is_there(view, project.text())?;
    Some(decide_plain(action, &view.roles, user, is_there.then_some(held)))
}

/// Whether there is such a project in this view, if memory tells.
fn is_there(view: &View, project: &str) -> Option<bool> {
    view.cache.projects.glance(project, view.head.revision, |group| {
        let is_there = group.is_some();
        (is_there || text::is_valid(project)).then_some(is_there)
    })
}

impl Engine {
    /// The answer, if it can be told at sight, from the view as it stands. It is not counted: whoever tells the caller does
    /// that.
    #[must_use]
    pub fn at_sight(&self, asked: PlainQuery<'_>) -> Option<Stamped<Answer>> {
        let seen = self.with_view(|view, age| {
            let decision = view.cache.users.glance(asked.user, view.head.revision, |user| {
                let is_told = user.is_some() || text::is_valid(asked.user);
                is_told.then(|| decide(view, user, Marked::of(asked.project), asked.action))?
            })?;
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
        let mut answers = Vec::with_capacity(asked.len());
        for breath in asked.chunks(BREATH) {
            if !answers.is_empty() {
                // A long batch must neither hold up health and the follower, nor outlive its deadline.
                tokio::task::yield_now().await;
            }
            Sight::of(&view, breath).decide_all(|decision| answers.push(Ok(decision.into())))?;
        }
        self.shared.stats.hits.bump();
        Some(Stamped { value: answers, token: view.head.token(), age })
    }
}
