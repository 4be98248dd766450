//! Time and numbers run out: the right error, in time, and health answers all the while.

use super::{
    ask::{at_least, may, project, reason},
    raw::{CHECK, Raw, framed},
    server::{Server, Store},
    site::SITE,
};
use futures_util::future::join_all;
use prost::Message as _;
use rolegate::grpc::proto::{CheckRequest, CreateUserRequest, Decision};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

fn question() -> CheckRequest {
    may("ann", project("scans"), "files_download")
}

/// A token of this store, and one that is far ahead of it.
async fn tokens(server: &Server) -> (String, String) {
    let token = server.questions().await.check(question()).await.unwrap().into_inner().revision_token;
    let future = format!("{}00000000ffffffff", &token[..token.len() - 16]);
    (token, future)
}

#[tokio::test]
async fn a_revision_that_does_not_come_is_unavailable_within_the_servers_own_limit() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let (_, future) = tokens(&server).await;
    let mut questions = server.questions().await;
    // No deadline of the caller's: the server has its own. Well within the test's patience, the answer is there.
    let asking = CheckRequest { freshness: at_least(&future), ..question() };
    let status = questions.check(asking.clone()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::Unavailable, "REVISION_NOT_REACHED".to_owned()));
    // A shorter one of the caller's wins, and is still told why. Sent by hand: on a busy machine a client that keeps the
    // time itself may give up before it hears that.
    let raw = Raw::connect(&server.questions).await;
    let hurried = raw.grpc(CHECK).header("grpc-timeout", "400m");
    let reply = raw.send(hurried, framed(&asking.encode_to_vec())).await.unwrap();
    assert!(matches!(reply.code, Some(Code::Unavailable | Code::DeadlineExceeded)), "{reply:?}");
}

#[tokio::test]
async fn a_token_of_another_epoch_is_refused_not_compared() {
    let (store, other) = (Store::with_site(SITE), Store::with_site(SITE));
    let (server, others) = (Server::start(&store).await, Server::start(&other).await);
    let (token, _) = tokens(&others).await;
    let asking = CheckRequest { freshness: at_least(&token), ..question() };
    let status = server.questions().await.check(asking).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "OTHER_EPOCH".to_owned()));
}

#[tokio::test]
async fn a_deadline_shorter_than_the_work_ends_the_call_with_its_own_code() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let raw = Raw::connect(&server.questions).await;
    for timeout in ["1n", "1u", "0m"] {
        let head = raw.grpc(CHECK).header("grpc-timeout", timeout);
        let reply = raw.send(head, framed(&question().encode_to_vec())).await.unwrap();
        assert_eq!(reply.code, Some(Code::DeadlineExceeded), "{timeout}: {reply:?}");
    }
    // What is no timeout is no limit.
    let head = raw.grpc(CHECK).header("grpc-timeout", "soon");
    let reply = raw.send(head, framed(&question().encode_to_vec())).await.unwrap();
    assert_eq!(reply.code, Some(Code::Ok), "{reply:?}");
}

#[tokio::test]
async fn an_administrators_deadline_ends_the_waiting_too() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    // Somebody else holds the store's one write lock.
    let lock = locked(&store).await;
    let raw = Raw::connect(&server.admin).await;
    let user = CreateUserRequest { id: "late".to_owned(), ..CreateUserRequest::default() };
    let head = raw
        .grpc("/rolegate.v1.RoleAdminService/CreateUser")
        .header("authorization", format!("Bearer {}", store.key))
        .header("grpc-timeout", "300m");
    let reply = raw.send(head, framed(&user.encode_to_vec())).await.unwrap();
    drop(lock);
    assert_eq!(reply.code, Some(Code::DeadlineExceeded), "{reply:?}");
}

/// A connection that holds the store's write lock until it is dropped.
async fn locked(store: &Store) -> SqliteConnection {
    let mut connection = SqliteConnectOptions::new().filename(&store.path).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn too_many_calls_are_refused_and_health_answers_still() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-calls", "4"]).await;
    let (_, future) = tokens(&server).await;
    let waiting = CheckRequest { freshness: at_least(&future), ..question() };
    let mut questions = Vec::new();
    for _ in 0..40 {
        questions.push(server.questions().await);
    }
    let calls = join_all(questions.iter_mut().map(|questions| questions.check(waiting.clone())));
    let health = async {
        let mut health = server.health().await;
        let mut states = Vec::new();
        for _ in 0..20 {
            let asked = HealthCheckRequest { service: String::new() };
            states.push(health.check(asked).await.unwrap().into_inner().status());
        }
        states
    };
    let (ends, states) = futures_util::future::join(calls, health).await;
    let codes: Vec<Code> = ends.into_iter().map(|end| end.unwrap_err().code()).collect();
    let count = |code| codes.iter().filter(|found| **found == code).count();
    assert!(count(Code::Unavailable) >= 4, "{codes:?}");
    assert!(count(Code::ResourceExhausted) > 0, "{codes:?}");
    assert_eq!(count(Code::Unavailable) + count(Code::ResourceExhausted), 40, "{codes:?}");
    assert!(states.iter().all(|state| *state == ServingStatus::Serving));
    // The places are free again.
    let answer = server.questions().await.check(question()).await.unwrap().into_inner();
    assert_eq!(answer.decision(), Decision::Allow);
}

#[tokio::test]
async fn messages_that_dribble_in_do_not_hold_their_places() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-calls", "4"]).await;
    let raw = Raw::connect(&server.questions).await;
    // Half a message, and never the rest.
    let replies =
        join_all((0..8).map(|_| raw.send_unfinished(raw.grpc(CHECK), vec![0, 0, 0, 0, 90, 1]))).await;
    let codes: Vec<_> = replies.into_iter().map(|reply| reply.unwrap().code.unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Code::DeadlineExceeded).count(), 4, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Code::ResourceExhausted).count(), 4, "{codes:?}");
}

#[tokio::test]
async fn without_a_key_nobody_holds_a_place_at_the_admin_listener() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-calls", "4"]).await;
    let raw = Raw::connect(&server.admin).await;
    let head = || raw.grpc("/rolegate.v1.RoleAdminService/ListUsers");
    // None of these messages ever ends; each call is refused all the same, and so leaves its place to the next.
    for _ in 0..20 {
        let reply = raw.send_unfinished(head(), vec![0, 0, 0, 0, 90, 1]).await.unwrap();
        assert_eq!(reply.code, Some(Code::Unauthenticated));
    }
}

#[tokio::test]
async fn streams_beyond_the_limit_of_a_connection_wait_their_turn() {
    let store = Store::with_site(SITE);
    let server = Server::start_with(&store, &["--max-streams", "2"]).await;
    let raw = Raw::connect(&server.questions).await;
    let body = framed(&question().encode_to_vec());
    // After the first reply the client knows the limit. One that does not heed it is refused, and may ask again.
    assert_eq!(raw.send(raw.grpc(CHECK), body.clone()).await.unwrap().code, Some(Code::Ok));
    let replies = join_all((0..100).map(|_| raw.send(raw.grpc(CHECK), body.clone()))).await;
    for reply in replies {
        assert_eq!(reply.unwrap().code, Some(Code::Ok));
    }
}
