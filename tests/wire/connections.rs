//! Connections that only take up a place lose it; those that are used do not.

use super::{
    ask::{may, project},
    raw::{CHECK, Raw, framed},
    server::{PATIENCE, Server, Store, until},
    site::SITE,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

/// What every HTTP/2 client begins with.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until the server has closed the connection, in order or not.
async fn is_dropped(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the connection stays open");
}

#[tokio::test]
async fn whoever_does_not_greet_is_dropped_and_whoever_did_is_not() {
    let store = Store::with_site(SITE);
    // One place for whoever greets, one for those who do not: they come in one after the other.
    let flags = ["--greeting-timeout", "200ms", "--max-connections", "2"];
    let server = Server::start_with(&store, &flags).await;
    let raw = Raw::connect(&server.questions).await;
    let question = framed(&may("ann", project("scans"), "files_download").encode_to_vec());
    // Whoever has asked keeps the room even before probes, which came first and may still be there.
    let reply = raw.send(raw.grpc(CHECK), question.clone()).await.unwrap();
    assert_eq!(reply.code, Some(Code::Ok), "{reply:?}");
    let address = server.questions.trim_start_matches("http://");
    for said in [&b""[..], &GREETING[..1], &GREETING[..23]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        is_dropped(stream).await;
    }
    let reply = raw.send(raw.grpc(CHECK), question).await.unwrap();
    assert_eq!(reply.code, Some(Code::Ok), "{reply:?}");
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_and_a_call_in_flight_is_not_cut() {
    let store = Store::with_site(SITE);
    let mut server = Server::start_with(&store, &["--idle-timeout", "300ms"]).await;
    let mut health = server.health().await;
    let mut states = health.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    // Twice, so that the connection that is watched on has been idle for long as well.
    for _ in 0..2 {
        let stream = TcpStream::connect(server.questions.trim_start_matches("http://")).await.unwrap();
        // It answers pings, and that is all.
        let (_sender, connection) = h2::client::handshake(stream).await.unwrap();
        let end = timeout(PATIENCE, connection).await.expect("the connection is closed");
        let in_order = end.as_ref().err().is_none_or(|error| error.reason() == Some(h2::Reason::NO_ERROR));
        assert!(in_order, "{end:?}");
    }
    server.terminate();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop((states, health));
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

#[tokio::test]
async fn watches_are_bounded_and_keep_nobody_from_asking() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let (mut watches, mut refused) = (Vec::new(), 0);
    while refused == 0 {
        assert!(watches.len() < 5_000, "as many as anyone likes");
        let mut health = server.health().await;
        // Fewer than one connection may have open.
        for _ in 0..90 {
            match health.watch(HealthCheckRequest { service: String::new() }).await {
                Ok(watch) => watches.push(watch.into_inner()),
                Err(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                    refused += 1;
                }
            }
        }
    }
    let mut health = server.health().await;
    assert!(health.check(HealthCheckRequest { service: String::new() }).await.is_ok());
    let mut questions = server.questions().await;
    assert!(questions.check(may("ann", project("scans"), "files_download")).await.is_ok());
    drop(watches);
    // A closed watch leaves its place to another.
    until("there is a place again", async || {
        health.watch(HealthCheckRequest { service: String::new() }).await.is_ok()
    })
    .await;
}
