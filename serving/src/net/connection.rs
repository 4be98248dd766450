//! Connections: dropped when silent, and when they are told to go.

mod turn;

use super::{
    guests::{Guest, Seat},
    socket::Socket,
};
use crate::telemetry::{
    answers::Taking,
    connections::{Cause, Open},
};
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
    time::{Instant, Sleep},
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
pub(super) const LAST_GREETING: Duration = Duration::from_millis(250);

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
    /// One that has just been made. Its greeting must be there by then.
    pub(super) fn new(socket: Socket, seat: Seat, open: Open, greeted_by: Instant) -> Self {
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
