//! Bodies, segments of paths and queries, read in one way, with faults in JSON.

use super::{Api, failure::Failure};
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A body of JSON.
///
/// A key that stands twice is refused where it is read, and so is what is nested too deeply: another reader may take it
/// for something else.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        if !is_json(&request) {
            let say = "announce the body as `Content-Type: application/json`";
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "NOT_JSON", say));
        }
        let bytes = to_bytes(request.into_body(), api.body_bytes).await.map_err(|error| {
            // What is not over the limit was cut off.
            tracing::debug!(%error, "a body cannot be read");
            let most = format!("the body could not be read whole: it may take {} bytes", api.body_bytes);
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", most)
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            Category::Data => Failure::malformed("body", error),
            _ => Failure::new(StatusCode::BAD_REQUEST, "UNREADABLE", format!("the body is no JSON: {error}")),
        })
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// What stands in a path, segment by segment, each decoded after the path was cut.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Segments<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        match Path::from_request_parts(parts, api).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(error) => Err(Failure::new(StatusCode::BAD_REQUEST, "UNREADABLE", error.body_text())),
        }
    }
}

/// What stands in a query; names that are not asked for are let pass.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Failure::malformed("query", error.body_text())),
        }
    }
}
