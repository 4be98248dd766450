//! How commands end, against the real server.

use super::{
    calls::{MEMORY_STUDY, REHAB_TRIAL, sample_site},
    commands::run,
    server::{Server, command, eventually},
};

pub fn code(server: &Server, line: &str) -> (Option<i32>, String) {
    let output = run(server, line, "table");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn exit_codes_tell_no_from_unknown_from_nonsense() {
    let mut server = sample_site();
    let check = format!("check --user rosa@demo.example --project {REHAB_TRIAL} --action");
    assert_eq!(code(&server, &format!("{check} files_download")).0, Some(1), "denied");
    let unknown = code(&server, &format!("{check} files_downlaod"));
    assert_eq!(unknown.0, Some(2), "no decision");
    assert!(unknown.1.contains("files_download"), "{}", unknown.1);
    let refusals = [
        ("user get nobody", "NOT_FOUND"),
        ("role get nobody", "NOT_FOUND"),
        ("user create rosa@demo.example", "ALREADY_EXISTS"),
        ("role delete admin", "FAILED_PRECONDITION"),
        ("group rename neuro --label X --expected-revision 1", "ABORTED"),
        ("role create --label X --action fly", "INVALID_ARGUMENT"),
        ("apply -f no-such-key.yaml", "INVALID_ARGUMENT"),
    ];
    std::fs::write(server.folder().join("no-such-key.yaml"), "version: 1\nuser: []\n").unwrap();
    for (line, name) in refusals {
        let (code, stderr) = code(&server, line);
        assert_eq!(code, Some(1), "{line}: {stderr}");
        assert!(stderr.contains(name), "{line}: {stderr}");
    }
    for line in [
        "",
        "role",
        "role fly",
        "user create",
        "check --user x",
        "user list --limit 0",
        "role list --api-key x",
        "key create a --label x --expires-in never",
        "gear restrict x",
    ] {
        assert_eq!(code(&server, line.trim()).0, Some(64), "{line}");
    }
    assert_eq!(code(&server, "apply -f missing.yaml").0, Some(2), "a file that is not there");
    server.stop().await;
    for line in ["user list", "healthcheck", &format!("{check} files_download")] {
        assert_eq!(code(&server, line).0, Some(2), "nobody there: {line}");
    }
}

#[tokio::test]
async fn a_batch_ends_as_its_worst_item_does() {
    let server = sample_site();
    let item = |project: &str, action: &str| {
        format!("{{\"user\": \"rosa@demo.example\", \"project\": \"{project}\", \"action\": \"{action}\"}}\n")
    };
    let (yes, no, what) =
        (item(MEMORY_STUDY, "tags_view"), item(REHAB_TRIAL, "tags_view"), item(MEMORY_STUDY, "fly"));
    for (items, expected) in [
        (yes.clone(), 0),
        (format!("{yes}{no}"), 1),
        (format!("{no}{what}{yes}"), 2),
        (format!("[{},{}]", yes.trim(), no.trim()), 1),
        (String::new(), 2),
        ("{\"usr\": 1}".to_owned(), 2),
    ] {
        std::fs::write(server.folder().join("questions.jsonl"), &items).unwrap();
        let (code, stderr) = code(&server, "batch-check -f questions.jsonl");
        assert_eq!(code, Some(expected), "{items}: {stderr}");
    }
}

#[tokio::test]
async fn the_key_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let server = sample_site();
    std::fs::write(server.folder().join("key"), format!("{}\n", server.key)).unwrap();
    let without = |arguments: &[&str]| server.cli_as("", arguments).output().unwrap();
    let no = without(&["user", "list"]);
    assert_eq!(no.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&no.stderr).contains("UNAUTHENTICATED"));
    assert!(without(&["user", "list", "--key-file", "key"]).status.success());
    assert_eq!(without(&["user", "list", "--key-file", "nowhere"]).status.code(), Some(2));
    let wrong = format!("rgk_000000000000_{}", "ab".repeat(32));
    let refused = server.cli_as(&wrong, &["user", "list"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("abab"));
}

#[tokio::test]
async fn health_is_serving_not_serving_or_unreachable() {
    let server = Server::start_with(&["--max-staleness", "2s", "--warn-staleness", "1s"]);
    eventually("the server serves", || async { code(&server, "healthcheck").0 == Some(0) }).await;
    // Another file in the store's place is not the store.
    std::fs::rename(server.store(), server.folder().join("gone.db")).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(server.folder().join(format!("rolegate.db{suffix}")));
    }
    eventually("the server notices", || async { code(&server, "healthcheck").0 == Some(1) }).await;
    let output = server.cli(&["healthcheck"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "NOT_SERVING\n");
    let check = code(&server, "check --user root@example.com --site --action users_manage");
    assert_eq!(check.0, Some(2), "{}", check.1);
}

#[test]
fn completion_scripts_are_scripts() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, checker) in [("bash", Some("bash")), ("zsh", None), ("fish", None)] {
        let output = command().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty());
        let file = folder.path().join(shell);
        std::fs::write(&file, &output.stdout).unwrap();
        if let Some(checker) = checker {
            assert!(std::process::Command::new(checker).arg("-n").arg(&file).status().unwrap().success());
        }
    }
    assert_eq!(command().args(["completions", "tcl"]).output().unwrap().status.code(), Some(64));
}

#[test]
fn init_refuses_to_touch_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("deep/down/store.db");
    super::server::init(&store);
    let again = |admin: &str, path: &std::path::Path| {
        command().args(["init", "--admin", admin, "--store"]).arg(path).output().unwrap()
    };
    let before = std::fs::read(&store).unwrap();
    assert_eq!(again("eve@example.com", &store).status.code(), Some(1));
    assert_eq!(std::fs::read(&store).unwrap(), before);
    assert_eq!(again(" ", &folder.path().join("other.db")).status.code(), Some(64));
    let nowhere = again("eve@example.com", std::path::Path::new("/proc/none/store.db"));
    assert_eq!(nowhere.status.code(), Some(2), "cannot be written: no verdict");
}
