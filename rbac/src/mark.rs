//! Short marks of ids, to find them by: equal ids have equal marks, and others seldom do.

use std::{
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

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

/// A text with its mark.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'a> {
    text: &'a str,
    mark: u32,
}

impl<'a> Marked<'a> {
    /// The text, with its mark.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self { text, mark: of(text) }
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    pub(super) const fn mark(&self) -> u32 {
        self.mark
    }
}

/// Where in a list of so many a mark is to be expected: marks are spread evenly.
const fn expected(among: usize, mark: u32) -> usize {
    ((mark as u64 * among as u64) >> 32) as usize
}

/// How near a mark is looked for at first to where it is to be expected, in a list that is not long.
const NEAR: usize = 8;

/// The same in a list of so many, twice as far as marks that are spread evenly usually stand from there.
fn near(among: usize) -> usize {
    let root = 1 << among.checked_ilog2().unwrap_or(0).div_ceil(2);
    NEAR.max(root)
}

/// The places nearest to where a mark is to be expected, in a list that is sorted by marks: never more than a few, however long it
/// is. Of some hundred, the mark is mostly among them; of thousands, seldom.
pub(super) fn likely<T>(list: &[T], mark: u32) -> &[T] {
    let among = list.len();
    let around = if among <= 2 * NEAR { 0..among } else { around(among, expected(among, mark), NEAR) };
    list.get(around).unwrap_or_default()
}

/// So many places before a place and after it, as far as there are any.
fn around(among: usize, place: usize, near: usize) -> Range<usize> {
    place.saturating_sub(near)..place.saturating_add(near).min(among)
}

/// The place of the first in a list, which is sorted by marks, whose mark is not less than this one.
///
/// It is looked for around where it is to be expected: the longer the list, the less of it is looked at. Should marks not be
/// spread evenly, it takes no more looks than a few times those that halving takes.
pub(super) fn first<T>(list: &[T], mark: u32, of: impl Fn(&T) -> u32) -> usize {
    let is_less = |held: &T| of(held) < mark;
    // Without a choice on the way, which would be guessed wrongly half of the time; a look for overflow would be one.
    let add = |less: usize, held: &T| less.wrapping_add(usize::from(is_less(held)));
    let count = |around: &[T]| around.iter().fold(0, add);
    if list.len() <= 2 * NEAR {
        return count(list);
    }
    let expected = expected(list.len(), mark);
    let mut near = near(list.len());
    loop {
        let Range { start, end } = around(list.len(), expected, near);
        let around = list.get(start..end).unwrap_or_default();
        let begins_before = start == 0 || around.first().is_some_and(is_less);
        let ends_after = end == list.len() || around.last().is_some_and(|held| !is_less(held));
        if begins_before && ends_after {
            return start + if near == NEAR { count(around) } else { around.partition_point(is_less) };
        }
        near *= 4;
    }
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
                    assert_eq!(first(&marks, mark, |held| *held), expected, "{mark} among {marks:?}");
                }
            }
        }
    }

    #[test]
    fn where_a_mark_is_likely_to_be_are_a_few_places_that_mostly_have_it() {
        let of = |number: u32| of(&number.to_string());
        for length in [0, 1, 7, 16, 17, 50, 100, 100_000] {
            let mut marks: Vec<_> = (0..length).map(of).collect();
            marks.sort_unstable();
            let found = marks.iter().filter(|mark| {
                let likely = likely(&marks, **mark);
                assert!(likely.len() <= 2 * NEAR && (!likely.is_empty()), "{} of {length}", likely.len());
                likely.contains(mark)
            });
            let found = found.count();
            assert!(length > 100 || found * 10 >= marks.len() * 8, "{found} of {length}");
        }
        assert!(likely::<u32>(&[], 5).is_empty());
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
