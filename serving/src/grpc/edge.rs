//! The edge of every gRPC call: what is no gRPC call is told so in HTTP's words, every call gets its deadline,
//! callers and administrators show their keys before anything else of their calls is taken in, and what the stack beneath us says of
//! a request that it cannot read is said in our words, without the insides of messages.

use super::{
    bearer::{self, CallerGate},
    deadline,
    status::{of_store, undecided, with_reason},
};
use crate::{
    engine::{Engine, error::EngineError},
    store::auth::Actor,
    telemetry::answers::Content,
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use std::{pin::pin, time::Duration};
use tonic::{Code, Status};

/// The calls that take an API key.
const ADMINISTRATION: &str = "/rolegate.v1.RoleAdminService/";
/// The calls that take a caller's key, where callers must show one.
const AUTHORIZATION: &str = "/rolegate.v1.AuthorizationService/";

/// What every call passes before its service takes it in.
#[derive(Clone)]
pub struct Edge {
    /// The longest that a call may take to begin its answer; a caller's shorter deadline wins.
    pub time: Duration,
    /// The same for the calls that take an API key.
    pub time_with_key: Duration,
    /// Who may ask.
    pub callers: CallerGate,
    /// Who knows the keys of administrators, where they are served: their service takes no call that has not been here.
    pub keys: Option<Engine>,
}

impl Edge {
    /// Lets a gRPC call be answered, until its deadline.
    pub async fn answer<B, F: Future<Output = Response<Content>>>(
        &self,
        mut request: Box<Request<B>>,
        next: impl FnOnce(Box<Request<B>>) -> F,
    ) -> Response<Content> {
        if let Some(refused) = refuse(&request) {
            return refused;
        }
        let takes_key = request.uri().path().starts_with(ADMINISTRATION);
        let time = if takes_key { self.time_with_key } else { self.time };
        let limit = deadline::limit(request.headers(), time);
        if limit < deadline::LEAST {
            return undecided(EngineError::Deadline).into_http();
        }
        let mut answer = pin!(async {
            match self.admit(&mut request, takes_key).await {
                Ok(()) => next(request).await,
                Err(refused) => refused.into_http(),
            }
        });
        // Nearly all are there at once: only those that are not are worth a timer. It counts the time that the message takes
        // to come in, so that one that dribbles cannot hold its place for longer.
        if let Some(response) = answer.as_mut().now_or_never() {
            return in_our_words(response);
        }
        match tokio::time::timeout(limit, answer).await {
            Ok(response) => in_our_words(response),
            Err(_) => undecided(EngineError::Deadline).into_http(),
        }
    }

    /// Asks for the key that the call takes. Without it nobody holds a place for longer than it takes to look it up.
    async fn admit<B>(&self, request: &mut Request<B>, takes_key: bool) -> Result<(), Status> {
        if request.uri().path().starts_with(AUTHORIZATION) {
            if let Some(place) = self.callers.admit(request.headers())? {
                request.extensions_mut().insert(place);
            }
            return Ok(());
        }
        if let Some(keys) = self.keys.as_ref().filter(|_| takes_key) {
            let actor = Box::pin(actor(keys, request.headers())).await?;
            request.extensions_mut().insert(actor);
        }
        Ok(())
    }
}

async fn actor(keys: &Engine, headers: &HeaderMap) -> Result<Actor, Status> {
    let key = bearer::api_key(headers)?;
    keys.authenticate(&key).await.map_err(of_store)
}

/// What HTTP says to a request that is no gRPC call.
fn refuse<B>(request: &Request<B>) -> Option<Response<Content>> {
    let mut response = Response::default();
    if request.method() != Method::POST {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    if !is_grpc(request.headers()) {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Some(response);
    }
    None
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let rest = kind.and_then(|kind| kind.strip_prefix("application/grpc"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Every error of ours carries details; an INTERNAL without them is the stack's, about a request that it cannot read.
fn in_our_words(response: Response<Content>) -> Response<Content> {
    let headers = response.headers();
    let Some(code) = headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes())) else {
        return response;
    };
    if headers.contains_key("grpc-status-details-bin") {
        return response;
    }
    let said = Status::from_header_map(headers);
    let said = said.as_ref().map(Status::message).unwrap_or_default();
    match code {
        Code::Internal => {
            tracing::debug!(said, "a request cannot be read");
            with_reason(Code::Internal, "UNREADABLE", "the request cannot be read").into_http()
        }
        // The stack's word for a message over the limit; gRPC's own is another.
        Code::OutOfRange => with_reason(Code::ResourceExhausted, "TOO_LARGE", said).into_http(),
        _ => response,
    }
}
