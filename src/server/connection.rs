//! Accepting connections: bounded in number, dropped when silent, and patient with errors.

mod turn;

use super::{
    guests::{Guest, Guests, Seat},
    listen::{Listener, WAITING},
    shutdown,
    socket::{Accepted, Socket},
};
use crate::telemetry::{
    answers::Taking,
    connections::{Cause, Connections, Open},
    doors::Doors,
    told::Told,
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, Sleep, timeout_at},
};
use turn::Turn;

/// A connection that has sent nothing in so many stretches of time, one after another, is dropped. Live ones answer the
/// server's pings more often.
const SILENT_STRETCHES: u8 = 3;
const STRETCH: Duration = Duration::from_secs(25);
/// How many bytes every HTTP/2 client begins with. No HTTP/1 request that is answered here is much shorter.
const GREETING: usize = 24;
/// What a client that was told to go still has for the calls that it has begun: none takes longer, and what lasts for ever,
/// such as a watch, can be begun anew on another connection.
const LAST_CALLS: Duration = Duration::from_secs(150);
/// What a client has that had connected when the server stopped, and of which nothing had been read yet: its question may be
/// there already, and is answered like others that were.
const LAST_GREETING: Duration = Duration::from_millis(250);
/// How long to wait after an error that accepting again at once would only repeat, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many there may be to one listener; for a further one, whoever has been quiet for longest is closed.
    pub connections: usize,
    /// How many calls may run on one at a time.
    pub streams: u32,
    /// How long a client may take to say that it speaks HTTP/2, TLS handshake included.
    pub greeting: Duration,
    /// One on which no call begins for so long is closed, at the latest after twice as long.
    pub idle: Duration,
    /// How long a client may take to take in a piece of an answer. One that takes longer is cut off, at the latest after
    /// twice as long.
    pub taking: Duration,
}

/// Accepts connections, as many at a time as there is room for.
pub(super) struct Acceptor {
    listener: Listener,
    guests: Arc<Guests>,
    greeting: Duration,
    /// How many may still be let in when the server has stopped: as many as can have been waiting.
    last: AtomicU32,
    doors: Arc<Doors>,
    counts: Arc<Connections>,
    /// When it was last told that connections cannot be accepted.
    told: Told,
}

impl Acceptor {
    pub(super) fn new(
        listener: Listener,
        limits: ConnectionLimits,
        doors: Arc<Doors>,
        counts: Arc<Connections>,
    ) -> Self {
        counts.add_limit(limits.connections);
        let guests = Arc::new(Guests::new(limits.connections));
        let (last, told) = (AtomicU32::new(WAITING), Told::default());
        Self { listener, guests, greeting: limits.greeting, last, doors, counts, told }
    }

    /// The next connection, when there is room for it. To be driven to its end: one that has been taken in would be lost.
    /// `None` when the server has stopped, and all are let in who had connected by then: they may have asked already, and
    /// would be cut off without a word.
    pub(super) async fn accept(&self, stopped: watch::Receiver<bool>) -> Option<Arrival> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown::until(stopped.clone()) => Ok(self.waiting()?),
                accepted = self.listener.accept(&self.doors) => accepted,
            };
            match accepted {
                Ok(socket) => {
                    let seat = self.guests.let_in().await;
                    let (doors, open) = (Arc::clone(&self.doors), self.counts.open());
                    return Some(Arrival { socket, seat, greeting: self.greeting, doors, open });
                }
                Err(error) => {
                    self.counts.failed();
                    // Whoever makes it fail must not fill the log.
                    if self.told.is_due() {
                        tracing::warn!(%error, "cannot accept a connection; going on trying, and telling once a minute at most");
                    }
                    // Whoever has gone before being accepted leaves room for the next at once.
                    if error.kind() != io::ErrorKind::ConnectionAborted {
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                }
            }
        }
    }

    /// Someone who had connected when the server stopped. Whoever goes on connecting does not put off the end.
    fn waiting(&self) -> Option<Accepted> {
        let is_left =
            || self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        while is_left().is_ok() {
            match self.listener.accept_waiting(&self.doors) {
                Ok(Some(socket)) => return Some(socket),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return None,
            }
        }
        None
    }
}

/// A connection on its way to where it is served.
pub(super) struct Arrival {
    socket: Accepted,
    seat: Seat,
    greeting: Duration,
    doors: Arc<Doors>,
    open: Open,
}

impl Arrival {
    /// The connection, served by the runtime that this is called on, after the handshake where there is one. `None` if that
    /// did not succeed in time, which is told here, if its room is needed, or the server stops.
    pub(super) async fn settle(self, stopped: watch::Receiver<bool>) -> Option<Connection> {
        let guest = Arc::clone(self.seat.guest());
        tokio::select! {
            biased;
            settled = self.shake_hands() => settled,
            () = guest.has_to_go() => None,
            () = last_greetings(stopped) => None,
        }
    }

