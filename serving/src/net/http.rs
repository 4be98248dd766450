//! Serving HTTP/1, with limits on what a client may send before anyone has looked at it.

use super::{HEADER_BYTES, arrivals::Acceptor, connection::Connection, shutdown};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{pin::pin, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// The most headers that a request may have.
const HEADERS: usize = 64;

/// Serves until the server stops, and then until the requests in flight are answered. A client may take so long for the
/// head of a request, its first or its next one.
pub async fn serve(routes: Router, acceptor: Acceptor, head: Duration, stopped: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head).max_headers(HEADERS);
    http.max_buf_size(HEADER_BYTES as usize);
    // With this future, all that it serves is cut.
    let mut served = JoinSet::new();
    while let Some(arrival) = acceptor.accept(stopped.clone()).await {
        while served.try_join_next().is_some() {}
        let (http, routes, stopped) = (http.clone(), routes.clone(), stopped.clone());
        served.spawn(async move {
            let Some(connection) = arrival.settle(stopped.clone()).await else { return };
            serve_one(&http, connection, routes, stopped).await;
        });
    }
    // Nobody is to connect any more.
    drop(acceptor);
    while served.join_next().await.is_some() {}
}

async fn serve_one(
    http: &http1::Builder,
    connection: Connection,
    routes: Router,
    stopped: watch::Receiver<bool>,
) {
    let activity = connection.activity();
    let mut served = pin!(http.serve_connection(TokioIo::new(connection), TowerToHyperService::new(routes)));
    let mut over = pin!(async {
        shutdown::until(stopped).await;
        // Whoever had connected may have asked already; of what nothing has been read, nothing would be.
        activity.last_greeting().await;
    });
    let mut is_over = false;
    loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    // What a client does to its own connection is no fault of ours.
                    tracing::debug!(%error, "an HTTP connection broke");
                }
                return;
            }
            () = over.as_mut(), if !is_over => {
                is_over = true;
                served.as_mut().graceful_shutdown();
            }
            () = activity.guest().has_to_go() => return tracing::debug!("a quiet connection makes room for another"),
        }
    }
}
