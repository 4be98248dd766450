//! What the answer to a question came to, for whoever records the call: without whom it was about, or what.

use super::convert::answer::reason_name;
use crate::{
    engine::{answer::Answer, error::EngineError},
    store::revision::Token,
};
use http::Extensions;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A place for a note, which travels with a request. Without one, nobody wants to know.
#[derive(Clone, Debug)]
pub struct Notes {
    place: Arc<OnceLock<Note>>,
    trace_id: [u8; 16],
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    /// What kind of answer it is.
    pub came: Came,
    /// The revision of the store that it is at least as new as.
    pub revision: u64,
    /// How long before the store's head was last confirmed.
    pub age: Duration,
}

/// The kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// To one question.
    Decided {
        /// Whether it was an allow.
        allowed: bool,
        /// Why, as replies name it.
        reason: &'static str,
    },
    /// To many questions; malformed ones are not among them.
    Batch {
        /// How many were allowed.
        allowed: u64,
        /// How many were denied.
        denied: u64,
        /// How many came to no decision.
        undecided: u64,
    },
    /// A list of what a user may do.
    Listed,
}

impl Notes {
    /// A place for a note on a call that is recorded in this trace.
    #[must_use]
    pub fn of_trace(trace_id: [u8; 16]) -> Self {
        Self { place: Arc::default(), trace_id }
    }

    /// The trace that the call is recorded in.
    #[must_use]
    pub const fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// What has been noted, if anything.
    #[must_use]
    pub fn read(&self) -> Option<Note> {
        self.place.get().copied()
    }
}

/// Notes what an answer came to that the caller is told, by which state of the store, if anyone wants to know.
pub(super) fn note(extensions: &Extensions, (token, age): (Token, Duration), came: impl FnOnce() -> Came) {
    if let Some(Notes { place, .. }) = extensions.get() {
        // A call is answered once; of more notes the first stands.
        let _ = place.set(Note { came: came(), revision: token.revision, age });
    }
}

/// What one question came to.
pub(super) fn decided(answer: &Answer) -> Came {
    Came::Decided { allowed: answer.decision.is_allowed(), reason: reason_name(answer.decision.reason()) }
}

/// What the questions of a batch came to.
pub(super) fn batch(answers: &[Result<Answer, EngineError>]) -> Came {
    let count = |is_one: fn(&Result<Answer, EngineError>) -> bool| {
        answers.iter().filter(|answer| is_one(answer)).count() as u64
    };
    Came::Batch {
        allowed: count(|answer| answer.as_ref().is_ok_and(|answer| answer.decision.is_allowed())),
        denied: count(|answer| answer.as_ref().is_ok_and(|answer| !answer.decision.is_allowed())),
        undecided: count(Result::is_err),
    }
}