    async fn shake_hands(self) -> Option<Connection> {
        let greeted_by = Instant::now() + self.greeting;
        let peer = self.socket.handshakes_with();
        let settled = timeout_at(greeted_by, self.socket.settle()).await;
        let problem = match settled {
            Ok(Ok(socket)) => return Some(Connection::new(socket, self.seat, self.open, greeted_by)),
            // So do probes that only look whether a port is open.
            Ok(Err(error)) if peer.is_some() && is_hang_up(&error) => {
                tracing::debug!(?peer, "a connection ended before its TLS handshake");
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "not done within `greeting_timeout`".to_owned(),
        };
        match peer {
            Some(peer) => self.doors.handshake_failed(&peer.to_string(), &problem),
            None => tracing::error!(problem, "a connection could not be served"),
        }
        None
    }
}

/// Resolves when the server has stopped, and whoever had connected by then has had the time to say what for.
async fn last_greetings(stopped: watch::Receiver<bool>) {
    shutdown::until(stopped).await;
    tokio::time::sleep(LAST_GREETING).await;
}

/// Whether the other end has just gone.
fn is_hang_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// A connection that gives its place back when it ends.
pub(super) struct Connection {
    socket: Socket,
    /// How many bytes of the greeting are still to come.
    to_come: usize,
    /// The end of the time for the greeting; after that, of a stretch; and of the last calls of a client told to go.
    patience: Pin<Box<Sleep>>,
    /// Whether the timer has been told whom to wake.
    timed: bool,
    /// Whether the client has sent anything in this stretch. To look at the clock at each read would be dearer.
    heard: bool,
    /// How many stretches have gone by in silence.
    silent: u8,
    /// Whether the client has been told to go: then its time is not prolonged any more.
    leaves: bool,
    turn: Turn,
    activity: Activity,
    open: Open,
    seat: Seat,
}

impl Connection {
    fn new(socket: Socket, seat: Seat, open: Open, greeted_by: Instant) -> Self {
        Self {
            socket,
            to_come: GREETING,
            patience: Box::pin(tokio::time::sleep_until(greeted_by)),
            timed: false,
            heard: false,
            silent: 0,
            leaves: false,
            turn: Turn::default(),
            activity: Activity::of(Arc::clone(seat.guest())),
            open,
            seat,
        }
    }

    /// What goes on here, for whoever serves it.
    pub(super) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// The client has sent something. A greeting that dribbles in gets no more time than one that does not come, and
    /// whoever was told to go no more than its last calls take, however it answers our pings.
    fn hear(&mut self, bytes: usize) {
        self.heard = true;
        self.seat.hear();
        if self.to_come > 0 {
            self.to_come = self.to_come.saturating_sub(bytes);
            if self.to_come == 0 {
                self.seat.guest().greets();
                self.wait_for(STRETCH);
            }
        } else if !self.leaves && self.activity.is_told_to_leave() {
            self.leaves = true;
            self.wait_for(LAST_CALLS);
        }
    }

    /// Resolves when patience with the client has run out.
    fn lose_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        // The timer wakes whoever polled it first: the one task that a connection is served by. It need not be told again.
        if self.timed && !self.patience.is_elapsed() {
            return Poll::Pending;
        }
        loop {
            self.timed = true;
            ready!(self.patience.as_mut().poll(context));
            if self.is_over() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn wait_for(&mut self, time: Duration) {
        self.timed = false;
        self.patience.as_mut().reset(Instant::now() + time);
    }

    /// Patience has run out. Whether that is the end, or only of a stretch.
    fn is_over(&mut self) -> bool {
        self.silent = if std::mem::take(&mut self.heard) { 0 } else { self.silent + 1 };
        if self.to_come > 0 || self.leaves || self.silent >= SILENT_STRETCHES {
            if !self.leaves {
                self.open.closes(if self.to_come > 0 { Cause::Greeting } else { Cause::Silent });
            }
            return true;
        }
        self.wait_for(STRETCH);
        false
    }
}

/// What goes on on a connection.
#[derive(Clone, Default)]
pub(super) struct Activity {
    guest: Arc<Guest>,
    called: Arc<AtomicBool>,
    leaves: Arc<AtomicBool>,
    taking: Taking,
}

impl Activity {
    fn of(guest: Arc<Guest>) -> Self {
        Self { guest, ..Self::default() }
    }

    /// Whose it is.
    pub(super) fn guest(&self) -> &Guest {
        &self.guest
    }

    /// A call has begun.
    pub(super) fn call_begins(&self) {
        // Nothing else is read by this flag, and every call comes here: the cheapest order will do.
        self.called.store(true, Ordering::Relaxed);
    }

    /// How the answers are taken in.
    pub(super) const fn taking(&self) -> &Taking {
        &self.taking
    }

    /// Resolves when the client has greeted, or has had its time for that when the server stops.
    pub(super) async fn last_greeting(&self) {
        self.guest.greets_within(LAST_GREETING).await;
    }

    /// The client is told to go.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Whether the client has been told to go.
    fn is_told_to_leave(&self) -> bool {
        self.leaves.load(Ordering::Relaxed)
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

impl Drop for Connection {
    fn drop(&mut self) {
        if self.seat.guest().is_told_to_go() {
            self.open.closes(Cause::Displaced);
        } else if self.activity.is_told_to_leave() {
            self.open.closes(Cause::Idle);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turn.is_over(context) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(context, buffer) {
            let bytes = buffer.filled().len() - before;
            self.turn.had(bytes);
            self.hear(bytes);
            return Poll::Ready(read);
        }
        self.turn.passes();
        self.lose_patience(context).map(Err)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.socket).poll_write(context, bytes) {
            // Whoever takes nothing in is not read from either until it does: patience must run out here as well.
            Poll::Pending => self.lose_patience(context).map(Err),
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_flush(context) {
            Poll::Pending => self.lose_patience(context).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
