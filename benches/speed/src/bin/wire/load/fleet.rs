//! All connections to the server that is loaded, on one thread that never sleeps.

use super::Target;
use crate::client::{Connection, Finished};
use mio::{Events, Poll, Token};
use std::{
    io,
    time::{Duration, Instant},
};

pub(crate) struct Fleet<'a> {
    connections: Vec<Connection<'a>>,
    poll: Poll,
    events: Events,
    finished: Vec<Finished>,
    /// The next of the prepared calls, in turn.
    next: usize,
    calls: usize,
    begun: Instant,
}

impl<'a> Fleet<'a> {
    pub(crate) fn connect(target: &Target<'a>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for token in 0..target.connections {
            let mut connection = Connection::open(&target.address, target.work)?;
            connection.register(poll.registry(), Token(token))?;
            connections.push(connection);
        }
        Ok(Self {
            connections,
            poll,
            events: Events::with_capacity(256),
            finished: Vec::new(),
            next: 0,
            calls: target.work.calls.len(),
            begun: Instant::now(),
        })
    }

    /// Nanoseconds since the fleet came together.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Puts the next call on a connection; `flush` sends it.
    pub(crate) fn submit(&mut self, connection: usize, due: u64) {
        self.connections[connection].submit(self.next, due);
        self.next = (self.next + 1) % self.calls;
    }

    pub(crate) fn flush(&mut self, connection: usize) -> io::Result<()> {
        self.connections[connection].flush()
    }

    /// Takes in what has come, and hands over each call that has ended with the time that it was.
    ///
    /// `again` says whether another call takes the place of the one that has ended.
    pub(crate) fn turn(&mut self, again: bool, mut ended: impl FnMut(u64, &Finished)) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for connection in ready {
            self.connections[connection].receive()?;
            let now = self.now();
            let mut finished = std::mem::take(&mut self.finished);
            self.connections[connection].take_finished(&mut finished);
            for call in &finished {
                ended(now, call);
                if again {
                    self.submit(connection, now);
                }
            }
            self.finished = finished;
            self.flush(connection)?;
        }
        Ok(())
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.connections.iter().map(Connection::unfinished).sum()
    }
}
