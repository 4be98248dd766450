//! A tower layer at the edge: what is no gRPC call is told so in HTTP's words, every call gets its deadline,
//! administrators show their keys before anything else of their calls is taken in, and what the stack beneath us says of
//! a request that it cannot read is said in our words, without the insides of messages.

use super::{
    bearer,
    deadline::Deadline,
    status::{of_store, with_reason},
};
use crate::{
    engine::{Engine, error::EngineError},
    store::auth::Actor,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use std::{
    convert::identity,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

/// The calls that take an API key.
const ADMINISTRATION: &str = "/rolegate.v1.RoleAdminService/";

/// Makes [`Edge`] services.
#[derive(Clone)]
pub struct EdgeLayer {
    /// The longest that a call may take to begin its answer; a caller's shorter deadline wins.
    pub time: Duration,
    /// The same for the calls that take an API key.
    pub time_with_key: Duration,
    /// Who knows the keys of administrators, where they are served: their service takes no call that has not been here.
    pub keys: Option<Engine>,
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { inner, layer: self.clone() }
    }
}

/// A service that only gRPC calls reach, with their deadlines.
#[derive(Clone)]
pub struct Edge<S> {
    inner: S,
    layer: EdgeLayer,
}

impl<S> Service<Request<Body>> for Edge<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(refused) = refuse(&request) {
            return Box::pin(async move { Ok(refused) });
        }
        // Counted from here, so that a message that dribbles in cannot hold its place for longer.
        let takes_key = request.uri().path().starts_with(ADMINISTRATION);
        let time = if takes_key { self.layer.time_with_key } else { self.layer.time };
        let deadline = Deadline::of(request.headers(), time);
        request.extensions_mut().insert(deadline);
        // The service that is ready is this one; its clone need not be.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let keys = self.layer.keys.clone();
        Box::pin(async move {
            let answer = async {
                if let Some(keys) = keys.filter(|_| takes_key) {
                    // Without a key nobody holds a place for longer than it takes to look the key up.
                    match admit(&keys, request.headers()).await {
                        Ok(actor) => request.extensions_mut().insert(actor),
                        Err(refused) => return Ok(refused.into_http()),
                    };
                }
                inner.call(request).await
            };
            let answer = tokio::time::timeout_at(deadline.end, answer).await;
            let late = |_| Ok(Status::from(EngineError::Deadline).into_http());
            answer.map_or_else(late, identity).map(in_our_words)
        })
    }
}

async fn admit(keys: &Engine, headers: &HeaderMap) -> Result<Actor, Status> {
    let key = bearer::api_key(headers)?;
    keys.authenticate(&key).await.map_err(of_store)
}

/// What HTTP says to a request that is no gRPC call.
fn refuse(request: &Request<Body>) -> Option<Response<Body>> {
    let mut response = Response::new(Body::empty());
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
fn in_our_words(response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    let Some(code) = headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes())) else {
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
