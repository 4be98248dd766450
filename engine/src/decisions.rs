//! Counts of what questions came to.

use super::{answer::Answer, apart::Apart, error::EngineError};
use rolegate_rbac::decide::Reason;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Every reason of a decision, then every reason why there was none, and why one that was reached was not told.
const OUTCOMES: usize = Reason::ALL.len() + EngineError::KINDS.len() + Untold::ALL.len();

/// Why callers were not told of decisions that were reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// It could not be written to the decision log.
    NotLogged,
    /// The reply would have been too large.
    TooLarge,
}

impl Untold {
    /// All of them, in their order.
    pub const ALL: [Self; 2] = [Self::NotLogged, Self::TooLarge];
}

/// How many questions came to what.
#[derive(Debug, Default)]
pub struct Decisions(Apart<[AtomicU64; OUTCOMES]>);

impl Decisions {
    /// How many questions were decided for this reason.
    #[must_use]
    pub fn decided(&self, reason: Reason) -> u64 {
        self.sum(reason as usize)
    }

    /// How many questions were not decided because of an error of this kind.
    #[must_use]
    pub fn undecided(&self, kind: &EngineError) -> u64 {
        self.sum(place_of(kind))
    }

    /// Of how many questions the decision was not told for this reason.
    #[must_use]
    pub fn untold(&self, why: Untold) -> u64 {
        self.sum(place_untold(why))
    }

    fn sum(&self, place: usize) -> u64 {
        self.0.all().filter_map(|counts| counts.get(place)).map(|count| count.load(Relaxed)).sum()
    }

    /// One question came to this.
    pub fn count(&self, answered: Result<&Answer, &EngineError>) {
        self.add(place(answered), 1);
    }

    /// Many questions came to these.
    pub fn count_all(&self, answers: &[Result<Answer, EngineError>]) {
        let mut counts = [0_u64; OUTCOMES];
        for answer in answers {
            if let Some(count) = counts.get_mut(place(answer.as_ref())) {
                *count += 1;
            }
        }
        for (place, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            self.add(place, count);
        }
    }

    /// So many questions could not be decided, all for one cause.
    pub(super) fn count_failed(&self, questions: usize, error: &EngineError) {
        self.add(place_of(error), questions as u64);
    }

    /// So many questions were decided, and nobody was told.
    pub fn count_untold(&self, questions: usize, why: Untold) {
        self.add(place_untold(why), questions as u64);
    }

    fn add(&self, place: usize, more: u64) {
        let here = self.0.here();
        if let Some(count) = here.counts.get(place) {
            here.add(count, more);
        }
    }
}

fn place(answered: Result<&Answer, &EngineError>) -> usize {
    match answered {
        Ok(answer) => answer.decision.reason() as usize,
        Err(error) => place_of(error),
    }
}

const fn place_untold(why: Untold) -> usize {
    Reason::ALL.len() + EngineError::KINDS.len() + why as usize
}

const fn place_of(error: &EngineError) -> usize {
    Reason::ALL.len()
        + match error {
            EngineError::NotReady => 0,
            EngineError::Stale { .. } => 1,
            EngineError::Behind { .. } => 2,
            EngineError::OtherEpoch => 3,
            EngineError::StoreUnavailable => 4,
            EngineError::TooManyUnknown => 5,
            EngineError::Deadline => 6,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let decided = Reason::ALL.into_iter().map(|reason| reason as usize);
        let untold = Untold::ALL.into_iter().map(place_untold);
        let places: Vec<_> = decided.chain(EngineError::KINDS.iter().map(place_of)).chain(untold).collect();
        assert_eq!(places, (0..OUTCOMES).collect::<Vec<_>>());
    }

    #[test]
    fn what_threads_count_apart_is_told_together() {
        let decisions = Decisions::default();
        std::thread::scope(|threads| {
            for _ in 0..20 {
                threads.spawn(|| decisions.count_failed(3, &EngineError::OtherEpoch));
                threads.spawn(|| decisions.count(Err(&EngineError::Deadline)));
                threads.spawn(|| {
                    decisions.count_all(&[Err(EngineError::OtherEpoch), Err(EngineError::NotReady)])
                });
            }
        });
        let [not_ready, _, _, other_epoch, .., deadline] =
            EngineError::KINDS.map(|kind| decisions.undecided(&kind));
        assert_eq!((not_ready, other_epoch, deadline), (20, 80, 20));
    }
}
