//! Sends spans to a collector, in batches, beside everything else: nothing waits for it, and what does not fit is dropped and
//! counted.

use super::{
    otlp::{self, attribute},
    span::Span,
};
use crate::{engine::stats::Count, store::retry::Trouble};
use http::uri::PathAndQuery;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tonic::{
    Request, Status,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// The most spans that wait to be sent; further ones are dropped.
pub(super) const MOST_WAITING: usize = 2_048;
/// The most spans in one message.
const BATCH: usize = 512;
/// How long a span may wait for others to be sent with it.
const LINGER: Duration = Duration::from_secs(1);
/// How long a collector may take to be reached, and to take a batch.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const EXPORT_WITHIN: Duration = Duration::from_secs(10);

/// Why spans did not reach a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Too many were waiting already.
    QueueFull,
    /// The collector could not be reached, or failed.
    ExportFailed,
    /// The collector took the message, and not these.
    Refused,
}

impl Loss {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::QueueFull, Self::ExportFailed, Self::Refused];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ExportFailed => "export_failed",
            Self::Refused => "refused",
        }
    }
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct Spans {
    pub(in crate::telemetry) exported: Count,
    lost: [Count; Loss::ALL.len()],
}

impl Spans {
    pub(super) fn lose(&self, why: Loss, spans: u64) {
        if let Some(count) = self.lost.get(why as usize) {
            count.add(spans);
        }
    }

    pub(in crate::telemetry) fn lost(&self, why: Loss) -> u64 {
        self.lost.get(why as usize).map_or(0, Count::get)
    }
}

/// The task that sends.
pub struct Exporter {
    pub(super) waiting: mpsc::Receiver<Span>,
    pub(super) flushes: mpsc::Receiver<oneshot::Sender<()>>,
    pub(super) collector: Channel,
    pub(super) spans: Arc<Spans>,
    pub(super) resource: otlp::Resource,
    pub(super) trouble: Trouble,
}

impl Exporter {
    /// A connection to a collector, made when it is first needed, and anew whenever it breaks.
    pub(super) fn connect(endpoint: Endpoint) -> Channel {
        endpoint.connect_timeout(CONNECT_WITHIN).timeout(EXPORT_WITHIN).connect_lazy()
    }

    /// Who sends: the same for all spans of a process.
    pub(super) fn resource() -> otlp::Resource {
        let instance =
            getrandom::u64().map_or_else(|_| std::process::id().to_string(), |id| format!("{id:016x}"));
        let attributes = vec![
            attribute("service.name", "rolegate"),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("service.instance.id", instance.as_str()),
        ];
        otlp::Resource { attributes }
    }

    /// Sends for ever.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let flushed = tokio::select! {
                () = gather(&mut self.waiting, &mut batch) => None,
                Some(flushed) = self.flushes.recv() => Some(flushed),
            };
            self.export(&mut batch).await;
            if let Some(flushed) = flushed {
                while let Ok(span) = self.waiting.try_recv() {
                    batch.push(span);
                    if batch.len() == BATCH {
                        self.export(&mut batch).await;
                    }
                }
                self.export(&mut batch).await;
                // Whoever asked may have given up.
                let _ = flushed.send(());
            }
        }
    }

    async fn export(&mut self, batch: &mut Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let sent = batch.len() as u64;
        let spans = batch.drain(..).map(|span| span.into_message()).collect();
        match timeout(EXPORT_WITHIN, self.send(spans)).await {
            Ok(Ok(partly)) => {
                let refused =
                    partly.as_ref().map_or(0, |partly| partly.rejected_spans).clamp(0, sent.cast_signed());
                let refused = refused.cast_unsigned();
                self.spans.exported.add(sent - refused);
                self.spans.lose(Loss::Refused, refused);
                match partly.filter(|_| refused > 0) {
                    Some(partly) => {
                        self.tell(&format!("the collector refused spans: {}", partly.error_message))
                    }
                    None => self.tell_that_it_is_over(),
                }
            }
            Ok(Err(status)) => self.fail(sent, &format!("{:?}: {}", status.code(), status.message())),
            Err(_) => self.fail(sent, "the collector did not answer in time"),
        }
    }

    async fn send(&self, spans: Vec<otlp::Span>) -> Result<Option<otlp::PartialSuccess>, Status> {
        let scope =
            otlp::Scope { name: "rolegate".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let of_scope = otlp::ScopeSpans { scope: Some(scope), spans };
        let of_resource =
            otlp::ResourceSpans { resource: Some(self.resource.clone()), scope_spans: vec![of_scope] };
        let request = Request::new(otlp::Request { resource_spans: vec![of_resource] });
        let mut client = Grpc::new(self.collector.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<otlp::Request, otlp::Response>::default();
        let taken = client.unary(request, PathAndQuery::from_static(otlp::EXPORT), codec).await?;
        Ok(taken.into_inner().partial_success)
    }

    fn fail(&mut self, spans: u64, problem: &str) {
        self.spans.lose(Loss::ExportFailed, spans);
        self.tell(problem);
    }

    /// Says what is wrong: when it begins or changes, and once a minute.
    fn tell(&mut self, problem: &str) {
        if let Some(error) = self.trouble.goes_on(&problem) {
            tracing::warn!(error, "spans cannot be exported; calls are answered all the same");
        }
    }

    fn tell_that_it_is_over(&mut self) {
        if let Some(lasted) = self.trouble.is_over() {
            tracing::info!(lasted_ms = lasted.as_millis(), "spans are exported again");
        }
    }
}

/// Waits for a span, and a little for more of them. What has been gathered stays if this is not waited for to the end.
async fn gather(waiting: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    receive(waiting, batch).await;
    let full = async {
        while batch.len() < BATCH {
            receive(waiting, batch).await;
        }
    };
    tokio::select! {
        () = full => {}
        () = sleep(LINGER) => {}
    }
}

/// Takes what is waiting, as far as there is room for it in a batch.
async fn receive(waiting: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    if waiting.recv_many(batch, BATCH - batch.len().min(BATCH - 1)).await == 0 {
        // Nobody is there any more who could send one.
        std::future::pending().await
    }
}
