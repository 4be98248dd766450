//! Expected revisions, tokens, and writes that change nothing, over the wire.

use super::{
    calls::{GEAR_DEVELOPER, MEMORY_STUDY, SCANNER_INTAKE, done, refused, revision, role, sample_site},
    server::Admin,
};
use rolegate::grpc::proto::{set_gear_access_request::Access, *};
use tonic::Code;

const ROSA: &str = "rosa@demo.example";

async fn of_group(root: &mut Admin) -> u64 {
    done(root.get_group(GetGroupRequest { id: "neuro".into() }).await).group.unwrap().revision
}

async fn of_project(root: &mut Admin, id: &str) -> u64 {
    done(root.get_project(GetProjectRequest { id: id.into() }).await).project.unwrap().revision
}

async fn of_user(root: &mut Admin, id: &str) -> u64 {
    done(root.get_user(GetUserRequest { id: id.into() }).await).user.unwrap().revision
}

/// Makes the same write with a wrong expected revision, which must change nothing, and then with the right one.
macro_rules! guarded {
    ($server:expr, $root:expr, $expected:expr, $method:ident, $request:expr) => {{
        let expected: u64 = $expected;
        let before = revision($server).await;
        for wrong in [expected + 1, expected.wrapping_sub(1), u64::MAX] {
            let request = with_expected!($request, wrong);
            let no = refused($root.$method(request).await);
            let text = format!("expected revision {wrong}, but it last changed at revision {expected}");
            no.is(Code::Aborted, "REVISION_MISMATCH", &text);
        }
        assert_eq!(revision($server).await, before, stringify!($method));
        let answer = done($root.$method(with_expected!($request, expected)).await);
        assert_eq!(revision($server).await, before + 1, stringify!($method));
        answer
    }};
}

macro_rules! with_expected {
    ($request:expr, $revision:expr) => {{
        let mut request = $request;
        request.expected_revision = Some($revision);
        request
    }};
}

#[tokio::test]
async fn a_write_on_a_role_a_user_or_a_gear_expects_its_own_revision() {
    let server = sample_site();
    let root = &mut server.root();
    let id = || "64a0000000000000000000aa".to_owned();
    let create = CreateRoleRequest { id: Some(id()), ..role("Tagger", &["tags_manage"]) };
    let made = guarded!(&server, root, 0, create_role, create.clone()).role.unwrap();
    assert_eq!(i64::try_from(made.revision).unwrap(), revision(&server).await);
    let relabel = UpdateRoleRequest { id: id(), label: Some("Tags".into()), ..Default::default() };
    let updated = guarded!(&server, root, made.revision, update_role, relabel.clone()).role.unwrap();
    assert!(updated.revision > made.revision);
    let delete = DeleteRoleRequest { id: id(), ..Default::default() };
    guarded!(&server, root, updated.revision, delete_role, delete.clone());

    let create = CreateUserRequest { id: "ann@example.com".into(), ..Default::default() };
    let made = guarded!(&server, root, 0, create_user, create.clone()).user.unwrap();
    let update = UpdateUserRequest { id: made.id.clone(), disabled: Some(true), ..Default::default() };
    let updated = guarded!(&server, root, made.revision, update_user, update.clone()).user.unwrap();
    let key = CreateApiKeyRequest { user: made.id.clone(), label: "x".into(), ..Default::default() };
    let key = guarded!(&server, root, updated.revision, create_api_key, key.clone()).key.unwrap();
    let now = of_user(root, &made.id).await;
    let revoke = RevokeApiKeyRequest { id: key.id, ..Default::default() };
    guarded!(&server, root, now, revoke_api_key, revoke.clone());
    let now = of_user(root, &made.id).await;
    let delete = DeleteUserRequest { id: made.id.clone(), ..Default::default() };
    guarded!(&server, root, now, delete_user, delete.clone());

    let create = CreateGearRequest { name: "defacer".into(), ..Default::default() };
    let made = guarded!(&server, root, 0, create_gear, create.clone()).gear.unwrap();
    let close = SetGearAccessRequest {
        name: "defacer".into(),
        access: Some(Access::Restricted(GearRestriction::default())),
        ..Default::default()
    };
    let closed = guarded!(&server, root, made.revision, set_gear_access, close.clone()).gear.unwrap();
    let delete = DeleteGearRequest { name: "defacer".into(), ..Default::default() };
    guarded!(&server, root, closed.revision, delete_gear, delete.clone());
}

