//! A collector, by the service that OpenTelemetry defines.

use super::server::{Server, until};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server as Transport};

/// A collector that keeps what it is sent. It refuses as many spans of each message as it is told to.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    refused: i64,
}

impl Collector {
    pub(crate) async fn start(refused: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { address, refused, ..Self::default() };
        let service = TraceServiceServer::new(collector.clone());
        let served = Transport::builder().add_service(service);
        tokio::spawn(served.serve_with_incoming(TcpListenerStream::new(listener)));
        collector
    }

    /// The spans of this name that have come so far.
    pub(crate) fn spans(&self, name: &str) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let scopes = requests.iter().flat_map(|request| &request.resource_spans);
        let spans = scopes.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
        spans.filter(|span| span.name == name).cloned().collect()
    }

    /// The attributes of those who sent.
    pub(crate) fn resources(&self) -> Vec<Vec<KeyValue>> {
        let requests = self.requests.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.map(|spans| spans.resource.clone().unwrap().attributes).collect()
    }

    /// Everything that has come, as text.
    pub(crate) fn everything(&self) -> String {
        format!("{:?}", self.requests.lock().unwrap())
    }

    /// Waits for a span of this name.
    pub(crate) async fn span(&self, name: &str) -> Span {
        until("a span has come", async || !self.spans(name).is_empty()).await;
        self.spans(name).remove(0)
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.requests.lock().unwrap().push(request.into_inner());
        let partial_success = (self.refused > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: self.refused,
            error_message: "no room".to_owned(),
        });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

/// An attribute's value, as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{key} is {other:?}"),
    })
}

/// Asks a server to end, and waits until it has, well.
pub(crate) async fn end(mut server: Server) {
    server.terminate();
    let status = server.ended().await;
    assert!(status.success(), "{status}: {}", server.logs.text());
}
