//! How much memory a server takes at most.

use super::{
    ask::{item, may, project},
    attack::{Attacked, memory, serves, serves_the_patient, within},
    raw::{BATCH_CHECK, CHECK, GREETING, Raw, dial, frame, framed, headers_for},
    server::{Server, Store, finish, until},
    site::SITE,
};
use prost::Message as _;
use rolegate::grpc::proto::{
    BatchCheckItem, BatchCheckRequest, BatchCheckResponse, Decision, batch_check_outcome::Outcome,
};
use std::{future::pending, os::unix::process::ExitStatusExt as _, process::Command, time::Duration};
use tokio::{io::AsyncWriteExt as _, task::JoinSet, time::timeout};
use tonic::Code;

/// The largest message, and how many of them find room at a time.
const LARGEST: usize = 4 << 20;
const ROOM: usize = 16;
/// What a client may send ahead on a connection.
const AHEAD: usize = 1 << 20;
const CALLERS: usize = 48;
/// How many calls are let in at a time, and what one takes beside its headers.
const CALLS: usize = 4_096;
const CALL: usize = 4 << 10;
/// How many send long headers.
const HEADERS_BY: usize = 40;
/// The largest message where the room is to be smaller.
const SMALLER: usize = 1 << 20;
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// How often each of them asks.
const TIMES: usize = 3;

/// As large a batch as there may be: what ann and bob may do, and much that is no question.
fn largest() -> Vec<u8> {
    let good = ["ann", "bob"].map(|who| item(may(who, project("scans"), "files_download")));
    let user = Some("x".repeat(LARGEST / 1_000 - 40));
    let filler = BatchCheckItem { user, ..good[0].clone() };
    let items = good.into_iter().chain(std::iter::repeat_n(filler, 998)).collect();
    let message = BatchCheckRequest { items, ..BatchCheckRequest::default() }.encode_to_vec();
    assert!((LARGEST * 9 / 10..=LARGEST).contains(&message.len()), "{}", message.len());
    framed(&message)
}

fn is_allow(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Answer(answer)) if answer.decision() == Decision::Allow)
}

/// Asks again and again; how many of the answers were decisions, all of them right, and how many refusals. Whoever finds
/// nobody there any more ends.
async fn ask(address: String, message: Vec<u8>) -> (usize, usize) {
    let (mut answered, mut refused) = (0, 0);
    let Some(raw) = Raw::reach(&address).await else { return (0, 0) };
    for _ in 0..TIMES {
        let Ok(reply) = raw.send(raw.grpc(BATCH_CHECK), message.clone()).await else { break };
        match reply.code {
            Some(Code::Ok) => {
                let outcomes = BatchCheckResponse::decode(&reply.body[5..]).unwrap().outcomes;
                let allows: Vec<_> =
                    outcomes.iter().map(|outcome| is_allow(outcome.outcome.as_ref())).collect();
                assert!(allows[0] && allows.iter().filter(|allow| **allow).count() == 1, "only ann may");
                answered += 1;
            }
            Some(Code::ResourceExhausted | Code::DeadlineExceeded | Code::Unavailable) => refused += 1,
            other => assert_eq!(other, None, "{reply:?}"),
        }
    }
    (answered, refused)
}

/// Many callers ask for all that they can.
async fn flood(server: &Server) -> (usize, usize) {
    let message = largest();
    let callers: JoinSet<_> = (0..CALLERS).map(|_| ask(server.questions.clone(), message.clone())).collect();
    let counts = callers.join_all().await;
    counts.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_the_largest_messages_take_no_more_memory_than_their_room_comes_to() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    serves(&server.questions).await;
    let before = memory(&server, "VmHWM:");
    let (answered, refused) = flood(&server).await;
    // Each message as it came and as it was understood, and its answer; and what waits on connections to be read.
    let most = u64::try_from(ROOM * 3 * LARGEST + CALLERS * AHEAD).unwrap();
    let more = memory(&server, "VmHWM:") - before;
    assert!(more < most, "{} MiB more", more >> 20);
    assert!(answered > 0 && answered + refused == CALLERS * TIMES, "{answered} and {refused}");
    serves(&server.questions).await;
}

