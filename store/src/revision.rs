//! Where a store stands, and the token that tells callers so.

use super::error::StoreError;
use std::fmt;

/// A random id made with the store; another epoch means that revisions cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// A new random epoch.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// The epoch of these bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex_bytes(text).map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(as_text(&hex_digits::<32>(&self.0)))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digits of some bytes, two each.
fn hex_digits<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut digits = [b'0'; N];
    let (pairs, _) = digits.as_chunks_mut::<2>();
    for ([high, low], byte) in pairs.iter_mut().zip(bytes) {
        (*high, *low) = (hex_digit(byte >> 4), hex_digit(byte & 0xf));
    }
    digits
}

/// Without a choice on the way: so several are made at once.
const fn hex_digit(value: u8) -> u8 {
    const TO_LETTERS: u8 = b'a' - b'0' - 10;
    b'0' + value + TO_LETTERS * (value > 9) as u8
}

/// Digits are ASCII.
fn as_text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

fn hex_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Where a store stands: within one epoch, revision order is commit order, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which history.
    pub epoch: Epoch,
    /// How far.
    pub revision: u64,
    /// Random, made with the revision: the same revision of a history that forked bears another stamp.
    pub stamp: i64,
}

impl Head {
    /// The token for this place in history.
    #[must_use]
    pub const fn token(&self) -> Token {
        Token { epoch: self.epoch, revision: self.revision }
    }

    /// Whether this may be the same history, seen no earlier: false means that it went back, forked or was replaced.
    #[must_use]
    pub fn goes_on_from(&self, earlier: Self) -> bool {
        self.epoch == earlier.epoch && (self.revision > earlier.revision || *self == earlier)
    }
}

/// What callers get and hand back, opaque to them: version, epoch and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Which history.
    pub epoch: Epoch,
    /// How far.
    pub revision: u64,
}

/// The first letters of every token of the only version so far.
const TOKEN_VERSION: &str = "rg1";

impl Token {
    /// Reads a token from outside.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(TOKEN_VERSION)?;
        let (epoch, revision) = body.split_at_checked(32)?;
        let token = Self { epoch: Epoch::parse(epoch)?, revision: u64::from_be_bytes(hex_bytes(revision)?) };
        // One token has one spelling.
        (token.to_string() == text).then_some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every answer carries one: written at once, without the detours of formatting.
        let mut text = [0; TOKEN_VERSION.len() + 48];
        let (version, rest) = text.split_at_mut(TOKEN_VERSION.len());
        version.copy_from_slice(TOKEN_VERSION.as_bytes());
        let (epoch, revision) = rest.split_at_mut(32);
        epoch.copy_from_slice(&hex_digits::<32>(&self.epoch.0));
        revision.copy_from_slice(&hex_digits::<16>(&self.revision.to_be_bytes()));
        f.write_str(as_text(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "rg1000102030405060708090a0b0c0d0e0f00000000000000ff";

    #[test]
    fn a_token_reads_back_as_written() {
        let token = Token::parse(TEXT).map(|token| (token.revision, token.to_string()));
        assert_eq!(token, Some((255, TEXT.to_owned())));
    }

    #[test]
    fn whatever_is_not_exactly_a_token_is_refused() {
        for text in
            ["", "rg1", &TEXT[1..], &TEXT.to_uppercase(), &format!("{TEXT}0"), &TEXT.replace("rg1", "rg2")]
        {
            assert_eq!(Token::parse(text), None, "{text}");
        }
        assert_eq!(Token::parse(&TEXT.replace("00ff", "+0ff")), None);
        assert_eq!(Token::parse("rg1é00102030405060708090a0b0c0d0e0f00000000000000f"), None);
    }
}
