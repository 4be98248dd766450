//! A server that is asked to end does so in good order, and in bounded time.

use super::{
    ask::{may, project},
    attack::serves,
    http::{get, metric},
    raw::{CHECK, GREETING, REFLECTION, Raw, Stream, call_headers, dial, frame, framed},
    server::{PATIENCE, Server, Store, create_users, until},
    site::SITE,
};
use futures_util::future::join_all;
use prost::Message as _;
use rolegate::grpc::proto::{
    CheckRequest, CheckResponse, CreateUserRequest, Decision, ListUsersRequest, Reason,
};
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Code, Streaming};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};

fn allowed() -> CheckRequest {
    may("ann", project("scans"), "files_download")
}

fn denied() -> CheckRequest {
    may("bob", project("scans"), "files_download")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_answer_is_wrong_and_no_accepted_call_is_lost() {
    let store = Store::with_site(SITE);
    let mut server = Server::start(&store).await;
    let mut states = watch(&server).await;
    let answered = Arc::new(AtomicU64::new(0));
    let mut askers = Vec::new();
    for _ in 0..8 {
        let raw = Raw::connect(&server.questions).await;
        askers.push(tokio::spawn(ask_until_gone(raw, Arc::clone(&answered))));
    }
    until("many calls were answered", async || answered.load(Ordering::Relaxed) > 500).await;
    server.terminate();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop(states);
    for asker in askers {
        let end = tokio::time::timeout(PATIENCE, asker).await.unwrap().unwrap();
        assert!(was_not_accepted(&end), "{end:?}");
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    assert!(!server.logs.contain("were cut"), "{}", server.logs.text());
}

/// Asks one question after the other on one connection; ends with the first that was not answered.
pub(crate) async fn ask_until_gone(raw: Raw, answered: Arc<AtomicU64>) -> h2::Error {
    loop {
        for (question, wanted) in [(allowed(), Decision::Allow), (denied(), Decision::Deny)] {
            match raw.send(raw.grpc(CHECK), framed(&question.encode_to_vec())).await {
                Ok(reply) => {
                    assert_eq!(reply.code, Some(Code::Ok), "{reply:?}");
                    assert_eq!(CheckResponse::decode(&reply.body[5..]).unwrap().decision(), wanted);
                }
                Err(error) => return error,
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a call ended because the server had said, in good order, that it takes no more on this connection.
pub(crate) fn was_not_accepted(end: &h2::Error) -> bool {
    end.is_go_away() && end.is_remote() && end.reason() == Some(h2::Reason::NO_ERROR)
}

#[tokio::test]
async fn idle_connections_watches_and_talks_hold_nothing_beyond_the_limit() {
    let store = Store::with_site(SITE);
    let mut server = Server::start_with(&store, &["--drain-timeout", "1s"]).await;
    let _watch = watch(&server).await;
    let _talk = talk(&server).await;
    let _idle = server.channel().await;
    let address = server.questions.trim_start_matches("http://").to_owned();
    let _silent = TcpStream::connect(&address).await.unwrap();
    let _also_silent = TcpStream::connect(server.metrics.trim_start_matches("http://")).await.unwrap();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

#[tokio::test]
async fn an_interrupt_is_no_other_end_than_the_one_that_supervisors_ask_for() {
    let store = Store::with_site(SITE);
    for name in ["INT", "TERM"] {
        let mut server = Server::start_with(&store, &["--drain-timeout", "1h"]).await;
        let mut states = watch(&server).await;
        server.signal(name);
        assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing, "{name}");
        assert_eq!(server.ended().await.code(), Some(0), "{name}: {}", server.logs.text());
        assert!(server.logs.contain(&format!("SIG{name}")) && !has_log(&store), "{}", server.logs.text());
    }
}

#[tokio::test]
async fn a_hangup_ends_no_server_with_or_without_a_decision_log() {
    let store = Store::with_site(SITE);
    let path = store.beside("decisions.log");
    for flags in [&[][..], &["--decision-log", path.to_str().unwrap()]] {
        let mut server = Server::listening(&store, flags).await;
        server.signal("HUP");
        server.becomes(ServingStatus::Serving).await;
        server.signal("HUP");
        if flags.is_empty() {
            until("it says so", async || server.logs.contain("there is no decision log to open anew")).await;
        }
        serves(&server.questions).await;
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    }
}

#[tokio::test]
async fn a_signal_is_heard_as_soon_as_the_server_speaks() {
    let store = Store::with_site(SITE);
    for _ in 0..5 {
        let mut server = Server::listening(&store, &[]).await;
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    }
}

#[tokio::test]
async fn writes_that_were_answered_before_the_end_are_there_after_it() {
    let store = Store::with_site(SITE);
    let mut server = Server::start(&store).await;
    let admin = server.administrator(&store.key).await;
    let writing = tokio::spawn(create_users(admin, "user-".to_owned()));
    let mut questions = server.questions().await;
    until("something was written", async || {
        let asked = questions.check(may("user-3", project("scans"), "files_download")).await.unwrap();
        asked.into_inner().reason() == Reason::NoRole
    })
    .await;
    server.terminate();
    let written = writing.await.unwrap();
    assert_eq!(server.ended().await.code(), Some(0));
    let server = Server::start(&store).await;
    let mut admin = server.administrator(&store.key).await;
    let all = ListUsersRequest { page_size: 1_000, ..ListUsersRequest::default() };
    let users = admin.list_users(all).await.unwrap().into_inner().users;
    for id in written {
        assert!(users.iter().any(|user| user.id == id), "{id} was acknowledged and is lost");
    }
}

/// Whether SQLite keeps anything beside the store's file.
pub(crate) fn has_log(store: &Store) -> bool {
    ["-wal", "-shm"].iter().any(|ending| std::path::Path::new(&format!("{}{ending}", store.text())).exists())
}

#[tokio::test]
async fn what_a_server_and_a_command_leave_is_one_whole_file() {
    let store = Store::with_site(SITE);
    assert!(!has_log(&store), "after `apply --store`");
    let mut server = Server::start(&store).await;
    let user = CreateUserRequest { id: "new".to_owned(), ..CreateUserRequest::default() };
    server.administrator(&store.key).await.create_user(user).await.unwrap();
    assert!(has_log(&store), "while it is served");
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    assert!(!has_log(&store), "after a server's end: {}", server.logs.text());
}

#[tokio::test]
async fn an_ordinary_end_is_no_error() {
    let store = Store::with_site(SITE);
    // A collector that takes nothing in makes the end last for longer than it takes until the store is next looked at.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = format!("http://{}", deaf.local_addr().unwrap());
    let flags = ["--otlp-endpoint", &collector, "--otlp-sample-ratio", "1"];
    let mut server = Server::start_with(&store, &flags).await;
    server.questions().await.check(allowed()).await.unwrap();
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    assert!(server.logs.contain("\"stopped\""), "{}", server.logs.text());
    assert!(!server.logs.contain("\"ERROR\""), "{}", server.logs.text());
}

#[tokio::test]
async fn whoever_asks_twice_does_not_wait_for_the_drain() {
    let store = Store::with_site(SITE);
    let mut server = Server::start_with(&store, &["--drain-timeout", "1h"]).await;
    let mut states = watch(&server).await;
    let _talk = talk(&server).await;
    server.terminate();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

#[tokio::test]
async fn watches_end_with_what_was_told_last_and_do_not_hold_up_the_end() {
    let store = Store::with_site(SITE);
    let mut server = Server::start_with(&store, &["--drain-timeout", "1h"]).await;
    let mut watches = Vec::new();
    for _ in 0..20 {
        watches.push(watch(&server).await);
    }
    server.terminate();
    for mut states in watches {
        assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(states.message().await.unwrap().is_none(), "and nothing after that");
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

/// A watch of the health, which is told that the server serves.
async fn watch(server: &Server) -> Streaming<HealthCheckResponse> {
    let mut health = server.health().await;
    let mut states = health.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    states
}

/// A talk with reflection that has begun, and that its caller does not end.
async fn talk(server: &Server) -> Box<dyn Any> {
    let raw = Raw::connect(&server.questions).await;
    let talk = raw.begin(raw.grpc(REFLECTION)).await;
    Box::new((raw, talk))
}
#[tokio::test]
async fn whoever_has_not_greeted_does_not_hold_up_the_end() {
    let store = Store::with_site(SITE);
    let flags = ["--drain-timeout", "1h", "--greeting-timeout", "1h"];
    let mut server = Server::start_with(&store, &flags).await;
    let _silent = TcpStream::connect(server.questions.trim_start_matches("http://")).await.unwrap();
    until("it is there", async || {
        metric(&server.metrics, "rolegate_connections_open{listener=\"authorization\"}").await >= 1.0
    })
    .await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

#[tokio::test]
async fn whoever_had_asked_on_a_new_connection_when_it_was_asked_to_end_is_answered() {
    let store = Store::with_site(SITE);
    let socket = format!("unix:{}", store.beside("q.sock").display());
    let listen = format!("127.0.0.1:0,{socket}");
    for is_let_in in [true, false] {
        let mut server = Server::start_with(&store, &["--listen", &listen, "--drain-timeout", "1h"]).await;
        let doors = [server.questions.clone(), socket.clone()];
        let mut asking = Vec::new();
        if is_let_in {
            for door in &doors {
                asking.push(dial(door).await);
            }
            until("they are let in", async || {
                metric(&server.metrics, "rolegate_connections_accepted_total{listener=\"authorization\"}")
                    .await
                    >= f64::from(3)
            })
            .await;
        }
        // All of it comes at once when it goes on.
        server.signal("STOP");
        if !is_let_in {
            for door in &doors {
                asking.push(dial(door).await);
            }
        }
        for stream in &mut asking {
            stream.write_all(GREETING).await.unwrap();
            let question = framed(&allowed().encode_to_vec());
            stream.write_all(&frame(1, 4, 1, &call_headers())).await.unwrap();
            stream.write_all(&frame(0, 1, 1, &question)).await.unwrap();
        }
        server.terminate();
        server.signal("CONT");
        for stream in asking {
            let told = tokio::time::timeout(PATIENCE, is_answered(stream)).await.unwrap();
            assert!(told, "let in before: {is_let_in}: {}", server.logs.text());
        }
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    }
}

#[tokio::test]
async fn whoever_had_asked_over_http_on_a_new_connection_when_it_was_asked_to_end_is_answered() {
    let store = Store::with_site(SITE);
    for is_let_in in [true, false] {
        let mut server = Server::start_with(&store, &["--drain-timeout", "1h"]).await;
        let dial_all = async || join_all((0..20).map(|_| dial(&server.metrics))).await;
        let asking = if is_let_in { Some(dial_all().await) } else { None };
        // Whoever came before is let in by the time that this is answered.
        assert_eq!(get(&server.metrics, "/healthz").await.0, 200);
        // All of it comes at once when it goes on.
        server.signal("STOP");
        let mut asking = match asking {
            Some(streams) => streams,
            None => dial_all().await,
        };
        for stream in &mut asking {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        }
        server.terminate();
        server.signal("CONT");
        for mut stream in asking {
            let mut said = Vec::new();
            tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap().unwrap();
            let said = String::from_utf8(said).unwrap();
            assert!(said.starts_with("HTTP/1.1 200"), "let in before: {is_let_in}: {said:?}");
        }
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
    }
}

/// Whether a message comes before the connection ends.
async fn is_answered(mut stream: Stream) -> bool {
    let mut said = Vec::new();
    while stream.read_buf(&mut said).await.is_ok_and(|bytes| bytes > 0) {
        let mut frames = &said[..];
        while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = frames {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            if *kind == 0 && length > 0 {
                return true;
            }
            frames = rest.get(length..).unwrap_or_default();
        }
    }
    false
}
