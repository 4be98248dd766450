//! A call that is recorded, and what is told of it: never who asked about whom, or about what.

use super::{
    Tracer,
    context::{Parent, new_span_id},
    otlp::{self, Kind, StatusCode, attribute},
};
use crate::grpc::notes::{Came, Notes};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::Code;

/// A call that is being recorded. It is sent when it ends, in whatever way.
pub(in crate::telemetry) struct Recording {
    tracer: Tracer,
    span: Option<Span>,
}

/// A call that was recorded.
pub(super) struct Span {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    parent: Option<Parent>,
    state: String,
    began: SystemTime,
    took: Duration,
    call: Call,
}

/// What kind of call it is, and what it came to.
pub(in crate::telemetry) enum Call {
    /// A gRPC method, or `other`.
    Grpc {
        /// As in the request's path, with a slash before it.
        method: &'static str,
        /// What the answer came to, from whoever gave it.
        notes: Notes,
        /// How the call ended.
        code: Code,
        /// The stable name of the error, if it ended with one.
        reason: Option<String>,
    },
    /// A request over HTTP.
    Http {
        /// The template of its path.
        route: String,
        method: &'static str,
        /// Zero if its client went away first.
        status: u16,
    },
}

impl Recording {
    /// Begins now, in a trace: what the caller says of it, its id, and what others say of it.
    pub(super) fn new(
        tracer: Tracer,
        (parent, trace_id, state): (Option<Parent>, [u8; 16], String),
        call: Call,
    ) -> Self {
        let span = Span {
            trace_id,
            span_id: new_span_id(),
            parent,
            state,
            began: SystemTime::now(),
            took: Duration::ZERO,
            call,
        };
        Self { tracer, span: Some(span) }
    }

    /// How a gRPC call ended.
    pub(in crate::telemetry) fn ended(&mut self, with: Code, because: Option<String>) {
        if let Some(Call::Grpc { code, reason, .. }) = self.span.as_mut().map(|span| &mut span.call) {
            (*code, *reason) = (with, because);
        }
    }

    /// How a request over HTTP ended.
    pub(in crate::telemetry) fn answered(&mut self, with: u16) {
        if let Some(Call::Http { status, .. }) = self.span.as_mut().map(|span| &mut span.call) {
            *status = with;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            span.took = span.began.elapsed().unwrap_or_default();
            self.tracer.send(span);
        }
    }
}

impl Span {
    /// The span as it is sent.
    pub(super) fn into_message(self) -> otlp::Span {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (name, attributes, failed) = self.call.told();
        let status = otlp::Status { message: String::new(), code: StatusCode::Error.into() };
        // Bits 8 and 9: that it is known whether the parent is remote, and that it is.
        let flags = 1 | if self.parent.is_some() { 0x300 } else { 0x100 };
        otlp::Span {
            trace_id: self.trace_id.to_vec(),
            span_id: self.span_id.to_vec(),
            trace_state: self.state,
            parent_span_id: self.parent.map(|parent| parent.span_id.to_vec()).unwrap_or_default(),
            name,
            kind: Kind::Server.into(),
            start_time_unix_nano: nanos(began),
            end_time_unix_nano: nanos(began + self.took),
            attributes,
            status: failed.then_some(status),
            flags,
        }
    }
}

impl Call {
    /// The span's name, its attributes in the words of OpenTelemetry's conventions, and whether the server failed.
    fn told(self) -> (String, Vec<otlp::KeyValue>, bool) {
        match self {
            Self::Grpc { method, notes, code, reason } => {
                let name = method.trim_start_matches('/');
                let mut attributes =
                    vec![attribute("rpc.system", "grpc"), attribute("rpc.grpc.status_code", code as u64)];
                if let Some((service, method)) = name.split_once('/') {
                    attributes.extend([attribute("rpc.service", service), attribute("rpc.method", method)]);
                }
                attributes.extend(reason.map(|reason| attribute("rolegate.error", reason.as_str())));
                attributes.extend(answer(&notes));
                (name.to_owned(), attributes, is_failure(code))
            }
            Self::Http { route, method, status } => {
                let mut attributes =
                    vec![attribute("http.request.method", method), attribute("http.route", route.as_str())];
                if status > 0 {
                    attributes.push(attribute("http.response.status_code", u64::from(status)));
                }
                (format!("{method} {route}"), attributes, status >= 500)
            }
        }
    }
}

/// What an answer came to.
fn answer(notes: &Notes) -> Vec<otlp::KeyValue> {
    let Some(note) = notes.read() else { return Vec::new() };
    let mut attributes = vec![
        attribute("rolegate.revision", note.revision),
        attribute("rolegate.data_age_seconds", note.age.as_secs_f64()),
    ];
    match note.came {
        Came::Decided { allowed, reason } => attributes.extend([
            attribute("rolegate.decision", if allowed { "allow" } else { "deny" }),
            attribute("rolegate.reason", reason),
        ]),
        Came::Batch { allowed, denied, undecided } => attributes.extend([
            attribute("rolegate.batch.allowed", allowed),
            attribute("rolegate.batch.denied", denied),
            attribute("rolegate.batch.undecided", undecided),
        ]),
        Came::Listed => {}
    }
    attributes
}

/// The codes that lie with a server, by OpenTelemetry's conventions.
const fn is_failure(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
