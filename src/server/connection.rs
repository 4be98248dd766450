//! Accepting connections: bounded in number, dropped when silent, and patient with errors.

use super::listen::{Listener, Socket};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// A connection that has sent nothing for so long is dropped. Live ones answer the server's pings more often.
const SILENCE: Duration = Duration::from_secs(75);
/// How many bytes every HTTP/2 client begins with. No HTTP/1 request that is answered here is much shorter.
const GREETING: usize = 24;
/// What a client that was told to go still has for the calls that it has begun: none takes longer, and what lasts for ever,
/// such as a watch, can be begun anew on another connection.
const LAST_CALLS: Duration = Duration::from_secs(150);
/// How long to wait after an error that accepting again at once would only repeat, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there may be to one listener; further ones wait to be accepted.
    pub connections: usize,
    /// How many calls may run on one at a time.
    pub streams: u32,
    /// How long a client may take to say that it speaks HTTP/2.
    pub greeting: Duration,
    /// One on which no call begins for so long is closed, at the latest after twice as long.
    pub idle: Duration,
}

/// Accepts connections, as many at a time as there are places.
pub(super) struct Acceptor {
    listener: Listener,
    places: Arc<Semaphore>,
    greeting: Duration,
}

impl Acceptor {
    pub(super) fn new(listener: Listener, limits: ConnectionLimits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections));
        Self { listener, places, greeting: limits.greeting }
    }

    /// The next connection, when there is a place for it.
    pub(super) async fn accept(&self) -> Connection {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok(socket) => return Connection::new(socket, place, self.greeting),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }
}

/// A connection that gives its place back when it ends.
pub(super) struct Connection {
    socket: Socket,
    /// How many bytes of the greeting are still to come.
    to_come: usize,
    /// The end of the time for the greeting, and after that, of the client's silence.
    patience: Pin<Box<Sleep>>,
    /// Whether the client has been told to go: then its time is not prolonged any more.
    leaves: bool,
    activity: Activity,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(socket: Socket, place: OwnedSemaphorePermit, greeting: Duration) -> Self {
        let patience = Box::pin(tokio::time::sleep(greeting));
        Self {
            socket,
            to_come: GREETING,
            patience,
            leaves: false,
            activity: Activity::default(),
            _place: place,
        }
    }

    /// What goes on here, for whoever serves it.
    pub(super) fn activity(&self) -> Activity {
        self.activity.clone()
    }
}

impl Connection {
    /// Gives a client that has sent something more time.
    fn prolong(&mut self) {
        let more = match (self.to_come, self.leaves, self.activity.leaves.load(Ordering::Relaxed)) {
            (0, false, false) => SILENCE,
            (0, false, true) => LAST_CALLS,
            // A greeting that dribbles in gets no more time than one that does not come, and whoever was told to go no
            // more than its last calls take, however it answers our pings.
            _ => return,
        };
        self.leaves = more == LAST_CALLS;
        self.patience.as_mut().reset(Instant::now() + more);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.activity.ended.cancel();
    }
}

/// What goes on on a connection.
#[derive(Clone, Default)]
pub(super) struct Activity {
    called: Arc<AtomicBool>,
    leaves: Arc<AtomicBool>,
    ended: CancellationToken,
}

impl Activity {
    /// A call has begun.
    pub(super) fn call_begins(&self) {
        // Nothing else is read by this flag, and every call comes here: the cheapest order will do.
        self.called.store(true, Ordering::Relaxed);
    }

    /// The client is told to go.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Resolves when the connection is gone.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Resolves when no call has begun for so long, at the latest after twice as long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            tokio::time::sleep(limit).await;
            if !self.called.swap(false, Ordering::Relaxed) {
                return;
            }
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Activity;

    fn connect_info(&self) -> Activity {
        self.activity()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(context, buffer) {
            self.to_come = self.to_come.saturating_sub(buffer.filled().len() - before);
            self.prolong();
            return Poll::Ready(read);
        }
        ready!(self.patience.as_mut().poll(context));
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncReadExt as _, net::UnixStream};

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_no_call_begins_for_long() {
        let limit = Duration::from_secs(300);
        let (start, activity) = (Instant::now(), Activity::default());
        let calls = async {
            for _ in 0..20 {
                tokio::time::sleep(limit / 2).await;
                activity.call_begins();
            }
        };
        tokio::join!(activity.idle_for(limit), calls);
        let idle_for = start.elapsed() - limit * 10;
        assert!((limit..=limit * 2).contains(&idle_for), "{idle_for:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_told_to_go_cannot_stay_by_answering_pings() {
        for told in [false, true] {
            let (Ok((ours, theirs)), Ok(place)) =
                (UnixStream::pair(), Arc::new(Semaphore::new(1)).try_acquire_owned())
            else {
                continue;
            };
            let mut connection = Connection::new(Socket::Unix(ours), place, Duration::from_secs(10));
            connection.to_come = 0;
            if told {
                connection.activity().leave();
            }
            let answers = async {
                for _ in 0..20 {
                    let _ = theirs.try_write(b"pong");
                    tokio::time::sleep(SILENCE / 2).await;
                }
            };
            let reads = async { while connection.read(&mut [0; 16]).await.is_ok() {} };
            let stayed = tokio::select! { () = reads => false, () = answers => true };
            assert_eq!(stayed, !told);
        }
    }
}
