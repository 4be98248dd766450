//! The site file: what is exported can be applied, again and elsewhere, and nothing else happens.

use super::{
    calls::{
        DATA_IMPORTER, GEAR_DEVELOPER, MEMORY_STUDY, REQUIRED, done, effective, group, project, revision,
        sample_site, site,
    },
    direct::offline,
    server::Server,
    site_calls::{accesses, actions, apply, export, fault, prune, send, summary, words},
};
use rolegate::grpc::proto::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tonic::Code;

#[tokio::test]
async fn an_export_makes_the_same_site_elsewhere_and_changes_nothing_here() {
    let one = sample_site();
    let document = export(&one).await;
    let before = revision(&one).await;
    let again = apply(&one, &document).await.unwrap();
    let end = summary(&again);
    assert_eq!((again.len(), end.changes, end.unmentioned), (1, 0, 0));
    assert_eq!(revision(&one).await, before);
    let other = Server::start();
    apply(&other, &document).await.unwrap();
    assert_eq!(export(&other).await, document);
    // The operator's way says the same.
    assert_eq!(String::from_utf8(offline(&one, &["export"]).stdout).unwrap(), document);
    let output = one.cli(&["export", "-o", "out.yaml"]);
    assert!(output.status.success());
    assert_eq!(std::fs::read_to_string(one.folder().join("out.yaml")).unwrap(), document);
}

#[tokio::test]
async fn texts_that_mean_something_in_yaml_come_back_as_they_were() {
    let nasty = [
        "true",
        "no",
        "null",
        "~",
        "1",
        "1e3",
        "5e0000000000000000000001",
        "0x1f",
        "0o7",
        "007",
        "1_000",
        ".inf",
        "2001-01-01",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "<<",
        "=",
        "*a",
        "&a",
        "!a",
        "!!str a",
        "%a",
        "@a",
        "`a`",
        "|",
        ">",
        "'",
        "\"",
        "''",
        "a'b\"c",
        "{a}",
        "[a]",
        "a,b",
        "?",
        "? a",
        ":",
        "::",
        "\\n",
        "\\",
        "a\\\"",
        "é",
        "日本語",
        "🙂",
        "a\u{a0}b",
        "a\u{2028}b",
        "a\u{feff}b",
        "\u{feff}",
        "\u{200b}",
        "a  b",
        "---",
        "...",
        "${HOME}",
        "{{x}}",
        "12:30:45",
        "+1",
        "-1",
        "1.0",
        "NaN",
        "Yes",
        "OFF",
        "y",
        "n",
    ];
    let long = "word ".repeat(51) + "x";
    let mut file = json!({"version": 1, "roles": [], "users": [], "groups": [], "gears": []});
    for text in nasty.iter().copied().chain([long.as_str()]) {
        let mut add = |kind: &str, thing: Value| file[kind].as_array_mut().unwrap().push(thing);
        let id: String = text.chars().take(50).collect::<String>() + ".p";
        add("roles", json!({"id": text, "label": text, "actions": REQUIRED}));
        add("users", json!({"id": text}));
        add(
            "groups",
            json!({
                "id": text, "label": text, "offers": [text], "members": {text: "rw"}, "template": {text: [text]},
                "projects": [{"id": id, "label": text, "permissions": {text: [text, "ro"]}}],
            }),
        );
        add("gears", json!({"name": text, "restricted": {"projects": [id], "users": [text]}}));
    }
    let server = Server::start();
    apply(&server, &file.to_string()).await.unwrap();
    let mut root = server.root();
    for text in nasty {
        let held = done(root.get_user(GetUserRequest { id: text.to_owned() }).await);
        assert_eq!(held.user.unwrap().id, text);
    }
    let document = export(&server).await;
    let end = summary(&apply(&server, &document).await.unwrap());
    assert_eq!((end.changes, end.unmentioned), (0, 0));
    let other = Server::start();
    apply(&other, &document).await.unwrap();
    assert_eq!(export(&other).await, document);
}

