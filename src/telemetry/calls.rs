//! Around every gRPC call: counts it, times it, and refuses it when too many are in flight.

use super::{
    metrics::Metrics,
    places::{Placed, Places},
    traces::{Recording, Tracer},
};
use http::{Request, Response, StatusCode};
use std::{sync::Arc, time::Instant};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

/// What the calls of one face share: their counts and their allowance.
#[derive(Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    places: Places,
    tracer: Option<Tracer>,
}

impl Calls {
    /// Lets so many calls be in flight at once, and so many streams be open that their callers may keep open for ever.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, calls_in_flight: usize, open_streams: usize) -> Self {
        Self { metrics, places: Places::new(calls_in_flight, open_streams), tracer: None }
    }

    /// Records calls as well, if there is where to.
    #[must_use]
    pub fn traced(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// Lets a call be answered, if there is a place for it.
    pub async fn around<F: Future<Output = Response<Body>>>(
        &self,
        mut request: Request<Body>,
        answer: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Placed> {
        let mut timer = Timer::start(&self.metrics, request.uri().path());
        if let Some(tracer) = &self.tracer {
            timer.record(tracer, &mut request);
        }
        let Some(place) = self.places.take(request.uri().path()) else {
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
    /// Boxed: without traces, a call is not to be larger for them.
    recording: Option<Box<Recording>>,
}

impl<'a> Timer<'a> {
    fn start(metrics: &'a Metrics, path: &str) -> Self {
        metrics.calls.begin();
        let method = metrics.method(path);
        Self { metrics, method, started: Instant::now(), code: Code::Cancelled, recording: None }
    }

    /// Records the call, if it is to be.
    fn record(&mut self, tracer: &Tracer, request: &mut Request<Body>) {
        if let Some((recording, notes)) = tracer.grpc(request.headers(), self.metrics.name(self.method)) {
            request.extensions_mut().insert(notes);
            self.recording = Some(Box::new(recording));
        }
    }

    fn end(&mut self, response: &Response<Body>) {
        self.code = code(response);
        if self.code != Code::Ok {
            self.metrics.rejections.note(self.code, response.headers());
        }
        if let Some(recording) = &mut self.recording {
            let status = Status::from_header_map(response.headers());
            let details = status.and_then(|status| status.get_details_error_info());
            recording.ended(self.code, details.map(|details| details.reason));
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.metrics.calls.end(self.method, self.code, self.started.elapsed());
    }
}
