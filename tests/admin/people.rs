//! The rules on users, their site roles, and their API keys, over the wire.

use super::{
    calls::{
        MEMORY_STUDY, REHAB_TRIAL, as_user, by_hand, done, effective, group, key_of, may, project, refused,
        revision, sample_site, site,
    },
    server::{ROOT, Server},
};
use rolegate::grpc::proto::*;
use tonic::Code;

fn user(id: &str) -> CreateUserRequest {
    CreateUserRequest { id: id.to_owned(), ..Default::default() }
}

fn site_role(id: &str, role: &str) -> UpdateUserRequest {
    UpdateUserRequest { id: id.to_owned(), site_role: Some(role.to_owned()), ..Default::default() }
}

fn disabled(id: &str, disabled: bool) -> UpdateUserRequest {
    UpdateUserRequest { id: id.to_owned(), disabled: Some(disabled), ..Default::default() }
}

fn delete(id: &str) -> DeleteUserRequest {
    DeleteUserRequest { id: id.to_owned(), ..Default::default() }
}

fn key(user: &str) -> CreateApiKeyRequest {
    CreateApiKeyRequest { user: user.to_owned(), label: "laptop".to_owned(), ..Default::default() }
}

#[tokio::test]
async fn the_last_enabled_site_admin_can_be_neither_demoted_disabled_nor_deleted() {
    let server = Server::start();
    let mut root = server.root();
    done(root.create_user(user("spare@example.com")).await);
    let before = revision(&server).await;
    let text = "the last enabled site admin can be neither demoted, disabled nor deleted";
    let code = Code::FailedPrecondition;
    refused(root.update_user(site_role(ROOT, "developer")).await).is(code, "LAST_SITE_ADMIN", text);
    refused(root.update_user(disabled(ROOT, true)).await).is(code, "LAST_SITE_ADMIN", text);
    refused(root.delete_user(delete(ROOT)).await).is(code, "LAST_SITE_ADMIN", text);
    assert_eq!(revision(&server).await, before);

    // A disabled admin is none that could help out.
    let asleep = UpdateUserRequest { disabled: Some(true), ..site_role("spare@example.com", "site_admin") };
    done(root.update_user(asleep).await);
    refused(root.delete_user(delete(ROOT)).await).is(code, "LAST_SITE_ADMIN", text);
    done(root.update_user(disabled("spare@example.com", false)).await);
    done(root.update_user(site_role(ROOT, "user")).await);
    // The standing of whoever calls is looked at anew in every call.
    refused(root.update_user(site_role(ROOT, "site_admin")).await).is(
        Code::PermissionDenied,
        "NOT_PERMITTED",
        "`site_roles_manage`",
    );
}

#[tokio::test]
async fn site_roles_are_known_names_and_grant_only_what_they_should() {
    let server = Server::start();
    let mut root = server.root();
    for role in ["site_admin", "developer", "user", "public", "drone", "security_champion"] {
        let id = format!("{role}@example.com");
        let made = CreateUserRequest { site_role: Some(role.to_owned()), ..user(&id) };
        assert_eq!(done(root.create_user(made).await).user.unwrap().site_role, role);
        let actions = effective(&server, &id, site()).await;
        let expected = match role {
            "site_admin" => 6,
            "developer" => 2,
            _ => 0,
        };
        assert_eq!(actions.len(), expected, "{role}: {actions:?}");
    }
    let before = revision(&server).await;
    for name in ["admin", "Site_admin", ""] {
        let made = CreateUserRequest { site_role: Some(name.to_owned()), ..user("x@example.com") };
        let no = refused(root.create_user(made).await);
        no.is(Code::InvalidArgument, "MALFORMED", "site_role: must be one of site_admin, developer, user");
        refused(root.update_user(site_role(ROOT, name)).await).is(
            Code::InvalidArgument,
            "MALFORMED",
            "site_role",
        );
    }
    assert_eq!(revision(&server).await, before);
}

#[tokio::test]
async fn a_user_exists_once_and_ids_are_checked() {
    let server = Server::start();
    let mut root = server.root();
    done(root.create_user(user("ann@example.com")).await);
    let no = refused(root.create_user(user("ann@example.com")).await);
    no.is(Code::AlreadyExists, "EXISTS", "user `ann@example.com` exists already");
    done(root.create_user(user("Ann@example.com")).await);
    // Two spellings of one letter are two users.
    done(root.create_user(user("\u{e9}@example.com")).await);
    done(root.create_user(user("e\u{301}@example.com")).await);
    done(root.create_user(user(&"x".repeat(256))).await);
    let long = "x".repeat(257);
    let bad = [
        ("", "must not be empty"),
        (" ann", "white space"),
        ("ann\u{3000}", "white space"),
        ("a\nb", "control characters"),
        ("a\u{85}b", "control characters"),
        (long.as_str(), "is 257 bytes long, and 256 is the most"),
    ];
    for (id, problem) in bad {
        let no = refused(root.create_user(user(id)).await);
        no.is(Code::InvalidArgument, "MALFORMED", problem);
        assert_eq!(no.fields, ["id"]);
    }
}

