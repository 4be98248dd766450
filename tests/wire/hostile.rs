//! Callers who mean harm: others are answered all the while, and what an attack took is given back.

use super::{
    ask::{item, may, project},
    http::metric,
    raw::{CHECK, Raw, framed},
    server::{Server, Store, until},
    site::SITE,
};
use prost::Message as _;
use rolegate::grpc::proto::{BatchCheckRequest, Decision};
use std::process::Command;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

/// What every HTTP/2 client begins with, and no settings of its own.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const BATCH: &str = "/rolegate.v1.AuthorizationService/BatchCheck";
/// How much more memory a server may hold after an attack than before, in bytes.
const MORE: u64 = 160 << 20;

/// The memory that a process holds, in bytes.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// An honest caller is answered rightly, and health says so.
async fn serves(server: &Server) {
    let mut health = server.health().await;
    let state = health.check(HealthCheckRequest { service: String::new() }).await.unwrap();
    assert_eq!(state.into_inner().status(), ServingStatus::Serving);
    let mut questions = server.questions().await;
    for (who, wanted) in [("ann", Decision::Allow), ("bob", Decision::Deny)] {
        let answer = questions.check(may(who, project("scans"), "files_download")).await.unwrap();
        assert_eq!(answer.into_inner().decision(), wanted);
    }
}

/// Attacks a server while an honest caller asks, and holds it to be as before afterwards.
async fn attack(server: &mut Server, name: &str, attacking: impl Future<Output = ()> + Send + 'static) {
    serves(server).await;
    let before = resident(server);
    let attacking = tokio::spawn(attacking);
    while !attacking.is_finished() {
        serves(server).await;
    }
    attacking.await.unwrap();
    serves(server).await;
    until("all calls have ended", async || {
        metric(&server.metrics, "rolegate_grpc_calls_in_flight").await == 0.0
    })
    .await;
    // The connection that asks is the only one to metrics; honest ones end with their callers.
    until("all connections have ended", async || {
        metric(&server.metrics, "rolegate_connections_open{listener=\"authorization\"}").await <= 1.0
    })
    .await;
    let after = resident(server);
    assert!(after < before + MORE, "{name}: {} MiB more", (after - before) >> 20);
    assert!(server.is_running() && !server.logs.contain("panicked"), "{name}: {}", server.logs.text());
}

