//! Metrics and plain health over HTTP, for monitors that speak no gRPC.

use super::{connection::Acceptor, shutdown};
use crate::{engine::Engine, telemetry::metrics::Metrics};
use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use std::sync::Arc;
use tokio::sync::watch;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until the server stops.
pub(super) async fn serve(
    acceptor: Acceptor,
    metrics: Arc<Metrics>,
    engine: Engine,
    stopped: watch::Receiver<bool>,
) {
    let stopping = stopped.clone();
    let ready = move || async move {
        if engine.is_serving() && !*stopping.borrow() {
            (StatusCode::OK, "serving\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not serving\n")
        }
    };
    let routes = Router::new()
        .route("/metrics", get(move || async move { text(&metrics) }))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready));
    let server = axum::serve(acceptor, routes).with_graceful_shutdown(shutdown::until(stopped));
    if let Err(error) = server.await {
        tracing::error!(%error, "the metrics listener failed");
    }
}

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    match metrics.text() {
        Ok(text) => ([("content-type", OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