/// What every user may do everywhere, by the answers to questions.
async fn all_that_is_allowed(server: &Server, users: &[&str]) -> BTreeMap<(String, String), Vec<String>> {
    let projects = ["5f0000000000000000000001", "5f0000000000000000000002", "5f0000000000000000000003"];
    let mut places = vec![("site".to_owned(), site())];
    places.extend(["neuro", "cardio"].map(|id| (id.to_owned(), group(id))));
    places.extend(projects.map(|id| (id.to_owned(), project(id))));
    let mut all = BTreeMap::new();
    for user in users {
        for (name, place) in &places {
            let actions = effective(server, user, place.clone()).await;
            all.insert(((*user).to_owned(), name.clone()), actions);
        }
    }
    all
}

#[tokio::test]
async fn a_dry_run_tells_exactly_what_the_apply_then_does() {
    let server = sample_site();
    let users = [
        "gil@demo.example",
        "ivy@demo.example",
        "rosa@demo.example",
        "walt@demo.example",
        "dev@demo.example",
    ];
    let document = export(&server)
        .await
        .replace("rosa@demo.example: ro\n", "rosa@demo.example: admin\n")
        .replace("  - tags_manage\n", "")
        .replace("dev@demo.example\n  site_role: developer\n", "dev@demo.example\n");
    let request = ApplySiteRequest { document: document.clone(), dry_run: true, ..Default::default() };
    let (stands, before) = (revision(&server).await, all_that_is_allowed(&server, &users).await);
    let tried = send(&server, vec![request.clone()]).await.unwrap();
    for change in [
        "update role \"Data importer\": -tags_manage",
        "update user dev@demo.example: site role user",
        "update group neuro: member rosa@demo.example: admin",
    ] {
        assert!(words(&tried).contains(&change.to_owned()), "{:?}", words(&tried));
    }
    assert_eq!(
        (revision(&server).await, all_that_is_allowed(&server, &users).await),
        (stands, before.clone())
    );
    assert_eq!(i64::try_from(summary(&tried).base_revision).unwrap(), stands);

    // What the dry run showed, and nothing else, may be asked for.
    let expected = Some(summary(&tried).base_revision);
    let real = ApplySiteRequest { dry_run: false, expected_revision: expected, ..request.clone() };
    let applied = send(&server, vec![real.clone()]).await.unwrap();
    assert_eq!(words(&applied), words(&tried));
    assert!(accesses(&applied).is_empty() && !accesses(&tried).is_empty());
    let after = all_that_is_allowed(&server, &users).await;
    let mut seen = BTreeMap::new();
    for change in accesses(&tried) {
        let place = if change.place.is_empty() { "site".to_owned() } else { change.place };
        seen.insert((change.user, place), (change.gained, change.lost));
    }
    for (at, old) in before {
        let new = &after[&at];
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        let (gained, lost) = seen.remove(&at).unwrap_or_default();
        assert_eq!((gained, lost), (only(new, &old), only(&old, new)), "{at:?}");
    }
    assert!(seen.is_empty(), "{seen:?}");
    let no = send(&server, vec![real]).await.unwrap_err();
    no.is(Code::Aborted, "REVISION_MISMATCH", "expected revision");
}

#[tokio::test]
async fn becoming_and_ceasing_to_be_a_site_admin_is_told() {
    let server = sample_site();
    let document = "version: 1\nusers:\n  - id: rosa@demo.example\n    site_role: site_admin\n  - id: ada@demo.example\n";
    let request = ApplySiteRequest { document: document.into(), dry_run: true, ..Default::default() };
    let tried = accesses(&send(&server, vec![request]).await.unwrap());
    let of = |user: &str| tried.iter().find(|change| change.user == user && change.place.is_empty()).unwrap();
    assert!(of("rosa@demo.example").gains_everything && of("ada@demo.example").loses_everything);
}

