//! A store in a PostgreSQL server of a test's own, and real servers of rolegate's on it.

use crate::{
    ask::{at_least, may, project, reason},
    cluster::Cluster,
    server::{Admin, Questions, Server, apply, init, rolegate, until},
};
use rolegate::grpc::proto::{
    CheckRequest, Decision, Freshness, FullyCurrent, RemoveProjectPermissionRequest,
    SetProjectPermissionRequest, freshness,
};
use std::{fmt::Display, process::Command};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

/// `ann` may download in `scans`, `bob` may only look; `root` is a site admin.
pub(crate) const SITE: &str = "\
version: 1
users: [{id: root, site_role: site_admin}, {id: ann}, {id: bob}, {id: cat}]
groups:
  - id: neuro
    projects:
      - {id: scans, label: Scans, permissions: {ann: [rw], bob: [ro]}}
      - {id: other, label: Other, permissions: {cat: [ro]}}
gears: [{name: open}]
";

/// The roles of the database, as operators make them.
pub(crate) const ROLES: &str = include_str!("../../deploy/postgres/roles.sql");

/// A store in a cluster of its own.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    /// The first admin's API key.
    pub(crate) key: String,
}

/// The database of every scene.
pub(crate) const DATABASE: &str = "roles";

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with_site(SITE)
    }

    pub(crate) fn with_site(site: &str) -> Self {
        let cluster = Cluster::start();
        cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"));
        let url = cluster.url(DATABASE);
        let key = init(&url);
        cluster.sql(DATABASE, ROLES);
        apply(&url, site);
        Self { cluster, key }
    }

    /// A control plane, straight at the server.
    pub(crate) async fn control(&self) -> Server {
        serve(&self.at_port("rolegate_control", self.cluster.port), &["--admin-listen", "127.0.0.1:0"]).await
    }

    /// A sidecar, straight at the server.
    pub(crate) async fn sidecar(&self, flags: &[&str]) -> Server {
        self.sidecar_at(self.cluster.port, flags).await
    }

    /// A sidecar that reaches the server through another port.
    pub(crate) async fn sidecar_at(&self, port: u16, flags: &[&str]) -> Server {
        let flags = [&["--admin-listen", "off"], flags].concat();
        serve(&self.at_port("rolegate_sidecar", port), &flags).await
    }

    pub(crate) fn at_port(&self, user: &str, port: impl Display) -> String {
        format!("postgres://{user}@127.0.0.1:{port}/{DATABASE}?sslmode=disable")
    }

    pub(crate) async fn admin(&self, control: &Server) -> Admin {
        control.administrator(&self.key).await
    }
}

/// Starts a server on a store, and waits until it serves.
pub(crate) async fn serve(store: &str, flags: &[&str]) -> Server {
    let server = listen(store, flags).await;
    server.becomes(ServingStatus::Serving).await;
    server
}

/// The same, but it need not serve.
pub(crate) async fn listen(store: &str, flags: &[&str]) -> Server {
    let mut command: Command = rolegate(["serve", "--log-format", "json", "--listen", "127.0.0.1:0"]);
    command.args(["--metrics-listen", "127.0.0.1:0", "--store", store]).args(flags);
    Server::run(command).await
}

/// Gives somebody a role on `scans`; the token of the write.
pub(crate) async fn grant(admin: &mut Admin, user: &str, role: &str) -> String {
    let (project, user, roles) = ("scans".to_owned(), user.to_owned(), vec![role.to_owned()]);
    let request = SetProjectPermissionRequest { project, user, roles, expected_revision: None };
    admin.set_project_permission(request).await.unwrap().into_inner().revision_token
}

/// Takes somebody's roles on `scans` away; the token of the write.
pub(crate) async fn revoke(admin: &mut Admin, user: &str) -> String {
    let (project, user) = ("scans".to_owned(), user.to_owned());
    let request = RemoveProjectPermissionRequest { project, user, expected_revision: None };
    admin.remove_project_permission(request).await.unwrap().into_inner().revision_token
}

/// Staleness is noticed within the test's patience, and a busy machine is not taken for a fault.
pub(crate) const IMPATIENT: [&str; 4] = ["--max-staleness", "4s", "--warn-staleness", "1s"];

/// May this user download in `scans`?
pub(crate) fn download(user: &str) -> CheckRequest {
    may(user, project("scans"), "files_download")
}

/// The same question, to be answered as the store is now.
pub(crate) fn fully_current(request: CheckRequest) -> CheckRequest {
    let want = Some(freshness::Want::FullyCurrent(FullyCurrent {}));
    CheckRequest { freshness: Some(Freshness { want }), ..request }
}

/// What is answered, or why nothing is.
pub(crate) async fn is_allowed(
    questions: &mut Questions,
    request: CheckRequest,
) -> Result<bool, (Code, String)> {
    match questions.check(request).await {
        Ok(answer) => Ok(answer.into_inner().decision() == Decision::Allow),
        Err(status) => Err((status.code(), reason(&status))),
    }
}

/// A revocation and a grant that an administrator makes are seen by whoever asks with their tokens.
pub(crate) async fn sees_writes(questions: &mut Questions, admin: &mut Admin) {
    let token = revoke(admin, "ann").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
    until("the revocation is seen", async || is_allowed(questions, asked.clone()).await == Ok(false)).await;
    let token = grant(admin, "ann", "rw").await;
    let asked = CheckRequest { freshness: at_least(&token), ..download("ann") };
    until("the grant is seen", async || is_allowed(questions, asked.clone()).await == Ok(true)).await;
}
