//! The description of the API, held against the running server by a client that makes requests up from it.

use crate::{
    clients::{python, served},
    http::request,
    server::Store,
    worlds::SITE,
};
use std::{path::Path, process::Command};

/// What is asked of every answer. That whatever the description does not allow is refused is not: unknown keys are let
/// pass, since clients send whole objects back.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Things that there are to begin with, so that requests reach what is behind "no such thing".
const KNOWN: &str = r#"
[parameters]
"path.group" = "neuro"
"path.project" = "scans"
"path.role" = "curator"
"path.user" = "bob@example.org"
"path.gear" = "closed"
"#;

/// Where the description lies that the server gives out.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/library/src/platform/api/openapi.json");

#[test]
fn the_kept_description_is_what_stands_above_the_handlers() {
    let now = serde_json::to_string_pretty(&rolegate::platform::api::description()).unwrap() + "\n";
    if std::env::var_os("ROLEGATE_TEST_WRITE").is_some() {
        std::fs::write(KEPT, &now).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap();
    assert!(
        kept == now,
        "{KEPT} is out of date: ROLEGATE_TEST_WRITE=1 cargo test --test platform kept_description makes it anew"
    );
}

#[tokio::test]
async fn the_running_server_answers_as_its_description_says() {
    let store = Store::new();
    let (server, _) = served(&store).await;
    let description = request(&server.http, &store.key, "GET", "/api/openapi.json", None).await;
    assert_eq!(description.json()["openapi"], "3.1.0");
    store.apply(SITE);
    std::fs::write(store.beside("schemathesis.toml"), KNOWN).unwrap();
    let file = store.beside("openapi.json");
    std::fs::write(&file, &description.body).unwrap();
    let python = python("schemathesis==4.*");
    let schemathesis = Path::new(&python).with_file_name("schemathesis");
    let seed = std::env::var("ROLEGATE_TEST_SEED").unwrap_or_else(|_| "4711".to_owned());
    let mut run = Command::new(schemathesis);
    run.arg("run").arg(&file).args(["--url", &server.http, "--checks", CHECKS, "--seed", &seed]);
    run.args(["--max-examples", "25", "--phases", "examples,coverage,fuzzing", "--no-color"]);
    run.arg("-H").arg(format!("Authorization: Bearer {}", store.key));
    run.current_dir(store.folder.path()).env("NO_PROXY", "127.0.0.1");
    let done = tokio::task::spawn_blocking(move || run.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "seed {seed}: {said}\n{}", String::from_utf8_lossy(&done.stderr));
}
