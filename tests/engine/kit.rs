//! An engine that is followed, questions in short, and a store whose reads can be held up.

use crate::support::{Edit, project, user};
use futures_util::future::BoxFuture;
use rolegate::{
    engine::{
        Engine, Settings,
        answer::{Query, Stamped, Wish},
        error::EngineError,
        freshness::Freshness,
        write::WriteOptions,
    },
    rbac::{
        action::{Action, ActionName},
        decide::Decision,
        question::{ProjectAsk, Question},
    },
    store::{
        Store,
        auth::Actor,
        error::{Result, StoreError},
        revision::{Epoch, Token},
        tx::Tx,
        write::WriteTx,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::{AbortHandle, JoinHandle},
    time::Instant,
};

/// Longer than any test takes: what is to be seen is seen, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with its follower, which ends with it.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    follower: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl std::ops::Deref for Running {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl Running {
    /// Starts to follow the engine's store.
    pub(crate) fn over(engine: Engine) -> Self {
        let follower = followed(&engine);
        Self { engine, follower }
    }

    /// Stops the follower; the engine learns of nothing any more.
    pub(crate) fn stop_following(&self) {
        self.follower.abort();
    }

    /// Starts the follower again.
    pub(crate) fn follow_again(&mut self) {
        self.stop_following();
        self.follower = followed(&self.engine);
    }
}

/// Settings under which a slow machine is not mistaken for a store that is away.
pub(crate) fn patient() -> Settings {
    Settings { max_staleness: PATIENCE, ..Settings::default() }
}

/// The same, with nothing loaded ahead.
pub(crate) fn on_demand() -> Settings {
    Settings { preload: false, ..patient() }
}

/// An engine that has read the store once and follows it.
pub(crate) async fn running(store: Arc<dyn Store>, settings: Settings) -> Running {
    let running = Running::over(Engine::new(store, settings));
    until("the engine serves", || running.is_serving()).await;
    running
}

fn followed(engine: &Engine) -> AbortHandle {
    let engine = engine.clone();
    tokio::spawn(async move { engine.follow().await }).abort_handle()
}

/// What a random test begins with: `ROLEGATE_TEST_SEED`, or something new each time. Whoever uses it prints it.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("ROLEGATE_TEST_SEED");
    given.map_or_else(|_| getrandom::u64().unwrap(), |seed| seed.parse().unwrap())
}

/// Waits for something to become true.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < give_up, "it never came true: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// May the user do this on the project?
pub(crate) fn query(who: &str, on: &str, action: Action) -> Query {
    let ask = ProjectAsk::Action(ActionName::Current(action));
    Query { user: user(who), question: Question::Project(project(on), ask) }
}

pub(crate) fn wish(freshness: Freshness) -> Wish {
    Wish { freshness, explain: false, wait: PATIENCE }
}

/// Asks in the cache's own time.
pub(crate) async fn fast(engine: &Engine, query: &Query) -> Result<Stamped<Decision>, EngineError> {
    ask(engine, query, wish(Freshness::Fast)).await
}

pub(crate) async fn at_least(
    engine: &Engine,
    query: &Query,
    token: Token,
) -> Result<Stamped<Decision>, EngineError> {
    ask(engine, query, wish(Freshness::AtLeast(token))).await
}

pub(crate) async fn ask(
    engine: &Engine,
    query: &Query,
    wish: Wish,
) -> Result<Stamped<Decision>, EngineError> {
    let Stamped { value, token, age } = engine.check(query, wish).await?;
    Ok(Stamped { value: value.decision, token, age })
}

/// Whether it is an allow; the answer must have come.
pub(crate) fn allowed(answer: &Result<Stamped<Decision>, EngineError>) -> bool {
    answer.as_ref().unwrap().value.is_allowed()
}

/// Writes through the engine as the operator.
pub(crate) async fn write_through(engine: &Engine, edit: Edit) -> Token {
    try_through(engine, edit).await.unwrap()
}

/// The same, where it may be refused.
pub(crate) async fn try_through(engine: &Engine, edit: Edit) -> Result<Token> {
    let done = engine.write(Actor::Operator, WriteOptions::default(), move |w| run_boxed(edit, w)).await;
    Ok(done?.token)
}

fn run_boxed(edit: Edit, w: &mut WriteTx) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move { edit.run(w).await })
}

tokio::task_local! {
    static HELD_UP: ();
}

/// A store whose snapshots, once opened, are held back from the tasks that asked to be held up.
pub(crate) struct Gate {
    inner: Arc<dyn Store>,
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn before(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, arrived: Semaphore::new(0), open: Semaphore::new(0) })
    }

    /// Waits until a read has opened its snapshot and stands at the gate.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets so many reads pass, of those that stand at the gate and those to come.
    pub(crate) fn let_pass(&self, reads: usize) {
        self.open.add_permits(reads);
    }
}

/// Asks in a task of its own, whose reads stop at the gate.
pub(crate) fn ask_held_up(
    engine: &Engine,
    query: &Query,
) -> JoinHandle<Result<Stamped<Decision>, EngineError>> {
    let (engine, query) = (engine.clone(), query.clone());
    tokio::spawn(HELD_UP.scope((), async move { fast(&engine, &query).await }))
}

#[async_trait::async_trait]
impl Store for Gate {
    async fn read(&self) -> Result<Tx, StoreError> {
        let tx = self.inner.read().await?;
        if HELD_UP.try_with(|()| ()).is_ok() {
            self.arrived.add_permits(1);
            self.open.acquire().await.unwrap().forget();
        }
        Ok(tx)
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        self.inner.write().await
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.inner.refresh().await
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<(), StoreError> {
        self.inner.renew_epoch(old).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
