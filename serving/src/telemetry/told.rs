//! What goes on and on, or can be brought about as often as strangers like, is told in the log once in a while.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// When something was last told.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Option<Instant>>);

impl Told {
    /// Whether it is time to tell of it again: then the caller does.
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= TELL_EVERY);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    /// It is over: whether it had been told of. If it begins again, that is told at once.
    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}