#[tokio::test]
async fn disabling_and_enabling_apply_at_once_and_lose_nothing() {
    let server = sample_site();
    let gil = "gil@demo.example";
    let mut himself = as_user(&server, gil).await;
    assert!(may(&server, gil, project(REHAB_TRIAL), "files_download").await);
    let changed = done(server.root().update_user(disabled(gil, true)).await).user.unwrap();
    assert!(changed.disabled);
    assert!(!may(&server, gil, project(REHAB_TRIAL), "files_download").await);
    assert!(effective(&server, gil, project(REHAB_TRIAL)).await.is_empty());
    let no = refused(himself.get_user(GetUserRequest { id: gil.to_owned() }).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "an enabled user");
    // What they hold may be changed meanwhile, and is all there again afterwards.
    let off = RemoveProjectPermissionRequest {
        project: MEMORY_STUDY.into(),
        user: gil.into(),
        ..Default::default()
    };
    done(server.root().remove_project_permission(off).await);
    done(server.root().update_user(disabled(gil, false)).await);
    assert!(may(&server, gil, project(REHAB_TRIAL), "files_download").await);
    assert!(may(&server, gil, group("cardio"), "group_settings_manage").await);
    assert!(!may(&server, gil, project(MEMORY_STUDY), "files_download").await);
    done(himself.get_user(GetUserRequest { id: gil.to_owned() }).await);
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_to_a_namesake() {
    let server = sample_site();
    let mut root = server.root();
    let dev = "dev@demo.example";
    let old_key = key_of(&server, dev).await;
    let entry = SetTemplateEntryRequest {
        group: "cardio".into(),
        user: dev.into(),
        roles: vec!["rw".into()],
        ..Default::default()
    };
    done(root.set_template_entry(entry).await);
    let member = SetGroupMemberRequest {
        group: "cardio".into(),
        user: dev.into(),
        role: GroupRole::Rw.into(),
        ..Default::default()
    };
    done(root.set_group_member(member).await);
    done(root.delete_user(delete(dev)).await);
    refused(server.admin(&old_key).list_roles(ListRolesRequest::default()).await).is(
        Code::Unauthenticated,
        "UNAUTHENTICATED",
        "a valid API key",
    );
    done(root.create_user(user(dev)).await);
    for place in [site(), group("cardio"), project("5f0000000000000000000003")] {
        assert!(effective(&server, dev, place).await.is_empty());
    }
    let keys = ListApiKeysRequest { user: dev.into(), ..Default::default() };
    assert!(done(root.list_api_keys(keys).await).keys.is_empty());
    let members = ListGroupMembersRequest { group: "cardio".into(), ..Default::default() };
    assert!(done(root.list_group_members(members).await).members.iter().all(|member| member.user != dev));
    let template = ListTemplateEntriesRequest { group: "cardio".into(), ..Default::default() };
    assert!(done(root.list_template_entries(template).await).entries.is_empty());
    let gear = done(root.get_gear(GetGearRequest { name: "cardiac-flow".into() }).await).gear.unwrap();
    assert_eq!(gear.restriction, Some(GearRestriction::default()), "closed, not open");
    refused(server.admin(&old_key).list_roles(ListRolesRequest::default()).await).is(
        Code::Unauthenticated,
        "UNAUTHENTICATED",
        "a valid API key",
    );
}

#[tokio::test]
async fn a_secret_is_shown_once_and_the_store_keeps_only_a_hash() {
    let mut server = Server::start_with(&["--log", "trace"]);
    let made = done(server.root().create_api_key(key(ROOT)).await);
    let (secret, id) = (made.secret, made.key.unwrap().id);
    let random = secret.rsplit('_').next().unwrap().to_owned();
    assert!(secret.starts_with(&format!("rgk_{id}_")) && random.len() == 64);
    let mut himself = server.admin(&secret);
    let list = ListApiKeysRequest { user: ROOT.into(), ..Default::default() };
    let listed = format!("{:?}", done(himself.list_api_keys(list).await));
    assert!(listed.contains(&id) && !listed.contains(&random));
    let metrics = server.metrics();
    let exported = String::from_utf8(server.cli(&["export"]).stdout).unwrap();
    server.stop().await;
    let log = server.log();
    let root_random = server.key.rsplit('_').next().unwrap().to_owned();
    for (what, text) in [("metrics", &metrics), ("export", &exported), ("log", &log)] {
        assert!(!text.contains(&random) && !text.contains(&root_random), "a secret is in the {what}");
    }
    for entry in std::fs::read_dir(server.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&random, &root_random] {
            assert!(!bytes.windows(64).any(|part| part == secret.as_bytes()), "a secret is in a file");
        }
    }
}

