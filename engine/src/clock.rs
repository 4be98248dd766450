//! The time that the age of data is told by.

use std::time::Duration;
use tokio::time::Instant;

/// Which clock tells how old data is.
#[derive(Clone, Copy, Debug, Default)]
pub enum Clock {
    /// The kernel's, as it was at its last tick, some milliseconds ago: every answer looks at it, and to be told the time to the
    /// nanosecond costs several times as much.
    #[default]
    Ticks,
    /// The runtime's, which simulations stop and move.
    Runtime,
}

/// A clock that runs.
pub(super) struct Running {
    clock: Clock,
    since: Instant,
    /// How far the clock usually is behind the time, at most.
    behind: Duration,
}

/// From tick to tick is as far as the kernel's clock may be behind, and now and then one more.
const TICKS_BEHIND: u32 = 2;

impl Running {
    pub(super) fn new(clock: Clock) -> Self {
        let behind = match clock {
            Clock::Ticks => tick() * TICKS_BEHIND,
            Clock::Runtime => Duration::ZERO,
        };
        Self { clock, since: Instant::now(), behind }
    }

    /// The time since some moment; not later than it is. What cannot be told is too late for anything.
    pub(super) fn now(&self) -> Duration {
        match self.clock {
            Clock::Ticks => last_tick().unwrap_or(Duration::MAX),
            Clock::Runtime => self.since.elapsed(),
        }
    }

    /// How long ago it was so late, told as somewhat longer where the clock lags. For ever, if that is still to come: a clock that
    /// has gone back tells nothing.
    pub(super) fn since(&self, moment: Duration) -> Duration {
        self.now().saturating_add(self.behind).checked_sub(moment).unwrap_or(Duration::MAX)
    }
}

/// When the kernel's clock last ticked, since some moment, if it tells. It stands still while the machine is suspended.
#[cfg(target_os = "linux")]
#[must_use]
pub fn last_tick() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::MonotonicCoarse).try_into().ok()
}

/// From tick to tick.
#[cfg(target_os = "linux")]
fn tick() -> Duration {
    use rustix::time::{ClockId, clock_getres};
    Duration::try_from(clock_getres(ClockId::MonotonicCoarse)).unwrap_or_default()
}

/// Other kernels tell the time alone.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn last_tick() -> Option<Duration> {
    static SOME_MOMENT: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    Some(SOME_MOMENT.elapsed())
}

#[cfg(not(target_os = "linux"))]
const fn tick() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_to_be_younger_than_it_is() {
        let clock = Running::new(Clock::Ticks);
        for micros in (100..10_000).step_by(300) {
            let (moment, tick) = (std::time::Instant::now(), clock.now());
            std::thread::sleep(Duration::from_micros(micros));
            let least = moment.elapsed();
            let told = clock.since(tick);
            assert!(told >= least, "{told:?}, and it was {least:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_still_to_come_is_too_long_ago_for_anything() {
        let clock = Running::new(Clock::Runtime);
        assert_eq!(clock.since(Duration::from_nanos(1)), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn where_time_stands_still_it_does_not_go_on() {
        let clock = Running::new(Clock::Runtime);
        let moment = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(clock.since(moment), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(clock.since(moment), Duration::from_secs(7));
    }
}
