//! The calls of a connection that have begun and not ended.

use super::answer::Answer;
use std::collections::VecDeque;

pub(crate) struct Stream {
    /// Which of the prepared calls it is.
    pub(crate) call: usize,
    /// When the call was due, in nanoseconds of the run.
    pub(crate) due: u64,
    /// How much of the request has gone out.
    pub(crate) sent: usize,
    /// How much more the server takes on this stream.
    pub(crate) window: i64,
    pub(crate) answer: Answer,
    over: bool,
}

/// Ids only grow, so that a queue finds a stream without hashing.
pub(crate) struct Streams {
    open: VecDeque<Stream>,
    /// The id of the first in the queue.
    first: u32,
    running: usize,
}

impl Streams {
    pub(crate) const fn new() -> Self {
        Self { open: VecDeque::new(), first: 1, running: 0 }
    }

    pub(crate) const fn running(&self) -> usize {
        self.running
    }

    pub(crate) fn begin(&mut self, call: usize, due: u64, window: i64) -> u32 {
        let id = self.first + 2 * u32::try_from(self.open.len()).unwrap();
        self.open.push_back(Stream { call, due, sent: 0, window, answer: Answer::Nothing, over: false });
        self.running += 1;
        id
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        let place = id.checked_sub(self.first)? / 2;
        self.open.get_mut(place as usize).filter(|stream| !stream.over)
    }

    pub(crate) fn end(&mut self, id: u32) {
        let Some(stream) = self.get(id) else { return };
        stream.over = true;
        self.running -= 1;
        while self.open.front().is_some_and(|stream| stream.over) {
            self.open.pop_front();
            self.first += 2;
        }
    }

    /// The server has changed what it takes on every stream.
    pub(crate) fn widen(&mut self, more: i64) {
        self.open.iter_mut().for_each(|stream| stream.window += more);
    }
}
