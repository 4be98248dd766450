//! Serving gRPC, connection by connection: one on which nobody calls any more is told to go, in good order.

use super::{
    HEADER_BYTES,
    connection::{Acceptor, Arrival, ConnectionLimits},
    face::{Face, Ours},
    lanes::Lanes,
    shutdown,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tonic::body::Body;

/// Pings find connections whose other end is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// How many bytes a client may send ahead of being read, on a stream and on a connection.
const WINDOW_BYTES: u32 = 1 << 20;

/// Serves until the server stops, and then until the calls in flight have ended.
pub(super) async fn serve<S: Ours, M: Fn() -> S + Clone + Send + Sync + 'static>(
    face: Face<M>,
    acceptor: Acceptor,
    lanes: Lanes,
    limits: ConnectionLimits,
    stopped: watch::Receiver<bool>,
) {
    let (face, http) = (Arc::new(face), http(limits));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown::until(stopped.clone()) => break,
            arrival = acceptor.accept() => {
                let Some(share) = lanes.share() else { break };
                let one = serve_one(http.clone(), Arc::clone(&face), arrival, limits.idle, stopped.clone());
                let runtime = share.runtime.clone();
                let one = async move {
                    let _share = share;
                    one.await;
                };
                connections.spawn_on(one, &runtime);
            }
            Some(_) = connections.join_next() => {}
        }
    }
    // Nobody is to connect any more.
    drop(acceptor);
    while connections.join_next().await.is_some() {}
}

fn http(limits: ConnectionLimits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADER_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        // No gRPC client reads it.
        .auto_date_header(false);
    http
}

/// Serves a connection until it ends, is idle, or the server stops. In the latter cases the client is told to begin no
/// more calls on it; those that it has begun go on.
async fn serve_one<S: Ours, M: Fn() -> S>(
    http: http2::Builder<TokioExecutor>,
    face: Arc<Face<M>>,
    arrival: Arrival,
    idle: Duration,
    stopped: watch::Receiver<bool>,
) {
    let settled = tokio::select! {
        settled = arrival.settle() => settled,
        () = shutdown::until(stopped.clone()) => return,
    };
    let Some(connection) = settled else { return };
    let activity = connection.activity();
    let shown = Arc::new(face.on(activity.clone()));
    let service = service_fn(move |request: http::Request<_>| {
        let shown = Arc::clone(&shown);
        // Boxed: what makes a task of it moves it about several times.
        Box::pin(async move { Ok::<_, Infallible>(shown.answer(request.map(Body::new)).await) })
    });
    let mut served = pin!(http.serve_connection(TokioIo::new(connection), service));
    let over = async {
        tokio::select! {
            () = shutdown::until(stopped) => {}
            () = activity.idle_for(idle) => {
                tracing::debug!("an idle connection is closed");
                activity.leave();
            }
        }
    };
    // Looked at when it has news, and not whenever the connection has.
    let mut over = FuturesUnordered::from_iter([over]);
    let ended = tokio::select! {
        biased;
        ended = served.as_mut() => Some(ended),
        _ = over.next() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // What a client does to its own connection is no fault of ours.
        tracing::debug!(%error, "a connection broke");
    }
}
