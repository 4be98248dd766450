//! Refusals and failures in HTTP's words. What is refused, and why, is found elsewhere; here it gets a status.

use crate::{
    grpc,
    platform::model::{self, Detail},
    rbac::text::TextError,
    store::error::Error,
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tonic_types::StatusExt as _;
use utoipa::IntoResponses;

/// Why a request comes to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    reason: String,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        Self { status, reason: reason.to_owned(), message: message.into() }
    }

    /// A field or a parameter that cannot be read.
    pub(super) fn malformed(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "MALFORMED", format!("{field}: {problem}"))
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "a valid API key is needed")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let said = grpc::of_store(error);
        let reason = said.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        let status = match reason.as_str() {
            "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
            "NOT_PERMITTED" | "BUILT_IN_ROLE" => StatusCode::FORBIDDEN,
            "NOT_FOUND" => StatusCode::NOT_FOUND,
            "EXISTS" | "LABEL_TAKEN" | "REVISION_MISMATCH" | "ROLE_IN_USE" | "LAST_SITE_ADMIN"
            | "TOO_MANY_KEYS" | "GROUP_HAS_PROJECTS" => StatusCode::CONFLICT,
            "MALFORMED" | "ROLE_FAULTS" | "NOT_OFFERED" => StatusCode::UNPROCESSABLE_ENTITY,
            "STORE_UNAVAILABLE" | "OUTCOME_UNKNOWN" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, reason, message: said.message().to_owned() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, reason, message } = self;
        let body = model::Failure { message, status_code: status.as_u16(), detail: Detail { reason } };
        (status, Json(body)).into_response()
    }
}

/// Reads an id or a label.
pub(super) fn text<T>(
    field: &str,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<T, Failure> {
    parse(value).map_err(|error| Failure::malformed(field, error))
}

/// What any request may come to.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the statuses of a description, never made")]
pub(super) enum Refusals {
    /// The request is not what HTTP or JSON takes it to be
    #[response(status = 400)]
    Unreadable(model::Failure),
    /// There is no key, or none that holds
    #[response(status = 401)]
    Unauthenticated(model::Failure),
    /// The key's user may not do that, or nobody may
    #[response(status = 403)]
    Forbidden(model::Failure),
    /// There is no such thing
    #[response(status = 404)]
    NotFound(model::Failure),
    /// The body did not come in time
    #[response(status = 408)]
    TooSlow(model::Failure),
    /// What there is stands in the way
    #[response(status = 409)]
    Conflict(model::Failure),
    /// The body is too large
    #[response(status = 413)]
    TooLarge(model::Failure),
    /// The body is not announced as JSON
    #[response(status = 415)]
    NotJson(model::Failure),
    /// A value is not what it must be
    #[response(status = 422)]
    Malformed(model::Failure),
    /// The role store cannot be reached, or too much is going on
    #[response(status = 503)]
    Unavailable(model::Failure),
}
