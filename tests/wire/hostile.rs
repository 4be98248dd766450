//! Callers who mean harm, at a port and at a socket: others are answered all the while, and what an attack took is given back.

use super::{
    ask::{item, may, operation, project},
    attack::{Attacked, serves},
    raw::{BATCH_CHECK, GREETING, Raw, call_headers, dial, frame, framed, headers},
    server::{PATIENCE, until},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use prost::Message as _;
use rolegate::grpc::proto::{BatchCheckItem, BatchCheckRequest, batch_check_request::DefaultQuestion};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tonic::Code;

/// When a caller gives up who is not read from, since it takes in no answers. The server would wait for longer.
const GIVES_UP: Duration = Duration::from_secs(1);

/// Sends bytes again and again, and takes nothing in, until the server has had enough, does not read on, or has them all.
async fn flood(door: String, bytes: Vec<u8>, times: usize) {
    let mut stream = dial(&door).await;
    stream.write_all(GREETING).await.unwrap();
    for _ in 0..times {
        if !matches!(timeout(GIVES_UP, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// A frame again and again, each time on a stream of its own.
fn on_each_stream(make: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (1..20_000).step_by(2).flat_map(make).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_hold_up_nobody_and_leave_nothing() {
    let mut attacked = Attacked::start().await;
    let call = call_headers();
    let bomb = [call.clone(), [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4_000]].concat()].concat();
    let floods: [(&str, Vec<u8>, usize); 11] = [
        ("settings", frame(4, 0, 0, &[0, 3, 0, 0, 0, 9]), 20_000),
        ("pings", frame(6, 0, 0, &[7; 8]), 20_000),
        ("priorities", frame(2, 0, 9, &[0, 0, 0, 1, 9]), 20_000),
        ("window updates of nothing", frame(8, 0, 0, &[0; 4]), 1_000),
        ("a frame over the limit", frame(0, 0, 1, &vec![0; 1 << 20]), 4),
        ("data of nothing", [frame(1, 4, 1, &call), frame(0, 0, 1, &[]).repeat(50_000)].concat(), 1),
        ("continuations", [frame(1, 0, 1, &call), frame(9, 0, 1, &[0; 64]).repeat(10_000)].concat(), 10),
        (
            "long continuations",
            [frame(1, 0, 1, &call), frame(9, 0, 1, &[0x82; 16_000]).repeat(99)].concat(),
            9,
        ),
        ("a bomb of headers", frame(1, 5, 1, &[bomb, vec![0xbe; 10_000]].concat()), 1),
        ("headers over the limit", frame(1, 5, 1, &[call, vec![0x82; 16_000]].concat()), 1),
        ("http/1", b"POST / HTTP/1.1\r\ncontent-type: application/json\r\n\r\n{}".to_vec(), 1_000),
    ];
    for (name, bytes, times) in floods {
        attacked.by_each_door(name, |door| flood(door, bytes.clone(), times)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_another_protocol_holds_up_nobody() {
    let mut attacked = Attacked::start().await;
    for (method, content) in [("GET", "application/grpc"), ("GET", "text/html"), ("POST", "application/json")]
    {
        let calls = on_each_stream(|stream| frame(1, 5, stream, &headers(method, content)));
        let name = format!("{method} of {content}");
        attacked.by_each_door(&name, |door| flood(door, calls.clone(), 1)).await;
    }
    // No greeting of HTTP/2 before these.
    for text in ["GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "{\"user\": \"ann\"}\n"] {
        let talk = |door: String| async move {
            let mut stream = dial(&door).await;
            let had_enough = async { while stream.write_all(text.as_bytes()).await.is_ok() {} };
            assert!(timeout(PATIENCE, had_enough).await.is_ok(), "the server listens on and on");
        };
        attacked.by_each_door(text, talk).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_broken_off_at_once_are_bounded() {
    let mut attacked = Attacked::start().await;
    for has_body in [false, true] {
        let calls = on_each_stream(|stream| {
            let body = if has_body { frame(0, 0, stream, &[0, 0, 0, 1, 0]) } else { vec![] };
            let broken_off = frame(3, 0, stream, &8_u32.to_be_bytes());
            [frame(1, 4, stream, &call_headers()), body, broken_off].concat()
        });
        attacked.by_each_door("rapid reset", |door| flood(door, calls.clone(), 1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_messages_are_refused_where_they_find_no_room() {
    let mut attacked = Attacked::start().await;
    let attacking = |door: String| async move {
        let raw = Raw::connect(&door).await;
        // The length of a message of 4 MiB, and nothing of it.
        let calls = (0..100).map(|_| raw.send_unfinished(raw.grpc(BATCH_CHECK), vec![0, 0, 0x40, 0, 0]));
        let replies = futures_util::future::join_all(calls).await;
        let codes: Vec<_> = replies.into_iter().map(|reply| reply.unwrap().code.unwrap()).collect();
        let count = |code| codes.iter().filter(|found| **found == code).count();
        assert_eq!(count(Code::DeadlineExceeded), 16, "{codes:?}");
        assert_eq!(count(Code::ResourceExhausted), 84, "{codes:?}");
    };
    attacked.by_each_door("long messages", attacking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_answers_before_a_crowd_of_batches_that_came_earlier() {
    const CONNECTIONS: usize = 40;
    const BATCHES: usize = 26;
    let attacked = Attacked::start_with(&["--check-timeout", "2m"]).await;
    // Two bytes an item, each of which is told at length what is wrong with it.
    let default_question = Some(DefaultQuestion::DefaultOperation(operation(&"x".repeat(200))));
    let items = vec![BatchCheckItem::default(); 1_000];
    let message =
        framed(&BatchCheckRequest { default_question, items, ..Default::default() }.encode_to_vec());
    let answered = Arc::new(AtomicUsize::new(0));
    for connection in 0..CONNECTIONS {
        let raw = Raw::connect(&attacked.doors[connection % 2]).await;
        let (message, answered) = (message.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let calls = (0..BATCHES).map(|_| raw.send(raw.grpc(BATCH_CHECK), message.clone()));
            let mut calls: FuturesUnordered<_> = calls.collect();
            while calls.next().await.is_some_and(|reply| reply.is_ok()) {
                answered.fetch_add(1, Relaxed);
            }
        });
    }
    until("the crowd is being answered", async || answered.load(Relaxed) > 0).await;
    for door in &attacked.doors {
        serves(door).await;
    }
    let answered = answered.load(Relaxed);
    assert!(answered < CONNECTIONS * BATCHES / 2, "{answered} batches had their turn before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_in_no_answers_is_cut_off() {
    // Time enough for there to be answers, however busy the machine is.
    let flags = ["--answer-timeout", "500ms", "--check-timeout", "20s"];
    let mut attacked = Attacked::start_with(&flags).await;
    let items = vec![item(may("ann", project("scans"), "files_download")); 1_000];
    let message = BatchCheckRequest { items, explain: true, ..BatchCheckRequest::default() }.encode_to_vec();
    for window in [0, 1] {
        let message = framed(&message);
        attacked
            .by_each_door("slow reader", |door| ask_and_take_nothing(door, window, message.clone()))
            .await;
    }
}

/// Asks for long answers, lets the server send so many bytes of each and no more, and is cut off for it.
async fn ask_and_take_nothing(door: String, window: u32, message: Vec<u8>) {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (mut sender, connection) =
        builder.handshake::<_, tonic::codegen::Bytes>(dial(&door).await).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..100 {
        let head = http::Request::post(format!("http://localhost{BATCH_CHECK}"))
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        // A slow test may be cut off before it has asked for all of them.
        let Ok(ready) = sender.ready().await else { break };
        sender = ready;
        let Ok((answer, mut body)) = sender.send_request(head, false) else { break };
        let _ = body.send_data(message.clone().into(), true);
        answers.push(answer);
    }
    let end = timeout(PATIENCE, connection).await;
    assert!(end.is_ok(), "the connection stays open");
}
