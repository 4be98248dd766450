//! `authorization: Bearer ...`: API keys of administrators, and the key that remote callers must show.

use super::status::with_reason;
use crate::store::auth::ApiKey;
use arc_swap::ArcSwap;
use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tonic::{Code, Status};

/// The shortest key that callers of the authorization service may be asked for, in characters.
pub const SHORTEST_CALLER_KEY: usize = 32;

/// What follows one of these schemes in the one authorization header.
pub fn shown<'h>(headers: &'h HeaderMap, schemes: &[&str]) -> Option<&'h str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Two headers could mean two different callers to two different readers.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(token)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    shown(headers, &["bearer"])
}

/// The administrator's key of a request.
pub(super) fn api_key(headers: &HeaderMap) -> Result<ApiKey, Status> {
    bearer(headers).and_then(ApiKey::parse).ok_or_else(|| unauthenticated("a valid API key is needed"))
}

/// Whoever calls has not shown a key that is good for it.
pub fn unauthenticated(message: &str) -> Status {
    with_reason(Code::Unauthenticated, "UNAUTHENTICATED", message)
}

/// The keys that callers may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerKeys {
    /// Only hashes are kept: keys of any length compare in constant time, and none can leak.
    // INVARIANT: there is one at least, or a file that was emptied would be taken for a server that asks for no key.
    hashes: Box<[[u8; 32]]>,
}

impl CallerKeys {
    /// Reads keys, one a line; `None` if there is none, or one that could be guessed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let keys = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let hashes: Box<[_]> = keys().map(|key| Sha256::digest(key.as_bytes()).into()).collect();
        let is_good = !hashes.is_empty() && keys().all(|key| key.len() >= SHORTEST_CALLER_KEY);
        is_good.then_some(Self { hashes })
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.hashes.len()
    }

    /// Which of them this is.
    fn place_of(&self, key: &str) -> Option<CallerKeyPlace> {
        let shown: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let places = self.hashes.iter().zip(1..);
        // All are looked at, whichever it is.
        places.fold(None, |found, (hash, place)| {
            if bool::from(hash.ct_eq(&shown)) { found.or(Some(CallerKeyPlace(place))) } else { found }
        })
    }
}

/// Which of the keys a call has shown, from 1. It goes with the call, since the keys may be others by the time it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallerKeyPlace(pub(super) usize);

/// Lets calls pass that show one of the keys in use; where none is asked for, all pass. Clones share what is in use, so that
/// a key that is taken away is refused from the next call on, whatever connection it comes by.
#[derive(Clone, Default)]
pub struct CallerGate(Option<Arc<ArcSwap<CallerKeys>>>);

impl CallerGate {
    /// A gate for these keys.
    #[must_use]
    pub fn new(keys: CallerKeys) -> Self {
        Self(Some(Arc::new(ArcSwap::from_pointee(keys))))
    }

    /// Whether all pass. A gate that asks for keys does so for ever, whichever they are.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Whether these keys are those in use.
    pub fn uses(&self, keys: &CallerKeys) -> bool {
        self.0.as_ref().is_some_and(|used| **used.load() == *keys)
    }

    /// Takes these in the place of those in use.
    pub fn take_up(&self, keys: CallerKeys) {
        if let Some(used) = &self.0 {
            used.store(Arc::new(keys));
        }
    }

    /// Lets a call with these headers pass, with the place of its key if it needs one, or says what it lacks.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Option<CallerKeyPlace>, Status> {
        let Some(keys) = &self.0 else { return Ok(None) };
        match bearer(headers).and_then(|key| keys.load().place_of(key)) {
            Some(place) => Ok(Some(place)),
            None => Err(unauthenticated("this server asks its callers for a key")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const OLD: &str = "an-old-key-of-more-than-thirty-two-characters";
    const NEW: &str = "a-new-key-of-more-than-thirty-two-characters";

    fn place(gate: &CallerGate, key: &str) -> Option<usize> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {key}")).unwrap());
        gate.admit(&headers).ok()?.map(|place| place.0)
    }

    #[test]
    fn what_holds_no_key_or_a_short_one_is_no_set_of_keys() {
        for text in ["", "\n \n", "short", &format!("{OLD}\nshort\n"), &"k".repeat(31)] {
            assert_eq!(CallerKeys::parse(text), None, "{text:?}");
        }
        assert_eq!(CallerKeys::parse(&format!("\n  {OLD} \r\n\n{NEW}")).map(|keys| keys.count()), Some(2));
    }

    #[test]
    fn keys_are_known_by_their_place_and_only_while_they_are_in_use() {
        let keys = |text: &str| CallerKeys::parse(text).unwrap();
        let gate = CallerGate::new(keys(OLD));
        let shared = gate.clone();
        assert_eq!((place(&shared, OLD), place(&shared, NEW)), (Some(1), None));
        gate.take_up(keys(&format!("{NEW}\n{OLD}")));
        assert_eq!((place(&shared, OLD), place(&shared, NEW)), (Some(2), Some(1)));
        gate.take_up(keys(NEW));
        assert_eq!((place(&shared, OLD), place(&shared, NEW)), (None, Some(1)));
        assert!(!shared.is_open() && shared.admit(&HeaderMap::new()).is_err());
    }
}
