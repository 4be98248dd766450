//! Who is connected to a listener. When there is no more room, somebody has to go for whoever comes next: otherwise as many
//! connections as there is room for, on which nothing happens, would shut out everybody else, and probes first of all.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// All that are connected, and how many may be.
pub(super) struct Guests {
    most: usize,
    present: Mutex<HashMap<u64, Arc<Guest>>>,
    /// How many have come so far: what stands in for a clock.
    arrivals: AtomicU64,
    left: Notify,
}

/// Someone who is connected.
#[derive(Default)]
pub(super) struct Guest {
    /// The arrival after which it was last heard.
    heard: AtomicU64,
    standing: AtomicU8,
    has_to_go: AtomicBool,
    told: Notify,
    greeted: Notify,
}

/// What someone has shown so far, from least to most.
#[derive(Clone, Copy)]
enum Standing {
    /// That it speaks the protocol.
    Greeted = 1,
    /// That it may ask what not everyone may ask.
    Asked = 2,
}

/// The room that one takes, until this is dropped.
pub(super) struct Seat {
    guests: Arc<Guests>,
    number: u64,
    guest: Arc<Guest>,
}

impl Guests {
    pub(super) fn new(most: usize) -> Self {
        Self { most, present: Mutex::default(), arrivals: AtomicU64::new(0), left: Notify::new() }
    }

    /// Lets someone in, as soon as there is room for that, which somebody else is told to make if need be. To be called by
    /// one task alone.
    pub(super) async fn let_in(self: &Arc<Self>) -> Seat {
        loop {
            // Whoever leaves from here on is noticed, and nobody who left before.
            let left = self.left.notified();
            if let Some(seat) = self.try_let_in() {
                return seat;
            }
            left.await;
        }
    }

    fn try_let_in(self: &Arc<Self>) -> Option<Seat> {
        let mut present = self.present();
        if present.len() >= self.most {
            // Those who have been told already may take their time; others take theirs in the meantime.
            let staying = present.values().filter(|guest| !guest.has_to_go.load(Relaxed));
            if let Some(guest) = staying.min_by_key(|guest| guest.rank()) {
                guest.has_to_go.store(true, Relaxed);
                guest.told.notify_one();
            }
            return None;
        }
        let number = self.arrivals.fetch_add(1, Relaxed) + 1;
        let guest = Arc::new(Guest { heard: AtomicU64::new(number), ..Guest::default() });
        present.insert(number, Arc::clone(&guest));
        Some(Seat { guests: Arc::clone(self), number, guest })
    }

    fn present(&self) -> MutexGuard<'_, HashMap<u64, Arc<Guest>>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Who goes first: whoever has shown least, and of equals whoever has been quiet for longest.
    fn rank(&self) -> (u8, u64) {
        (self.standing.load(Relaxed), self.heard.load(Relaxed))
    }

    /// It has greeted.
    pub(super) fn greets(&self) {
        self.standing.store(Standing::Greeted as u8, Relaxed);
        self.greeted.notify_one();
    }

    /// Whether it has greeted.
    pub(super) fn has_greeted(&self) -> bool {
        self.standing.load(Relaxed) >= Standing::Greeted as u8
    }

    /// Resolves when it has greeted, or has had so long for it.
    pub(super) async fn greets_within(&self, time: Duration) {
        if !self.has_greeted() {
            // Which of the two it was, whoever asks can see.
            let _ = timeout(time, self.greeted.notified()).await;
        }
    }

    /// It has asked what not everyone may ask, and is answered.
    pub(super) fn asks(&self) {
        self.standing.store(Standing::Asked as u8, Relaxed);
    }

    /// Whether it was told to go.
    pub(super) fn is_told_to_go(&self) -> bool {
        self.has_to_go.load(Relaxed)
    }

    /// Resolves when it has to go.
    pub(super) async fn has_to_go(&self) {
        self.told.notified().await;
    }
}

impl Seat {
    /// It is heard. Cheaper than to look at the clock: what counts has changed only if somebody has come since.
    pub(super) fn hear(&self) {
        self.guest.heard.store(self.guests.arrivals.load(Relaxed), Relaxed);
    }

    /// Whose it is.
    pub(super) const fn guest(&self) -> &Arc<Guest> {
        &self.guest
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.present().remove(&self.number);
        self.guests.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn full(most: usize) -> (Arc<Guests>, Vec<Seat>) {
        let guests = Arc::new(Guests::new(most));
        let seats = (0..most).filter_map(|_| guests.try_let_in()).collect();
        (guests, seats)
    }

    fn who_goes(guests: &Arc<Guests>, seats: &[Seat]) -> Vec<usize> {
        assert!(guests.try_let_in().is_none());
        let goes = |seat: &Seat| seat.guest.has_to_go().now_or_never().is_some();
        (0..seats.len()).filter(|number| goes(&seats[*number])).collect()
    }

    #[test]
    fn whoever_has_shown_least_goes_first_and_of_equals_whoever_was_quiet_for_longest() {
        let (guests, mut seats) = full(4);
        seats.iter().for_each(|seat| seat.guest.greets());
        seats[0].guest.asks();
        drop(seats.remove(3));
        seats.extend(guests.try_let_in());
        // Heard after the latest arrival.
        seats[1].hear();
        assert_eq!(who_goes(&guests, &seats), [3]);
        assert_eq!(who_goes(&guests, &seats), [2], "one who has been told is not told again");
        assert_eq!(who_goes(&guests, &seats), [1]);
        assert_eq!(who_goes(&guests, &seats), [0]);
        assert_eq!(who_goes(&guests, &seats), [0; 0]);
    }

    #[tokio::test]
    async fn there_is_room_as_soon_as_somebody_has_left() {
        let (guests, mut seats) = full(2);
        let mut next = std::pin::pin!(guests.let_in());
        assert!(next.as_mut().now_or_never().is_none());
        seats.pop();
        let _third = next.await;
        assert_eq!(guests.present().len(), 2);
    }
}