#[tokio::test]
async fn what_the_file_does_not_name_is_left_alone_or_pruned() {
    let server = sample_site();
    let kept = "version: 1\nusers:\n- id: ada@demo.example\n  site_role: site_admin\n- id: root@example.com\n  \
                site_role: site_admin\ngroups:\n- id: onco\n  label: Oncology\n  members:\n    \
                ada@demo.example: ro\n";
    let left = apply(&server, kept).await.unwrap();
    assert_eq!(summary(&left).unmentioned, 4 + 2 + 3 + 5 + 2, "{:?}", words(&left));
    assert!(!words(&left).iter().any(|words| words.starts_with("delete")));
    let pruned = prune(&server, kept).await.unwrap();
    assert_eq!(words(&pruned).iter().filter(|words| words.starts_with("delete")).count(), 16);
    assert_eq!(export(&server).await, kept);
    assert_eq!(words(&prune(&server, kept).await.unwrap()), [""; 0]);
}

#[tokio::test]
async fn renames_go_by_id_and_labels_may_be_swapped() {
    let server = sample_site();
    let document = export(&server).await;
    let swapped = document
        .replace("Gear developer", "@1")
        .replace("Data importer", "Gear developer")
        .replace("@1", "Data importer")
        .replace("Memory Study", "@2")
        .replace("Scanner Intake", "Memory Study")
        .replace("@2", "Scanner Intake");
    let before = effective(&server, "gil@demo.example", project(MEMORY_STUDY)).await;
    let applied = words(&apply(&server, &swapped).await.unwrap());
    assert_eq!(applied.len(), 4, "{applied:?}");
    assert_eq!(effective(&server, "gil@demo.example", project(MEMORY_STUDY)).await, before);
    assert_eq!(export(&server).await, swapped);
    let role = done(server.root().get_role(GetRoleRequest { id: GEAR_DEVELOPER.into() }).await).role.unwrap();
    assert_eq!(role.label, "Data importer");
    // A new thing may take the label that another gives up, whichever stands first.
    let chain = format!(
        "version: 1\nroles:\n  - label: Gear developer\n    id: new\n    actions: {0}\n  - label: Third\n    id: {DATA_IMPORTER}\n    actions: {0}\n",
        actions(&[])
    );
    apply(&server, &chain).await.unwrap();
    // And what is pruned gives its label up as well.
    let users = "users:\n  - id: root@example.com\n    site_role: site_admin\n";
    let fresh = format!(
        "version: 1\n{users}roles:\n  - label: Third\n    id: other\n    actions: {}\n",
        actions(&[])
    );
    apply(&server, &fresh).await.unwrap_err().is(
        Code::AlreadyExists,
        "LABEL_TAKEN",
        "the label `Third` is taken",
    );
    prune(&server, &fresh).await.unwrap();
    assert!(export(&server).await.contains("id: other"));
}

#[tokio::test]
async fn json_is_taken_as_well() {
    let server = Server::start();
    let document = format!(
        "{{\"version\": 1, \"roles\": [{{\"label\": \"Tagger\", \"actions\": {}}}], \"users\": [{{\"id\": \"a\\u00e9\"}}], \
         \"groups\": [{{\"id\": \"g\", \"offers\": [\"Tagger\"], \"template\": {{\"aé\": [\"Tagger\"]}}}}]}}",
        serde_json::to_string(&REQUIRED).unwrap()
    );
    assert_eq!(summary(&apply(&server, &document).await.unwrap()).changes, 5);
    let yaml: Value = serde_json::to_value(rolegate::site::parse(&export(&server).await).unwrap()).unwrap();
    apply(&server, &yaml.to_string()).await.unwrap();
    fault(&server, "{\"version\": 1, \"usrs\": []}", "usrs").await;
    fault(&server, "{\"version\": 1, \"users\": [], \"users\": []}", "duplicate").await;
}
