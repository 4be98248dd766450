//! `apply --store` and `export --store`: writing and reading a store's file beside a running server.

use super::{
    calls::{MEMORY_STUDY, may_at, project, sample_site},
    server::{Server, command, init},
    site_calls::export,
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
