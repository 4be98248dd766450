//! Chance that falls the same in every run.

const SEED: u64 = 0x726f_6c65_6761_7465;
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: short, good enough to draw with, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same in every run.
    pub const fn new() -> Self {
        Self(SEED)
    }

    /// A number below a bound, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(STEP);
        // The product's upper half is as even as the bound allows, without a division.
        let product = u128::from(scramble(self.0)) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// All numbers below a bound, in random order.
    pub fn order(&mut self, bound: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..bound).collect();
        for at in (1..bound).rev() {
            order.swap(at, self.below(at + 1));
        }
        order
    }
}

/// Mixes a number's bits: neighbours come out far apart.
pub const fn scramble(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
