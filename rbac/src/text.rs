//! Ids, labels and names from outside, validated once at the edge.
//!
//! Comparison is by exact bytes: no case folding, no Unicode normalisation.

use arcstr::ArcStr;
use std::{borrow::Borrow, fmt};

/// The longest text accepted, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 256;

/// Why a text from outside is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// Nothing there; a field that is present but empty is malformed, not absent.
    Empty,
    /// Longer than [`MAX_TEXT_BYTES`]; carries the length found.
    TooLong(usize),
    /// Holds a control character (Unicode category Cc).
    ControlCharacter,
    /// Starts or ends with white space (Unicode White_Space).
    SurroundingWhiteSpace,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong(found) => write!(f, "is {found} bytes long, and {MAX_TEXT_BYTES} is the most"),
            Self::ControlCharacter => f.write_str("must not hold control characters"),
            Self::SurroundingWhiteSpace => f.write_str("must not start or end with white space"),
        }
    }
}

impl std::error::Error for TextError {}

/// Checks a text from outside against the one rule that all ids, labels and names follow.
fn validate(text: &str) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(TextError::TooLong(text.len()));
    }
    // Most texts are of visible ASCII letters alone: all of them at once are soon told.
    if text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic()) {
        return Ok(());
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    if text.trim().len() != text.len() {
        return Err(TextError::SurroundingWhiteSpace);
    }
    Ok(())
}

/// Whether the text could be an id, a label or a name.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    validate(text).is_ok()
}

macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Cheap to clone. Holds only valid text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ArcStr);

        impl $name {
            /// Validates a text from outside.
            ///
            /// # Errors
            /// Says which part of the rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                validate(text)?;
                Ok(Self(ArcStr::from(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// How many share this copy of the text: memory is theirs together.
            #[must_use]
            pub fn holders(&self) -> usize {
                ArcStr::strong_count(&self.0).unwrap_or(1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_types! {
    /// A user's id, an e-mail address by custom.
    UserId;
    /// A group's id, short and chosen by its maker.
    GroupId;
    /// A project's id, opaque.
    ProjectId;
    /// A project role's id, opaque.
    RoleId;
    /// A gear's name.
    GearName;
    /// What a group, project, role or key is called by people.
    Label;
}

/// A number of things: one has another name than many.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_256_bytes_is_accepted_and_of_257_is_not() {
        assert!(UserId::parse(&"a".repeat(256)).is_ok());
        assert_eq!(UserId::parse(&"a".repeat(257)), Err(TextError::TooLong(257)));
        assert_eq!(UserId::parse(&"é".repeat(129)), Err(TextError::TooLong(258)));
    }

    #[test]
    fn empty_text_is_refused() {
        assert_eq!(Label::parse(""), Err(TextError::Empty));
    }

    #[test]
    fn control_characters_are_refused_wherever_they_stand() {
        for text in ["a\0b", "\na", "a\u{7f}", "a\u{85}b", "\t"] {
            assert_eq!(Label::parse(text), Err(TextError::ControlCharacter), "{text:?}");
        }
    }

    #[test]
    fn surrounding_unicode_white_space_is_refused_and_inner_kept() {
        for text in [" a", "a ", "\u{a0}a", "a\u{3000}", " "] {
            assert_eq!(Label::parse(text), Err(TextError::SurroundingWhiteSpace), "{text:?}");
        }
        assert!(Label::parse("a b").is_ok());
        assert!(Label::parse("\u{200b}a").is_ok(), "a zero-width space is not White_Space");
    }

    #[test]
    fn comparison_is_by_bytes_without_normalisation() {
        assert_ne!(Label::parse("\u{e9}"), Label::parse("e\u{301}"));
        assert_ne!(Label::parse("A"), Label::parse("a"));
    }
}
