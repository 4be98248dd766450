//! Accepting connections: bounded in number, dropped when silent, and patient with errors.

use super::listen::{Listener, Socket};
use futures_util::{Stream, stream};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};
use tonic::transport::server::Connected;

/// A connection that has sent nothing for so long is dropped. Live ones answer the server's pings more often.
const SILENCE: Duration = Duration::from_secs(75);
/// How long to wait after an error that accepting again at once would only repeat, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there may be to one listener; further ones wait to be accepted.
    pub connections: usize,
    /// How many calls may run on one at a time.
    pub streams: u32,
}

/// Accepts connections, as many at a time as there are places.
pub(super) struct Acceptor {
    listener: Listener,
    places: Arc<Semaphore>,
}

impl Acceptor {
    pub(super) fn new(listener: Listener, limits: ConnectionLimits) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(limits.connections)) }
    }

    /// The next connection, when there is a place for it.
    pub(super) async fn accept(&self) -> Connection {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok(socket) => return Connection::new(socket, place),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// All connections, as they come.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Connection, io::Error>> + Send {
        stream::unfold(self, |acceptor| async move { Some((Ok(acceptor.accept().await), acceptor)) })
    }
}

/// For HTTP, which takes its connections one by one.
impl axum::serve::Listener for Acceptor {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        (Self::accept(self).await, ())
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that gives its place back when it ends.
pub(super) struct Connection {
    socket: Socket,
    silence: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(socket: Socket, place: OwnedSemaphorePermit) -> Self {
        Self { socket, silence: Box::pin(tokio::time::sleep(SILENCE)), _place: place }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(context, buffer) {
            let deadline = Instant::now() + SILENCE;
            self.silence.as_mut().reset(deadline);
            return Poll::Ready(read);
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
