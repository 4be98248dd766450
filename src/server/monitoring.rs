//! Metrics and plain health over HTTP, for monitors that speak no gRPC.

use crate::telemetry::metrics::Metrics;
use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use std::sync::Arc;
use tonic::Request;
use tonic_health::{
    pb::{HealthCheckRequest, health_check_response::ServingStatus, health_server::Health as _},
    server::HealthService,
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The paths that monitors ask for.
pub(super) fn routes(metrics: Arc<Metrics>, health: HealthService) -> Router {
    let health = Arc::new(health);
    Router::new()
        .route("/metrics", get(move || async move { text(&metrics) }))
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

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    match metrics.text() {
        Ok(text) => ([("content-type", OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
