//! Turns: whoever sends without end must not keep a thread from the other connections that it serves.

use std::task::Context;

/// How many bytes are read of one connection before others get their turn: a thousand of the smallest frames, a fraction of a
/// millisecond's worth.
const BYTES: usize = 16 << 10;

/// How much of its turn a connection has had.
#[derive(Default)]
pub(super) struct Turn(usize);

impl Turn {
    /// So many bytes have been read.
    pub(super) const fn had(&mut self, bytes: usize) {
        self.0 += bytes;
    }

    /// Nothing is left to read, so others have their turn.
    pub(super) const fn passes(&mut self) {
        self.0 = 0;
    }

    /// Whether it is time for others. The connection is then woken behind them, for its next turn.
    pub(super) fn is_over(&mut self, context: &Context<'_>) -> bool {
        let is_over = self.0 >= BYTES;
        if is_over {
            self.passes();
            context.waker().wake_by_ref();
        }
        is_over
    }
}
