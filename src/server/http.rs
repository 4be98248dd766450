//! Serving HTTP/1, with limits on what a client may send before anyone has looked at it.

use super::{HEADER_BYTES, arrivals::Acceptor};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet};

/// The most headers that a request may have.
const HEADERS: usize = 64;

/// Serves until the server stops, and then until the requests in flight are answered. A client may take so long for the
/// head of a request, its first or its next one.
pub(super) async fn serve(
    routes: Router,
    acceptor: Acceptor,
    head: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head).max_headers(HEADERS);
    http.max_buf_size(HEADER_BYTES as usize);
    let connections = GracefulShutdown::new();
    // With this future, all that it serves is cut.
    let mut served = JoinSet::new();
    while let Some(arrival) = acceptor.accept(stopped.clone()).await {
        while served.try_join_next().is_some() {}
        let service = TowerToHyperService::new(routes.clone());
        let (http, watcher, stopped) = (http.clone(), connections.watcher(), stopped.clone());
        served.spawn(async move {
            let Some(connection) = arrival.settle(stopped).await else { return };
            let activity = connection.activity();
            let connection = http.serve_connection(TokioIo::new(connection), service);
            tokio::select! {
                // What a client does to its own connection is no fault of ours.
                ended = watcher.watch(connection) => if let Err(error) = ended {
                    tracing::debug!(%error, "an HTTP connection broke");
                },
                () = activity.guest().has_to_go() => tracing::debug!("a quiet connection makes room for another"),
            }
        });
    }
    // Nobody is to connect any more.
    drop(acceptor);
    connections.shutdown().await;
}
