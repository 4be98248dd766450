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

/// How near a mark is looked for at first to where it is to be expected, in a list.
const NEAR: usize = 8;

/// The place of the first of these sorted marks that is not less than this one.
///
/// Marks are spread evenly, so that one tells where about it stands: the longer the list, the less of it is looked at. Should
/// they not be, it takes no more looks than twice those that halving takes.
pub(super) fn first(marks: &[u32], mark: u32) -> usize {
    let expected = ((u64::from(mark) * marks.len() as u64) >> 32) as usize;
    let (before, after) = marks.split_at_checked(expected).unwrap_or((marks, &[]));
    if after.first().is_some_and(|held| *held < mark) {
        let (mut skipped, mut near) = (0, NEAR);
        while after.get(skipped + near).is_some_and(|held| *held < mark) {
            (skipped, near) = (skipped + near, near * 2);
        }
        let within = after.get(skipped..).unwrap_or_default();
        let within = within.get(..near).unwrap_or(within);
        return expected + skipped + within.partition_point(|held| *held < mark);
    }
    let (mut end, mut near) = (before.len(), NEAR);
    while let Some(start) = end.checked_sub(near)
        && before.get(start).is_some_and(|held| *held >= mark)
    {
        (end, near) = (start, near * 2);
    }
    let start = end.saturating_sub(near);
    start + before.get(start..end).unwrap_or_default().partition_point(|held| *held < mark)
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
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        // Whatever is left over is among the last eight, some of which may be mixed in for the second time.
        let last = match bytes.last_chunk() {
            Some(last) => u64::from_le_bytes(*last),
            None => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.mix(last ^ bytes.len() as u64);
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
    fn the_first_that_is_not_less_is_where_halving_finds_it() {
        for length in 0..300_u32 {
            // Evenly spread ones, as marks of texts are; and such as stand where nobody expects them.
            let spread: fn(u32) -> u32 = |n| of(&n.to_string());
            let lists: [fn(u32) -> u32; 4] =
                [spread, |n| n / 3, |n| u32::MAX - n, |n| of(&n.to_string()) >> 20];
            for list in lists {
                let mut marks: Vec<_> = (0..length).map(list).collect();
                marks.sort_unstable();
                let around = |mark: &u32| [mark.wrapping_sub(1), *mark, mark.wrapping_add(1)];
                for mark in marks.iter().flat_map(around).chain([0, 1 << 31, u32::MAX]) {
                    let expected = marks.partition_point(|held| *held < mark);
                    assert_eq!(first(&marks, mark), expected, "{mark} among {marks:?}");
                }
            }
        }
    }

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
