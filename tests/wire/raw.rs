//! HTTP/2 by hand: whatever is to be sent goes out as it is, and everything that comes back can be looked at.

use super::server::PATIENCE;
use h2::{RecvStream, SendStream, client::SendRequest};
use http::{HeaderMap, Request, Response, StatusCode, request::Builder};
use std::io;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;
use tonic::{Code, codegen::Bytes};

pub(crate) const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";
pub(crate) const BATCH_CHECK: &str = "/rolegate.v1.AuthorizationService/BatchCheck";
/// What every HTTP/2 client begins with, and no settings of its own.
pub(crate) const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What asks for the server's services.
pub(crate) const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A connection to a TCP port or to a Unix socket.
pub(crate) type Stream = Either<TcpStream, UnixStream>;

/// Connects to a TCP port or to a Unix socket, if it can be done.
pub(crate) async fn connect(address: &str) -> io::Result<Stream> {
    match address.strip_prefix("unix:") {
        Some(path) => UnixStream::connect(path).await.map(Either::Right),
        None => TcpStream::connect(address.trim_start_matches("http://")).await.map(Either::Left),
    }
}

/// The same where it must be.
pub(crate) async fn dial(address: &str) -> Stream {
    connect(address).await.unwrap()
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Raw {
    sender: SendRequest<Bytes>,
    authority: String,
}

/// How it is told that a body is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    WithTheLast,
    AfterTheLast,
    WithTrailers,
    Never,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) http: StatusCode,
    /// None if the reply is not gRPC at all.
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) body: Vec<u8>,
    /// All that was said before and after it, details of errors among it.
    pub(crate) headers: [HeaderMap; 2],
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Self {
        Self::reach(address).await.unwrap()
    }

    /// Connects, if there is somebody.
    pub(crate) async fn reach(address: &str) -> Option<Self> {
        // A path is no authority.
        let authority = address.strip_prefix("http://").unwrap_or("localhost").to_owned();
        let (sender, connection) = h2::client::handshake(connect(address).await.ok()?).await.ok()?;
        // Ends with the last sender, or with the server.
        tokio::spawn(connection);
        Some(Self { sender, authority })
    }

    /// A gRPC request, as far as its headers go.
    pub(crate) fn grpc(&self, path: &str) -> Builder {
        self.request("POST", path).header("content-type", "application/grpc").header("te", "trailers")
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.authority))
    }

    pub(crate) async fn send(&self, head: Builder, body: Vec<u8>) -> Result<Reply, h2::Error> {
        self.send_in_pieces(head, vec![body], End::WithTheLast).await
    }

    /// Sends a body and never says that it is over.
    pub(crate) async fn send_unfinished(&self, head: Builder, body: Vec<u8>) -> Result<Reply, h2::Error> {
        self.send_in_pieces(head, vec![body], End::Never).await
    }

    /// Begins what is not to end: a request whose body goes on, and its answer, which has begun.
    pub(crate) async fn begin(&self, head: Builder) -> (Response<RecvStream>, SendStream<Bytes>) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        let (response, stream) = sender.send_request(head.body(()).unwrap(), false).unwrap();
        (response.await.unwrap(), stream)
    }

    /// Sends each piece in a frame of its own.
    pub(crate) async fn send_in_pieces(
        &self,
        head: Builder,
        pieces: Vec<Vec<u8>>,
        end: End,
    ) -> Result<Reply, h2::Error> {
        let exchange = self.converse(head.body(()).unwrap(), pieces, end);
        tokio::time::timeout(PATIENCE, exchange).await.expect("the server says something")
    }

    async fn converse(&self, head: Request<()>, pieces: Vec<Vec<u8>>, end: End) -> Result<Reply, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(head, false)?;
        let last = pieces.len().saturating_sub(1);
        for (number, piece) in pieces.into_iter().enumerate() {
            stream.send_data(Bytes::from(piece), number == last && matches!(end, End::WithTheLast))?;
        }
        match end {
            End::WithTheLast | End::Never => {}
            End::AfterTheLast => stream.send_data(Bytes::new(), true)?,
            End::WithTrailers => stream.send_trailers(HeaderMap::new())?,
        }
        let response = response.await?;
        let (http, headers) = (response.status(), response.headers().clone());
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        while let Some(piece) = incoming.data().await {
            // A server may end a stream early once it has said what it had to say.
            let Ok(piece) = piece else { break };
            let _ = incoming.flow_control().release_capacity(piece.len());
            body.extend_from_slice(&piece);
        }
        let trailers = incoming.trailers().await.ok().flatten().unwrap_or_default();
        let (code, message) = status(&headers).or_else(|| status(&trailers)).unzip();
        let message = message.unwrap_or_default();
        Ok(Reply { http, code, message, body, headers: [headers, trailers] })
    }
}

fn status(headers: &HeaderMap) -> Option<(Code, String)> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    let message = headers.get("grpc-message").map(|text| text.to_str().unwrap().replace("%20", " "));
    Some((code, message.unwrap_or_default()))
}

/// A message with the five bytes that gRPC puts before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// A frame of any kind.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers of a Check of this method and content type.
pub(crate) fn headers(method: &str, content: &str) -> Vec<u8> {
    headers_for(CHECK, method, content)
}

/// Headers of a request, in the plainest way to write them.
pub(crate) fn headers_for(path: &str, method: &str, content: &str) -> Vec<u8> {
    let literal = |name: &str, value: &str| {
        let length = |text: &str| u8::try_from(text.len()).unwrap();
        [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
    };
    [
        literal(":method", method),
        literal(":scheme", "http"),
        literal(":path", path),
        literal(":authority", "x"),
        literal("content-type", content),
        literal("te", "trailers"),
    ]
    .concat()
}

/// The headers of a call.
pub(crate) fn call_headers() -> Vec<u8> {
    headers("POST", "application/grpc")
}
