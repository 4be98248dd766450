//! The audit: every write is in it, with who, when, what it was and what it became, and never a secret.

use super::{
    calls::{MEMORY_STUDY, by_hand, done, key_of, sample_site},
    direct::offline,
    server::{ROOT, Server},
};
use rolegate::grpc::proto::{
    AuditEntry, CreateApiKeyRequest, CreateUserRequest, DeleteUserRequest, ListAuditRequest,
    RevokeApiKeyRequest, SetProjectPermissionRequest,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
};

const ANN: &str = "ann@example.com";

/// `rolegate audit --follow`, which never ends by itself.
struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn of(server: &Server, flags: &[&str]) -> Self {
        let follow = [&["audit", "--follow", "--output", "json"], flags].concat();
        let mut child = server.cli_as(&server.key, &follow).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it tells next.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn of(server: &Server, id: &str) -> Vec<AuditEntry> {
    let request = ListAuditRequest { of: Some(id.to_owned()), ..Default::default() };
    done(server.root().list_audit(request).await).entries
}

fn part(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Makes a user, puts them on a project, gives them a key, and deletes them; the key's secret.
async fn live_and_die(server: &Server) -> String {
    let mut root = server.root();
    done(root.create_user(CreateUserRequest { id: ANN.into(), ..Default::default() }).await);
    for role in ["ro", "rw"] {
        let set = SetProjectPermissionRequest {
            project: MEMORY_STUDY.into(),
            user: ANN.into(),
            roles: vec![role.into()],
            ..Default::default()
        };
        done(root.set_project_permission(set).await);
    }
    let key = CreateApiKeyRequest { user: ANN.into(), label: "laptop".into(), ..Default::default() };
    let made = done(root.create_api_key(key).await);
    let id = made.key.unwrap().id;
    done(root.revoke_api_key(RevokeApiKeyRequest { id, ..Default::default() }).await);
    done(root.delete_user(DeleteUserRequest { id: ANN.into(), ..Default::default() }).await);
    made.secret
}

#[tokio::test]
async fn every_write_is_told_with_what_was_and_what_became() {
    let server = sample_site();
    let secret = live_and_die(&server).await;
    let entries = of(&server, ANN).await;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.kind.as_str(), entry.subject.as_str(), part(&entry.before), part(&entry.after)))
        .collect();
    let on = |roles: &[&str]| json!({"permissions": {ANN: roles}});
    let nobody = json!({"permissions": {}});
    let user = json!({"site_role": "user", "enabled": true, "keys": {}});
    assert_eq!(told[0], ("user", ANN, Value::Null, user.clone()));
    assert_eq!(told[1], ("project", MEMORY_STUDY, nobody.clone(), on(&["ro"])));
    assert_eq!(told[2], ("project", MEMORY_STUDY, on(&["ro"]), on(&["rw"])));
    let (kind, subject, before, after) = &told[3];
    assert_eq!((*kind, *subject, before), ("user", ANN, &json!({"keys": {}})));
    let keys = after["keys"].as_object().unwrap();
    assert!(keys.values().eq([&json!({"label": "laptop", "expires_at": null})]), "{after}");
    assert_eq!((&told[4].2, &told[4].3), (after, &json!({"keys": {}})));
    assert_eq!(told[5], ("user", ANN, user, Value::Null));
    assert_eq!(told[6], ("project", MEMORY_STUDY, on(&["rw"]), nobody), "it goes along, in the same write");
    assert_eq!(told.len(), 7);
    for entry in &entries {
        assert!(entry.by == ROOT && entry.credential.starts_with("key "), "{entry:?}");
        assert!(entry.changed_at.is_some() && entry.revision > 0);
    }
    assert!(entries.is_sorted_by_key(|entry| (entry.revision, entry.id.clone())));
    let secret = secret.rsplit('_').next().unwrap();
    let all = server.cli(&["audit", "--output", "json"]);
    assert!(!String::from_utf8(all.stdout).unwrap().contains(secret));
}

#[tokio::test]
async fn every_revision_of_a_store_has_an_entry() {
    let server = sample_site();
    live_and_die(&server).await;
    let mut store = by_hand(&server.store()).await;
    let sql = "SELECT COUNT(*) FROM changes WHERE revision > 0 AND NOT EXISTS
               (SELECT 1 FROM audit WHERE substr(id, 1, 16) = printf('%016x', changes.revision))";
    let missing: i64 = sqlx::query_scalar(sql).fetch_one(&mut store).await.unwrap();
    assert_eq!(missing, 0);
}

