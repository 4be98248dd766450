//! A server whose store is away at start: it says so to whoever asks, decides nothing, and goes on trying.

use super::{
    ask::{may, project, reason},
    attack::serves,
    http::get,
    server::{Server, Store, channel, until},
    site::SITE,
};
use rolegate::grpc::proto::{Decision, ListUsersRequest};
use sqlx::{
    Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};
use std::{os::unix::net::UnixListener, path::PathBuf};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A store that is away: something that nobody can open stands in its place, whatever the rights of the test.
struct Away {
    store: Store,
    whole: PathBuf,
}

impl Away {
    fn new() -> Self {
        let store = Store::with_site(SITE);
        let whole = store.beside("whole.db");
        std::fs::rename(&store.path, &whole).unwrap();
        drop(UnixListener::bind(&store.path).unwrap());
        Self { store, whole }
    }

    /// A server that has found it away.
    async fn server(&self) -> Server {
        let server = Server::listening(&self.store, &[]).await;
        until("it is said", async || server.logs.contain("cannot open the role store")).await;
        server
    }
}

async fn health(address: &str) -> ServingStatus {
    health_of(address, "").await
}

async fn health_of(address: &str, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel(address).await).check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn while_the_store_is_away_everyone_is_told_so_and_service_begins_by_itself() {
    let away = Away::new();
    let server = away.server().await;
    for address in [&server.questions, &server.admin] {
        assert_eq!(health(address).await, ServingStatus::NotServing);
        assert_eq!(health_of(address, "liveness").await, ServingStatus::Serving);
    }
    assert_eq!(get(&server.metrics, "/readyz").await.0, 503);
    assert_eq!(get(&server.metrics, "/healthz").await.0, 200);
    let mut questions = server.questions().await;
    for who in ["ann", "bob", "nobody"] {
        let refused = questions.check(may(who, project("scans"), "files_download")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "NOT_READY"));
    }
    let mut admin = server.administrator(&away.store.key).await;
    let refused = admin.list_users(ListUsersRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));

    std::fs::rename(&away.whole, &away.store.path).unwrap();
    server.becomes(ServingStatus::Serving).await;
    assert_eq!(get(&server.metrics, "/readyz").await.0, 200);
    for (who, wanted) in [("ann", Decision::Allow), ("bob", Decision::Deny)] {
        let answer = questions.check(may(who, project("scans"), "files_download")).await.unwrap();
        assert_eq!(answer.into_inner().decision(), wanted);
    }
    assert!(admin.list_users(ListUsersRequest::default()).await.is_ok());
    assert_eq!(server.logs.count("cannot open the role store"), 1, "{}", server.logs.text());
}

#[tokio::test]
async fn a_store_that_somebody_else_keeps_to_himself_is_away_until_he_lets_it_go() {
    let store = Store::with_site(SITE);
    let keeper = keeper(&store, SqliteLockingMode::Exclusive).await;
    let mut server = Server::listening(&store, &[]).await;
    until("it is said", async || server.logs.contain("cannot open the role store")).await;
    assert_eq!(health(&server.questions).await, ServingStatus::NotServing);
    let mut questions = server.questions().await;
    let refused = questions.check(may("ann", project("scans"), "files_download")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "NOT_READY"));
    keeper.close().await.unwrap();
    server.becomes(ServingStatus::Serving).await;
    serves(&server.questions).await;
    assert!(server.is_running() && server.logs.contain("locked"), "{}", server.logs.text());
}

#[tokio::test]
async fn whoever_writes_without_end_keeps_no_server_from_starting_to_answer() {
    let store = Store::with_site(SITE);
    let _keeper = keeper(&store, SqliteLockingMode::Normal).await;
    let server = Server::start(&store).await;
    serves(&server.questions).await;
}

/// A connection that has begun to write, and does not end.
async fn keeper(store: &Store, mode: SqliteLockingMode) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(&store.path).locking_mode(mode);
    let mut keeper = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut keeper).await.unwrap();
    keeper
}

#[tokio::test]
async fn whoever_is_told_ready_over_http_is_told_so_over_grpc() {
    let store = Store::with_site(SITE);
    let server = Server::listening(&store, &[]).await;
    until("the server is ready", async || get(&server.metrics, "/readyz").await.0 == 200).await;
    assert_eq!(health(&server.questions).await, ServingStatus::Serving);
}

#[tokio::test]
async fn a_server_that_waits_for_its_store_ends_in_good_order_when_asked() {
    let away = Away::new();
    let mut server = away.server().await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs.text());
}

#[tokio::test]
async fn a_server_that_waits_ends_when_what_comes_is_no_store() {
    let away = Away::new();
    let mut server = away.server().await;
    let garbage = away.store.beside("garbage");
    std::fs::write(&garbage, b"garbage".repeat(3_000)).unwrap();
    std::fs::rename(&garbage, &away.store.path).unwrap();
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.logs.text());
    until("it is said why", async || server.logs.contain("restore it from a backup")).await;
}
