//! Around every request of the platform's HTTP contract: counts it and times it, by the template of its route.

use super::{
    metrics::Metrics,
    traces::{Call, Recording, Tracer},
};
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{sync::Arc, time::Instant};

/// The upper bounds of how long requests took, in seconds. All of them read the store.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What requests are told apart by. Routes are those that there are, and the rest is one word of a few.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    method: &'static str,
    status: &'static str,
}

/// What is counted of requests.
#[derive(Debug)]
pub(super) struct Requests {
    ended: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Requests {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests = Self {
            ended: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            in_flight: Gauge::default(),
        };
        let help = "HTTP requests of the platform's clients ended, by route, method and class of status";
        registry.register("http_requests", help, requests.ended.clone());
        let help = "How long HTTP requests of the platform's clients took";
        registry.register_with_unit("http_request", help, Unit::Seconds, requests.seconds.clone());
        let help = "HTTP requests of the platform's clients being answered";
        registry.register("http_requests_in_flight", help, requests.in_flight.clone());
        requests
    }
}

/// The routes, with every request counted, and recorded if there is where to.
pub fn counted(routes: Router, metrics: Arc<Metrics>, tracer: Option<Tracer>) -> Router {
    routes.layer(from_fn_with_state((metrics, tracer), around))
}

async fn around(
    State((metrics, tracer)): State<(Arc<Metrics>, Option<Tracer>)>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let mut recording = tracer.as_ref().and_then(|tracer| record(tracer, &request, &route));
    let labels = Labels { route, method: word(request.method()), status: "cancelled" };
    metrics.requests.in_flight.inc();
    let mut timer = Timer { requests: &metrics.requests, started: Instant::now(), labels };
    let response = next.run(request).await;
    timer.labels.status = class(response.status());
    if let Some(recording) = &mut recording {
        recording.answered(response.status().as_u16());
    }
    response
}

/// Records the request, if it is to be.
fn record(tracer: &Tracer, request: &Request, route: &str) -> Option<Recording> {
    let call = || Call::Http { route: route.to_owned(), method: word(request.method()), status: 0 };
    tracer.begin(request.headers(), call)
}

/// Counts a request when it ends. One that is dropped before was cancelled by its client.
struct Timer<'a> {
    requests: &'a Requests,
    started: Instant,
    labels: Labels,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.requests.in_flight.dec();
        self.requests.ended.get_or_create(&self.labels).inc();
        self.requests.seconds.get_or_create(&self.labels).observe(self.started.elapsed().as_secs_f64());
    }
}

/// The method, unless a client has made it up.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
