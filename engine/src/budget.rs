//! Keeps invented ids from driving the store: look-ups are capped in flight, and empty ones per second.

use super::error::EngineError;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// How many empty look-ups may come at once, in seconds of the steady rate.
const BURST: Duration = Duration::from_secs(1);

/// The allowance for look-ups.
pub(super) struct Budget {
    in_flight: Semaphore,
    /// What one empty look-up costs, in time.
    cost: Duration,
    /// The moment by which all empty look-ups so far will have been paid for.
    paid_by: Mutex<Instant>,
}

impl Budget {
    pub(super) fn new(in_flight: usize, unknown_per_second: u32) -> Self {
        let cost = Duration::from_secs(1) / unknown_per_second.max(1);
        Self { in_flight: Semaphore::new(in_flight), cost, paid_by: Mutex::new(Instant::now()) }
    }

    /// Waits for a look-up's turn. Whoever waits for the debt to be paid takes up no place meanwhile.
    ///
    /// # Errors
    /// The debt for empty look-ups cannot be paid before the deadline.
    pub(super) async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, EngineError> {
        let clear = self.with_debt(|paid_by| *paid_by - BURST.min(paid_by.duration_since(Instant::now())));
        if clear > deadline {
            return Err(EngineError::TooManyUnknown);
        }
        tokio::time::sleep_until(clear).await;
        self.in_flight.acquire().await.map_err(|_| EngineError::StoreUnavailable)
    }

    /// Whether a look-up would have to wait.
    pub(super) fn is_exhausted(&self) -> bool {
        self.with_debt(|paid_by| paid_by.duration_since(Instant::now()) > BURST)
    }

    /// Notes that a look-up came back empty.
    pub(super) fn charge(&self) {
        self.with_debt(|paid_by| *paid_by = (*paid_by).max(Instant::now()) + self.cost);
    }

    fn with_debt<T>(&self, look: impl FnOnce(&mut Instant) -> T) -> T {
        look(&mut self.paid_by.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_what_is_over_it_waits_or_is_refused() {
        let budget = Budget::new(4, 10);
        for _ in 0..10 {
            budget.charge();
        }
        let start = Instant::now();
        assert!(budget.turn(start + Duration::from_millis(1)).await.is_ok());
        assert_eq!(Instant::now(), start, "a burst of one second's worth does not wait");
        budget.charge();
        let refused = budget.turn(start + Duration::from_millis(50)).await.map(drop);
        assert_eq!(refused, Err(EngineError::TooManyUnknown));
        assert!(budget.turn(start + Duration::from_secs(1)).await.is_ok());
        assert!(Instant::now() >= start + Duration::from_millis(100), "one over the burst waits one cost");
    }
}
