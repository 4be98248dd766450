//! Health: serving while questions are answered, and not a moment before or after.

use crate::{
    admin::RoleAdmin,
    engine::Engine,
    grpc::{
        authorization::Authorization,
        served::{
            authorization_service_server::AuthorizationServiceServer,
            role_admin_service_server::RoleAdminServiceServer,
        },
    },
    net::shutdown,
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use std::time::Duration;
use tokio::{sync::watch, time};
use tonic::{Request, Response, Status};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, HealthCheckResponse, health_server},
    server::{HealthReporter, HealthService},
};

/// What is asked about by probes that restart a server which fails them: whether it lives and answers, decide as it may. One
/// whose store is away must not be restarted for it, since that brings no store back and loses what is in memory.
const LIVENESS: &str = "liveness";

/// How often readiness is looked at, whatever happens.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Tells the standard health service how the engine is.
#[derive(Clone)]
pub(super) struct Health {
    engine: Engine,
    warn_staleness: Duration,
    reporter: HealthReporter,
}

impl Health {
    /// Not serving, until [`watch`](Self::watch) finds otherwise.
    pub(super) async fn new(engine: Engine, warn_staleness: Duration) -> Self {
        let health = Self { engine, warn_staleness, reporter: HealthReporter::new() };
        // A reporter begins with "serving", and nobody must be told that.
        health.set(false).await;
        health.reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
        health
    }

    /// What answers those who ask, by gRPC or HTTP: all of them read one state.
    pub(super) fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }

    /// The same for those who may watch it, until the server has stopped.
    pub(super) fn watched(&self, stopped: watch::Receiver<bool>) -> Watched {
        Watched { service: self.service(), stopped }
    }

    /// Follows the engine's readiness until the server is to stop; not serving from there on, of which the rest is told.
    pub(super) async fn watch(self, stopping: watch::Receiver<bool>, told: watch::Sender<bool>) {
        tokio::select! {
            () = self.follow() => {}
            () = shutdown::until(stopping) => {}
        }
        self.set(false).await;
        // Whoever has ended before needs not be told.
        let _ = told.send(true);
        std::future::pending::<()>().await;
    }

    async fn follow(&self) {
        let (mut serving, mut warned, mut looks) = (false, false, self.engine.looks());
        loop {
            let now = self.engine.is_serving();
            if now != serving {
                self.set(now).await;
                serving = now;
                if now {
                    tracing::info!("serving")
                } else {
                    tracing::error!("not serving: the data is too old")
                }
            }
            let old = self.engine.age().is_some_and(|age| age > self.warn_staleness);
            if old && !warned {
                tracing::warn!(age = ?self.engine.age(), "the role store has not been confirmed for a while");
            }
            warned = old;
            // Every look at the store may end or begin it, and time alone may end it.
            let _ = time::timeout(LOOK_EVERY, looks.next()).await;
        }
    }

    async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status("", status).await;
        if serving {
            self.reporter.set_serving::<AuthorizationServiceServer<Authorization>>().await;
            self.reporter.set_serving::<RoleAdminServiceServer<RoleAdmin>>().await;
        } else {
            self.reporter.set_not_serving::<AuthorizationServiceServer<Authorization>>().await;
            self.reporter.set_not_serving::<RoleAdminServiceServer<RoleAdmin>>().await;
        }
    }
}

/// The health service, each watch of which ends when the server does: nothing else would tell its caller to go, and the
/// drain would wait for it in vain.
pub(super) struct Watched {
    service: HealthService,
    stopped: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl health_server::Health for Watched {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.service.check(request).await
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let states = self.service.watch(request).await?.into_inner();
        let watched = stream::unfold((states, self.stopped.clone()), async |(mut states, stopped)| {
            let next = tokio::select! {
                biased;
                next = states.next() => next,
                // What was told last may have come in between.
                () = shutdown::until(stopped.clone()) => states.next().now_or_never().flatten(),
            };
            next.map(|next| (next, (states, stopped)))
        });
        Ok(Response::new(watched.boxed()))
    }
}
