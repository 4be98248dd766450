//! What is not gRPC, or too much of it: the right error, and an unharmed server.

use super::{
    ask::{may, project},
    http::get,
    raw::{BATCH_CHECK, CHECK, Raw, framed},
    server::{Server, Store},
    site::SITE,
};
use http::StatusCode;
use prost::Message as _;
use rolegate::grpc::proto::CheckResponse;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::Code;

struct Wire {
    raw: Raw,
    server: Server,
    _store: Store,
}

async fn wire(flags: &[&str]) -> Wire {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, flags).await;
    Wire { raw: Raw::connect(&server.questions).await, server, _store: store }
}

fn question() -> Vec<u8> {
    framed(&may("ann", project("scans"), "files_download").encode_to_vec())
}

impl Wire {
    /// A good question is answered on the same connection as what came before.
    async fn goes_on(&mut self) {
        let reply = self.raw.send(self.raw.grpc(CHECK), question()).await.unwrap();
        assert_eq!((reply.http, reply.code), (StatusCode::OK, Some(Code::Ok)), "{reply:?}");
        assert_eq!(CheckResponse::decode(&reply.body[5..]).unwrap().decision, 1);
        assert!(self.server.is_running() && !self.server.logs.contain("panicked"));
    }

    /// The code and message of a call.
    async fn ends(&self, path: &str, body: Vec<u8>) -> (Code, String) {
        let reply = self.raw.send(self.raw.grpc(path), body).await.unwrap();
        (reply.code.unwrap_or_else(|| panic!("{reply:?}")), reply.message)
    }
}

#[tokio::test]
async fn a_wrong_content_type_is_told_so() {
    let mut wire = wire(&[]).await;
    for kind in ["application/json", "text/html", "application/grp"] {
        let head = wire.raw.request("POST", CHECK).header("content-type", kind);
        let reply = wire.raw.send(head, question()).await.unwrap();
        assert_eq!(reply.http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}: {reply:?}");
    }
    let reply = wire.raw.send(wire.raw.request("POST", CHECK), question()).await.unwrap();
    assert_eq!(reply.http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{reply:?}");
    wire.goes_on().await;
}

#[tokio::test]
async fn only_post_is_a_call() {
    let mut wire = wire(&[]).await;
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let head = wire.raw.request(method, CHECK).header("content-type", "application/grpc");
        let reply = wire.raw.send(head, Vec::new()).await.unwrap();
        assert_eq!(reply.http, StatusCode::METHOD_NOT_ALLOWED, "{method}: {reply:?}");
        assert!(reply.body.is_empty());
    }
    wire.goes_on().await;
}

