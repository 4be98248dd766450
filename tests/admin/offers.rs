//! Offers of custom roles, and where roles are in use, over the wire.

use super::calls::{
    DATA_IMPORTER, GEAR_DEVELOPER, MEMORY_STUDY, REHAB_TRIAL, done, may, project, refused, revision, role,
    sample_site,
};
use rolegate::grpc::proto::*;
use tonic::Code;

fn delete(id: &str) -> DeleteRoleRequest {
    DeleteRoleRequest { id: id.to_owned(), ..Default::default() }
}

fn permit(project: &str, user: &str, role: &str) -> SetProjectPermissionRequest {
    let roles = vec![role.to_owned()];
    SetProjectPermissionRequest {
        project: project.to_owned(),
        user: user.to_owned(),
        roles,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_role_in_use_is_neither_deleted_nor_withdrawn_and_the_refusal_says_where() {
    let server = sample_site();
    let mut root = server.root();
    let no = refused(root.delete_role(delete(GEAR_DEVELOPER)).await);
    let text = format!(
        "role `Gear developer` is assigned to 1 user in 1 project: gil@demo.example on Memory Study \
                        ({MEMORY_STUDY})"
    );
    no.is(Code::FailedPrecondition, "ROLE_IN_USE", &text);
    assert_eq!(no.message, text);

    let withdraw =
        WithdrawRoleRequest { group: "cardio".into(), role: DATA_IMPORTER.into(), ..Default::default() };
    let no = refused(root.withdraw_role(withdraw).await);
    let text = "role `Data importer` is assigned to 1 user in 1 project: ivy@demo.example on Heart Imaging";
    no.is(Code::FailedPrecondition, "ROLE_IN_USE", text);
    assert!(!no.message.contains("Scanner Intake"), "of the other group: {}", no.message);

    // A place in a template is a use too, and so is the role of a disabled user.
    let entry = SetTemplateEntryRequest {
        group: "neuro".into(),
        user: "rosa@demo.example".into(),
        roles: vec![GEAR_DEVELOPER.into()],
        ..Default::default()
    };
    done(root.set_template_entry(entry).await);
    let off = RemoveProjectPermissionRequest {
        project: MEMORY_STUDY.into(),
        user: "gil@demo.example".into(),
        ..Default::default()
    };
    done(root.remove_project_permission(off).await);
    let text = "role `Gear developer` is assigned to 1 template entry: rosa@demo.example in neuro";
    let no = refused(root.delete_role(delete(GEAR_DEVELOPER)).await);
    assert_eq!((no.code, no.message.as_str()), (Code::FailedPrecondition, text));
}

#[tokio::test]
async fn a_refusal_names_the_first_few_of_many_uses_and_says_that_there_are_more() {
    let server = sample_site();
    let mut root = server.root();
    for nth in 0..7 {
        let id = format!("p{nth}");
        let new = CreateProjectRequest {
            group: "neuro".into(),
            label: id.clone(),
            id: Some(id.clone()),
            ..Default::default()
        };
        done(root.create_project(new).await);
        done(root.set_project_permission(permit(&id, "ivy@demo.example", GEAR_DEVELOPER)).await);
    }
    let no = refused(root.delete_role(delete(GEAR_DEVELOPER)).await);
    assert!(no.message.contains("2 users in 8 projects: "), "{}", no.message);
    assert!(no.message.ends_with("ivy@demo.example on p3 (p3), ..."), "{}", no.message);

    // One user on many projects is no shorter a list.
    let off = RemoveProjectPermissionRequest {
        project: MEMORY_STUDY.into(),
        user: "gil@demo.example".into(),
        ..Default::default()
    };
    done(root.remove_project_permission(off).await);
    let no = refused(root.delete_role(delete(GEAR_DEVELOPER)).await);
    assert!(no.message.contains("1 user in 7 projects: "), "{}", no.message);
    assert!(no.message.ends_with("ivy@demo.example on p4 (p4), ..."), "{}", no.message);

    let no =
        refused(root.delete_group(DeleteGroupRequest { id: "neuro".into(), ..Default::default() }).await);
    no.is(Code::FailedPrecondition, "GROUP_HAS_PROJECTS", "the group still has 9 projects: ");
    assert!(no.message.ends_with(", ..."), "{}", no.message);
}

#[tokio::test]
async fn deleting_a_role_withdraws_it_everywhere() {
    let server = sample_site();
    let mut root = server.root();
    let tagger = done(root.create_role(role("Tagger", &["tags_manage"])).await).role.unwrap();
    for group in ["neuro", "cardio"] {
        let offer = OfferRoleRequest { group: group.into(), role: tagger.id.clone(), ..Default::default() };
        done(root.offer_role(offer).await);
    }
    done(root.delete_role(delete(&tagger.id)).await);
    for group in ["neuro", "cardio"] {
        let list = ListOfferedRolesRequest { group: group.into(), ..Default::default() };
        let offered = done(root.list_offered_roles(list).await).roles;
        assert!(offered.iter().all(|role| role.id != tagger.id));
    }
    refused(root.delete_role(delete(&tagger.id)).await).is(Code::NotFound, "NOT_FOUND", "no role");
    // The label is free again.
    done(root.create_role(role("Tagger", &[])).await);
}

#[tokio::test]
async fn only_roles_offered_to_the_group_can_be_assigned() {
    let server = sample_site();
    let mut root = server.root();
    let no =
        refused(root.set_project_permission(permit(REHAB_TRIAL, "ivy@demo.example", GEAR_DEVELOPER)).await);
    no.is(Code::FailedPrecondition, "NOT_OFFERED", "is not offered to group `cardio`");
    let entry = SetTemplateEntryRequest {
        group: "cardio".into(),
        user: "ivy@demo.example".into(),
        roles: vec!["ro".into(), GEAR_DEVELOPER.into()],
        ..Default::default()
    };
    let no = refused(root.set_template_entry(entry.clone()).await);
    no.is(Code::FailedPrecondition, "NOT_OFFERED", "is not offered to group `cardio`");
    let offer =
        OfferRoleRequest { group: "cardio".into(), role: GEAR_DEVELOPER.into(), ..Default::default() };
    done(root.offer_role(offer).await);
    done(root.set_project_permission(permit(REHAB_TRIAL, "ivy@demo.example", GEAR_DEVELOPER)).await);
    done(root.set_template_entry(entry).await);
    assert!(may(&server, "ivy@demo.example", project(REHAB_TRIAL), "jobs_manage").await);
}

#[tokio::test]
async fn built_in_roles_need_no_offering_and_cannot_be_withdrawn() {
    let server = sample_site();
    let before = revision(&server).await;
    for role in ["admin", "rw", "ro"] {
        let offer = OfferRoleRequest { group: "neuro".into(), role: role.into(), ..Default::default() };
        done(server.root().offer_role(offer).await);
        let withdraw = WithdrawRoleRequest { group: "neuro".into(), role: role.into(), ..Default::default() };
        let no = refused(server.root().withdraw_role(withdraw).await);
        no.is(Code::FailedPrecondition, "BUILT_IN_ROLE", &format!("role `{role}` is built in"));
    }
    assert_eq!(revision(&server).await, before);
    let withdraw =
        WithdrawRoleRequest { group: "cardio".into(), role: GEAR_DEVELOPER.into(), ..Default::default() };
    let no = refused(server.root().withdraw_role(withdraw).await);
    no.is(Code::NotFound, "NOT_FOUND", "no offered role");
}
