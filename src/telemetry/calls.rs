//! A tower layer around every gRPC call: counts it, times it, and refuses it when too many are in flight.

use super::{
    metrics::{CallLabels, Metrics},
    places::Places,
};
use http::{Request, Response};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

/// Makes [`Calls`] services that share their counts and their allowance.
#[derive(Clone)]
pub struct CallLayer {
    metrics: Arc<Metrics>,
    places: Places,
}

impl CallLayer {
    /// A layer that lets so many calls be in flight at once, and so many streams be open that their callers may keep
    /// open for ever.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, calls_in_flight: usize, open_streams: usize) -> Self {
        Self { metrics, places: Places::new(calls_in_flight, open_streams) }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, layer: self.clone() }
    }
}

/// A service whose calls are counted, timed and bounded.
#[derive(Clone)]
pub struct Calls<S> {
    inner: S,
    layer: CallLayer,
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Send,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let mut timer = Timer::start(Arc::clone(&self.layer.metrics), path);
        let Some(place) = self.layer.places.take(path) else {
            timer.end(Code::ResourceExhausted);
            let status = Status::resource_exhausted("too many calls in flight; try again later");
            return Box::pin(async move { Ok(status.into_http()) });
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            timer.end(code(&response));
            Ok(place.leave_with(response))
        })
    }
}

/// The code of a response. A unary error says it in the headers; otherwise the call went well as far as it is known.
fn code(response: &Response<Body>) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

/// Counts a call when it ends. One that is dropped before was cancelled by its caller, which is no success.
struct Timer {
    metrics: Arc<Metrics>,
    method: &'static str,
    started: Instant,
    code: Code,
}

impl Timer {
    fn start(metrics: Arc<Metrics>, path: &str) -> Self {
        let method = metrics.known_method(path);
        metrics.calls_in_flight.inc();
        Self { metrics, method, started: Instant::now(), code: Code::Cancelled }
    }

    const fn end(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.metrics.calls_in_flight.dec();
        let labels = CallLabels { method: self.method, code: format!("{:?}", self.code) };
        self.metrics.calls.get_or_create(&labels).inc();
        self.metrics.call_seconds.get_or_create(&labels).observe(self.started.elapsed().as_secs_f64());
    }
}
