//! W3C Trace Context: which trace a call belongs to, and whether that is recorded.

use http::HeaderMap;
use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
};

/// The longest list of what other systems say of a trace that is handed on.
const LONGEST_STATE: usize = 512;
/// The bit of the flags that says that the caller records the trace.
const SAMPLED: u8 = 1;

/// What a caller says of the trace that its call belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) flags: u8,
}

impl Parent {
    /// Reads `traceparent`. What cannot be read is no parent, as the recommendation wants.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let mut parts = value.to_str().ok()?.split('-');
        let [version] = hex(parts.next()?)?;
        let parent = Self {
            trace_id: hex(parts.next()?)?,
            span_id: hex(parts.next()?)?,
            flags: hex::<1>(parts.next()?)?[0],
        };
        // Later versions may say more behind it; this one does not, and 255 is none.
        let ends = parts.next().is_none();
        let is_good = version != 255 && (ends || version != 0);
        (is_good && parent.trace_id != [0; 16] && parent.span_id != [0; 8]).then_some(parent)
    }

    pub(super) const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// Reads `tracestate`, which travels with the trace and means nothing here.
pub(super) fn state(headers: &HeaderMap) -> String {
    let values: Option<Vec<_>> =
        headers.get_all("tracestate").iter().map(|value| value.to_str().ok()).collect();
    let state = values.unwrap_or_default().join(",");
    if state.len() > LONGEST_STATE { String::new() } else { state }
}

/// Reads bytes that are written as two small hexadecimal digits each.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// A number that does not come again soon. It tells traces apart, and keeps no secret.
fn random() -> u64 {
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0)));
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    // The output of splitmix64.
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

pub(super) fn new_trace_id() -> [u8; 16] {
    // Of all ids, zero alone is none.
    (u128::from(random()) << 64 | u128::from(random())).max(1).to_be_bytes()
}

pub(super) fn new_span_id() -> [u8; 8] {
    random().max(1).to_be_bytes()
}

/// Which share of traces is recorded. It goes by their ids, so that all who take the same share take the same traces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio(u64);

impl Ratio {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^63, saturating")]
    pub(super) fn new(ratio: f64) -> Self {
        Self((ratio * 2_f64.powi(63)) as u64)
    }

    pub(super) fn takes(self, trace_id: &[u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g, h] = *trace_id;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1 < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&'static str]) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", HeaderValue::from_static(value));
        }
        Parent::read(&headers)
    }

    #[test]
    fn what_callers_say_of_a_trace_is_read() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = read(&[good]).unwrap();
        assert_eq!(parent.trace_id, 0x0af7651916cd43dd8448eb211c80319c_u128.to_be_bytes());
        assert_eq!(parent.span_id, 0xb7ad6b7169203331_u64.to_be_bytes());
        assert!(parent.is_sampled());
        let unsampled = read(&["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"]);
        assert!(unsampled.is_some_and(|parent| !parent.is_sampled()));
        let later = read(&["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-what-the-future-holds"]);
        assert!(later.is_some_and(|parent| parent.is_sampled()));
        assert_eq!(read(&[good, good]), None);
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }

    #[test]
    fn a_share_of_traces_is_what_it_says() {
        let taken = |ratio| (0..10_000).filter(|_| Ratio::new(ratio).takes(&new_trace_id())).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        assert!((2_000..3_000).contains(&taken(0.25)));
        assert_ne!(new_span_id(), new_span_id());
    }
}