#[tokio::test]
async fn a_write_on_members_template_or_offers_expects_the_groups_revision() {
    let server = sample_site();
    let root = &mut server.root();
    let create = CreateGroupRequest { id: "onco".into(), label: "Oncology".into(), ..Default::default() };
    guarded!(&server, root, 0, create_group, create.clone());
    let rename = UpdateGroupRequest { id: "neuro".into(), label: "Brain".into(), ..Default::default() };
    let renamed = guarded!(&server, root, of_group(root).await, update_group, rename.clone());
    assert_eq!(renamed.group.unwrap().revision, of_group(root).await);
    let member = SetGroupMemberRequest {
        group: "neuro".into(),
        user: ROSA.into(),
        role: GroupRole::Rw.into(),
        ..Default::default()
    };
    guarded!(&server, root, of_group(root).await, set_group_member, member.clone());
    let entry = SetTemplateEntryRequest {
        group: "neuro".into(),
        user: ROSA.into(),
        roles: vec!["ro".into()],
        ..Default::default()
    };
    guarded!(&server, root, of_group(root).await, set_template_entry, entry.clone());
    let remove =
        RemoveTemplateEntryRequest { group: "neuro".into(), user: ROSA.into(), ..Default::default() };
    guarded!(&server, root, of_group(root).await, remove_template_entry, remove.clone());
    let remove = RemoveGroupMemberRequest { group: "neuro".into(), user: ROSA.into(), ..Default::default() };
    guarded!(&server, root, of_group(root).await, remove_group_member, remove.clone());
    let tagger = done(root.create_role(role("Tagger", &[])).await).role.unwrap().id;
    let offer = OfferRoleRequest { group: "neuro".into(), role: tagger.clone(), ..Default::default() };
    guarded!(&server, root, of_group(root).await, offer_role, offer.clone());
    let withdraw = WithdrawRoleRequest { group: "neuro".into(), role: tagger.clone(), ..Default::default() };
    guarded!(&server, root, of_group(root).await, withdraw_role, withdraw.clone());
    let onco = done(root.get_group(GetGroupRequest { id: "onco".into() }).await).group.unwrap();
    let delete = DeleteGroupRequest { id: "onco".into(), ..Default::default() };
    guarded!(&server, root, onco.revision, delete_group, delete.clone());
}

#[tokio::test]
async fn a_write_on_permissions_expects_the_projects_revision() {
    let server = sample_site();
    let root = &mut server.root();
    let id = || "5f00000000000000000000aa".to_owned();
    let create = CreateProjectRequest {
        group: "neuro".into(),
        label: "Stroke".into(),
        id: Some(id()),
        ..Default::default()
    };
    let made = guarded!(&server, root, 0, create_project, create.clone()).project.unwrap();
    let rename = UpdateProjectRequest { id: id(), label: "Strokes".into(), ..Default::default() };
    guarded!(&server, root, made.revision, update_project, rename.clone());
    let permit = SetProjectPermissionRequest {
        project: id(),
        user: ROSA.into(),
        roles: vec!["ro".into()],
        ..Default::default()
    };
    guarded!(&server, root, of_project(root, &id()).await, set_project_permission, permit.clone());
    let remove = RemoveProjectPermissionRequest { project: id(), user: ROSA.into(), ..Default::default() };
    guarded!(&server, root, of_project(root, &id()).await, remove_project_permission, remove.clone());
    let delete = DeleteProjectRequest { id: id(), ..Default::default() };
    guarded!(&server, root, of_project(root, &id()).await, delete_project, delete.clone());
}

#[tokio::test]
async fn propagating_changes_each_project_too() {
    let server = sample_site();
    let root = &mut server.root();
    let entry = SetTemplateEntryRequest {
        group: "neuro".into(),
        user: ROSA.into(),
        roles: vec!["ro".into()],
        propagate: true,
        ..Default::default()
    };
    let (memory, intake) = (of_project(root, MEMORY_STUDY).await, of_project(root, SCANNER_INTAKE).await);
    guarded!(&server, root, of_group(root).await, set_template_entry, entry.clone());
    // On the Memory Study she held that very role already.
    assert_eq!(of_project(root, MEMORY_STUDY).await, memory);
    assert!(of_project(root, SCANNER_INTAKE).await > intake);
    let (memory, intake) = (of_project(root, MEMORY_STUDY).await, of_project(root, SCANNER_INTAKE).await);
    let remove = RemoveTemplateEntryRequest {
        group: "neuro".into(),
        user: ROSA.into(),
        propagate: true,
        ..Default::default()
    };
    guarded!(&server, root, of_group(root).await, remove_template_entry, remove.clone());
    assert!(of_project(root, MEMORY_STUDY).await > memory && of_project(root, SCANNER_INTAKE).await > intake);
}

#[tokio::test]
async fn what_vanishes_with_something_changes_what_it_was_part_of() {
    let server = sample_site();
    let root = &mut server.root();
    let gear = async |root: &mut Admin, name: &str| {
        done(root.get_gear(GetGearRequest { name: name.into() }).await).gear.unwrap().revision
    };
    let before = (of_group(root).await, of_project(root, MEMORY_STUDY).await);
    done(root.delete_user(DeleteUserRequest { id: ROSA.into(), ..Default::default() }).await);
    assert!(of_group(root).await > before.0 && of_project(root, MEMORY_STUDY).await > before.1);
    let before = gear(root, "brain-segmenter").await;
    done(root.delete_project(DeleteProjectRequest { id: MEMORY_STUDY.into(), ..Default::default() }).await);
    assert!(gear(root, "brain-segmenter").await > before);
    let before = of_group(root).await;
    done(root.delete_role(DeleteRoleRequest { id: GEAR_DEVELOPER.into(), ..Default::default() }).await);
    assert!(of_group(root).await > before);
}
