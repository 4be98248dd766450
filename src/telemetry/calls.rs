//! Around every gRPC call: counts it, times it, and refuses it when too many are in flight.

use super::{
    answers::{Answer, Taking},
    intake::Intake,
    metrics::Metrics,
    places::{Place, Places},
};
use http::{Request, Response};
use http_body::Body as HttpBody;
use std::{error::Error, sync::Arc, time::Instant};
use tonic::{Code, Status, body::Body, codegen::Bytes};

/// What the calls of one face share: their counts and their allowance.
#[derive(Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    places: Places,
}

impl Calls {
    /// Lets so many calls be in flight at once, and so many streams be open that their callers may keep open for ever.
    /// Messages of at most so many bytes, 16 of them at a time, have room; many more short ones do.
    #[must_use]
    pub fn new(
        metrics: Arc<Metrics>,
        calls_in_flight: usize,
        open_streams: usize,
        longest_message: usize,
    ) -> Self {
        Self { metrics, places: Places::new(calls_in_flight, open_streams, longest_message) }
    }

    /// Lets a call be answered, if there is a place for it, and room for what it says and is told.
    pub async fn around<B, F>(
        &self,
        request: Request<B>,
        taking: &Taking,
        answer: impl FnOnce(Request<Body>) -> F,
    ) -> Response<Answer>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        F: Future<Output = Response<Body>>,
    {
        let path = request.uri().path();
        let mut timer = Timer::start(&self.metrics, path);
        let Some(place) = self.places.take(path) else {
            let refused = Status::resource_exhausted("too many calls in flight; try again later");
            return refuse(refused, &mut timer, taking);
        };
        let coming_in = place.clone();
        let response = answer(request.map(|body| Body::new(Intake::new(body, coming_in)))).await;
        finish(response, place, &mut timer, taking)
    }
}

/// Ends a call with its answer, if there is room for that.
fn finish(response: Response<Body>, place: Place, timer: &mut Timer, taking: &Taking) -> Response<Answer> {
    let code = code(&response);
    let (head, body) = response.into_parts();
    match Answer::new(body, place, taking.clone()) {
        Ok(answer) => {
            timer.end(code);
            Response::from_parts(head, answer)
        }
        Err(refused) => refuse(refused, timer, taking),
    }
}

fn refuse(status: Status, timer: &mut Timer, taking: &Taking) -> Response<Answer> {
    timer.end(status.code());
    status.into_http().map(|body| Answer::refusal(body, taking.clone()))
}

/// The code of a response. A unary error says it in the headers; otherwise the call went well as far as it is known.
fn code(response: &Response<Body>) -> Code {
    response.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
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

    const fn end(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.metrics.calls.end(self.method, self.code, self.started.elapsed());
    }
}
