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
    /// How far the clock may be behind the time.
    behind: Duration,
}

impl Running {
    pub(super) fn new(clock: Clock) -> Self {
        let behind = match clock {
            Clock::Ticks => tick(),
            Clock::Runtime => Duration::ZERO,
        };
        Self { clock, since: Instant::now(), behind }
    }

    /// The time since some moment; not later than it is.
    pub(super) fn now(&self) -> Duration {
        match self.clock {
            Clock::Ticks => last_tick(),
            Clock::Runtime => self.since.elapsed(),
        }
    }

    /// How long ago it was so late; not less than it is.
    pub(super) fn since(&self, moment: Duration) -> Duration {
        (self.now() + self.behind).saturating_sub(moment)
    }
}

/// When the kernel's clock last ticked, since some moment.
#[cfg(target_os = "linux")]
#[must_use]
pub fn last_tick() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::MonotonicCoarse)).unwrap_or_default()
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
pub fn last_tick() -> Duration {
    static SOME_MOMENT: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    SOME_MOMENT.elapsed()
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
        for _ in 0..50 {
            let (moment, tick) = (std::time::Instant::now(), clock.now());
            std::thread::sleep(Duration::from_micros(700));
            let least = moment.elapsed();
            let told = clock.since(tick);
            assert!(told >= least, "{told:?}, and it was {least:?}");
        }
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