#[tokio::test]
async fn the_audit_is_listed_filtered_and_followed_by_a_command() {
    let server = sample_site();
    let rosa = key_of(&server, "rosa@demo.example").await;
    let refused = server.cli_as(&rosa, &["audit"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let list = |arguments: &[&str]| -> Vec<Value> {
        let arguments = [&["audit", "--output", "json"], arguments].concat();
        let output = server.cli(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let by_operator = list(&["--by", "operator"]);
    assert!(by_operator.iter().all(|entry| entry["credential"].as_str().unwrap().contains("uid")));
    assert!(!by_operator.is_empty(), "the store was made by a command on it");
    assert_eq!(list(&["--since", "2100-01-01T00:00:00Z"]), Vec::<Value>::new());
    let all = list(&[]);
    assert_eq!(list(&["--since", "1h"]), all);
    let direct: Vec<Value> =
        serde_json::from_slice(&offline(&server, &["audit", "--output", "json"]).stdout).unwrap();
    assert_eq!(direct, all, "a store tells what its server does");

    let mut follower = Follower::of(&server, &["--of", ANN]);
    live_and_die(&server).await;
    for _ in 0..7 {
        assert_eq!(follower.next()["by"], ROOT);
    }
}

#[tokio::test]
async fn of_the_audit_as_much_is_kept_as_is_said() {
    let server = Server::start_with(&["--audit-keep", "2"]);
    for number in 0..5 {
        let user = CreateUserRequest { id: format!("user{number}"), ..Default::default() };
        done(server.root().create_user(user).await);
    }
    let page = done(server.root().list_audit(ListAuditRequest::default()).await);
    let kept: Vec<_> = page.entries.iter().map(|entry| entry.subject.as_str()).collect();
    let (oldest, newest) = (&page.entries[0].id, &page.entries[1].id);
    assert_eq!((kept, &page.oldest, &page.newest), (vec!["user3", "user4"], oldest, newest));
    assert!(!page.epoch.is_empty());

    // Whoever goes on where they ended long ago is told that there is a hole, and then what there is.
    let long_ago = "000000000000000100000000";
    let mut follower = Follower::of(&server, &["--after", long_ago]);
    let hole = json!({"after": long_ago, "before": page.oldest, "cause": "no_longer_kept"});
    assert_eq!(follower.next(), json!({ "gap": hole }));
    let told = [follower.next(), follower.next()].map(|entry| entry["subject"].clone());
    assert_eq!(told, [json!("user3"), json!("user4")]);
}

#[tokio::test]
async fn a_follower_who_asks_for_little_is_told_once_of_what_is_gone() {
    let server = Server::start_with(&["--audit-keep", "2"]);
    let create = async |id: &str| {
        done(server.root().create_user(CreateUserRequest { id: id.to_owned(), ..Default::default() }).await);
    };
    for number in 0..5 {
        create(&format!("user{number}")).await;
    }
    let long_ago = "000000000000000100000000";
    let mut follower = Follower::of(&server, &["--after", long_ago, "--of", "wanted"]);
    assert_eq!(follower.next()["gap"]["cause"], "no_longer_kept");
    // All that there was has been looked at, though none of it was asked for.
    create("wanted").await;
    assert_eq!(follower.next()["subject"], "wanted");
}

#[tokio::test]
async fn whoever_goes_on_in_another_history_is_told_so_and_then_all_of_it() {
    let server = Server::start();
    let page = done(server.root().list_audit(ListAuditRequest::default()).await);
    let (after, epoch) = (page.newest.as_str(), page.epoch.as_str());
    let beyond = "00000000000fffff00000000";
    for (flags, is_told) in [
        (vec!["--after", after, "--epoch", epoch], false),
        (vec!["--after", after, "--epoch", "of-before"], true),
        (vec!["--after", beyond], true),
    ] {
        let mut follower = Follower::of(&server, &flags);
        if is_told {
            assert_eq!(follower.next(), json!({ "gap": { "cause": "other_history" } }), "{flags:?}");
            let first = follower.next();
            assert_eq!((&first["id"], &first["epoch"]), (&json!(page.oldest), &json!(epoch)));
        } else {
            let user = CreateUserRequest { id: "new".to_owned(), ..Default::default() };
            done(server.root().create_user(user).await);
            assert_eq!(follower.next()["subject"], "new");
        }
    }
}

#[tokio::test]
async fn what_is_no_entry_and_nobody_is_refused() {
    let server = Server::start();
    for of in [&["--after", "41"][..], &["--after", "xx", "--follow"], &["--by", ""], &["--of", ""]] {
        let arguments = [&["audit"], of].concat();
        for output in [server.cli(&arguments), offline(&server, &arguments)] {
            assert_eq!(output.status.code(), Some(64), "{of:?}");
        }
    }
    let refused = server
        .root()
        .list_audit(ListAuditRequest { after: Some("41".to_owned()), ..Default::default() })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("24 digits"), "{refused:?}");
}
