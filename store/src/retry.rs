//! Trying again: how long to wait before the next attempt, and how often to say what is wrong.

use std::{fmt, time::Duration};
use tokio::time::Instant;

/// How often a trouble that goes on is told anew.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// Pauses between attempts: each about twice as long as the one before, up to a limit.
#[derive(Debug)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl BackOff {
    /// Pauses from one length to another.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause: at random between half of its length and all of it, so that many servers that lost one store do
    /// not come back to it in step.
    pub fn pause(&mut self) -> Duration {
        let most = self.next;
        self.next = (most * 2).min(self.longest);
        let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        most.mul_f64(0.5 + part / 2.0)
    }

    /// An attempt went well: the next pause is the first again.
    pub const fn start_over(&mut self) {
        self.next = self.first;
    }
}

/// A trouble that may last: worth saying when it begins, when it changes, once in a while, and when it is over, yet not
/// at every attempt.
#[derive(Debug, Default)]
pub struct Trouble {
    since: Option<Instant>,
    said: Option<(Instant, String)>,
}

impl Trouble {
    /// An attempt failed: what is to be said of it, if anything.
    pub fn goes_on(&mut self, error: &impl fmt::Display) -> Option<&str> {
        let (now, text) = (Instant::now(), error.to_string());
        self.since.get_or_insert(now);
        let is_known = |(at, said): &(Instant, String)| *said == text && now - *at < REMIND_EVERY;
        if self.said.as_ref().is_some_and(is_known) {
            return None;
        }
        Some(&self.said.insert((now, text)).1)
    }

    /// An attempt went well: how long the trouble lasted, if there was any.
    pub fn is_over(&mut self) -> Option<Duration> {
        self.said = None;
        self.since.take().map(|since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreError;
    use std::collections::BTreeSet;

    #[test]
    fn pauses_grow_to_their_limit_and_differ() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(2));
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            let mut back_off = BackOff::new(first, longest);
            let pause = back_off.pause();
            assert!((first / 2..=first).contains(&pause));
            seen.insert(pause);
            for _ in 0..10 {
                back_off.pause();
            }
            assert!((longest / 2..=longest).contains(&back_off.pause()));
            back_off.start_over();
            assert!(back_off.pause() <= first);
        }
        assert!(seen.len() > 1, "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_is_told_when_it_begins_or_changes_and_then_once_in_a_while() {
        let away = StoreError::Unavailable("away".to_owned());
        let broken = StoreError::Corrupt("broken".to_owned());
        let mut trouble = Trouble::default();
        assert_eq!(trouble.is_over(), None);
        for error in [&away, &broken, &away] {
            assert_eq!(trouble.goes_on(error), Some(error.to_string().as_str()));
            assert_eq!(trouble.goes_on(error), None);
        }
        let mut told = 0;
        for _ in 0..300 {
            tokio::time::advance(Duration::from_secs(1)).await;
            told += u32::from(trouble.goes_on(&away).is_some());
        }
        assert_eq!(told, 5, "once a minute");
        assert!(trouble.is_over().is_some_and(|lasted| lasted >= Duration::from_secs(300)));
        assert!(trouble.goes_on(&away).is_some(), "a new trouble is told");
    }
}
