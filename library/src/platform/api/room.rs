//! How much the bodies of requests may take up together. There may be thousands of requests at a time: as many of the
//! longest bodies would take more memory than anyone has set aside.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many of the longest bodies have room at a time. More short ones do.
const LONGEST_BODIES: usize = 16;
/// A body of so many bytes needs no room: there cannot be many enough.
const SHORT: usize = 16 << 10;

/// The room there is, in bytes.
#[derive(Clone)]
pub(super) struct Room {
    left: Arc<Semaphore>,
    longest: usize,
}

/// The room that a body takes, until this is dropped.
pub(super) struct Taken(#[expect(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>);

impl Room {
    /// Room for bodies of at most so many bytes, 16 of them at a time.
    pub(super) fn for_bodies_of(longest: usize) -> Self {
        let all = longest.saturating_mul(LONGEST_BODIES).min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(all)), longest }
    }

    /// Takes room for a body of so many bytes, or of as many as there may be if that is not known before it has come;
    /// `None` if there is not so much. One that is too long is refused by whoever reads it.
    pub(super) fn take(&self, bytes: Option<u64>) -> Option<Taken> {
        let said = bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(self.longest);
        let bytes = said.min(self.longest);
        if bytes <= SHORT {
            return Some(Taken(None));
        }
        let taken = Arc::clone(&self.left).try_acquire_many_owned(u32::try_from(bytes).ok()?);
        taken.ok().map(|taken| Taken(Some(taken)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_share_the_room_and_short_ones_need_none() {
        let room = Room::for_bodies_of(1 << 20);
        let mut taken: Vec<_> = (0..LONGEST_BODIES - 2).map(|_| room.take(Some(1 << 20)).unwrap()).collect();
        // Whoever does not say how long it is, and whoever says that it is longer than it may be.
        taken.extend([room.take(None).unwrap(), room.take(Some(1 << 40)).unwrap()]);
        assert!(room.take(Some(16_385)).is_none() && room.take(None).is_none());
        assert!(room.take(Some(16_384)).is_some() && room.take(Some(0)).is_some());
        taken.pop();
        assert!(room.take(Some(16_385)).is_some());
        drop(taken);
        assert_eq!(room.left.available_permits(), LONGEST_BODIES << 20);
    }
}
