//! Taking over a platform: here, another rolegate, over the same contract.

use crate::{
    clients::served,
    http::request,
    server::{FIRST_ADMIN, Server, Store, run, until},
    worlds::SITE,
};
use rolegate::grpc::proto::{DeleteUserRequest, RemoveProjectPermissionRequest};
use serde_json::Value;
use std::process::Output;

/// A platform that serves the sample site, with an action that nobody here knows; and where its key is.
async fn platform() -> (Store, Server, String) {
    let store = Store::new();
    let (server, _) = served(&store).await;
    store.apply(SITE);
    let url = format!("sqlite://{}", store.text());
    let mut raw = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let newer = "INSERT INTO role_actions (role_id, action) VALUES ('curator', 'wormholes_open')";
    sqlx::raw_sql(newer).execute(&mut raw).await.unwrap();
    let key_file = store.beside("key.txt");
    std::fs::write(&key_file, format!("{}:__force_insecure:{}\n", server.http, store.key)).unwrap();
    let key_file = key_file.to_str().unwrap().to_owned();
    (store, server, key_file)
}

async fn import(server: &Server, key_file: &str, to: &Store, more: &[&str]) -> Output {
    let arguments =
        ["import", "flywheel", "--from", &server.http, "--key-file", key_file, "--store", to.text()];
    let arguments: Vec<String> =
        arguments.into_iter().chain(more.iter().copied()).map(str::to_owned).collect();
    let run = move || run(arguments.iter().map(String::as_str));
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn export(store: &Store) -> String {
    let done = run(["export", "--store", store.text()]);
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn a_whole_platform_is_taken_over_and_a_dry_run_says_what_would_come() {
    let (there, server, key_file) = platform().await;
    let here = Store::new();
    let before = export(&here);
    let tried = import(&server, &key_file, &here, &["--dry-run", "--output", "json"]).await;
    assert!(tried.status.success(), "{tried:?}");
    let told: Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(export(&here), before);
    assert_eq!(told["notes"]["unknown_actions"], serde_json::json!(["wormholes_open"]));
    let gains = told["access_changes"].as_array().unwrap();
    assert!(gains.iter().any(|change| change["user"] == "ann@example.org"), "{told:#}");
    assert!(!String::from_utf8_lossy(&tried.stderr).contains(&there.key));

    let done = import(&server, &key_file, &here, &["--prune"]).await;
    assert!(done.status.success(), "{done:?}");
    assert!(
        String::from_utf8_lossy(&done.stdout).contains("note: actions that are not known here"),
        "{done:?}"
    );
    assert_eq!(export(&here), export(&there));
    let again = import(&server, &key_file, &here, &["--prune", "--output", "json"]).await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["changes"], 0, "{again:#}");
}

#[tokio::test]
async fn what_was_taken_over_decides_at_once_and_unknown_actions_grant_nothing() {
    let (_there, server, key_file) = platform().await;
    let here = Store::new();
    let follower = Server::start(&here).await;
    let check = |action: &str| {
        let question = ["check", "--server", &follower.questions, "--user", "ann@example.org"];
        let question =
            [&question[..], &["--project", "scans", "--action", action, "--fully-current"]].concat();
        run(question).status.code()
    };
    assert_eq!(check("files_modify_metadata"), Some(1));
    let done = import(&server, &key_file, &here, &[]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(check("files_modify_metadata"), Some(0));
    assert_eq!(check("wormholes_open"), Some(2), "no action by that name can be asked for");
    assert!(export(&here).contains(FIRST_ADMIN), "what is beside it is left alone");
}

#[tokio::test]
async fn an_import_that_was_cut_short_goes_on_from_what_was_read() {
    let (there, server, key_file) = platform().await;
    let here = Store::new();
    let pages = here.beside("pages.jsonl");
    let resume = ["--resume", pages.to_str().unwrap()];
    let before = export(&here);
    let refused =
        import(&server, &key_file, &here, &[&resume[..], &["--expected-revision", "99"]].concat()).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(export(&here), before, "all or nothing");
    // The last page was cut off in the middle of being kept.
    let kept = std::fs::read_to_string(&pages).unwrap();
    assert!(!kept.contains(&there.key));
    std::fs::write(&pages, &kept[..kept.len() - 20]).unwrap();
    let resumed = import(&server, &key_file, &here, &resume).await;
    assert!(resumed.status.success(), "{resumed:?}");
    assert!(!pages.exists(), "nothing of it is needed any more");
}

#[tokio::test]
async fn what_is_kept_is_enough_to_finish_without_the_platform() {
    let (there, mut server, key_file) = platform().await;
    let here = Store::new();
    let pages = here.beside("pages.jsonl");
    let resume = ["--prune", "--resume", pages.to_str().unwrap()];
    let tried = import(&server, &key_file, &here, &[&resume[..], &["--dry-run"]].concat()).await;
    assert!(tried.status.success(), "{tried:?}");
    server.kill();
    assert!(import(&server, &key_file, &here, &resume).await.status.success());
    assert_eq!(export(&here), export(&there));
}

#[tokio::test]
async fn what_cannot_be_read_is_said_in_one_line_without_the_key() {
    let (there, server, key_file) = platform().await;
    let here = Store::new();
    let wrong = here.beside("wrong.txt");
    std::fs::write(&wrong, format!("rgk_{}_{}", "0".repeat(12), "0".repeat(64))).unwrap();
    let refused = import(&server, wrong.to_str().unwrap(), &here, &[]).await;
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), said.trim_end().lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("401") && !said.contains("rgk_"), "{said}");
    let nowhere =
        run(["import", "flywheel", "--from", "ftp://x", "--key-file", &key_file, "--store", here.text()]);
    assert_eq!(nowhere.status.code(), Some(64), "{nowhere:?}");
    assert!(!String::from_utf8_lossy(&nowhere.stderr).contains(&there.key));
}

