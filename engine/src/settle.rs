//! Settling questions for which something is lacking in memory, or that are to be answered from a fresh view: loading, waiting, and
//! deciding all of a call from one view.

use super::{
    Engine,
    answer::{Query, Stamped, Wish},
    error::EngineError,
    gather::{Held, Known, Lack, Loader, recall},
    view::View,
};
use futures_util::StreamExt as _;
use rolegate_store::revision::Token;
use std::{collections::HashMap, time::Duration};
use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// How many look-ups one call has in flight.
const PARALLEL_LOADS: usize = 8;

/// How many questions are decided in one go, before others get their turn: some tens of microseconds' worth.
pub(super) const BREATH: usize = 256;

/// How a question is decided once everything it needs is known.
pub(super) trait Decide<T>: Fn(&View, &Query, &Known) -> T + Send + Sync + 'static {}
impl<T, F: Fn(&View, &Query, &Known) -> T + Send + Sync + 'static> Decide<T> for F {}

/// What one look at a view has come to.
pub(super) struct Round<T> {
    /// What is settled, in the order of the queries; of use only if the round is complete.
    settled: Vec<Result<T, EngineError>>,
    /// Queries for which something must be loaded.
    to_load: Vec<usize>,
    /// The newest revision of what is in memory and newer than the view.
    newer: Option<u64>,
}

impl<T> Round<T> {
    pub(super) async fn of(
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

    pub(super) const fn is_complete(&self) -> bool {
        self.to_load.is_empty() && self.newer.is_none()
    }

    pub(super) fn stamped(self, view: &View, age: Duration) -> Stamped<Vec<Result<T, EngineError>>> {
        Stamped { value: self.settled, token: view.head.token(), age }
    }
}

/// What a call has got from the store, and the queries for which that failed.
#[derive(Default)]
pub(super) struct Gathered {
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
    /// Settles what cannot be settled from memory at once, where the store is read: the thread that asked goes on with
    /// other calls. Whoever gives up waiting ends the work.
    pub(super) async fn settle_at_home<T: Send + 'static>(
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
