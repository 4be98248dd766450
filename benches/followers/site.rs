//! A site of any size in a database server of its own, and servers of rolegate's on it.

use crate::{
    ask::{may, project},
    cluster::Cluster,
    report::progress,
    server::{Admin, Server, init, rolegate},
};
use rolegate::grpc::proto::{CheckRequest, SetProjectPermissionRequest};
use std::process::Command;
use tonic_health::pb::health_check_response::ServingStatus;

/// The roles of the database, as operators make them.
const ROLES: &str = include_str!("../../deploy/postgres/roles.sql");
const DATABASE: &str = "roles";

/// How many projects a user is on. Ids are as long as they are in practice.
const PROJECTS_OF_A_USER: u64 = 50;

/// How the database server is set up: durable, as in production, and with room for many followers.
const SETTINGS: [&str; 3] = ["fsync = on", "shared_buffers = '256MB'", "max_connections = 400"];

/// A store with as many grants as wanted.
pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    pub(crate) users: u64,
    key: String,
}

impl Site {
    pub(crate) fn new(grants: u64) -> Self {
        progress(&format!("making a site of {grants} grants"));
        let cluster = Cluster::start_with(&SETTINGS);
        cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"));
        let url = cluster.url(DATABASE);
        let key = init(&url);
        cluster.sql(DATABASE, ROLES);
        let site = Self { cluster, users: grants / PROJECTS_OF_A_USER, key };
        site.fill();
        site
    }

    /// Writes rows straight into the tables: nobody follows them yet, and a million edits would take hours.
    fn fill(&self) {
        let (users, most) = (self.users, PROJECTS_OF_A_USER);
        let projects = projects(users);
        for sql in [
            format!("INSERT INTO users SELECT {USER}, 'user', 1, 0 FROM generate_series(0, {users} - 1) n"),
            format!(
                "INSERT INTO groups SELECT 'group' || n, 'Group ' || n, 0 FROM generate_series(0, {projects} / 20) n"
            ),
            format!(
                "INSERT INTO projects SELECT {PROJECT}, 'group' || n / 20, 'Project ' || n, 0 FROM generate_series(0, {projects} - 1) n"
            ),
            // Keys that point nowhere are not looked for: there are none.
            format!(
                "SET session_replication_role = replica; INSERT INTO project_permissions SELECT \
                     (SELECT {PROJECT} FROM (SELECT (u * 7 + k) % {projects} AS n) p), \
                     (SELECT {USER} FROM (SELECT u AS n) p), CASE WHEN k % 2 = 0 THEN 'rw' ELSE 'ro' END \
                     FROM generate_series(0, {users} - 1) u, generate_series(0, {most} - 1) k"
            ),
            // As a database that has been running for a while is.
            "VACUUM ANALYZE".to_owned(),
            "CHECKPOINT".to_owned(),
        ] {
            self.sql(&sql);
        }
    }

    pub(crate) fn sql(&self, sql: &str) -> Vec<String> {
        self.cluster.sql(DATABASE, sql)
    }

    /// The number that a query answers.
    pub(crate) fn number(&self, sql: &str) -> f64 {
        self.sql(sql).first().unwrap().parse().unwrap()
    }

    /// A control plane that serves.
    pub(crate) async fn control(&self) -> Server {
        let server = self.listening("rolegate_control", &["--admin-listen", "127.0.0.1:0"]).await;
        server.becomes(ServingStatus::Serving).await;
        server
    }

    /// A sidecar that serves.
    pub(crate) async fn sidecar(&self, flags: &[&str]) -> Server {
        let server = self.listening("rolegate_sidecar", &[&["--admin-listen", "off"], flags].concat()).await;
        server.becomes(ServingStatus::Serving).await;
        server
    }

    async fn listening(&self, user: &str, flags: &[&str]) -> Server {
        let url = self.cluster.url_of(user, DATABASE);
        let mut command: Command = rolegate(["serve", "--log-format", "json", "--store", &url]);
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]).args(flags);
        Server::run(command).await
    }

    pub(crate) async fn administrator(&self, control: &Server) -> Admin {
        control.administrator(&self.key).await
    }
}

/// The ids of users and projects, by number, as SQL makes them.
const USER: &str = "'user' || lpad(n::text, 6, '0') || '@bench.example'";
const PROJECT: &str = "lpad(n::text, 24, '0')";

const fn projects(users: u64) -> u64 {
    if users / 10 < 2 * PROJECTS_OF_A_USER { 2 * PROJECTS_OF_A_USER } else { users / 10 }
}

fn user(n: u64) -> String {
    format!("user{n:06}@bench.example")
}

/// One of the projects that a user is on.
fn project_of(n: u64, users: u64) -> String {
    format!("{:024}", n * 7 % projects(users))
}

/// May this user change what is said of files in the user's project?
pub(crate) fn may_write(n: u64, users: u64) -> CheckRequest {
    may(&user(n), project(&project_of(n, users)), "files_modify_metadata")
}

/// Lets a user write in the user's project, or look at it only; the token of the write.
pub(crate) async fn set(admin: &mut Admin, n: u64, users: u64, lets: bool) -> String {
    let roles = vec![if lets { "rw" } else { "ro" }.to_owned()];
    let request = SetProjectPermissionRequest {
        project: project_of(n, users),
        user: user(n),
        roles,
        expected_revision: None,
    };
    admin.set_project_permission(request).await.unwrap().into_inner().revision_token
}
