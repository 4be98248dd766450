//! A running server: what listens, health, the set of tasks, and an end in good order.

pub mod caller_keys;
mod ending;
mod faces;
mod health;
pub mod logs;
mod monitoring;
pub mod open_files;
pub mod platform;
pub mod signals;
mod tasks;

pub use signals::signalled;

use crate::{
    config::{Address, Config},
    decision_log::DecisionLog,
    engine::Engine,
    net::{
        arrivals::Acceptor,
        http,
        lanes::Lanes,
        listen::{Entry, Listener},
        serving,
        tls::{self, Protocol},
    },
    platform::api,
    store::{Store, error::StoreError, opening::Awaited},
    telemetry::{calls::Calls, connections::Door, lines::Lines, metrics::Metrics, requests, traces::Tracer},
};
use ending::Ending;
use faces::{admin_face, authorization_face, journal};
use platform::FollowPlatform;
use std::{future::Future, io, sync::Arc};
use tasks::Tasks;
use tokio::sync::watch;

/// How many watches of the health callers may keep open on one face. They cost next to nothing, and last for as long as
/// their callers like.
const OPEN_WATCHES: usize = 1_024;

/// Why a server ended other than on request.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A port or socket cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// Which.
        address: Address,
        /// Why.
        error: io::Error,
    },
    /// There are no threads to answer on.
    #[error("cannot start the threads that answer: {0}")]
    Threads(io::Error),
    /// The role store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task that must run as long as the server does has ended.
    #[error("the task `{0}` ended unexpectedly: stopping, so that a supervisor can start afresh")]
    TaskEnded(&'static str),
}

/// The listeners of a server, bound.
pub struct Listeners {
    /// For questions.
    pub authorization: Vec<Listener>,
    /// For administrators.
    pub admin: Option<Listener>,
    /// For the platform's HTTP contract.
    pub http: Option<Listener>,
    /// For metrics.
    pub metrics: Option<Listener>,
}

