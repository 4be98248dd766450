//! The rules on custom roles, over the wire.

use super::{
    calls::{
        DATA_IMPORTER, GEAR_DEVELOPER, MEMORY_STUDY, Refused, by_hand, done, effective, may, project,
        refused, revision, role, sample_site, with_required,
    },
    server::Server,
};
use rolegate::grpc::proto::*;
use tonic::Code;

fn set_actions(id: &str, names: Vec<String>) -> UpdateRoleRequest {
    UpdateRoleRequest { id: id.to_owned(), actions: Some(RoleActions { names }), ..Default::default() }
}

fn relabel(id: &str, label: &str) -> UpdateRoleRequest {
    UpdateRoleRequest { id: id.to_owned(), label: Some(label.to_owned()), ..Default::default() }
}

fn delete(id: &str) -> DeleteRoleRequest {
    DeleteRoleRequest { id: id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn one_refusal_names_every_fault_of_a_role() {
    let server = sample_site();
    let before = revision(&server).await;
    let names = ["tags_view", "files_downlaod", "users_manage", "group_roles_view", "Tags_view"];
    let request = CreateRoleRequest {
        label: "Gear developer".to_owned(),
        actions: names.map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let no = refused(server.root().create_role(request).await);
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "the label `Gear developer` is taken");
    for missing in ["containers_view_metadata", "files_view_metadata", "notes_view", "jobs_view"] {
        assert!(no.message.contains(missing), "{}", no.message);
    }
    assert!(!no.message.contains("tags_view,"), "it is there: {}", no.message);
    let unknown = "unknown actions: `Tags_view`, `files_downlaod`, `group_roles_view`, `users_manage`";
    assert!(no.message.contains(unknown), "{}", no.message);
    assert!(no.message.contains("did you mean `files_download`?"), "{}", no.message);
    let count = |field: &str| no.fields.iter().filter(|found| *found == field).count();
    assert_eq!((count("actions"), count("label")), (8 + 4, 1));
    assert_eq!(revision(&server).await, before);
}

#[tokio::test]
async fn a_label_that_is_the_only_fault_exists_already() {
    let server = sample_site();
    for label in ["Gear developer", "admin", "rw", "ro"] {
        let no = refused(server.root().create_role(role(label, &[])).await);
        no.is(Code::AlreadyExists, "LABEL_TAKEN", &format!("the label `{label}` is taken"));
        let no = refused(server.root().update_role(relabel(DATA_IMPORTER, label)).await);
        no.is(Code::AlreadyExists, "LABEL_TAKEN", &format!("the label `{label}` is taken"));
    }
    // Labels are compared byte for byte.
    done(server.root().create_role(role("gear developer", &[])).await);
    done(server.root().create_role(role("Admin", &[])).await);
    // One's own label is not taken by oneself.
    done(server.root().update_role(relabel(DATA_IMPORTER, "Data importer")).await);
}

#[tokio::test]
async fn an_id_is_chosen_or_made_and_never_taken_twice() {
    let server = sample_site();
    let made = done(server.root().create_role(role("Made", &[])).await).role.unwrap();
    assert!(made.id.len() == 24 && made.id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", made.id);
    for id in [GEAR_DEVELOPER, "admin"] {
        let request = CreateRoleRequest { id: Some(id.to_owned()), ..role("Other", &[]) };
        let no = refused(server.root().create_role(request).await);
        no.is(Code::AlreadyExists, "EXISTS", &format!("role `{id}` exists already"));
    }
    let request = CreateRoleRequest { id: Some(String::new()), ..role("Other", &[]) };
    refused(server.root().create_role(request).await).is(Code::InvalidArgument, "MALFORMED", "id");
}

#[tokio::test]
async fn required_actions_are_checked_on_what_older_names_stand_for() {
    let server = sample_site();
    let older = done(server.root().create_role(role("Older", &["files_create_upload", "tags_view"])).await);
    let actions = older.role.unwrap().actions;
    assert!(actions.contains(&"files_create_upload".to_owned()), "names are kept as given: {actions:?}");
    assert!(!actions.contains(&"files_create_bulk".to_owned()), "{actions:?}");
    assert_eq!(actions.len(), 10, "duplicates are one: {actions:?}");
}

#[tokio::test]
async fn a_site_may_require_more_actions() {
    let server = Server::start_with(&["--required-actions", "settings_view,analyses_view_metadata"]);
    let no = refused(server.root().create_role(role("Tagger", &["settings_view"])).await);
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "required actions are missing: analyses_view_metadata");
    let enough = role("Tagger", &["settings_view", "analyses_view_metadata"]);
    done(server.root().create_role(enough).await);
}

#[tokio::test]
async fn built_in_roles_cannot_be_edited_or_deleted() {
    let server = sample_site();
    for id in ["admin", "rw", "ro"] {
        let text = format!("role `{id}` is built in");
        let no = refused(server.root().update_role(set_actions(id, with_required(&[]))).await);
        no.is(Code::FailedPrecondition, "BUILT_IN_ROLE", &text);
        refused(server.root().delete_role(delete(id)).await).is(
            Code::FailedPrecondition,
            "BUILT_IN_ROLE",
            &text,
        );
        let got = done(server.root().get_role(GetRoleRequest { id: id.to_owned() }).await).role.unwrap();
        assert!(got.built_in && got.revision == 0 && got.label == id, "{got:?}");
    }
}

#[tokio::test]
async fn editing_a_role_changes_what_every_holder_may_do_at_once() {
    let server = sample_site();
    let ivy = "ivy@demo.example";
    assert!(may(&server, ivy, project("5f0000000000000000000002"), "files_download").await);
    assert!(may(&server, ivy, project("5f0000000000000000000003"), "tags_manage").await);
    done(server.root().update_role(set_actions(DATA_IMPORTER, with_required(&[]))).await);
    assert!(!may(&server, ivy, project("5f0000000000000000000002"), "files_download").await);
    assert!(!may(&server, ivy, project("5f0000000000000000000003"), "tags_manage").await);
    assert_eq!(effective(&server, ivy, project("5f0000000000000000000002")).await.len(), 9);
}

#[tokio::test]
async fn an_edit_is_held_to_the_same_rules_as_a_new_role() {
    let server = sample_site();
    let no = refused(server.root().update_role(set_actions(DATA_IMPORTER, Vec::new())).await);
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "required actions are missing: containers_view_metadata");
    let no = refused(server.root().update_role(set_actions(DATA_IMPORTER, with_required(&["fly"]))).await);
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "unknown actions: `fly`");
    let no = refused(server.root().update_role(relabel("nobody", "X")).await);
    no.is(Code::NotFound, "NOT_FOUND", "no role `nobody`");
}

