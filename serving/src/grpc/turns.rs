//! Turns at batches. A thread takes up what it has to do in the order in which it came: behind thousands of batches that have just
//! come in, each of which takes a millisecond, a health check would wait for seconds.

use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many batches are worked on at a time, all connections to a face together. They share threads with all else, and let it
/// have its turn again and again: with so many at a time it has that soon, and with fewer threads could be idle.
const AT_A_TIME: usize = 16;

/// The turns of a connection, one at a time: whoever sends a thousand batches does not keep those of others waiting for all of
/// them. Short ones that have come in together are worked on in one go, as many as a connection may have streams.
pub struct Turns {
    of_face: Arc<Semaphore>,
    of_connection: Semaphore,
}

/// A turn, until this is dropped.
pub(super) struct Turn<'a> {
    _of_connection: Option<SemaphorePermit<'a>>,
    _of_face: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { of_face: Arc::new(Semaphore::new(AT_A_TIME)), of_connection: Semaphore::new(1) }
    }
}

impl Turns {
    /// Those of another connection to the same face.
    #[must_use]
    pub fn of_another_connection(&self) -> Self {
        Self { of_face: Arc::clone(&self.of_face), of_connection: Semaphore::new(1) }
    }

    /// Waits for a turn, before anything is decided: what has been decided must not grow old in a queue. Not to be held while
    /// anything else is waited for than that others have theirs.
    pub(super) async fn take(&self) -> Turn<'_> {
        // Neither is ever closed, which is the one way in which there would be none.
        let of_connection = self.of_connection.acquire().await.ok();
        Turn { _of_connection: of_connection, _of_face: self.of_face.acquire().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn a_connection_has_one_turn_at_a_time_and_all_together_have_sixteen() {
        let first = Turns::default();
        let others: Vec<_> = (0..AT_A_TIME).map(|_| first.of_another_connection()).collect();
        let mut held: Vec<_> = others.iter().filter_map(|turns| turns.take().now_or_never()).collect();
        assert_eq!(held.len(), AT_A_TIME);
        assert!(first.take().now_or_never().is_none(), "all are taken");
        held.pop();
        let turn = first.take().now_or_never();
        assert!(turn.is_some() && first.take().now_or_never().is_none(), "it has one");
        drop(turn);
        assert!(first.take().now_or_never().is_some());
    }
}