#[tokio::test]
async fn anyone_makes_lists_and_revokes_their_own_keys_and_nobody_elses() {
    let server = sample_site();
    let rosa = "rosa@demo.example";
    let mut herself = as_user(&server, rosa).await;
    let made = done(herself.create_api_key(key(rosa)).await).key.unwrap();
    assert_eq!((made.user.as_str(), made.label.as_str(), made.expires_at), (rosa, "laptop", None));
    let list = ListApiKeysRequest { user: rosa.into(), ..Default::default() };
    assert_eq!(done(herself.list_api_keys(list.clone()).await).keys.len(), 2);
    let revoke = RevokeApiKeyRequest { id: made.id, ..Default::default() };
    done(herself.revoke_api_key(revoke.clone()).await);
    let no = refused(server.root().revoke_api_key(revoke.clone()).await);
    no.is(Code::NotFound, "NOT_FOUND", "no API key");

    // Another's key, and one that does not exist, look the same.
    let of_walt = done(server.root().create_api_key(key("walt@demo.example")).await).key.unwrap();
    let theirs =
        refused(herself.revoke_api_key(RevokeApiKeyRequest { id: of_walt.id, ..Default::default() }).await);
    theirs.is(Code::PermissionDenied, "NOT_PERMITTED", "`users_manage` on the site");
    assert_eq!(refused(herself.revoke_api_key(revoke).await), theirs);
    assert_eq!(refused(herself.create_api_key(key("walt@demo.example")).await), theirs);
    assert_eq!(refused(herself.create_api_key(key("nobody@demo.example")).await), theirs);
    done(herself.get_user(GetUserRequest { id: rosa.into() }).await);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_even_by_its_own_doing() {
    let server = Server::start();
    let made = done(server.root().create_api_key(key(ROOT)).await);
    let mut with_it = server.admin(&made.secret);
    let revoke = RevokeApiKeyRequest { id: made.key.unwrap().id, ..Default::default() };
    done(with_it.revoke_api_key(revoke).await);
    let no = refused(with_it.list_users(ListUsersRequest::default()).await);
    no.is(Code::Unauthenticated, "UNAUTHENTICATED", "a valid API key is needed");
}

#[tokio::test]
async fn a_key_ends_when_it_says() {
    let server = Server::start();
    let at = |seconds: i64, nanos: i32| CreateApiKeyRequest {
        expires_at: Some(prost_types::Timestamp { seconds, nanos }),
        ..key(ROOT)
    };
    for (seconds, nanos) in [(1, 0), (0, 0), (-5, 0), (1 << 40, -1), (1 << 40, 1_000_000_000)] {
        let no = refused(server.root().create_api_key(at(seconds, nanos)).await);
        assert_eq!((no.code, no.fields), (Code::InvalidArgument, vec!["expires_at".to_owned()]));
    }
    let made = done(server.root().create_api_key(at(1 << 40, 0)).await);
    assert_eq!(made.key.as_ref().unwrap().expires_at.unwrap().seconds, 1 << 40);
    let mut with_it = server.admin(&made.secret);
    done(with_it.list_users(ListUsersRequest::default()).await);
    let mut store = by_hand(&server.store()).await;
    sqlx::query("UPDATE api_keys SET expires_at = 1000 WHERE id = $1")
        .bind(made.key.unwrap().id)
        .execute(&mut store)
        .await
        .unwrap();
    let no = refused(with_it.list_users(ListUsersRequest::default()).await);
    no.is(Code::Unauthenticated, "UNAUTHENTICATED", "a valid API key is needed");
}

#[tokio::test]
async fn a_key_needs_a_label_and_a_user() {
    let server = Server::start();
    let nameless = CreateApiKeyRequest { label: String::new(), ..key(ROOT) };
    let no = refused(server.root().create_api_key(nameless).await);
    assert_eq!((no.code, no.fields), (Code::InvalidArgument, vec!["label".to_owned()]));
    let no = refused(server.root().create_api_key(key("nobody")).await);
    no.is(Code::NotFound, "NOT_FOUND", "no user `nobody`");
}
