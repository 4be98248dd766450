//! The platform's own client, in several of its versions.

use crate::server::{FIRST_ADMIN, Server, Store};
use std::process::Command;

/// The Python of a client's own environment, which is made where there is none yet.
pub(crate) fn python(package: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let made = Command::new(format!("{root}/scripts/clients")).arg(package).output().unwrap();
    assert!(made.status.success(), "{package}: {}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// What is served, and who may do what in it: nothing but an admin, and a user who is nobody.
pub(crate) async fn served(store: &Store) -> (Server, String) {
    let server = Server::start_with(store, &["--http-listen", "127.0.0.1:0"]).await;
    let mut admin = server.administrator(&store.key).await;
    let user = "user@example.org".to_owned();
    let new = rolegate::grpc::proto::CreateUserRequest { id: user.clone(), ..Default::default() };
    admin.create_user(new).await.unwrap();
    let key =
        rolegate::grpc::proto::CreateApiKeyRequest { user, label: "k".to_owned(), ..Default::default() };
    let secret = admin.create_api_key(key).await.unwrap().into_inner().secret;
    (server, secret)
}

async fn workflow(version: &str) {
    let store = Store::new();
    let (server, users_key) = served(&store).await;
    let required: Vec<_> = rolegate::rbac::action::Action::ALL
        .into_iter()
        .filter(|action| action.is_required())
        .map(|action| action.name())
        .collect();
    let mut script = Command::new(python(&format!("flywheel-sdk=={version}")));
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platform/workflow.py")).arg(version);
    script.env("HTTP_HOST", server.http.trim_start_matches("http://")).env("API_KEY", &store.key);
    script.env("USERS_KEY", users_key).env("FIRST_ADMIN", FIRST_ADMIN).env("GRPC", &server.questions);
    script.env("ROLEGATE", env!("CARGO_BIN_EXE_rolegate"));
    script.env("REQUIRED", serde_json::to_string(&required).unwrap());
    // A proxy that the machine goes by has no business here, and a refusal must not be tried again.
    script.env("NO_PROXY", "127.0.0.1").env("FLYWHEEL_SDK_TOTAL_RETRIES", "0");
    let done = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{version}: {said}\n{}", server.logs.text());
    assert!(String::from_utf8_lossy(&done.stdout).contains("the whole workflow"), "{version}: {said}");
}

#[tokio::test]
async fn version_23_does_the_whole_workflow() {
    workflow("23.0.0").await;
}

#[tokio::test]
async fn version_19_does_the_whole_workflow() {
    workflow("19.4.*").await;
}

#[tokio::test]
async fn version_17_which_refuses_replies_with_names_it_does_not_know_does_the_whole_workflow() {
    workflow("17.8.0").await;
}

#[tokio::test]
async fn version_16_does_the_whole_workflow() {
    workflow("16.19.*").await;
}
