//! Serving gRPC, connection by connection: one on which nobody calls any more is told to go, in good order.

use super::{
    HEADER_BYTES,
    arrivals::{Acceptor, Arrival},
    connection::{Activity, ConnectionLimits},
    face::{Face, Ours},
    lanes::Lanes,
    looks::{Begin, Begun},
    shutdown,
    ticks::Ticks,
};
use crate::grpc::front::Front;
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Either, ready},
    stream::FuturesUnordered,
};
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, future::poll_fn, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Pings find connections whose other end is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// How many bytes a client may send ahead of being read, on a stream and on a connection. What it costs to keep them is as
/// much again if they come in many small frames, of which the stack bears no more.
const WINDOW_BYTES: u32 = 256 << 10;
/// The longest frame that a client may send. HTTP/2 knows no less.
const FRAME_BYTES: u32 = 16 << 10;
/// How many bytes of an answer of many pieces are made ahead of the client taking them in.
const SEND_AHEAD_BYTES: usize = 64 << 10;
/// How many calls a client may have begun and broken off before anyone has looked at them. One that has more of them has
/// its connection closed.
const RESETS_AHEAD: usize = 20;
/// How many streams a client may make us reset, by its errors, before its connection is closed.
const ERRORS: usize = 1_024;

/// Serves questions until the server stops, and then until the calls in flight have ended.
// Made here, and not wherever it is waited for: what all questions pass is compiled as this package is.
#[inline(never)]
pub fn serve_questions(
    face: Face<Front>,
    acceptor: Acceptor,
    lanes: Lanes,
    limits: ConnectionLimits,
    stopped: watch::Receiver<bool>,
) -> BoxFuture<'static, ()> {
    serve(face, acceptor, lanes, limits, stopped).boxed()
}

/// The same for any service.
pub async fn serve<S: Ours>(
    face: Face<S>,
    acceptor: Acceptor,
    lanes: Lanes,
    limits: ConnectionLimits,
    stopped: watch::Receiver<bool>,
) {
    let face = Arc::new(face);
    let mut connections = JoinSet::new();
    let mut next = Box::pin(acceptor.accept(stopped.clone()));
    loop {
        tokio::select! {
            arrival = next.as_mut() => {
                let Some(arrival) = arrival else { break };
                next.set(acceptor.accept(stopped.clone()));
                let Some(share) = lanes.share() else { break };
                let one = serve_one(Arc::clone(&face), arrival, limits, stopped.clone());
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
    drop(next);
    drop(acceptor);
    while connections.join_next().await.is_some() {}
}

fn http(limits: ConnectionLimits, calls: Begin) -> http2::Builder<Begin> {
    let mut http = http2::Builder::new(calls);
    http.timer(Ticks::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADER_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN)
        .max_frame_size(FRAME_BYTES)
        .max_send_buf_size(SEND_AHEAD_BYTES)
        .max_pending_accept_reset_streams(RESETS_AHEAD)
        .max_local_error_reset_streams(ERRORS)
        // No gRPC client reads it.
        .auto_date_header(false);
    http
}

/// Serves a connection until it ends, is idle, or the server stops. In the latter cases the client is told to begin no
/// more calls on it; those that it has begun go on.
async fn serve_one<S: Ours>(
    face: Arc<Face<S>>,
    arrival: Arrival,
    limits: ConnectionLimits,
    stopped: watch::Receiver<bool>,
) {
    let Some(connection) = arrival.settle(stopped.clone()).await else { return };
    let activity = connection.activity();
    let shown = Arc::new(face.on(activity.clone()));
    let service = service_fn(move |request| {
        let shown = Arc::clone(&shown);
        // Here and not later: what is refused must not wait for its turn with all that it came with.
        match shown.admit(request) {
            // Boxed: it goes when the answer is made, and what stays until the client has taken that in is small.
            Ok(call) => Either::Left(Box::pin(async move { Ok::<_, Infallible>(shown.answer(call).await) })),
            Err(refused) => Either::Right(ready(Ok(*refused))),
        }
    });
    let mut begun = Begun::default();
    let http = http(limits, begun.begin());
    let mut served = pin!(http.serve_connection(TokioIo::new(connection), service));
    // Looked at when there are news, and not whenever the connection has some.
    let mut news = news(&activity, limits, stopped);
    loop {
        tokio::select! {
            biased;
            ended = poll_fn(|context| {
                let ended = served.as_mut().poll(context);
                begun.look();
                ended
            }) => {
                if let Err(error) = ended {
                    // What a client does to its own connection is no fault of ours.
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            Some(news) = news.next() => match news {
                News::Over if activity.guest().has_greeted() => served.as_mut().graceful_shutdown(),
                // Nobody who has not greeted has begun anything.
                News::Over => return,
                News::Stalls => return tracing::debug!("a client that does not take in its answers is cut off"),
                News::Displaced => return tracing::debug!("a quiet connection makes room for another"),
            },
        }
    }
}

/// What a connection is told from outside.
enum News {
    /// The client is to begin no more calls.
    Over,
    /// The client does not take in its answers. They are memory, and take up places.
    Stalls,
    /// Another has come, and there is no room for both.
    Displaced,
}

fn news(
    activity: &Activity,
    limits: ConnectionLimits,
    stopped: watch::Receiver<bool>,
) -> FuturesUnordered<BoxFuture<'_, News>> {
    let over = async move {
        tokio::select! {
            () = shutdown::until(stopped) => {}
            () = activity.idle_for(limits.idle) => {
                tracing::debug!("an idle connection is closed");
                activity.leave();
            }
        }
        activity.last_greeting().await;
        News::Over
    };
    let stalls = async move {
        activity.taking().stalls_for(limits.taking).await;
        News::Stalls
    };
    let displaced = async move {
        activity.guest().has_to_go().await;
        News::Displaced
    };
    FuturesUnordered::from_iter([over.boxed(), stalls.boxed(), displaced.boxed()])
}
