//! `apply --store` and `export --store`: writing and reading a store's file beside a running server.

use super::{
    calls::{MEMORY_STUDY, by_hand, may_at, project, sample_site},
    server::{Server, command, init},
    site_calls::{actions, export},
};
use serde_json::Value;
use std::process::Output;

/// Runs a command on the server's own file.
pub fn offline(server: &Server, arguments: &[&str]) -> Output {
    let store = server.store();
    command().args(arguments).arg("--store").arg(store).current_dir(server.folder()).output().unwrap()
}

#[tokio::test]
async fn direct_applies_to_the_file_reach_a_running_server_at_once() {
    let server = sample_site();
    let ivy = "ivy@demo.example";
    let file = server.folder().join("site.yaml");
    let document = export(&server).await;
    for _ in 0..3 {
        for (role, allowed) in [("rw", true), ("ro", false)] {
            let entry = format!("      {ivy}:\n      - {role}\n      rosa@");
            let at = "      rosa@";
            assert!(document.contains(at), "{document}");
            std::fs::write(&file, document.replacen(at, &entry, 1)).unwrap();
            let output = offline(&server, &["apply", "-f", "site.yaml", "--output", "json"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let token = report["revision_token"].as_str().unwrap().to_owned();
            assert_eq!(may_at(&server, ivy, project(MEMORY_STUDY), "files_move", Some(token)).await, allowed);
        }
    }
    // Its refusals are those of a server.
    let refused = |arguments: &[&str]| {
        let output =
            offline(&server, &[&["apply", "-f", "site.yaml", "--output", "json"], arguments].concat());
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        (output.status.code(), error["error"]["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused(&["--expected-revision", "1"]), (Some(1), "ABORTED".to_owned()));
    std::fs::write(&file, "version: 1\nusers: [{id: root@example.com}, {id: ada@demo.example}]").unwrap();
    assert_eq!(refused(&[]), (Some(1), "FAILED_PRECONDITION".to_owned()));
    std::fs::write(&file, "version: 1\nuser: []").unwrap();
    assert_eq!(refused(&[]), (Some(1), "INVALID_ARGUMENT".to_owned()));
    let lost = command().args(["export", "--store", "/nowhere/x.db"]).output().unwrap();
    assert_eq!(lost.status.code(), Some(1));
    let other = server.folder().join("other.db");
    init(&other);
    let output = command().args(["apply", "-f"]).arg(&file).arg("--store").arg(&other).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn direct_applies_go_by_the_settings_of_the_server() {
    let server = Server::start();
    let folder = server.folder();
    let role =
        |extra: &[&str]| format!("version: 1\nroles:\n  - label: Tagger\n    actions: {}\n", actions(extra));
    std::fs::write(folder.join("site.yaml"), role(&[])).unwrap();
    std::fs::write(
        folder.join("good.toml"),
        "listen = \"127.0.0.1:7\"\nrequired_actions = \"files_download\"\n",
    )
    .unwrap();
    std::fs::write(folder.join("bad.toml"), "required_actions = \"files_downlaod\"\n").unwrap();
    let apply = |flags: &[&str], environment: &[(&str, &str)]| {
        let mut apply = command();
        apply.args(["apply", "-f", "site.yaml", "--store", "rolegate.db"]).args(flags);
        let output = apply.envs(environment.iter().copied()).current_dir(folder).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (flags, environment) in [
        (&["--required-actions", "files_download"][..], &[][..]),
        (&[], &[("ROLEGATE_REQUIRED_ACTIONS", "files_download")]),
        (&["--config", "good.toml"], &[]),
        (&[], &[("ROLEGATE_CONFIG", "good.toml")]),
    ] {
        let (code, said) = apply(flags, environment);
        assert!(code == Some(1) && said.contains("required actions are missing: files_download"), "{said}");
    }
    for flags in [&["--config", "bad.toml"][..], &["--change-history", "0"], &["--change-history", "x"]] {
        assert_eq!(apply(flags, &[]).0, Some(64), "{flags:?}");
    }
    // A longer history than the usual one is kept as well, and a shorter one cut.
    let changes = |history: &str| {
        for extra in ["files_download", "tags_manage"].repeat(2) {
            std::fs::write(folder.join("site.yaml"), role(&[extra])).unwrap();
            assert_eq!(apply(&["--change-history", history], &[]).0, Some(0));
        }
    };
    changes("2");
    assert_eq!(kept_changes(&server).await, 3);
    changes("5");
    assert_eq!(kept_changes(&server).await, 6);
}

/// How many revisions of change history the store holds.
async fn kept_changes(server: &Server) -> i64 {
    let mut store = by_hand(&server.store()).await;
    sqlx::query_scalar("SELECT count(*) FROM changes").fetch_one(&mut store).await.unwrap()
}
