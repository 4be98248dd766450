//! Between protobuf and domain values, both ways. Whatever is refused here names its field.

pub mod answer;
pub(super) mod batch;
pub(super) mod freshness;
pub(super) mod operation;
pub mod question;

use crate::rbac::text::TextError;

/// What is wrong with a request, in the order in which it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A field is malformed or missing.
    Malformed,
    /// No such action.
    UnknownAction,
    /// No such operation.
    UnknownOperation,
    /// The action or operation belongs to another level than the resource.
    WrongLevel,
}

impl Fault {
    /// The fault's stable name, as in `google.rpc.ErrorInfo.reason`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "MALFORMED",
            Self::UnknownAction => "UNKNOWN_ACTION",
            Self::UnknownOperation => "UNKNOWN_OPERATION",
            Self::WrongLevel => "WRONG_LEVEL",
        }
    }
}

/// A request that cannot be turned into a question or an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    pub(super) fault: Fault,
    pub(super) field: String,
    pub(super) problem: String,
}

impl BadField {
    /// A field that is malformed or missing.
    pub fn malformed(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { fault: Fault::Malformed, field: field.into(), problem: problem.into() }
    }
}

/// Validates a text field.
pub fn text<T>(
    field: &str,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<T, BadField> {
    parse(value).map_err(|error| BadField::malformed(field, error.to_string()))
}

/// Validates a text field that may be absent; present but empty is malformed.
pub fn maybe_text<T>(
    field: &str,
    value: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<Option<T>, BadField> {
    value.map(|value| text(field, value, parse)).transpose()
}

/// Quotes what a caller sent, cut to a length that cannot flood a log.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 80;
    let shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().count() > MOST { format!("`{shown}...`") } else { format!("`{shown}`") }
}