async fn attacked() -> (Server, Store) {
    let store = Store::with_site(SITE);
    let server =
        Server::start_with(&store, &["--answer-timeout", "500ms", "--greeting-timeout", "500ms"]).await;
    (server, store)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers of a call, in the plainest way to write them.
fn call_headers() -> Vec<u8> {
    let literal = |name: &str, value: &str| {
        let length = |text: &str| u8::try_from(text.len()).unwrap();
        [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
    };
    [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", CHECK),
        literal(":authority", "x"),
        literal("content-type", "application/grpc"),
        literal("te", "trailers"),
    ]
    .concat()
}

/// Sends bytes again and again, until the server has had enough or they are all sent.
async fn flood(address: String, bytes: Vec<u8>, times: usize) {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(GREETING).await.unwrap();
    for _ in 0..times {
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_hold_up_nobody_and_leave_nothing() {
    let (mut server, _store) = attacked().await;
    let headers = call_headers();
    let bomb = [headers.clone(), [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4_000]].concat()].concat();
    let floods: [(&str, Vec<u8>, usize); 11] = [
        ("settings", frame(4, 0, 0, &[0, 3, 0, 0, 0, 9]), 20_000),
        ("pings", frame(6, 0, 0, &[7; 8]), 20_000),
        ("priorities", frame(2, 0, 9, &[0, 0, 0, 1, 9]), 20_000),
        ("window updates of nothing", frame(8, 0, 0, &[0; 4]), 1_000),
        ("a frame over the limit", frame(0, 0, 1, &vec![0; 1 << 20]), 4),
        ("data of nothing", [frame(1, 4, 1, &headers), frame(0, 0, 1, &[]).repeat(50_000)].concat(), 1),
        ("continuations", [frame(1, 0, 1, &headers), frame(9, 0, 1, &[0; 64]).repeat(10_000)].concat(), 10),
        (
            "long continuations",
            [frame(1, 0, 1, &headers), frame(9, 0, 1, &[0x82; 16_000]).repeat(99)].concat(),
            9,
        ),
        ("a bomb of headers", frame(1, 5, 1, &[bomb, vec![0xbe; 10_000]].concat()), 1),
        ("headers over the limit", frame(1, 5, 1, &[headers, vec![0x82; 16_000]].concat()), 1),
        ("http/1", b"POST / HTTP/1.1\r\ncontent-type: application/json\r\n\r\n{}".to_vec(), 1_000),
    ];
    for (name, bytes, times) in floods {
        let address = server.questions.clone();
        attack(&mut server, name, flood(address, bytes, times)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_broken_off_at_once_are_bounded() {
    let (mut server, _store) = attacked().await;
    for body in [vec![], frame(0, 0, 0, &[0, 0, 0, 1, 0])] {
        let mut bytes = Vec::new();
        for stream in (1..20_000).step_by(2) {
            bytes.extend(frame(1, 4, stream, &call_headers()));
            let mut half = body.clone();
            if let Some(number) = half.get_mut(5..9) {
                number.copy_from_slice(&stream.to_be_bytes());
            }
            bytes.extend(half);
            bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
        }
        let address = server.questions.clone();
        attack(&mut server, "rapid reset", flood(address, bytes, 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_messages_are_refused_where_they_find_no_room() {
    let (mut server, _store) = attacked().await;
    let address = server.questions.clone();
    let attacking = async move {
        let raw = Raw::connect(&address).await;
        // The length of a message of 4 MiB, and nothing of it.
        let calls = (0..100).map(|_| raw.send_unfinished(raw.grpc(BATCH), vec![0, 0, 0x40, 0, 0]));
        let replies = futures_util::future::join_all(calls).await;
        let codes: Vec<_> = replies.into_iter().map(|reply| reply.unwrap().code.unwrap()).collect();
        let count = |code| codes.iter().filter(|found| **found == code).count();
        assert_eq!(count(Code::DeadlineExceeded), 16, "{codes:?}");
        assert_eq!(count(Code::ResourceExhausted), 84, "{codes:?}");
    };
    attack(&mut server, "long messages", attacking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_in_no_answers_is_cut_off() {
    let (mut server, _store) = attacked().await;
    let items = vec![item(may("ann", project("scans"), "files_download")); 1_000];
    let message = BatchCheckRequest { items, explain: true, ..BatchCheckRequest::default() }.encode_to_vec();
    for window in [0, 1] {
        let (address, message) = (server.questions.clone(), framed(&message));
        let attacking = async move {
            let stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
            let mut builder = h2::client::Builder::new();
            builder.initial_window_size(window);
            let (mut sender, connection) =
                builder.handshake::<_, tonic::codegen::Bytes>(stream).await.unwrap();
            let connection = tokio::spawn(connection);
            let mut answers = Vec::new();
            for _ in 0..100 {
                let head = http::Request::post(format!("{address}{BATCH}"))
                    .header("content-type", "application/grpc")
                    .body(())
                    .unwrap();
                sender = sender.ready().await.unwrap();
                let (answer, mut body) = sender.send_request(head, false).unwrap();
                body.send_data(message.clone().into(), true).unwrap();
                answers.push(answer);
            }
            let end = tokio::time::timeout(super::server::PATIENCE, connection).await;
            assert!(end.is_ok(), "the connection stays open");
        };
        attack(&mut server, "slow reader", attacking).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_it_goes_on_and_takes_callers_again_afterwards() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let mut questions = server.questions().await;
    let limited =
        Command::new("prlimit").args(["--pid", &server.id().to_string(), "--nofile=64:64"]).status();
    assert!(limited.unwrap().success());
    let mut idle = Vec::new();
    while !server.logs.contain("cannot accept a connection") {
        idle.push(TcpStream::connect(server.questions.trim_start_matches("http://")).await.unwrap());
        tokio::task::yield_now().await;
        assert!(idle.len() < 900, "descriptors without end");
    }
    for _ in 0..100 {
        let answer = questions.check(may("bob", project("scans"), "files_download")).await.unwrap();
        assert_eq!(answer.into_inner().decision(), Decision::Deny);
    }
    drop(idle);
    serves(&server).await;
    assert!(
        metric(&server.metrics, "rolegate_connections_failed_total{listener=\"authorization\"}").await >= 1.0
    );
    assert_eq!(server.logs.count("cannot accept a connection"), 1, "{}", server.logs.text());
}
