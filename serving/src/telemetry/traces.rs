//! Traces: a span for each call whose caller records its trace, and for a share of the others, sent to a collector in the
//! OpenTelemetry protocol (OTLP over gRPC).

mod context;
mod export;
mod otlp;
mod span;

pub use export::{Exporter, Loss, Spans};
pub(super) use span::{Call, Recording};

use crate::{grpc::notes::Notes, store::retry::Trouble};
use context::{Parent, Ratio, new_trace_id, state};
use http::HeaderMap;
use span::Span;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tonic::{Code, transport::Endpoint};

/// How long what is still to be sent may take when the server ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Where spans are sent, and of which share of the traces that begin here.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector.
    pub endpoint: Endpoint,
    /// From 0 to 1. Callers who say themselves whether they record a trace are followed.
    pub ratio: f64,
}

/// The trace that a call's caller says it belongs to, recorded or not.
#[must_use]
pub fn trace_of(headers: &HeaderMap) -> Option<[u8; 16]> {
    Parent::read(headers).map(|parent| parent.trace_id)
}

/// Records calls: a cheap handle.
#[derive(Clone)]
pub struct Tracer {
    waiting: mpsc::Sender<Span>,
    flushes: mpsc::Sender<oneshot::Sender<()>>,
    spans: Arc<Spans>,
    ratio: Ratio,
}

impl Tracer {
    /// Records calls from now on; the exporter is to be run beside. To be called on the runtime that it will run on.
    #[must_use]
    pub fn new(settings: TraceSettings, spans: Arc<Spans>) -> (Self, Exporter) {
        let (waiting, sent) = mpsc::channel(export::MOST_WAITING);
        let (flushes, flushed) = mpsc::channel(1);
        let exporter = Exporter {
            waiting: sent,
            flushes: flushed,
            collector: Exporter::connect(settings.endpoint),
            spans: Arc::clone(&spans),
            resource: Exporter::resource(),
            trouble: Trouble::default(),
        };
        (Self { waiting, flushes, spans, ratio: Ratio::new(settings.ratio) }, exporter)
    }

    /// Begins to record a gRPC call, if it is to be, and where to note what it comes to.
    pub(super) fn grpc(&self, headers: &HeaderMap, method: &'static str) -> Option<(Recording, Notes)> {
        let trace = self.join(headers)?;
        let notes = Notes::of_trace(trace.1);
        let call = Call::Grpc { method, notes: notes.clone(), code: Code::Cancelled, reason: None };
        Some((Recording::new(self.clone(), trace, call), notes))
    }

    /// Begins to record a call, if it is to be.
    pub(super) fn begin(&self, headers: &HeaderMap, call: impl FnOnce() -> Call) -> Option<Recording> {
        Some(Recording::new(self.clone(), self.join(headers)?, call()))
    }

    /// The trace that a call is to be recorded in, if it is.
    fn join(&self, headers: &HeaderMap) -> Option<(Option<Parent>, [u8; 16], String)> {
        match Parent::read(headers) {
            Some(parent) if !parent.is_sampled() => None,
            Some(parent) => {
                let trace_id = parent.trace_id;
                Some((Some(parent), trace_id, state(headers)))
            }
            None => Some((None, Some(new_trace_id()).filter(|id| self.ratio.takes(id))?, String::new())),
        }
    }

    fn send(&self, span: Span) {
        if self.waiting.try_send(span).is_err() {
            self.spans.lose(Loss::QueueFull, 1);
        }
    }

    /// Sends what is still to be sent, as far as that does not take long.
    pub async fn finish(&self) {
        let flushed = async {
            let (done, ended) = oneshot::channel();
            // Nobody is there any more if this fails, and nothing can be sent then.
            let _ = self.flushes.send(done).await;
            let _ = ended.await;
        };
        if timeout(FLUSH_WITHIN, flushed).await.is_err() {
            tracing::warn!("the collector did not take the last spans in time");
        }
    }
}
