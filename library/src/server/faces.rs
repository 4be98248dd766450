//! What the gRPC listeners serve: questions or administration, and beside either of them health and reflection.

use super::health::Watched;
use crate::{
    admin::RoleAdmin,
    config::Config,
    decision_log::{DecisionLog, record::Peer},
    engine::Engine,
    grpc::{
        authorization::Authorization, bearer::CallerGate, edge::Edge, front::Front, journal::Journal,
        proto::DESCRIPTORS, served::role_admin_service_server::RoleAdminServiceServer, turns::Turns,
    },
    net::{
        face::{Arriving, Face, Ours, made},
        listen::Listener,
    },
    telemetry::{answers::Content, calls::Calls},
};
use http::{Request, Response};
use std::{sync::Arc, time::Duration};
use tonic::{server::NamedService, service::Routes};
use tonic_health::pb::health_server::HealthServer;
use tower::Service as _;

/// The largest message to health and to reflection, in bytes: they take names, from anyone.
const SMALL_MESSAGE: usize = 4 << 10;
/// The longest an administrator's call may take.
const ADMIN_TIME: Duration = Duration::from_secs(120);

/// The service of administrators, as it is shown on a connection.
pub(super) struct Administration(RoleAdminServiceServer<RoleAdmin>);

impl Ours for Administration {
    const NAME: &'static str = <RoleAdminServiceServer<RoleAdmin> as NamedService>::NAME;

    async fn answer(&self, request: Box<Request<Arriving>>) -> Response<Content> {
        made(self.0.clone().call(*request).await)
    }
}

/// What decisions over a listener are logged with.
pub(super) fn journal(config: &Config, log: &DecisionLog, listener: &Listener) -> Arc<Journal> {
    let peer = match listener {
        Listener::Tcp(_) => Peer::Tcp,
        Listener::Unix(_) => Peer::Unix,
    };
    Arc::new(Journal { log: log.clone(), peer, time: config.limits.time })
}

/// Where questions are answered.
pub(super) fn authorization_face(
    config: &Config,
    engine: &Engine,
    health: Watched,
    calls: Calls,
    journal: Option<Arc<Journal>>,
) -> Face<Front> {
    let (engine, limits, bytes) = (engine.clone(), config.limits, config.message_bytes);
    let edge = Edge { time: limits.time, time_with_key: limits.time, callers: config.callers(), keys: None };
    let turns = Arc::new(Turns::default());
    let ours = move || {
        let service = Authorization::new(engine.clone(), limits).taking(turns.of_another_connection());
        Front::new(service.logged(journal.clone()), bytes)
    };
    Face { calls, edge, ours: Box::new(ours), others: others(config, health) }
}

/// Where administrators are served.
pub(super) fn admin_face(
    config: &Config,
    engine: &Engine,
    health: Watched,
    calls: Calls,
) -> Face<Administration> {
    let (engine, bytes) = (engine.clone(), config.message_bytes);
    let edge = Edge {
        time: config.limits.time,
        time_with_key: ADMIN_TIME,
        callers: CallerGate::default(),
        keys: Some(engine.clone()),
    };
    let ours = move || {
        let service = RoleAdminServiceServer::new(RoleAdmin::new(engine.clone(), bytes));
        Administration(service.max_decoding_message_size(bytes))
    };
    Face { calls, edge, ours: Box::new(ours), others: others(config, health) }
}

/// Health, and reflection unless it is switched off.
fn others(config: &Config, health: Watched) -> Routes {
    let routes = Routes::new(HealthServer::new(health).max_decoding_message_size(SMALL_MESSAGE));
    if !config.reflection {
        return routes;
    }
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Tools of some years ago speak the older one alone.
    match (described().build_v1(), described().build_v1alpha()) {
        (Ok(reflection), Ok(older)) => routes
            .add_service(reflection.max_decoding_message_size(SMALL_MESSAGE))
            .add_service(older.max_decoding_message_size(SMALL_MESSAGE)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "reflection is off: the compiled protos cannot be read");
            routes
        }
    }
}
