//! Loads a server and measures what the load costs it.

mod closed;
mod fleet;
mod open;
mod slice;

use crate::{client::Address, work::Work};
use std::{io, time::Duration};

pub(crate) use slice::Slice;

/// What is sent, where to, for how long, and whose cost counts.
#[derive(Clone)]
pub(crate) struct Target<'a> {
    pub(crate) address: Address,
    pub(crate) work: &'a Work,
    pub(crate) pid: u32,
    pub(crate) connections: usize,
    pub(crate) times: Times,
}

/// A slice of measuring is short, so that the servers take turns often.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// How calls arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each connection keeps so many calls in flight: the next begins when one ends.
    Closed(usize),
    /// So many calls a second, whether the server keeps up or not.
    Open(f64),
}

impl Target<'_> {
    pub(crate) fn load(&self, pace: Pace) -> io::Result<Slice> {
        match pace {
            Pace::Closed(flight) => closed::run(self, flight),
            Pace::Open(rate) => open::run(self, rate),
        }
    }
}
