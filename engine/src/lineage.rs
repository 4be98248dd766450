//! Which history a cache was filled from.
//!
//! Loads may read the store further ahead than the view is. Where that history is lost before the view gets there (files
//! put back from a copy, a server that came back without its last writes) and another one takes its revisions, nothing of
//! what was loaded holds: revisions alone would not tell. Every revision bears a random stamp, so the stamps of what loads
//! have seen are compared with those of what the view moves along.

use super::error::EngineError;
use rolegate_store::{change::Change, revision::Head};
use std::collections::BTreeMap;

/// How many revisions behind the view are remembered, and how many ahead of it: loads do not take longer.
const MOST: usize = 4_096;

/// The stamps of revisions, as far as they are known.
#[derive(Debug)]
pub(super) struct Lineage {
    /// Where the view is.
    applied: u64,
    stamps: BTreeMap<u64, i64>,
}

/// The history is another than the one that was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forked;

impl Lineage {
    /// The history of a cache whose first view is here.
    pub(super) fn since(head: Head) -> Self {
        Self { applied: head.revision, stamps: BTreeMap::from([(head.revision, head.stamp)]) }
    }

    /// A load has read the store here.
    ///
    /// # Errors
    /// That is another history than the one known, or too far from where the view is to tell: what was read is of no use.
    pub(super) fn saw(&mut self, head: Head) -> Result<(), EngineError> {
        match self.stamps.get(&head.revision) {
            Some(stamp) if *stamp == head.stamp => return Ok(()),
            None if head.revision > self.applied && self.stamps.len() < 2 * MOST => {}
            _ => return Err(EngineError::StoreUnavailable),
        }
        self.stamps.insert(head.revision, head.stamp);
        Ok(())
    }

    /// The view is about to move along these changes.
    ///
    /// # Errors
    /// Something was loaded from another history: the cache is of no use any more.
    pub(super) fn apply(&mut self, changes: &[Change]) -> Result<(), Forked> {
        let is_other =
            |change: &Change| self.stamps.get(&change.revision).is_some_and(|seen| *seen != change.stamp);
        if changes.iter().any(is_other) {
            return Err(Forked);
        }
        self.stamps.extend(changes.iter().map(|change| (change.revision, change.stamp)));
        self.applied = changes.last().map_or(self.applied, |change| change.revision);
        let oldest = self.applied.saturating_sub(MOST as u64);
        self.stamps = self.stamps.split_off(&oldest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolegate_store::revision::Epoch;

    fn head(revision: u64, stamp: i64) -> Head {
        Head { epoch: Epoch::parse(&"07".repeat(16)).unwrap(), revision, stamp }
    }

    fn change(revision: u64, stamp: i64) -> Change {
        Change { revision, stamp, subjects: Vec::new() }
    }

    #[test]
    fn a_history_that_goes_on_as_it_was_seen_is_one() {
        let mut lineage = Lineage::since(head(5, 50));
        for seen in [head(5, 50), head(7, 70), head(7, 70), head(6, 60)] {
            assert_eq!(lineage.saw(seen), Ok(()));
        }
        assert_eq!(lineage.apply(&[change(6, 60), change(7, 70), change(8, 80)]), Ok(()));
        assert_eq!(lineage.saw(head(7, 70)), Ok(()));
    }

    #[test]
    fn what_was_seen_ahead_and_came_otherwise_is_a_fork() {
        let mut lineage = Lineage::since(head(5, 50));
        assert_eq!(lineage.saw(head(6, 61)), Ok(()));
        assert_eq!(lineage.apply(&[change(6, 60)]), Err(Forked));
        assert_eq!(lineage.apply(&[change(6, 60)]), Err(Forked), "and remains one");
    }

    #[test]
    fn a_load_that_comes_late_with_another_history_is_refused() {
        let mut lineage = Lineage::since(head(5, 50));
        assert_eq!(lineage.apply(&[change(6, 60)]), Ok(()));
        assert!(lineage.saw(head(6, 61)).is_err());
        assert!(lineage.saw(head(4, 40)).is_err(), "nobody can tell any more");
    }

    #[test]
    fn memory_is_bounded() {
        let mut lineage = Lineage::since(head(0, 0));
        let saw = (1..100_000).filter(|n| lineage.saw(head(*n, 1)).is_ok()).count();
        assert!(saw <= 2 * MOST);
        let mut lineage = Lineage::since(head(0, 0));
        (1..100_000).for_each(|n| assert_eq!(lineage.apply(&[change(n, 1)]), Ok(())));
        assert!(lineage.stamps.len() <= 2 * MOST);
    }
}
