//! Bodies, segments of paths and queries, read in one way, with faults in JSON.

use super::{Api, failure::Failure};
use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(15);

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
        let bytes = whole(request, api.body_bytes).await?;
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Failure::malformed("body", "must be an object"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.classify() {
            Category::Data => Failure::malformed("body", error),
            _ => Failure::new(StatusCode::BAD_REQUEST, "UNREADABLE", format!("the body is no JSON: {error}")),
        })
    }
}

/// The bytes of a body, which must come in one go: whoever lets them dribble in holds a connection.
async fn whole(request: Request, most: usize) -> Result<Bytes, Failure> {
    let late = |_| Failure::new(StatusCode::REQUEST_TIMEOUT, "TOO_SLOW", "the body did not come in time");
    let body = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), most)).await.map_err(late)?;
    body.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            let most = format!("the body may take {most} bytes at the most");
            return Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", most);
        }
        Failure::new(StatusCode::BAD_REQUEST, "UNREADABLE", "the body could not be read to its end")
    })
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
