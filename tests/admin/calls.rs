//! What the tests of the administration have in common: the sample site, people's keys, and refusals as values.

use super::server::{Admin, Server};
use rolegate::grpc::proto::{
    CheckRequest, CreateApiKeyRequest, CreateRoleRequest, Decision, Freshness, GetEffectiveActionsRequest,
    Resource, check_request::Question, freshness::Want, resource::Place,
};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

pub const MEMORY_STUDY: &str = "5f0000000000000000000001";
pub const SCANNER_INTAKE: &str = "5f0000000000000000000002";
pub const HEART_IMAGING: &str = "5f0000000000000000000003";
pub const REHAB_TRIAL: &str = "5f0000000000000000000004";
pub const GEAR_DEVELOPER: &str = "64a000000000000000000001";
pub const DATA_IMPORTER: &str = "64a000000000000000000002";

/// The actions that every custom role must hold.
pub const REQUIRED: [&str; 9] = [
    "containers_view_metadata",
    "files_view_metadata",
    "tags_view",
    "notes_view",
    "project_permissions_view",
    "gear_rules_view",
    "data_views_view",
    "session_templates_view",
    "jobs_view",
];

/// A server with the sample site.
pub fn sample_site() -> Server {
    let server = Server::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-site.yaml");
    let output = server.cli(&["apply", "-f", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server
}

/// The required actions and these.
pub fn with_required(more: &[&str]) -> Vec<String> {
    REQUIRED.iter().chain(more).map(ToString::to_string).collect()
}

pub fn role(label: &str, more: &[&str]) -> CreateRoleRequest {
    CreateRoleRequest { label: label.to_owned(), actions: with_required(more), ..Default::default() }
}

/// What a call that must succeed answers.
pub fn done<T>(answer: Result<Response<T>, Status>) -> T {
    answer.unwrap().into_inner()
}

/// A refusal as tests compare it: code, stable reason, message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub reason: String,
    pub message: String,
    /// The fields at fault.
    pub fields: Vec<String>,
}

/// What a call that must fail answers.
pub fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Refused {
    Refused::from(answer.unwrap_err())
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let fields = status.get_details_bad_request().map(|details| details.field_violations);
        let fields = fields.unwrap_or_default().into_iter().map(|violation| violation.field).collect();
        let info = status.get_details_error_info();
        if let Some(info) = &info {
            assert_eq!(info.domain, "rolegate");
        }
        let reason = info.map(|info| info.reason).unwrap_or_default();
        Self { code: status.code(), reason, message: status.message().to_owned(), fields }
    }
}

impl Refused {
    /// Holds code, reason and a part of the message against what is expected.
    #[track_caller]
    pub fn is(&self, code: Code, reason: &str, part: &str) {
        assert_eq!((self.code, self.reason.as_str()), (code, reason), "{}", self.message);
        assert!(self.message.contains(part), "`{part}` is not in: {}", self.message);
    }
}

/// Makes a key for a user.
pub async fn key_of(server: &Server, user: &str) -> String {
    let request =
        CreateApiKeyRequest { user: user.to_owned(), label: "test".to_owned(), ..Default::default() };
    done(server.root().create_api_key(request).await).secret
}

/// The administration as this user.
pub async fn as_user(server: &Server, user: &str) -> Admin {
    server.admin(&key_of(server, user).await)
}

/// Opens the store's file behind the server's back.
pub async fn by_hand(store: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(store).foreign_keys(true).connect().await.unwrap()
}

/// The store's revision, read from its file.
pub async fn revision(server: &Server) -> i64 {
    let mut store = by_hand(&server.store()).await;
    sqlx::query_scalar("SELECT revision FROM store").fetch_one(&mut store).await.unwrap()
}

pub fn project(id: &str) -> Option<Resource> {
    Some(Resource { place: Some(Place::Project(id.to_owned())) })
}

pub fn group(id: &str) -> Option<Resource> {
    Some(Resource { place: Some(Place::Group(id.to_owned())) })
}

pub fn site() -> Option<Resource> {
    Some(Resource { place: Some(Place::Site(rolegate::grpc::proto::Site {})) })
}

/// Whether the user may do this there, by what the server knows at this moment.
pub async fn may(server: &Server, user: &str, resource: Option<Resource>, action: &str) -> bool {
    may_at(server, user, resource, action, None).await
}

/// The same, by what the server knows at a token's revision or later.
pub async fn may_at(
    server: &Server,
    user: &str,
    resource: Option<Resource>,
    action: &str,
    token: Option<String>,
) -> bool {
    let request = CheckRequest {
        user: user.to_owned(),
        resource,
        question: Some(Question::Action(action.to_owned())),
        freshness: token.map(|token| Freshness { want: Some(Want::AtLeastToken(token)) }),
        explain: false,
    };
    done(server.questions().check(request).await).decision() == Decision::Allow
}

/// Everything that the user may do there.
pub async fn effective(server: &Server, user: &str, resource: Option<Resource>) -> Vec<String> {
    let request = GetEffectiveActionsRequest { user: user.to_owned(), resource, freshness: None };
    done(server.questions().get_effective_actions(request).await).actions
}
