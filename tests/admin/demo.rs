//! The demo: every command that it prints is run, and must answer what it says.

use super::server::Server;
use rolegate::grpc::proto::{
    CheckRequest, Decision, Operation, Reason, Resource, check_request::Question, resource::Place,
};
use serde_json::Value;
use std::{
    io::Read as _,
    process::{Command, Stdio},
    sync::Arc,
};
use tempfile::TempDir;

/// Starts the demo in a folder, and reads what it prints up to its last line.
fn demo(folder: Arc<TempDir>) -> (Server, String) {
    let mut serve = super::server::command();
    serve.args(["serve", "--demo"]).stdout(Stdio::piped());
    let mut server = Server::spawn(serve, folder);
    let mut stdout = server.stdout().unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains("Press Ctrl-C to stop.") {
        let count = stdout.read(&mut buffer).unwrap();
        assert!(count > 0, "the demo ended: {}", server.log());
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    (server, text)
}

/// The commands printed, each with the answer to expect, if it names one.
fn commands(text: &str) -> Vec<(String, Option<String>)> {
    let mut commands: Vec<(String, Option<String>)> = Vec::new();
    let mut unfinished = false;
    for line in text.lines().skip_while(|line| !line.starts_with('#')) {
        if let Some(answer) = line.strip_prefix("# -> ") {
            commands.last_mut().unwrap().1 = Some(answer.to_owned());
        } else if unfinished {
            commands.last_mut().unwrap().0.push_str(&format!("\n{line}"));
        } else if ["cargo ", "grpcurl ", "export "].iter().any(|start| line.starts_with(start)) {
            commands.push((line.to_owned(), None));
        }
        unfinished = line.ends_with('\\');
    }
    commands
}

fn key_in(text: &str) -> String {
    text.split("ROLEGATE_API_KEY=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Runs a line as a person's shell would, after the lines that set the environment.
fn shell(server: &Server, exports: &str, line: &str) -> std::process::Output {
    let binary = env!("CARGO_BIN_EXE_rolegate");
    let line = line.replace("cargo run -q --release --", binary);
    assert!(line.contains(binary), "{line}");
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(format!("{exports}\n{line}")).current_dir(server.folder());
    bash.env_remove("ROLEGATE_SERVER").env_remove("ROLEGATE_API_KEY").output().unwrap()
}

/// Sends what the printed grpcurl command sends.
async fn grpcurl(server: &Server, line: &str) -> String {
    let sent: Value = serde_json::from_str(line.split('\'').nth(1).unwrap()).unwrap();
    assert!(line.ends_with("rolegate.v1.AuthorizationService/Check"), "{line}");
    assert!(line.contains(server.answers_at().trim_start_matches("http://")), "{line}");
    let text = |pointer: &str| sent.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&sent), ["operation", "resource", "user"]);
    assert_eq!(fields(&sent["operation"]), ["gear", "name"]);
    let operation = Operation {
        name: text("/operation/name"),
        gear: Some(text("/operation/gear")),
        ..Default::default()
    };
    let request = CheckRequest {
        user: text("/user"),
        resource: Some(Resource { place: Some(Place::Project(text("/resource/project"))) }),
        question: Some(Question::Operation(operation)),
        ..Default::default()
    };
    let answer = server.questions().check(request).await.unwrap().into_inner();
    let (decision, reason): (Decision, Reason) = (answer.decision(), answer.reason());
    format!("\"decision\": \"{}\", \"reason\": \"{}\"", decision.as_str_name(), reason.as_str_name())
}

#[tokio::test]
async fn every_printed_command_answers_as_printed() {
    let (server, text) = demo(Arc::new(tempfile::tempdir().unwrap()));
    let (mut exports, mut run) = (String::new(), 0);
    for (line, answer) in commands(&text) {
        if line.starts_with("export ") {
            exports.push_str(&line);
        } else if line.starts_with("grpcurl ") {
            assert_eq!(Some(grpcurl(&server, &line).await), answer);
            run += 1;
        } else {
            let output = shell(&server, &exports, &line);
            let stdout = String::from_utf8(output.stdout).unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            match &answer {
                Some(answer) => {
                    assert_eq!(stdout.trim_end(), answer, "{line}: {stderr}");
                    assert_eq!(output.status.code(), Some(i32::from(answer.starts_with("DENY"))));
                }
                None => {
                    assert!(output.status.success() && stdout.contains("Data importer"), "{stdout}{stderr}")
                }
            }
            run += 1;
        }
    }
    assert_eq!(run, 5, "{text}");
    // The secret is for the person at the terminal, not for the log.
    assert!(!server.log().contains(key_in(&text).rsplit('_').next().unwrap()));
}

#[tokio::test]
async fn a_second_start_in_the_same_folder_works_and_the_old_key_does_not() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let (mut first, text) = demo(Arc::clone(&folder));
    let old = key_in(&text);
    assert!(first.cli_as(&old, &["user", "disable", "rosa@demo.example"]).output().unwrap().status.success());
    assert!(
        first
            .cli_as(&old, &["role", "update", "Data importer", "--label", "Gone"])
            .output()
            .unwrap()
            .status
            .success()
    );
    first.stop().await;
    let (second, text) = demo(folder);
    let new = key_in(&text);
    assert_ne!(new, old);
    let list = |key: &str| second.cli_as(key, &["role", "list"]).output().unwrap();
    assert_eq!(list(&old).status.code(), Some(1));
    let roles = String::from_utf8(list(&new).stdout).unwrap();
    // What the sample site names is as the sample has it again.
    assert!(roles.contains("Data importer") && !roles.contains("Gone"), "{roles}");
    let keys =
        second.cli_as(&new, &["key", "list", "ada@demo.example", "--output", "json"]).output().unwrap();
    let keys: Value = serde_json::from_slice(&keys.stdout).unwrap();
    assert_eq!(keys.as_array().unwrap().len(), 1, "old keys do not pile up");
}
