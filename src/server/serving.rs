//! Serving gRPC, connection by connection: one on which nobody calls any more is told to go, in good order.

use super::{
    Layered,
    connection::{Acceptor, Activity, Connection},
    shutdown,
};
use futures_util::{StreamExt as _, stream};
use http::Request;
use std::{future, io, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tonic::body::Body;

/// Serves until the server stops, and then until the calls in flight have ended.
pub(super) async fn serve(
    server: Layered,
    acceptor: Acceptor,
    idle: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown::until(stopped.clone()) => break,
            connection = acceptor.accept() => {
                connections.spawn(serve_one(server.clone(), connection, idle, stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    // Nobody is to connect any more.
    drop(acceptor);
    while connections.join_next().await.is_some() {}
}

/// Serves a connection until it ends, is idle, or the server stops. In the latter cases the client is told to begin no
/// more calls on it; those that it has begun go on.
async fn serve_one(server: Layered, connection: Connection, idle: Duration, stopped: watch::Receiver<bool>) {
    let activity = connection.activity();
    let over = async move {
        tokio::select! {
            () = shutdown::until(stopped) => {}
            () = activity.ended() => {}
            () = activity.idle_for(idle) => {
                tracing::debug!("an idle connection is closed");
                activity.leave();
            }
        }
    };
    let only = stream::once(future::ready(Ok::<_, io::Error>(connection))).chain(stream::pending());
    if let Err(error) = server.serve_with_incoming_shutdown(only, over).await {
        tracing::error!(%error, "a connection could not be served");
    }
}

/// Notes on a call's connection that a call has begun there.
pub(super) fn note_call(request: Request<Body>) -> Request<Body> {
    if let Some(activity) = request.extensions().get::<Activity>() {
        activity.call_begins();
    }
    request
}
