//! Around every gRPC call: counts it, times it, and refuses it when too many are in flight.

use super::{
    metrics::Metrics,
    places::{Placed, Places},
};
use http::{Request, Response, StatusCode};
use std::{sync::Arc, time::Instant};
use tonic::{Code, Status, body::Body};

/// What the calls of one face share: their counts and their allowance.
#[derive(Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    places: Places,
}

impl Calls {
    /// Lets so many calls be in flight at once, and so many streams be open that their callers may keep open for ever.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, calls_in_flight: usize, open_streams: usize) -> Self {
        Self { metrics, places: Places::new(calls_in_flight, open_streams) }
    }

    /// Lets a call be answered, if there is a place for it.
    pub async fn around<F: Future<Output = Response<Body>>>(
        &self,
        request: Request<Body>,
        answer: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Placed> {
        let path = request.uri().path();
        let mut timer = Timer::start(&self.metrics, path);
        let Some(place) = self.places.take(path) else {
            let status = Status::resource_exhausted("too many calls in flight; try again later");
            let response = status.into_http();
            timer.end(&response);
            return response.map(Placed::without);
        };
        let response = answer(request).await;
        timer.end(&response);
        response.map(|body| place.leave_with(body))
    }
}

/// The code of a response. A unary error says it in the headers; otherwise the call went well as far as it is known. What is
/// no gRPC call is told so in HTTP's words, for which gRPC has but one.
fn code(response: &Response<Body>) -> Code {
    match response.headers().get("grpc-status") {
        Some(code) => Code::from_bytes(code.as_bytes()),
        None if response.status() == StatusCode::OK => Code::Ok,
        None => Code::Unknown,
    }
}

/// Counts a call when it ends. One that is dropped before was cancelled by its caller, which is no success.
struct Timer<'a> {
    metrics: &'a Metrics,
    method: usize,
    started: Instant,
    code: Code,
}

impl<'a> Timer<'a> {
    fn start(metrics: &'a Metrics, path: &str) -> Self {
        metrics.calls.begin();
        Self { metrics, method: metrics.method(path), started: Instant::now(), code: Code::Cancelled }
    }

    fn end(&mut self, response: &Response<Body>) {
        self.code = code(response);
        if self.code != Code::Ok {
            self.metrics.rejections.note(self.code, response.headers());
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.metrics.calls.end(self.method, self.code, self.started.elapsed());
    }
}