#[tokio::test]
async fn http_1_is_not_answered() {
    let mut wire = wire(&[]).await;
    let mut stream = TcpStream::connect(wire.server.questions.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The connection ends, in order or not.
    let _ = tokio::time::timeout(super::server::PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("200"), "{answer:?}");
    wire.goes_on().await;
}

#[tokio::test]
async fn an_oversized_message_is_refused_by_its_length() {
    let mut wire = wire(&[]).await;
    let (code, message) = wire.ends(CHECK, framed(&vec![0; (4 << 20) + 1])).await;
    assert_eq!(code, Code::ResourceExhausted, "{message}");
    assert!(message.contains("4194304"), "{message}");
    // The length alone is enough: nothing of that size is waited for, or made room for.
    let (code, message) = wire.ends(CHECK, vec![0, 0xff, 0xff, 0xff, 0xff]).await;
    assert_eq!(code, Code::ResourceExhausted, "{message}");
    wire.goes_on().await;
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let mut wire = wire(&[]).await;
    let mut head = wire.raw.grpc(CHECK);
    for n in 0..40 {
        head = head.header(format!("x-filler-{n}"), "x".repeat(512));
    }
    let reply = wire.raw.send(head, question()).await;
    let refused = match &reply {
        Ok(reply) => reply.http == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Err(error) => error.is_reset() || error.is_go_away(),
    };
    assert!(refused, "{reply:?}");
    wire.raw = Raw::connect(&wire.server.questions).await;
    wire.goes_on().await;
}

#[tokio::test]
async fn unknown_methods_and_services_are_unimplemented() {
    let mut wire = wire(&[]).await;
    for path in [
        "/rolegate.v1.AuthorizationService/Nothing",
        "/rolegate.v1.Nothing/Check",
        "/",
        "/check",
        "/rolegate.v1.RoleAdminService/GetRole",
    ] {
        assert_eq!(wire.ends(path, question()).await.0, Code::Unimplemented, "{path}");
    }
    wire.goes_on().await;
}

/// Messages that no request can be read from whose field 1 is a text: one that is no UTF-8, nonsense, and one that breaks off.
fn undecodable() -> [Vec<u8>; 3] {
    [framed(&[0x0a, 0x01, 0xff]), framed(&[0xff; 30]), framed(&[0x0a, 0x7f])]
}

#[tokio::test]
async fn what_cannot_be_decoded_is_told_without_the_insides() {
    let mut wire = wire(&[]).await;
    for path in [CHECK, BATCH_CHECK, "/grpc.health.v1.Health/Check"] {
        for body in undecodable() {
            let (code, message) = wire.ends(path, body).await;
            assert_eq!((code, message.as_str()), (Code::Internal, "the request cannot be read"), "{path}");
        }
    }
    for body in [Vec::new(), vec![0], vec![0, 0, 0, 0, 9, 1], vec![2, 0, 0, 0, 0], vec![1, 0, 0, 0, 0]] {
        let (code, message) = wire.ends(CHECK, body).await;
        assert_eq!(code, Code::Internal, "{message}");
    }
    wire.goes_on().await;
}

#[tokio::test]
async fn what_an_administrator_sends_and_cannot_be_decoded_is_told_so_to_whoever_has_a_key() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let raw = Raw::connect(&server.admin).await;
    let path = "/rolegate.v1.RoleAdminService/CreateRole";
    for body in undecodable() {
        let head = raw.grpc(path).header("authorization", format!("Bearer {}", store.key));
        let reply = raw.send(head, body.clone()).await.unwrap();
        assert_eq!(
            (reply.code, reply.message.as_str()),
            (Some(Code::Internal), "the request cannot be read")
        );
        let reply = raw.send(raw.grpc(path), body).await.unwrap();
        assert_eq!(reply.code, Some(Code::Unauthenticated), "{reply:?}");
    }
}

#[tokio::test]
async fn compression_that_nobody_agreed_on_is_unimplemented() {
    let mut wire = wire(&[]).await;
    let head = wire.raw.grpc(CHECK).header("grpc-encoding", "gzip");
    let reply = wire.raw.send(head, question()).await.unwrap();
    assert_eq!(reply.code, Some(Code::Unimplemented), "{reply:?}");
    wire.goes_on().await;
}

#[tokio::test]
async fn reflection_is_a_switch() {
    let list_services = framed(&[0x3a, 0x00]);
    let (on, off) = (wire(&[]).await, wire(&["--reflection", "false"]).await);
    // Tools of some years ago speak the older one alone.
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let reply = on.raw.send(on.raw.grpc(&path), list_services.clone()).await.unwrap();
        assert!(
            String::from_utf8_lossy(&reply.body).contains("rolegate.v1.AuthorizationService"),
            "{reply:?}"
        );
        assert_eq!(off.ends(&path, list_services.clone()).await.0, Code::Unimplemented);
    }
}

/// What HTTP refuses is no call that went well.
#[tokio::test]
async fn what_is_no_grpc_call_is_not_counted_as_ok() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let raw = Raw::connect(&server.questions).await;
    let reply = raw.send(raw.request("GET", CHECK), Vec::new()).await.unwrap();
    assert_eq!(reply.http, 405);
    let reply = raw.send(raw.request("POST", CHECK).header("content-type", "text/html"), Vec::new()).await;
    assert_eq!(reply.unwrap().http, 415);
    let (_, text) = get(&server.metrics, "/metrics").await;
    let of_checks =
        |line: &&str| line.contains("grpc_calls_total") && line.contains("AuthorizationService/Check");
    let counted: Vec<_> = text.lines().filter(of_checks).collect();
    assert!(!counted.is_empty() && !counted.iter().any(|line| line.contains("code=\"Ok\"")), "{counted:?}");
}