#[tokio::test]
async fn a_dry_run_says_who_would_gain_or_lose_and_changes_nothing() {
    let server = sample_site();
    let before = revision(&server).await;
    let request = UpdateRoleRequest {
        dry_run: true,
        ..set_actions(DATA_IMPORTER, with_required(&["files_move", "files_download"]))
    };
    let tried = done(server.root().update_role(request.clone()).await);
    assert_eq!(tried.role.unwrap().actions.len(), 11);
    let held = done(server.root().get_role(GetRoleRequest { id: DATA_IMPORTER.to_owned() }).await);
    assert!(held.role.unwrap().actions.len() > 11);
    assert_eq!(revision(&server).await, before);

    let places = ["5f0000000000000000000002", "5f0000000000000000000003"];
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for place in places {
        old.push(effective(&server, "ivy@demo.example", project(place)).await);
    }
    done(server.root().update_role(UpdateRoleRequest { dry_run: false, ..request }).await);
    for place in places {
        new.push(effective(&server, "ivy@demo.example", project(place)).await);
    }
    assert_eq!(tried.access_changes.len(), places.len());
    for ((change, place), (old, new)) in tried.access_changes.iter().zip(places).zip(old.into_iter().zip(new))
    {
        assert_eq!((change.user.as_str(), change.place.as_str()), ("ivy@demo.example", place));
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        assert_eq!(change.gained, only(&new, &old));
        assert_eq!(change.lost, only(&old, &new));
        assert!(!change.gains_everything && !change.loses_everything);
    }
}

