//! Metrics and plain health over HTTP, for monitors that speak no gRPC.

use crate::{aside::aside, telemetry::metrics::Metrics};
use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::Request;
use tonic_health::{
    pb::{HealthCheckRequest, health_check_response::ServingStatus, health_server::Health as _},
    server::HealthService,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What there is to tell is written down by one thread at a time: however many ask, others have the processor too.
static TURN: Semaphore = Semaphore::const_new(1);

/// The paths that monitors ask for.
pub(super) fn routes(metrics: Arc<Metrics>, health: HealthService) -> Router {
    let health = Arc::new(health);
    Router::new()
        .route("/metrics", get(move || text(metrics)))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(move || async move { ready(&health).await }))
}

/// What gRPC's health says of the server as a whole.
async fn ready(health: &HealthService) -> (StatusCode, &'static str) {
    let answer = health.check(Request::new(HealthCheckRequest::default())).await;
    if answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving) {
        (StatusCode::OK, "serving\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not serving\n")
    }
}

/// All metrics. Written apart from what follows the store and takes in connections, which a crowd of readers would hold up.
async fn text(metrics: Arc<Metrics>) -> Response {
    let Ok(turn) = TURN.acquire().await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let written = aside(move || {
        let _turn = turn;
        metrics.text()
    });
    match written.await {
        Ok(Ok(text)) => ([("content-type", OPEN_METRICS)], text).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
