//! HTTP/2 by hand: whatever is to be sent goes out as it is, and everything that comes back can be looked at.

use super::server::PATIENCE;
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode, request::Builder};
use tokio::net::TcpStream;
use tonic::{Code, codegen::Bytes};

pub(crate) const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";

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
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Self {
        let authority = address.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&authority).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        // Ends with the last sender, or with the server.
        tokio::spawn(connection);
        Self { sender, authority }
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
        Ok(Reply { http, code, message: message.unwrap_or_default(), body })
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
