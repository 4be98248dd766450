//! Whether an answer is the expected one.

use crate::{
    contract::{BatchCheckAnswer, BatchCheckResponse, CheckResponse, batch_check_outcome::Outcome},
    peers::cerbos,
};
use prost::Message;

/// A decision and its reason, by their numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) decision: u8,
    pub(crate) reason: u8,
}

impl Verdict {
    pub(crate) const fn is_allow(self) -> bool {
        self.decision == 1
    }
}

pub(crate) enum Expected {
    /// rolegate's answer to one question.
    Check(Verdict),
    /// rolegate's answers to a batch.
    Batch(Vec<Verdict>),
    /// The no-op server says yes, to this many questions if it is a batch.
    Yes,
    Yeses(usize),
    /// Cerbos's answers: whether each is an allow.
    Cerbos(Vec<bool>),
    /// These very bytes.
    Exactly(&'static [u8]),
}

const YES: Verdict = Verdict { decision: 1, reason: 1 };

impl Expected {
    pub(crate) fn is(&self, message: &[u8]) -> bool {
        match self {
            Self::Check(verdict) => is_check(message, *verdict),
            Self::Yes => is_check(message, YES),
            Self::Batch(verdicts) => is_batch(message, verdicts.iter().copied(), verdicts.len()),
            Self::Yeses(count) => is_batch(message, std::iter::repeat_n(YES, *count), *count),
            Self::Cerbos(allowed) => cerbos::answers(message, allowed),
            Self::Exactly(bytes) => message == *bytes,
        }
    }
}

/// Looks at the two fields that come first; what is written otherwise is decoded.
fn is_check(message: &[u8], expected: Verdict) -> bool {
    if message.len() > 40 && message.starts_with(&[0x08, expected.decision, 0x10, expected.reason]) {
        return true;
    }
    CheckResponse::decode(message).is_ok_and(|answer| {
        answer.decision == i32::from(expected.decision) && answer.reason == i32::from(expected.reason)
    })
}

fn is_batch(message: &[u8], expected: impl Iterator<Item = Verdict> + Clone, count: usize) -> bool {
    walk(message, expected.clone()).unwrap_or_else(|| decode(message, expected, count))
}

/// Steps from outcome to outcome by the lengths that stand in front of them: a thousand answers are to be checked for
/// less than they cost to make. `None` when anything is not where it usually is.
fn walk(message: &[u8], expected: impl Iterator<Item = Verdict>) -> Option<bool> {
    let mut rest = message;
    for verdict in expected {
        let ([0x0a, outcome], after) = rest.split_first_chunk()? else { return None };
        let answer = after.get(..usize::from(*outcome))?;
        let ([0x0a, length, 0x08, decision, 0x10, reason], _) = answer.split_first_chunk()? else {
            return None;
        };
        if outcome & 0x80 != 0 || usize::from(*length) + 2 != answer.len() {
            return None;
        }
        if (*decision, *reason) != (verdict.decision, verdict.reason) {
            return Some(false);
        }
        rest = &after[answer.len()..];
    }
    // No further outcome, but the token.
    (rest.first() == Some(&0x12)).then_some(true)
}

fn decode(message: &[u8], expected: impl Iterator<Item = Verdict>, count: usize) -> bool {
    let Ok(answer) = BatchCheckResponse::decode(message) else { return false };
    let is = |(outcome, verdict): (Option<Outcome>, Verdict)| {
        let Some(Outcome::Answer(BatchCheckAnswer { decision, reason, .. })) = outcome else { return false };
        decision == i32::from(verdict.decision) && reason == i32::from(verdict.reason)
    };
    answer.outcomes.len() == count && answer.outcomes.into_iter().map(|one| one.outcome).zip(expected).all(is)
}
