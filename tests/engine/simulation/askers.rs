//! Those who ask, and what their answers are held against.

use super::MAX_STALENESS;
use crate::{
    history::{Past, random_query},
    random::Random,
};
use rolegate::{
    engine::{
        Engine,
        answer::{Query, Stamped, Wish},
        error::EngineError,
        freshness::Freshness,
    },
    rbac::decide::Decision,
    store::revision::{Epoch, Token},
};
use std::time::Duration;
use tokio::{task::JoinHandle, time::Instant};

/// How long callers wait, in the simulation's time: longer than it lasts.
const LONG: Duration = Duration::from_secs(1_000_000);

/// Every revision, when it was committed, and what it holds.
pub(super) struct Pasts {
    pub(super) epoch: Epoch,
    first: u64,
    all: Vec<(Instant, Past)>,
}

/// A question that was asked.
pub(super) struct Asked {
    queries: Vec<Query>,
    /// What the answer must be at least as new as.
    floor: u64,
    pub(super) answer: JoinHandle<Result<Told, EngineError>>,
}

pub(super) struct Told {
    stamped: Stamped<Vec<Result<Decision, EngineError>>>,
    at: Instant,
}

impl Pasts {
    pub(super) fn from(epoch: Epoch, first: u64, past: Past) -> Self {
        Self { epoch, first, all: vec![(Instant::now(), past)] }
    }

    pub(super) fn push(&mut self, past: Past) {
        self.all.push((Instant::now(), past));
    }

    pub(super) fn newest(&self) -> u64 {
        self.first + self.all.len() as u64 - 1
    }

    pub(super) fn at(&self, revision: u64) -> &Past {
        &self.all[usize::try_from(revision - self.first).unwrap()].1
    }

    /// The store's revision at a moment.
    fn head_at(&self, moment: Instant) -> u64 {
        let before = self.all.iter().filter(|(committed, _)| *committed < moment).count();
        self.first + before.saturating_sub(1) as u64
    }
}

/// Asks something at random, in a task of its own.
pub(super) fn ask(engine: &Engine, random: &mut Random, pasts: &Pasts, given: u64) -> Asked {
    let size = [1, 1, 1, 6][random.below(4)];
    let queries: Vec<_> = (0..size).map(|_| random_query(random)).collect();
    let newest = pasts.newest();
    let (freshness, wanted) = match random.below(4) {
        0 => (Freshness::AtLeast(Token { epoch: pasts.epoch, revision: newest }), newest),
        1 => (Freshness::FullyCurrent, newest),
        _ => (Freshness::Fast, 0),
    };
    let answer = tokio::spawn(answered(engine.clone(), queries.clone(), freshness));
    Asked { queries, floor: given.max(wanted), answer }
}

async fn answered(engine: Engine, queries: Vec<Query>, freshness: Freshness) -> Result<Told, EngineError> {
    let wish = Wish { freshness, explain: false, wait: LONG };
    let Stamped { value, token, age } = engine.check_many(&queries, wish).await?;
    let value = value.into_iter().map(|one| one.map(|answer| answer.decision)).collect();
    Ok(Told { stamped: Stamped { value, token, age }, at: Instant::now() })
}

impl Asked {
    /// Judges an answer that has come; its revision, if anything was decided, and what is to be said of it.
    pub(super) async fn judge(self, pasts: &Pasts) -> (Option<u64>, String) {
        let told = match self.answer.await.unwrap() {
            Ok(told) => told,
            Err(error) => {
                assert!(is_no_answer(&error), "{error:?}");
                return (None, format!("{error:?}"));
            }
        };
        let Stamped { value, token, age } = told.stamped;
        let revision = token.revision;
        assert!(revision >= self.floor, "asked for {}, told {revision}", self.floor);
        assert!(age <= MAX_STALENESS, "{age:?}");
        let confirmed = pasts.head_at(told.at - age);
        assert!(revision >= confirmed, "told {revision} and that it was confirmed at {confirmed}");
        for (query, one) in self.queries.iter().zip(&value) {
            match one {
                Ok(decision) => {
                    assert_eq!(pasts.at(revision).decide(query), *decision, "{query:?} at {revision}");
                }
                Err(error) => assert!(is_no_answer(error), "{error:?}"),
            }
        }
        (Some(revision), format!("{revision}: {value:?}"))
    }
}

/// Without the store nothing may be decided, and that is no fault.
const fn is_no_answer(error: &EngineError) -> bool {
    matches!(error, EngineError::StoreUnavailable | EngineError::Stale { .. })
}
