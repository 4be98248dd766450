//! Epochs that were left behind, should one of them come back.

use rolegate_store::revision::{Epoch, Head};
use std::collections::VecDeque;

/// How many epochs are remembered. Each costs a restore, a fail-over or the like.
const MOST: usize = 1_000;

/// How far each epoch was seen that is not followed any more.
///
/// The same backup may be put back twice: the first time its history is seen to have gone back, and the epoch is renewed.
/// The second time that renewal is undone too, and only whoever remembers the first epoch can tell.
#[derive(Debug, Default)]
pub(super) struct LeftEpochs(VecDeque<Head>);

impl LeftEpochs {
    /// How far this epoch was seen when it was left.
    pub(super) fn furthest(&self, epoch: Epoch) -> Option<Head> {
        self.0.iter().find(|head| head.epoch == epoch).copied()
    }

    /// An epoch is left.
    pub(super) fn leave(&mut self, head: Head) {
        self.0.retain(|left| left.epoch != head.epoch);
        self.0.push_back(head);
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_departures_are_remembered() {
        let epoch = |revision: u64| Epoch::parse(&format!("{revision:032x}")).unwrap();
        let head = |revision| Head { epoch: epoch(revision), revision, stamp: 0 };
        let (first, mut left) = (head(MOST as u64), LeftEpochs::default());
        left.leave(first);
        let again = Head { stamp: 9, ..first };
        left.leave(again);
        assert_eq!(left.furthest(first.epoch), Some(again));
        let others: Vec<_> = (0..MOST as u64).map(head).collect();
        others.iter().for_each(|other| left.leave(*other));
        assert_eq!(left.furthest(first.epoch), None);
        assert!(others.iter().all(|other| left.furthest(other.epoch) == Some(*other)));
    }
}