impl Listeners {
    /// Binds everything that the configuration names.
    ///
    /// # Errors
    /// One of them cannot be bound.
    pub async fn bind(config: &Config) -> Result<Self, ServerError> {
        let mut authorization = Vec::new();
        for address in &config.listen {
            authorization.push(bind(address, config, Some(Protocol::Grpc)).await?);
        }
        Ok(Self {
            authorization,
            admin: maybe_bind(&config.admin_listen, config, Some(Protocol::Grpc)).await?,
            http: maybe_bind(&config.http_listen, config, Some(Protocol::Http)).await?,
            // Monitors and probes hold no certificates, and nothing that is told there needs any.
            metrics: maybe_bind(&config.metrics_listen, config, None).await?,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        let others = [&self.admin, &self.http, &self.metrics];
        self.authorization.len() + others.into_iter().flatten().count()
    }
}

async fn maybe_bind(
    address: &Option<Address>,
    config: &Config,
    secured: Option<Protocol>,
) -> Result<Option<Listener>, ServerError> {
    match address {
        Some(address) => bind(address, config, secured).await.map(Some),
        None => Ok(None),
    }
}

/// Binds an address; a TCP port for what is to be secured speaks TLS if there is any.
async fn bind(
    address: &Address,
    config: &Config,
    secured: Option<Protocol>,
) -> Result<Listener, ServerError> {
    let entry = Entry {
        unix_mode: config.unix_socket_mode,
        uids: Arc::clone(&config.socket_uids),
        tls: config.tls.clone().zip(secured),
    };
    let bound = Listener::bind(address, entry).await;
    bound.map_err(|error| ServerError::Bind { address: address.clone(), error })
}

/// Serves until `stop` resolves, and then lets calls in flight end until the drain's deadline, or until `stop` resolves
/// again. Until the store is open, callers are told that nothing is decided yet.
///
/// # Errors
/// The store cannot be opened, or a task that must not end has ended.
pub async fn run(
    config: Config,
    opening: impl Future<Output = Result<Arc<dyn Store>, StoreError>>,
    listeners: Listeners,
    log: Option<DecisionLog>,
    lines: Lines,
    mut stop: impl AsyncFnMut(),
) -> Result<(), ServerError> {
    let store = Arc::new(Awaited::default());
    let engine = Engine::new(Arc::clone(&store) as Arc<dyn Store>, config.engine.clone());
    let (stopping, stopping_seen) = watch::channel(false);
    let metrics = Metrics::new(engine.clone()).with_decision_log(log.as_ref()).with_log_lines(lines);
    let metrics = Arc::new(metrics);
    let mut tasks = Tasks::default();
    let tracer = record(&config, &metrics, &mut tasks);
    let telemetry = Telemetry { metrics, tracer: tracer.clone(), log: log.clone() };
    start(&config, &engine, listeners, stopping_seen, &telemetry, &mut tasks).await?;
    let opened = async {
        store.arrive(opening.await?);
        Ok(())
    };
    let failed = tokio::select! {
        failed = until_failure(&engine, opened, config.platform.clone(), &mut tasks) => Some(failed),
        () = stop() => None,
    };
    let mut ending = Ending { tasks, engine, tracer, log };
    if let Some(failed) = failed {
        ending.at_once().await;
        return Err(failed);
    }
    tracing::info!(drain_ms = config.drain.as_millis(), "stopping: letting calls in flight end");
    // Health learns of it, and then the listeners. Nobody is there any more if this fails, which is what it is for.
    let _ = stopping.send(true);
    tokio::select! {
        () = ending.in_order(config.drain) => {}
        () = stop() => {
            tracing::warn!("asked to stop again, and stopped at once; some connections were cut");
            ending.at_once().await;
        }
    }
    Ok(())
}

/// Follows the store once it is open, for as long as nothing fails.
async fn until_failure(
    engine: &Engine,
    opened: impl Future<Output = Result<(), StoreError>>,
    platform: Option<FollowPlatform>,
    tasks: &mut Tasks,
) -> ServerError {
    tokio::select! {
        opened = opened => if let Err(error) = opened { return error.into() },
        name = tasks.first_end() => return ServerError::TaskEnded(name),
    }
    if let Some(platform) = platform {
        tasks.follow("platform follower", platform::follow(engine.clone(), platform));
    }
    let engine = engine.clone();
    tasks.follow("follower", async move { engine.follow().await });
    ServerError::TaskEnded(tasks.first_end().await)
}

/// What counts calls, and what records them and their decisions.
struct Telemetry {
    metrics: Arc<Metrics>,
    tracer: Option<Tracer>,
    log: Option<DecisionLog>,
}

/// Sends spans of calls for as long as the server runs, if it is told where to.
fn record(config: &Config, metrics: &Metrics, tasks: &mut Tasks) -> Option<Tracer> {
    let (tracer, exporter) = Tracer::new(config.traces.clone()?, Arc::clone(&metrics.spans));
    tasks.hold("exporter of spans", exporter.run());
    Some(tracer)
}

/// Starts everything that runs for as long as the server does, whether the store is there or not.
async fn start(
    config: &Config,
    engine: &Engine,
    listeners: Listeners,
    stopping: watch::Receiver<bool>,
    Telemetry { metrics, tracer, log }: &Telemetry,
    tasks: &mut Tasks,
) -> Result<(), ServerError> {
    let health = health::Health::new(engine.clone(), config.engine.warn_staleness).await;
    // The listeners stop only when nobody is told any more that the server serves.
    let (told, stopped) = watch::channel(false);
    tasks.hold("health", health.clone().watch(stopping, told));
    let watched = || health.watched(stopped.clone());
    if let Some(tls) = &config.tls {
        tls::announce(tls);
        metrics.doors.certificate_expires(tls.expires());
        tasks.hold("TLS files", tls::watch(tls.clone(), Arc::clone(&metrics.doors)));
    }
    if let Some(file) = &config.caller_key_file {
        tasks.hold("caller keys", caller_keys::watch(file.clone(), Arc::clone(&metrics.doors)));
    }
    // Each face has an allowance of its own: whoever asks too much must not keep an administrator from revoking.
    let calls = || {
        let (metrics, most) = (Arc::clone(metrics), config.calls_in_flight);
        Calls::new(metrics, most, OPEN_WATCHES, config.message_bytes).traced(tracer.clone())
    };
    if let Some(log) = log {
        tasks.hold("decision log", log.clone().tend());
    }
    tasks.hold("hangups", signals::reopen_on_hangup(log.clone()));
    let asking = calls();
    let accept = |listener, door: Door| {
        Acceptor::new(listener, config.connections, Arc::clone(&metrics.doors), metrics.connections(door))
    };
    let lanes = Lanes::start(config.threads).map_err(ServerError::Threads)?;
    for listener in listeners.authorization {
        let journal = log.as_ref().map(|log| journal(config, log, &listener));
        let face = authorization_face(config, engine, watched(), asking.clone(), journal);
        let acceptor = accept(listener, Door::Authorization);
        let served =
            serving::serve_questions(face, acceptor, lanes.clone(), config.connections, stopped.clone());
        tasks.serve("authorization listener", served);
    }
    if let Some(listener) = listeners.admin {
        let face = admin_face(config, engine, watched(), calls());
        let acceptor = accept(listener, Door::Admin);
        let served = serving::serve(face, acceptor, Lanes::here(), config.connections, stopped.clone());
        tasks.serve("admin listener", served);
    }
    if let Some(listener) = listeners.metrics {
        let acceptor = accept(listener, Door::Metrics);
        let routes = monitoring::routes(Arc::clone(metrics), health.service());
        let server = http::serve(routes, acceptor, config.connections.greeting, stopped.clone());
        tasks.serve("metrics listener", server);
    }
    if let Some(listener) = listeners.http {
        let acceptor = accept(listener, Door::Http);
        let routes = api::router(engine.clone(), config.message_bytes, config.calls_in_flight);
        let routes = requests::counted(routes, Arc::clone(metrics), tracer.clone());
        let server = http::serve(routes, acceptor, config.connections.greeting, stopped.clone());
        tasks.serve("http listener", server);
    }
    Ok(())
}
