//! How many bytes of long messages there may be at a time. What callers may hold with short ones is bounded by the number of
//! calls; with long ones that alone would be thousands of times the longest message.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tonic::Status;

/// A message of up to so many bytes is not counted.
pub(super) const SHORT: usize = 16 << 10;
/// Nor are headers that take up to so many.
const SHORT_HEAD: usize = 4 << 10;
/// What a header costs beside its letters.
const HEADER: usize = 128;
/// How many messages of the largest size find room.
const LARGEST_MESSAGES: usize = 16;

/// The room for all long messages of a face. Clones are the same room.
#[derive(Clone)]
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    most: usize,
    longest: usize,
}

impl Room {
    /// For messages of at most so many bytes; longer ones are refused elsewhere, before anything is set aside for them.
    pub(super) fn for_messages_of(longest: usize) -> Self {
        Self { taken: Arc::default(), most: longest.saturating_mul(LARGEST_MESSAGES), longest }
    }

    fn take(&self, bytes: usize) -> bool {
        // Taken before it is looked at: two that take the last of it may both be refused, but never both be let in.
        let before = self.taken.fetch_add(bytes, Relaxed);
        let fits = before.saturating_add(bytes) <= self.most;
        if !fits {
            self.leave(bytes);
        }
        fits
    }

    fn leave(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Relaxed);
    }
}

/// What one call takes of the room: as much as the longest of its messages so far, for it has one at a time.
pub(super) struct Load {
    room: Arc<Room>,
    bytes: AtomicUsize,
}

impl Load {
    pub(super) const fn on(room: Arc<Room>) -> Self {
        Self { room, bytes: AtomicUsize::new(0) }
    }

    /// Takes room for a message of so many bytes.
    ///
    /// # Errors
    /// There is not so much room.
    pub(super) fn carry(&self, bytes: usize) -> Result<(), Status> {
        if bytes <= SHORT || bytes > self.room.longest || self.grow(bytes) {
            return Ok(());
        }
        let problem = "too many long messages in flight; try again later, or send and ask for less at once";
        Err(Status::resource_exhausted(problem))
    }

    /// Takes room for what comes before a call's messages, and is kept beside them. Whether there is so much.
    pub(super) fn take_head(&self, headers: &HeaderMap) -> bool {
        let bytes = |(name, value): (&HeaderName, &HeaderValue)| HEADER + name.as_str().len() + value.len();
        let bytes = headers.iter().map(bytes).sum();
        bytes <= SHORT_HEAD || self.grow(bytes)
    }

    /// What is taken for a call is changed by one message at a time.
    fn grow(&self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes.load(Relaxed));
        let fits = more == 0 || self.room.take(more);
        if fits {
            self.bytes.fetch_add(more, Relaxed);
        }
        fits
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        // Most calls take none, and all threads would write to what all share.
        if bytes > 0 {
            self.room.leave(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_share_the_room_and_short_ones_need_none() {
        let longest = 1 << 20;
        let room = Arc::new(Room::for_messages_of(longest));
        let load = || Load::on(Arc::clone(&room));
        let mut calls: Vec<_> = (0..LARGEST_MESSAGES).map(|_| load()).collect();
        assert!(calls.iter().all(|call| call.carry(longest).is_ok()));
        // A second message of a call takes no more room than the first.
        assert!(calls.iter().all(|call| call.carry(longest).is_ok() && call.carry(SHORT + 1).is_ok()));
        let (next, short) = (load(), load());
        assert!(next.carry(SHORT + 1).is_err() && short.carry(SHORT).is_ok());
        calls.pop();
        assert!(next.carry(SHORT + 1).is_ok() && load().carry(longest).is_err());
        drop((calls, next, short));
        assert_eq!(room.taken.load(Relaxed), 0);
    }

    #[test]
    fn long_headers_share_the_same_room() {
        let long = HeaderMap::from_iter([(HeaderName::from_static("x"), HeaderValue::from_static(X))]);
        const X: &str = match std::str::from_utf8(&[b'x'; 15_000]) {
            Ok(text) => text,
            Err(_) => "",
        };
        let room = Arc::new(Room::for_messages_of(10_000));
        let load = || Load::on(Arc::clone(&room));
        let mut calls: Vec<_> = (0..20).map(|_| load()).filter(|load| load.take_head(&long)).collect();
        assert_eq!(calls.len(), LARGEST_MESSAGES * 10_000 / 15_129);
        assert!(!load().take_head(&long) && load().take_head(&HeaderMap::new()));
        calls.pop();
        assert!(load().take_head(&long));
    }

    #[test]
    fn what_is_refused_for_its_length_takes_no_room() {
        let room = Arc::new(Room::for_messages_of(1 << 20));
        assert!(Load::on(Arc::clone(&room)).carry(usize::MAX).is_ok());
        assert_eq!(room.taken.load(Relaxed), 0);
    }
}