/// Calls without an end, on each stream there may be and some more, whose headers are as long as they may be.
async fn send_long_headers(door: String, path: &'static str) {
    // A header of 15,500 letters.
    let long = [&[0, 1, b'x', 0x7f, 0x8d, 0x78][..], &[b'y'; 15_500]].concat();
    let head = [headers_for(path, "POST", "application/grpc"), long].concat();
    let mut stream = dial(&door).await;
    let calls = (1..600).step_by(2).flat_map(|number| frame(1, 4, number, &head));
    let all: Vec<_> = GREETING.iter().copied().chain(calls).collect();
    // Whoever is cut off for it has had its effect.
    let _ = timeout(Duration::from_secs(3), stream.write_all(&all)).await;
    pending().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_long_headers_take_no_more_memory_than_their_room_comes_to() {
    for path in [CHECK, HEALTH] {
        let attacked = Attacked::start_with(&["--answer-timeout", "1h", "--message-bytes", "1MiB"]).await;
        let (server, [port, socket]) = (&attacked.server, &attacked.doors);
        serves(port).await;
        let before = memory(server, "VmHWM:");
        let _flood: JoinSet<()> = (0..HEADERS_BY).map(|_| send_long_headers(port.clone(), path)).collect();
        // Whoever asks with headers of the usual length is answered, at this door and at the other: once the calls of the
        // flood, which took all places, have had their time.
        for _ in 0..20 {
            serves_the_patient(port).await;
            serves_the_patient(socket).await;
        }
        // Headers lie in pieces of half as much again, and a call takes something itself. All calls of the flood let in at once
        // would take more.
        let most = u64::try_from(ROOM * SMALLER * 3 / 2 + CALLS * CALL + HEADERS_BY * AHEAD).unwrap();
        let more = memory(server, "VmHWM:") - before;
        assert!(more < most, "{path}: {} MiB more", more >> 20);
    }
}

/// The command that serves a store in so much address space, of which all is for what the server does itself.
///
/// The C library sets 64 MiB aside for a thread that asks it for memory, and for a moment twice as much. Chance would tell what is
/// left, and when: a thread that begins in that moment has the library end the process, and a store may find no memory to be opened
/// with. So it has one place for all threads.
fn short_of_memory(bytes: u64, store: &Store, flags: &[&str]) -> Command {
    let mut command = within(&[&format!("--as={bytes}")], store, flags);
    command.env("MALLOC_ARENA_MAX", "1");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_memory_runs_out_a_server_refuses_or_ends_and_allows_nothing_wrong() {
    let store = Store::with_site(SITE);
    // From little more than an idle server takes, threads and all, so that it runs out under the flood, to enough.
    for most in [128 << 20, 160 << 20, 352 << 20] {
        let command = short_of_memory(most, &store, &["--threads", "2"]);
        // The allocator sets aside as much as it gets; what that leaves may not be enough to begin with.
        let mut server = match Server::try_run(command).await {
            Ok(server) => server,
            Err((status, said)) => {
                assert!(!status.success() && status.signal() != Some(11), "{status:?}: {said}");
                continue;
            }
        };
        until("it serves or has ended", async || server.logs.contain("\"serving\"") || !server.is_running())
            .await;
        let (answered, refused) = flood(&server).await;
        if answered + refused == CALLERS * TIMES {
            serves(&server.questions).await;
        } else {
            let status = server.ended().await;
            assert!(!status.success() && status.signal() != Some(11), "{status:?}: {}", server.logs.text());
        }
    }
}

#[tokio::test]
async fn a_server_without_memory_for_its_threads_says_so_and_ends() {
    let store = Store::with_site(SITE);
    // Each of them has 2 MiB of its own.
    let started = finish(short_of_memory(256 << 20, &store, &["--threads", "200"]));
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert_eq!(started.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot start the threads that answer") && !said.contains("panicked"), "{said}");
}

#[test]
fn memory_is_not_taken_ahead() {
    let mut command = super::server::rolegate(["--version"]);
    let output = command.env("MIMALLOC_VERBOSE", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("'arena_eager_commit': 0"), "{said}");
}
