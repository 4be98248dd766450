//! The time as the stack wants it for its pings: at every frame, and to the second.

use crate::engine::clock::last_tick;
use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;
use std::{
    pin::Pin,
    time::{Duration, Instant},
};

/// tokio's timer, which tells the time as it was at the kernel's last tick, some milliseconds ago. That costs a sixth of what it costs
/// to tell it to the nanosecond.
#[derive(Clone, Debug)]
pub(super) struct Ticks {
    sleeps: TokioTimer,
    /// One moment, by either clock.
    since: (Instant, Option<Duration>),
}

impl Ticks {
    pub(super) fn new() -> Self {
        Self { sleeps: TokioTimer::new(), since: (Instant::now(), last_tick()) }
    }
}

impl Timer for Ticks {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleeps.sleep(time)
    }

    fn sleep_until(&self, end: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleeps.sleep_until(end)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, end: Instant) {
        self.sleeps.reset(sleep, end);
    }

    fn now(&self) -> Instant {
        let (moment, tick) = self.since;
        let gone_by = last_tick().zip(tick).map(|(now, then)| now.saturating_sub(then));
        gone_by.map_or_else(Instant::now, |gone_by| moment + gone_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_past_any_moment_of_the_usual_clock() {
        let ticks = Ticks::new();
        for _ in 0..5 {
            let moment = Instant::now();
            while ticks.now() <= moment {
                assert!(moment.elapsed() < Duration::from_secs(60), "it stands still");
                std::thread::yield_now();
            }
        }
    }
}