/// A server that keeps its store in step with a platform.
async fn following(here: &Store, platform: &Server, key_file: &str) -> Server {
    let flags = ["--follow-flywheel", &platform.http, "--follow-key-file", key_file];
    let more = ["--follow-interval", "1s", "--follow-keep", "local@example.org,root@example.org"];
    Server::start_with(here, &[&flags[..], &more].concat()).await
}

fn may_download(server: &Server, user: &str) -> bool {
    let question = ["check", "--server", &server.questions, "--user", user, "--project", "scans"];
    run([&question[..], &["--action", "files_download"]].concat()).status.code() == Some(0)
}

#[tokio::test]
async fn a_store_that_follows_a_platform_changes_with_it() {
    let (there, server, key_file) = platform().await;
    let users =
        "[{id: local@example.org}, {id: old@example.org}, {id: root@example.org, site_role: site_admin}]";
    let here = Store::with_site(&format!("version: 1\nusers: {users}\n"));
    let follower = following(&here, &server, &key_file).await;
    until("bob may download", async || may_download(&follower, "bob@example.org")).await;
    let mut admin = server.administrator(&there.key).await;
    // Neither a name that cannot be one here, nor a namesake of an administrator, stands in the way of a revocation.
    let strange = r#"{"label": "Strange\u3000", "group": "neuro"}"#;
    assert!(matches!(
        request(&server.http, &there.key, "POST", "/api/projects", Some(strange)).await.status,
        200 | 422
    ));
    let namesake = r#"{"_id": "root@example.org", "roles": ["user"]}"#;
    assert_eq!(request(&server.http, &there.key, "POST", "/api/users", Some(namesake)).await.status, 200);
    let (project, user) = ("scans".to_owned(), "bob@example.org".to_owned());
    let revoke = RemoveProjectPermissionRequest { project, user, expected_revision: None };
    admin.remove_project_permission(revoke).await.unwrap();
    until("bob may not any more", async || !may_download(&follower, "bob@example.org")).await;
    let ann = DeleteUserRequest { id: "ann@example.org".to_owned(), expected_revision: None };
    admin.delete_user(ann).await.unwrap();
    until("ann may not any more", async || !may_download(&follower, "ann@example.org")).await;
    let left = export(&here);
    assert!(left.contains("id: root@example.org\n  site_role: site_admin"), "{left}");
    assert!(left.contains("local@example.org") && !left.contains("old@example.org"), "{left}");
    for said in ["access has changed", "wormholes_open"] {
        until("it is said", async || follower.logs.contain(said)).await;
    }
    assert!(!follower.logs.contain(&there.key));
}

#[tokio::test]
async fn a_platform_that_shows_only_a_part_or_nothing_takes_nothing_away() {
    let (there, server, key_file) = platform().await;
    let users: Vec<_> = (0..40).map(|n| format!("{{id: u{n}}}")).collect();
    let site = format!("version: 1\nusers: [{}]\n", users.join(", "));
    let here = Store::with_site(&site);
    let before = export(&here);
    let follower = following(&here, &server, &key_file).await;
    until("it is said", async || follower.logs.contain("taken for a part")).await;
    drop(server);
    until("it is said", async || follower.logs.contain("cannot be read")).await;
    assert_eq!(export(&here), before);
    drop(there);
}
