//! A server under attack: honest callers are answered all the while, and what the attack took is given back.

use super::{
    ask::{may, project},
    http::metric,
    server::{Server, Store, serving, until},
    site::SITE,
};
use rolegate::grpc::proto::{Decision, authorization_service_client::AuthorizationServiceClient};
use std::{error::Error, process::Command};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How much more memory a server may hold after an attack than before, in bytes.
const MORE: u64 = 160 << 20;

/// A server with two doors for questions.
pub(crate) struct Attacked {
    pub(crate) server: Server,
    /// A TCP port and a Unix socket, as clients take them.
    pub(crate) doors: [String; 2],
    _store: Store,
}

/// The memory that a process holds, in bytes.
pub(crate) fn resident(server: &Server) -> u64 {
    memory(server, "VmRSS:")
}

/// What the system says of a process's memory by this name, in bytes.
pub(crate) fn memory(server: &Server, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// An honest caller at this door is answered rightly, and health says so.
pub(crate) async fn serves(door: &str) {
    asked(door).await.unwrap();
}

/// An honest caller at this door who asks anew when it is told to, as clients do, is answered rightly, and health says so.
pub(crate) async fn serves_the_patient(door: &str) {
    until("an honest caller is answered", async || asked(door).await.is_ok()).await;
}

/// Asks as an honest caller does. Whatever is answered is right.
async fn asked(door: &str) -> Result<(), Box<dyn Error>> {
    let channel = Endpoint::from_shared(door.to_owned())?.connect().await?;
    let request = HealthCheckRequest { service: String::new() };
    let state = HealthClient::new(channel.clone()).check(request).await?;
    assert_eq!(state.into_inner().status(), ServingStatus::Serving);
    let mut questions = AuthorizationServiceClient::new(channel);
    for (who, wanted) in [("ann", Decision::Allow), ("bob", Decision::Deny)] {
        let answer = questions.check(may(who, project("scans"), "files_download")).await?;
        assert_eq!(answer.into_inner().decision(), wanted);
    }
    Ok(())
}

/// The command that serves a store within limits that `prlimit` is told.
pub(crate) fn within(limits: &[&str], store: &Store, flags: &[&str]) -> Command {
    let server = serving(store, flags);
    let mut command = Command::new("prlimit");
    command.args(limits).arg(server.get_program()).args(server.get_args());
    for (name, _) in server.get_envs() {
        command.env_remove(name);
    }
    command
}

/// Starts a server within limits, and waits until it serves.
pub(crate) async fn limited(limits: &[&str], store: &Store, flags: &[&str]) -> Server {
    let server = Server::run(within(limits, store, flags)).await;
    server.becomes(ServingStatus::Serving).await;
    server
}

impl Attacked {
    /// One that soon loses patience.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--answer-timeout", "500ms", "--greeting-timeout", "500ms"]).await
    }

    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        let store = Store::with_site(SITE);
        let socket = format!("unix:{}", store.beside("rolegate.sock").display());
        let listen = format!("127.0.0.1:0,{socket}");
        let server = Server::start_with(&store, &[&["--listen", &listen], flags].concat()).await;
        Self { doors: [server.questions.clone(), socket], server, _store: store }
    }

    /// Attacks one door after the other.
    pub(crate) async fn by_each_door<A>(&mut self, name: &str, attack: impl Fn(String) -> A)
    where
        A: Future<Output = ()> + Send + 'static,
    {
        for door in self.doors.clone() {
            self.attack(&format!("{name} by {door}"), attack(door)).await;
        }
    }

    /// Attacks a server while honest callers ask, and holds it to be as before afterwards.
    async fn attack(&mut self, name: &str, attacking: impl Future<Output = ()> + Send + 'static) {
        self.serves().await;
        let before = resident(&self.server);
        let attacking = tokio::spawn(attacking);
        while !attacking.is_finished() {
            self.serves().await;
        }
        attacking.await.unwrap();
        self.serves().await;
        self.is_left_alone().await;
        let after = resident(&self.server);
        assert!(after < before + MORE, "{name}: {} MiB more", (after - before) >> 20);
        let is_well = self.server.is_running() && !self.server.logs.contain("panicked");
        assert!(is_well, "{name}: {}", self.server.logs.text());
    }

    async fn serves(&self) {
        for door in &self.doors {
            serves(door).await;
        }
    }

    /// Waits until nothing is left of what callers began.
    async fn is_left_alone(&self) {
        let metrics = &self.server.metrics;
        for name in ["rolegate_grpc_calls_in_flight", "rolegate_connections_open{listener=\"authorization\"}"]
        {
            until("all calls and connections have ended", async || metric(metrics, name).await == 0.0).await;
        }
    }
}
