//! Sets of project actions, 128 bits wide.

use super::action::Action;
use std::{fmt, ops};

/// A set of current project actions.
///
/// The default is the empty set, which allows nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ActionMask(u128);

impl ActionMask {
    /// How many bits a mask has.
    pub const BITS: u32 = u128::BITS;
    /// No action at all.
    pub const EMPTY: Self = Self(0);

    /// The set of these actions.
    #[must_use]
    pub fn of(actions: &[Action]) -> Self {
        actions.iter().copied().collect()
    }

    /// The set of this one.
    #[must_use]
    pub const fn only(action: Action) -> Self {
        Self(1 << action.bit())
    }

    /// Every current action.
    #[must_use]
    pub fn all() -> Self {
        Self::of(&Action::ALL)
    }

    /// Whether the set holds the action.
    #[must_use]
    pub const fn contains(self, action: Action) -> bool {
        self.0 & (1 << action.bit()) != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The actions in the set, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            left &= left.checked_sub(1)?;
            Action::of_bit(bit)
        })
    }

    /// The mask as callers get it: bit n is bit n % 8 of byte n / 8.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

impl FromIterator<Action> for ActionMask {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        Self(actions.into_iter().fold(0, |bits, action| bits | 1 << action.bit()))
    }
}

impl ops::BitOr for ActionMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl ops::BitOrAssign for ActionMask {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for ActionMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Action::name)).finish()
    }
}
