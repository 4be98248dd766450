//! Around every gRPC call: counts it, times it, and refuses it when too many are in flight.

use super::{
    answers::{Answer, Content, Taking},
    intake::Intake,
    metrics::Metrics,
    places::{Place, Places},
    traces::{Recording, Tracer},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use std::{
    error::Error,
    pin::{Pin, pin},
    sync::Arc,
    time::Instant,
};
use tonic::{Code, Status, body::Body, codegen::Bytes};
use tonic_types::StatusExt as _;

/// What the calls of one face share: their counts and their allowance.
#[derive(Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    places: Places,
    tracer: Option<Tracer>,
}

impl Calls {
    /// Lets so many calls be in flight at once, and so many watches of the health be open, which their callers may keep
    /// open for ever. Messages of at most so many bytes, 16 of them at a time, have room; many more short ones do.
    #[must_use]
    pub fn new(
        metrics: Arc<Metrics>,
        calls_in_flight: usize,
        open_watches: usize,
        longest_message: usize,
    ) -> Self {
        let places = Places::new(calls_in_flight, open_watches, longest_message);
        Self { metrics, places, tracer: None }
    }

    /// Records calls as well, if there is where to.
    #[must_use]
    pub fn traced(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// The same for one connection, of whose calls some may wait for their questions.
    #[must_use]
    pub fn on_connection(&self) -> Self {
        Self { places: self.places.on_connection(), ..self.clone() }
    }

    /// Lets a call in, if there is a place for it, and room for its headers.
    ///
    /// # Errors
    /// The answer to one that is not: of what came with it nothing is kept.
    pub fn admit<B>(
        &self,
        mut request: Request<B>,
        taking: &Taking,
    ) -> Result<Admitted<B>, Box<Response<Answer>>> {
        if let Some(place) = self.places.take(request.uri().path(), request.headers()) {
            let request = Box::new(request.map(|body| Intake::new(body, place.clone())));
            return Ok(Admitted { request, place });
        }
        let mut timer = Timer::start(&self.metrics, request.uri().path());
        self.record(&mut timer, &mut request);
        Err(Box::new(refuse(too_many(), &mut timer, taking)))
    }

    /// Lets a call be answered, if there is room for what it says and is told.
    pub async fn around<B, F>(
        &self,
        call: Admitted<B>,
        taking: &Taking,
        answer: impl FnOnce(Box<Request<Intake<B>>>) -> F,
    ) -> Response<Answer>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        F: Future<Output = Response<Content>>,
    {
        let Admitted { mut request, place } = call;
        let mut timer = Timer::start(&self.metrics, request.uri().path());
        self.record(&mut timer, &mut request);
        let mut answering = pin!(answer(request));
        let response = if place.is_free() {
            self.without_a_place(answering.as_mut()).await
        } else {
            Ok(answering.await)
        };
        match response {
            Ok(response) => finish(response, place, &mut timer, taking),
            Err(refused) => refuse(refused, &mut timer, taking),
        }
    }

    /// What is there at once takes no place; of what is waited for there must not be too much.
    async fn without_a_place<F: Future>(&self, mut answering: Pin<&mut F>) -> Result<F::Output, Status> {
        if let Some(response) = answering.as_mut().now_or_never() {
            return Ok(response);
        }
        let _waits = self.places.take_to_wait().ok_or_else(too_many)?;
        Ok(answering.await)
    }

    fn record<B>(&self, timer: &mut Timer, request: &mut Request<B>) {
        if let Some(tracer) = &self.tracer {
            timer.record(tracer, request);
        }
    }
}

/// A call that has been let in.
pub struct Admitted<B> {
    /// Boxed: it is handed from layer to layer, each of which has a place for it in its state.
    request: Box<Request<Intake<B>>>,
    place: Place,
}

fn too_many() -> Status {
    Status::resource_exhausted("too many calls in flight; try again later")
}

/// Ends a call with its answer, if there is room for that.
fn finish(response: Response<Content>, place: Place, timer: &mut Timer, taking: &Taking) -> Response<Answer> {
    let (head, content) = response.into_parts();
    match Answer::new(content, place, taking.clone()) {
        Ok(answer) => {
            timer.end(head.status, &head.headers);
            Response::from_parts(head, answer)
        }
        Err(refused) => refuse(refused, timer, taking),
    }
}

fn refuse(status: Status, timer: &mut Timer, taking: &Taking) -> Response<Answer> {
    let response = status.into_http::<Body>();
    timer.end(response.status(), response.headers());
    response.map(|body| Answer::refusal(body, taking.clone()))
}

/// The code of a response. A unary error says it in the headers; otherwise the call went well as far as it is known. What is
/// no gRPC call is told so in HTTP's words, for which gRPC has but one.
fn code(status: StatusCode, headers: &HeaderMap) -> Code {
    match headers.get(Status::GRPC_STATUS) {
        Some(code) => Code::from_bytes(code.as_bytes()),
        None if status == StatusCode::OK => Code::Ok,
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
    fn record<B>(&mut self, tracer: &Tracer, request: &mut Request<B>) {
        if let Some((recording, notes)) = tracer.grpc(request.headers(), self.metrics.name(self.method)) {
            request.extensions_mut().insert(notes);
            self.recording = Some(Box::new(recording));
        }
    }

    fn end(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.code = code(status, headers);
        if self.code != Code::Ok {
            self.metrics.rejections.note(self.code, headers);
        }
        if let Some(recording) = &mut self.recording {
            let status = Status::from_header_map(headers);
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
