//! Small seeded randomness: the same seed, the same test.

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Seeded from `ROLEGATE_TEST_SEED`, or the same every time. The seed is printed, which a failing test shows.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("ROLEGATE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(0x5eed);
        #[expect(clippy::print_stderr, reason = "a failing test must tell its seed")]
        {
            eprintln!("ROLEGATE_TEST_SEED={seed}");
        }
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }
}
