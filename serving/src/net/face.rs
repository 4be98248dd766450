//! What is served on a listener for gRPC: one of our services, and beside it health and reflection.

use super::connection::Activity;
use crate::{
    grpc::{
        authorization::Authorization, edge::Edge, front::Front,
        served::authorization_service_server::AuthorizationServiceServer,
    },
    telemetry::{
        answers::{Answer, Content},
        calls::{Admitted, Calls},
        intake::Intake,
    },
};
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use tonic::{body::Body, server::NamedService, service::Routes};
use tower::Service;

/// A service of ours.
pub trait Ours: Send + Sync + 'static {
    /// Its name in the protocol.
    const NAME: &'static str;

    /// Answers a call.
    fn answer(&self, request: Box<Request<Arriving>>) -> impl Future<Output = Response<Content>> + Send;
}

/// The body of a request as it comes in.
pub type Arriving = Intake<Incoming>;

impl Ours for Front {
    const NAME: &'static str = <AuthorizationServiceServer<Authorization> as NamedService>::NAME;

    async fn answer(&self, request: Box<Request<Arriving>>) -> Response<Content> {
        Self::answer(self, request).await
    }
}

/// What a service of the stack answers with.
pub fn made(answered: Result<Response<Body>, Infallible>) -> Response<Content> {
    answered.unwrap_or_else(|never| match never {}).map(Content::Made)
}

/// A face, to be shown on any number of connections.
pub struct Face<S> {
    /// What counts the calls and bounds them.
    pub calls: Calls,
    /// What every call passes first.
    pub edge: Edge,
    /// Makes the service for a connection. Each has its own: a counter that all cores write to at every call is dear.
    pub ours: Box<dyn Fn() -> S + Send + Sync>,
    /// The other services.
    pub others: Routes,
}

/// A face on one connection.
pub(super) struct Shown<S> {
    calls: Calls,
    edge: Edge,
    /// What the paths of our service's methods begin with.
    prefix: String,
    ours: S,
    others: Routes,
    activity: Activity,
}

impl<S: Ours> Face<S> {
    /// The face for a connection.
    pub(super) fn on(&self, activity: Activity) -> Shown<S> {
        Shown {
            calls: self.calls.on_connection(),
            edge: self.edge.clone(),
            prefix: format!("/{}/", S::NAME),
            ours: (self.ours)(),
            others: self.others.clone(),
            activity,
        }
    }
}

impl<S: Ours> Shown<S> {
    /// Lets a call in, or refuses it at once.
    pub(super) fn admit(
        &self,
        request: Request<Incoming>,
    ) -> Result<Admitted<Incoming>, Box<Response<Answer>>> {
        self.activity.call_begins();
        self.calls.admit(request, self.activity.taking())
    }

    /// Answers a call.
    pub(super) async fn answer(&self, call: Admitted<Incoming>) -> Response<Answer> {
        let answer = |request| self.edge.answer(request, |request| self.serve(request));
        // Counted first, so that what the edge refuses counts as well.
        self.calls.around(call, self.activity.taking(), answer).await
    }

    /// Nearly all calls are for our own service: they need not be looked for among the others.
    async fn serve(&self, request: Box<Request<Arriving>>) -> Response<Content> {
        if request.uri().path().starts_with(&self.prefix) {
            self.activity.guest().asks();
            return self.ours.answer(request).await;
        }
        made(Box::pin(self.others.clone().call(request.map(Body::new))).await)
    }
}
