//! Short marks of ids, to find them by: equal ids have equal marks, and others seldom do.

use std::hash::{BuildHasherDefault, Hasher};

/// Maps by ids that come from the store alone. Callers choose none of them, so nothing needs to be kept from them here.
pub(super) type ByMark = BuildHasherDefault<Marker>;

/// An odd number without a pattern: multiplying by it spreads every bit upwards.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The mark of a text.
pub(super) fn of(text: &str) -> u32 {
    let mut marker = Marker::default();
    marker.write(text.as_bytes());
    // The upper half is the better mixed one.
    (marker.finish() >> 32) as u32
}

/// Mixes eight bytes at a time.
#[derive(Default)]
pub(super) struct Marker(u64);

impl Marker {
    const fn mix(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(SPREAD);
        self.0 = mixed ^ (mixed >> 29);
    }
}

impl Hasher for Marker {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.mix(u64::from_le_bytes(last) ^ bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(SPREAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_that_are_alike_have_marks_that_are_not() {
        let ids =
            (0..20_000).map(|n| format!("{n:024x}")).chain((0..20_000).map(|n| format!("u{n}@x.example")));
        let marks: HashSet<_> = ids.map(|id| of(&id)).collect();
        // Of so many random marks, less than one in expectation would be equal to another.
        assert!(marks.len() >= 39_990, "{}", marks.len());
    }

    #[test]
    fn length_counts() {
        assert_ne!(of("a"), of("a\0"));
        assert_ne!(of("12345678"), of("12345678\0"));
    }
}
