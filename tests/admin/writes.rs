//! What holds of all writes: their order of faults, their tokens, and that nothing comes of nothing.

use super::{
    calls::{
        DATA_IMPORTER, MEMORY_STUDY, as_user, done, may_at, project, refused, revision, sample_site,
        with_required,
    },
    server::{ROOT, Server},
};
use rolegate::grpc::proto::{set_gear_access_request::Access, *};
use tonic::Code;

const ROSA: &str = "rosa@demo.example";
const WALT: &str = "walt@demo.example";

#[tokio::test]
async fn a_write_that_changes_nothing_advances_nothing_and_returns_the_current_token() {
    let server = sample_site();
    let mut root = server.root();
    let held = done(root.get_role(GetRoleRequest { id: DATA_IMPORTER.into() }).await).role.unwrap();
    let current = done(
        root.update_user(UpdateUserRequest { id: ROSA.into(), disabled: Some(false), ..Default::default() })
            .await,
    );
    let before = revision(&server).await;
    let reversed = held.actions.iter().rev().cloned().collect();
    let names = Some(RoleActions { names: reversed });
    let tokens = [
        current.revision_token.clone(),
        done(
            root.update_role(UpdateRoleRequest {
                id: held.id.clone(),
                label: Some(held.label),
                actions: names,
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(root.update_role(UpdateRoleRequest { id: held.id.clone(), ..Default::default() }).await)
            .revision_token,
        done(
            root.offer_role(OfferRoleRequest { group: "neuro".into(), role: held.id, ..Default::default() })
                .await,
        )
        .revision_token,
        done(
            root.update_group(UpdateGroupRequest {
                id: "neuro".into(),
                label: "Neuroimaging".into(),
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.set_group_member(SetGroupMemberRequest {
                group: "neuro".into(),
                user: WALT.into(),
                role: GroupRole::Admin.into(),
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.update_project(UpdateProjectRequest {
                id: MEMORY_STUDY.into(),
                label: "Memory Study".into(),
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.set_project_permission(SetProjectPermissionRequest {
                project: MEMORY_STUDY.into(),
                user: ROSA.into(),
                roles: vec!["ro".into(), "ro".into()],
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.set_template_entry(SetTemplateEntryRequest {
                group: "neuro".into(),
                user: WALT.into(),
                roles: vec!["admin".into()],
                propagate: true,
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.update_user(UpdateUserRequest {
                id: ROOT.into(),
                site_role: Some("site_admin".into()),
                disabled: Some(false),
                ..Default::default()
            })
            .await,
        )
        .revision_token,
        done(
            root.set_gear_access(SetGearAccessRequest {
                name: "dicom-qc".into(),
                access: Some(Access::OpenToAll(OpenToAll {})),
                ..Default::default()
            })
            .await,
        )
        .revision_token,
    ];
    assert!(tokens.iter().all(|token| *token == current.revision_token), "{tokens:?}");
    assert_eq!(revision(&server).await, before);
}

#[tokio::test]
async fn the_reply_to_a_write_comes_after_it_is_seen_and_its_token_can_be_waited_for() {
    let server = Server::start();
    let mut root = server.root();
    let id = || "ann@example.com".to_owned();
    done(root.create_user(CreateUserRequest { id: id(), ..Default::default() }).await);
    done(
        root.create_group(CreateGroupRequest { id: "g".into(), label: "G".into(), ..Default::default() })
            .await,
    );
    let create = CreateProjectRequest {
        group: "g".into(),
        label: "P".into(),
        id: Some("p".into()),
        ..Default::default()
    };
    done(root.create_project(create).await);
    let permit = SetProjectPermissionRequest {
        project: "p".into(),
        user: id(),
        roles: vec!["rw".into()],
        ..Default::default()
    };
    let remove = RemoveProjectPermissionRequest { project: "p".into(), user: id(), ..Default::default() };
    for _ in 0..50 {
        let token = done(root.set_project_permission(permit.clone()).await).revision_token;
        assert!(super::calls::may(&server, &id(), project("p"), "files_move").await);
        assert!(may_at(&server, &id(), project("p"), "files_move", Some(token)).await);
        let token = done(root.remove_project_permission(remove.clone()).await).revision_token;
        assert!(!super::calls::may(&server, &id(), project("p"), "files_move").await);
        assert!(!may_at(&server, &id(), project("p"), "files_move", Some(token)).await);
    }
}

#[tokio::test]
async fn faults_are_judged_in_the_order_malformed_rights_existence_state() {
    let server = sample_site();
    let (mut root, mut rosa) = (server.root(), as_user(&server, ROSA).await);
    let with = |id: &str, actions: Vec<String>, expected| UpdateRoleRequest {
        id: id.into(),
        actions: Some(RoleActions { names: actions }),
        expected_revision: expected,
        ..Default::default()
    };
    let malformed = with(" ", vec![], Some(1));
    refused(rosa.update_role(malformed).await).is(Code::InvalidArgument, "MALFORMED", "id");
    let no_right = with("no", vec!["fly".into()], Some(1));
    refused(rosa.update_role(no_right.clone()).await).is(Code::PermissionDenied, "NOT_PERMITTED", "takes");
    refused(root.update_role(no_right).await).is(Code::NotFound, "NOT_FOUND", "no role");
    let stale = with(DATA_IMPORTER, with_required(&["fly"]), Some(1));
    refused(root.update_role(stale).await).is(Code::Aborted, "REVISION_MISMATCH", "expected revision 1");

    let permit = |project: &str, user: &str, roles: &[&str]| SetProjectPermissionRequest {
        project: project.into(),
        user: user.into(),
        roles: roles.iter().map(ToString::to_string).collect(),
        expected_revision: Some(1),
    };
    refused(rosa.set_project_permission(permit("no", "no", &[])).await).is(
        Code::InvalidArgument,
        "MALFORMED",
        "roles",
    );
    let hers = refused(rosa.set_project_permission(permit(MEMORY_STUDY, "no", &["no"])).await);
    hers.is(Code::PermissionDenied, "NOT_PERMITTED", "takes");
    assert_eq!(refused(rosa.set_project_permission(permit("no", "no", &["no"])).await), hers);
    refused(root.set_project_permission(permit(MEMORY_STUDY, "no", &["ro"])).await).is(
        Code::NotFound,
        "NOT_FOUND",
        "no user",
    );
    refused(root.set_project_permission(permit(MEMORY_STUDY, ROSA, &["ro"])).await).is(
        Code::Aborted,
        "REVISION_MISMATCH",
        "expected revision 1",
    );
}
