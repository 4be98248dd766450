//! `authorization: Bearer ...`: API keys of administrators, and the key that remote callers must show.

use super::status::with_reason;
use crate::store::auth::ApiKey;
use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tonic::{Code, Status};

/// The shortest key that callers of the authorization service may be asked for, in characters.
pub const SHORTEST_CALLER_KEY: usize = 32;

/// What follows one of these schemes in the one authorization header.
pub(crate) fn shown<'h>(headers: &'h HeaderMap, schemes: &[&str]) -> Option<&'h str> {
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

pub(super) fn unauthenticated(message: &str) -> Status {
    with_reason(Code::Unauthenticated, "UNAUTHENTICATED", message)
}

/// Lets calls pass that show one of the configured keys; without any configured, all pass.
#[derive(Clone, Default)]
pub struct CallerGate {
    /// Only hashes are kept: keys of any length compare in constant time, and none can leak.
    hashes: Arc<[[u8; 32]]>,
}

impl CallerGate {
    /// A gate for these keys.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self { hashes: keys.into_iter().map(|key| Sha256::digest(key.as_bytes()).into()).collect() }
    }

    /// Whether all pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.hashes.is_empty()
    }

    fn admits(&self, key: &str) -> bool {
        let shown: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        self.hashes.iter().fold(false, |admitted, hash| admitted | bool::from(hash.ct_eq(&shown)))
    }

    /// Which of the keys the call shows, from 1; `None` if all pass without.
    pub(super) fn place_of_key(&self, headers: &HeaderMap) -> Option<usize> {
        let shown: [u8; 32] = Sha256::digest(bearer(headers).filter(|_| !self.is_open())?.as_bytes()).into();
        self.hashes.iter().position(|hash| bool::from(hash.ct_eq(&shown))).map(|place| place + 1)
    }

    /// Lets a call with these headers pass, or says what it lacks.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Status> {
        if self.is_open() || bearer(headers).is_some_and(|key| self.admits(key)) {
            return Ok(());
        }
        Err(unauthenticated("this server asks its callers for a key"))
    }
}
