//! A server whose log nobody reads any more serves and ends as any other.

use super::{
    ask::{may, project},
    attack::serves,
    http::metric,
    server::{Held, Server, Store, serving, until},
    site::SITE,
};
use std::process::Command;
use tonic_health::pb::health_check_response::ServingStatus;

/// Makes every call worth many lines.
const CHATTY: &str = "info,h2=trace";
const DROPPED: &str = "rolegate_log_lines_dropped_total";

/// Stops reading a server's lines, and has it say more than finds room anywhere.
async fn stuck(server: &Server) -> Held {
    let held = server.logs.hold();
    let mut questions = server.questions().await;
    until("lines are dropped", async || {
        questions.check(may("ann", project("scans"), "files_download")).await.unwrap();
        metric(&server.metrics, DROPPED).await > 0.0
    })
    .await;
    held
}

/// The same command with one pipe for its lines and for what it prints.
fn with_one_pipe(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" >&2", "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, _) in command.get_envs() {
        shell.env_remove(name);
    }
    shell
}

#[tokio::test]
async fn while_nobody_reads_its_lines_a_server_serves_and_counts_those_it_drops_and_goes_on_afterwards() {
    let store = Store::with_site(SITE);
    let mut server = Server::start_with(&store, &["--log", CHATTY]).await;
    assert_eq!(metric(&server.metrics, DROPPED).await, 0.0);
    let held = stuck(&server).await;
    for _ in 0..20 {
        serves(&server.questions).await;
    }
    let dropped = metric(&server.metrics, DROPPED).await;
    drop(held);
    until("it says what is missing", async || server.logs.contain("log lines were dropped")).await;
    let lost: Vec<u64> = server
        .logs
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .filter_map(|line: serde_json::Value| line["fields"]["lost"].as_u64())
        .collect();
    assert!(lost.iter().sum::<u64>() as f64 >= dropped, "{lost:?} {dropped}");
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0));
    assert!(server.logs.contain("\"stopped\""), "{}", server.logs.text());
}

#[tokio::test]
async fn a_server_ends_when_it_is_asked_to_though_nobody_reads_its_lines() {
    for signals in [1, 2] {
        let store = Store::with_site(SITE);
        let mut server = Server::start_with(&store, &["--log", CHATTY, "--drain-timeout", "1s"]).await;
        let _held = stuck(&server).await;
        (0..signals).for_each(|_| server.terminate());
        assert_eq!(server.ended_unread().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_server_ends_though_nobody_reads_the_pipe_that_its_decisions_go_to_as_well() {
    let store = Store::with_site(SITE);
    let flags = ["--log", CHATTY, "--decision-log", "stdout", "--drain-timeout", "1s"];
    let mut server = Server::run(with_one_pipe(&serving(&store, &flags))).await;
    server.becomes(ServingStatus::Serving).await;
    let _held = stuck(&server).await;
    until("decisions wait", async || {
        metric(&server.metrics, "rolegate_decision_log_queued_bytes").await > 0.0
    })
    .await;
    serves(&server.questions).await;
    server.terminate();
    assert_eq!(server.ended_unread().await.code(), Some(0));
}
