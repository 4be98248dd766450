//! Accepting connections: bounded in number, and patient with errors.

use super::{
    connection::{Connection, ConnectionLimits, LAST_GREETING},
    guests::{Guests, Seat},
    listen::{Listener, WAITING},
    shutdown,
    socket::Accepted,
};
use crate::telemetry::{
    connections::{Connections, Open},
    doors::Doors,
    told::Told,
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// How long to wait after an error that accepting again at once would only repeat, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Accepts connections, as many at a time as there is room for.
pub struct Acceptor {
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
    /// What accepts on a listener, counting and telling of what it lets in.
    pub fn new(
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
