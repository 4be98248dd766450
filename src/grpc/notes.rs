//! What the answer to a question came to, for whoever records the call: without whom it was about, or what.

use super::convert::answer::reason_name;
use crate::engine::{
    answer::{Answer, Stamped},
    error::EngineError,
};
use http::Extensions;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A place for a note, which travels with a request. Without one, nobody wants to know.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<OnceLock<Note>>);

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
    /// What has been noted, if anything.
    #[must_use]
    pub fn read(&self) -> Option<Note> {
        self.0.get().copied()
    }
}

/// Notes what an answer came to, if anyone wants to know.
pub(super) fn note<T>(extensions: &Extensions, answered: &Stamped<T>, came: impl FnOnce(&T) -> Came) {
    if let Some(Notes(place)) = extensions.get() {
        // A call is answered once; of more notes the first stands.
        let _ = place.set(Note {
            came: came(&answered.value),
            revision: answered.token.revision,
            age: answered.age,
        });
    }
}

/// What one question came to.
pub(super) fn decided(answer: &Answer) -> Came {
    Came::Decided { allowed: answer.decision.is_allowed(), reason: reason_name(answer.decision.reason()) }
}

/// What the questions of a batch came to.
#[expect(clippy::ptr_arg, reason = "it is what a batch is answered with")]
pub(super) fn batch(answers: &Vec<Result<Answer, EngineError>>) -> Came {
    let count = |is_one: fn(&Result<Answer, EngineError>) -> bool| {
        answers.iter().filter(|answer| is_one(answer)).count() as u64
    };
    Came::Batch {
        allowed: count(|answer| answer.as_ref().is_ok_and(|answer| answer.decision.is_allowed())),
        denied: count(|answer| answer.as_ref().is_ok_and(|answer| !answer.decision.is_allowed())),
        undecided: count(Result::is_err),
    }
}
