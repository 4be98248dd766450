//! The rules on users and their site roles, over the wire.

use super::{
    calls::{
        MEMORY_STUDY, REHAB_TRIAL, as_user, done, effective, group, key_of, may, project, refused, revision,
        sample_site, site,
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
