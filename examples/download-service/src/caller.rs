//! Who asks, as the platform's gateway says.

use crate::errors::Refusal;
use axum::{extract::FromRequestParts, http::request::Parts};

/// Set by the gateway once it knows who the user is, and stripped by it from what comes in.
const USER: &str = "x-user";
/// Handed on by services that have just changed permissions.
const TOKEN: &str = "x-revision-token";

/// Whoever wants files.
pub(crate) struct Caller {
    /// The user's id.
    pub(crate) user: String,
    /// A revision that the decision must contain.
    pub(crate) token: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let user = only(parts, USER)?.ok_or(Refusal::NoUser)?;
        Ok(Self { user, token: only(parts, TOKEN)? })
    }
}

/// The header's one value. Which of two would be meant is not for us to guess.
fn only(parts: &Parts, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = parts.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) if !text.is_empty() => Ok(Some(text.to_owned())),
            _ => Err(Refusal::NoUser),
        },
        _ => Err(Refusal::NoUser),
    }
}
