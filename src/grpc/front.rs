//! The service of questions as callers meet it. Single questions and batches are nearly all that is asked: they are read and
//! answered here, without what the stack has for everything that a gRPC call can be besides. All else is left to it.

use super::{
    authorization::Authorization,
    batch::{Parts, Unread},
    proto::CheckRequest,
    served::authorization_service_server::{AuthorizationService as _, AuthorizationServiceServer},
    whole::{self, Resumed},
};
use crate::telemetry::answers::Content;
use http::{HeaderName, Request, Response, request::Parts as Head};
use http_body::Body as HttpBody;
use prost::Message as _;
use std::{error::Error, sync::Arc};
use tonic::{Status, codegen::Bytes};
use tower::Service as _;

const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";
const BATCH_CHECK: &str = "/rolegate.v1.AuthorizationService/BatchCheck";
/// Where a caller says how it compresses its messages, if it does.
static GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// The service of questions.
#[derive(Clone)]
pub struct Front {
    service: Arc<Authorization>,
    /// The same as the stack serves it.
    usual: AuthorizationServiceServer<Authorization>,
    longest_message: usize,
}

impl Front {
    /// The service, for messages of at most so many bytes.
    #[must_use]
    pub fn new(service: Authorization, longest_message: usize) -> Self {
        let service = Arc::new(service);
        let usual = AuthorizationServiceServer::from_arc(Arc::clone(&service));
        Self { service, usual: usual.max_decoding_message_size(longest_message), longest_message }
    }

    /// Answers a call.
    pub async fn answer<B>(&self, request: Box<Request<B>>) -> Response<Content>
    where
        B: HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static,
    {
        let is_batch = request.uri().path() == BATCH_CHECK;
        if !is_batch && request.uri().path() != CHECK || request.headers().contains_key(&GRPC_ENCODING) {
            return Box::pin(self.as_usual(*request)).await;
        }
        let (head, body) = request.into_parts();
        let answered = match whole::message(body, self.longest_message).await {
            Ok(message) if is_batch => Box::pin(self.batch_check(head, message)).await,
            Ok(message) => self.check(head, message).await,
            Err(resumed) => return self.resume(head, resumed).await,
        };
        answered.unwrap_or_else(Status::into_http)
    }

    async fn batch_check(&self, head: Head, message: Bytes) -> Result<Response<Content>, Status> {
        let request = tonic::Request::from_http(Request::from_parts(head, Unread::of(message)?));
        Ok(whole::answer_of(alone(self.service.batch_check(request).await?).framed()))
    }

    async fn check(&self, head: Head, message: Bytes) -> Result<Response<Content>, Status> {
        if let Some(question) = self.plain(&message) {
            let reply = self.service.answer_plain(question, &head.headers, &head.extensions).await?;
            return Ok(whole::answer(&reply));
        }
        let asked = CheckRequest::decode(message).map_err(|error| Status::internal(error.to_string()))?;
        let request = tonic::Request::from_http(Request::from_parts(head, asked));
        Ok(whole::answer(&alone(self.service.check(request).await?)))
    }

    /// The question, if it can be answered without anything else that may come with one.
    fn plain<'a>(&self, message: &'a [u8]) -> Option<Parts<'a>> {
        if self.service.logs_decisions() {
            return None;
        }
        // What questions of a batch say has the same numbers there.
        Parts::read(message).filter(Parts::is_complete)
    }

    async fn resume<B>(&self, head: Head, body: Resumed<B>) -> Response<Content>
    where
        B: HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static,
    {
        Box::pin(self.as_usual(Request::from_parts(head, body))).await
    }

    async fn as_usual<B>(&self, request: Request<B>) -> Response<Content>
    where
        B: HttpBody<Data: Send> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        let Ok(response) = self.usual.clone().call(request).await;
        response.map(Content::Made)
    }
}

/// The reply, which is all that is sent.
fn alone<T>(response: tonic::Response<T>) -> T {
    let (metadata, reply, extensions) = response.into_parts();
    debug_assert!(metadata.is_empty() && extensions.is_empty(), "a reply is all that is sent");
    reply
}
