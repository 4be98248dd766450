//! The service of questions as callers meet it. Single questions and batches are nearly all that is asked: they are read and
//! answered here, without what the stack has for everything that a gRPC call can be besides. All else is left to it.

use super::{
    authorization::Authorization,
    batch::Unread,
    proto::CheckRequest,
    served::authorization_service_server::{AuthorizationService as _, AuthorizationServiceServer},
    whole,
};
use crate::telemetry::answers::Content;
use http::{HeaderName, Request, Response};
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
    pub async fn answer<B>(&self, mut request: Box<Request<B>>) -> Response<Content>
    where
        B: HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static,
    {
        let is_batch = request.uri().path() == BATCH_CHECK;
        if !is_batch && request.uri().path() != CHECK || request.headers().contains_key(&GRPC_ENCODING) {
            return Box::pin(self.as_usual(*request)).await;
        }
        // Boxed, here and below: what single questions do not need must not make each one's state larger to move about.
        let answered = match whole::message(request.body_mut(), self.longest_message).await {
            Ok(message) if is_batch => Box::pin(self.batch_check(request, message)).await,
            Ok(message) => match self.service.at_sight(&message, request.extensions()) {
                Some(reply) => reply.map(|reply| whole::answer(&reply)),
                None => Box::pin(self.check(request, message)).await,
            },
            Err(begun) => return Box::pin(self.as_usual(request.map(|rest| begun.before(rest)))).await,
        };
        answered.unwrap_or_else(Status::into_http)
    }

    async fn batch_check<B>(
        &self,
        request: Box<Request<B>>,
        message: Bytes,
    ) -> Result<Response<Content>, Status> {
        let request = with(*request, Unread::of(message)?);
        Ok(whole::answer_of(alone(self.service.batch_check(request).await?).framed()))
    }

    async fn check<B>(&self, request: Box<Request<B>>, message: Bytes) -> Result<Response<Content>, Status> {
        let asked = CheckRequest::decode(message).map_err(|error| Status::internal(error.to_string()))?;
        Ok(whole::answer(&alone(self.service.check(with(*request, asked)).await?)))
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

/// The request with this for its message. Its body goes, and what that holds with it: there is no more to come.
fn with<B, T>(request: Request<B>, message: T) -> tonic::Request<T> {
    tonic::Request::from_http(request.map(|_| message))
}

/// The reply, which is all that is sent.
fn alone<T>(response: tonic::Response<T>) -> T {
    let (metadata, reply, extensions) = response.into_parts();
    debug_assert!(metadata.is_empty() && extensions.is_empty(), "a reply is all that is sent");
    reply
}
