//! What is told to those who get no file.

use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why nothing is given out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody said who the user is.
    NoUser,
    /// The request cannot be meant.
    BadRequest(&'static str),
    /// A policy "no", with its reason.
    Denied(&'static str),
    /// No decision was reached. Never a reason to give anything out.
    NoDecision,
    /// Told to those alone who may have what is there.
    NotFound,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, problem) = match self {
            Self::NoUser => (StatusCode::UNAUTHORIZED, "who the user is, is not known"),
            Self::BadRequest(problem) => (StatusCode::BAD_REQUEST, problem),
            Self::Denied(reason) => (StatusCode::FORBIDDEN, reason),
            Self::NoDecision => (StatusCode::SERVICE_UNAVAILABLE, "not decided; try again"),
            Self::NotFound => (StatusCode::NOT_FOUND, "no such file"),
        };
        let mut response = (status, Json(json!({ "error": problem }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, 1.into());
        }
        response
    }
}