/// Puts an action that this version does not know into a role, as a newer version would.
async fn with_unknown_action(server: &Server) {
    let sql = "INSERT INTO role_actions (role_id, action) VALUES ($1, 'wormholes_open')";
    let mut store = by_hand(&server.store()).await;
    sqlx::query(sql).bind(GEAR_DEVELOPER).execute(&mut store).await.unwrap();
}

#[tokio::test]
async fn an_action_of_a_newer_version_is_kept_exported_and_counted_and_grants_nothing() {
    let mut server = sample_site();
    let before = effective(&server, "gil@demo.example", project(MEMORY_STUDY)).await;
    with_unknown_action(&server).await;
    // The role table is read again when a role changes.
    done(server.root().create_role(role("Other", &[])).await);
    assert_eq!(effective(&server, "gil@demo.example", project(MEMORY_STUDY)).await, before);
    assert!(server.metrics().contains("\nrolegate_unknown_actions 1"), "{}", server.metrics());
    let read = |id: &str| GetRoleRequest { id: id.to_owned() };
    let held = done(server.root().get_role(read(GEAR_DEVELOPER)).await).role.unwrap().actions;
    assert_eq!(held.last().map(String::as_str), Some("wormholes_open"));
    let exported = String::from_utf8(server.cli(&["export"]).stdout).unwrap();
    assert!(exported.contains("wormholes_open"));

    // An edit may keep it or let it go, and no other role may take it up.
    done(server.root().update_role(relabel(GEAR_DEVELOPER, "Gear maker")).await);
    let more = [held.clone(), vec!["files_move".to_owned()]].concat();
    let edited = done(server.root().update_role(set_actions(GEAR_DEVELOPER, more)).await);
    assert!(edited.role.unwrap().actions.contains(&"wormholes_open".to_owned()));
    let no = refused(server.root().create_role(role("Traveller", &["wormholes_open"])).await);
    no.is(Code::InvalidArgument, "ROLE_FAULTS", "unknown actions: `wormholes_open`");
    let applied = server.folder().join("same.yaml");
    std::fs::write(&applied, String::from_utf8(server.cli(&["export"]).stdout).unwrap()).unwrap();
    let output = server.cli(&["apply", "-f", "same.yaml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let without = held.into_iter().filter(|name| name != "wormholes_open").collect();
    done(server.root().update_role(set_actions(GEAR_DEVELOPER, without)).await);
    assert!(server.metrics().contains("\nrolegate_unknown_actions 0"), "{}", server.metrics());
    server.stop().await;
    assert!(server.log().contains("wormholes_open"), "{}", server.log());
}

#[tokio::test]
async fn nobody_but_a_site_admin_manages_custom_roles() {
    let server = sample_site();
    // A developer, a group's admin, and a project's admin.
    for user in ["dev@demo.example", "walt@demo.example", "gil@demo.example"] {
        let mut client = super::calls::as_user(&server, user).await;
        let expected = "this takes `custom_roles_manage` on the site, or a site admin";
        let all: [Refused; 5] = [
            refused(client.create_role(role("Tagger", &[])).await),
            refused(client.update_role(relabel(DATA_IMPORTER, "X")).await),
            refused(client.delete_role(delete("nobody")).await),
            refused(
                client
                    .offer_role(OfferRoleRequest {
                        group: "neuro".into(),
                        role: "ro".into(),
                        ..Default::default()
                    })
                    .await,
            ),
            refused(
                client
                    .withdraw_role(WithdrawRoleRequest {
                        group: "neuro".into(),
                        role: DATA_IMPORTER.into(),
                        ..Default::default()
                    })
                    .await,
            ),
        ];
        for no in all {
            no.is(Code::PermissionDenied, "NOT_PERMITTED", expected);
        }
    }
}
