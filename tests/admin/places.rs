//! The rules on groups, members, projects, permissions and gears, over the wire.

use super::calls::{
    GEAR_DEVELOPER, HEART_IMAGING, MEMORY_STUDY, REHAB_TRIAL, as_user, done, effective, may, project,
    refused, revision, sample_site,
};
use rolegate::grpc::proto::{check_request::Question, set_gear_access_request::Access, *};
use tonic::Code;

const WALT: &str = "walt@demo.example";
const ROSA: &str = "rosa@demo.example";
const GIL: &str = "gil@demo.example";

fn member(group: &str, user: &str, role: GroupRole) -> SetGroupMemberRequest {
    SetGroupMemberRequest { group: group.into(), user: user.into(), role: role.into(), ..Default::default() }
}

fn permit(project: &str, user: &str, roles: &[&str]) -> SetProjectPermissionRequest {
    let roles = roles.iter().map(ToString::to_string).collect();
    SetProjectPermissionRequest { project: project.into(), user: user.into(), roles, ..Default::default() }
}

fn take_off(project: &str, user: &str) -> RemoveProjectPermissionRequest {
    RemoveProjectPermissionRequest { project: project.into(), user: user.into(), ..Default::default() }
}

fn new_project(group: &str, label: &str) -> CreateProjectRequest {
    CreateProjectRequest { group: group.into(), label: label.into(), ..Default::default() }
}

#[tokio::test]
async fn only_an_admin_of_the_group_manages_its_roles_and_rw_renames_it() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    done(walt.set_group_member(member("neuro", ROSA, GroupRole::Rw)).await);
    let mut rosa = as_user(&server, ROSA).await;
    let no = refused(rosa.set_group_member(member("neuro", GIL, GroupRole::Ro)).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`group_roles_manage` on the group");
    let rename = UpdateGroupRequest { id: "neuro".into(), label: "Brain".into(), ..Default::default() };
    assert_eq!(done(rosa.update_group(rename.clone()).await).group.unwrap().label, "Brain");
    done(walt.set_group_member(member("neuro", ROSA, GroupRole::Ro)).await);
    let no = refused(rosa.update_group(rename).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`group_settings_manage` on the group");
    // A role in one group says nothing about another.
    let no = refused(walt.set_group_member(member("cardio", WALT, GroupRole::Admin)).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`group_roles_manage` on the group");
    // Even the last admin of a group may go: site admins remain.
    let remove = RemoveGroupMemberRequest { group: "neuro".into(), user: WALT.into(), ..Default::default() };
    done(walt.remove_group_member(remove.clone()).await);
    let no = refused(server.root().remove_group_member(remove).await);
    no.is(Code::NotFound, "NOT_FOUND", "no group member `walt@demo.example`");
}

#[tokio::test]
async fn a_group_role_must_be_one_of_three() {
    let server = sample_site();
    for role in [0, 4, -1] {
        let request = SetGroupMemberRequest { role, ..member("neuro", ROSA, GroupRole::Ro) };
        let no = refused(server.root().set_group_member(request).await);
        no.is(Code::InvalidArgument, "MALFORMED", "must be one of GROUP_ROLE_ADMIN");
        assert_eq!(no.fields, ["role"]);
    }
}

#[tokio::test]
async fn missing_things_are_named_to_whoever_has_the_right() {
    let server = sample_site();
    let mut root = server.root();
    let not_found = [
        (refused(root.set_group_member(member("no", ROSA, GroupRole::Ro)).await), "no group `no`"),
        (refused(root.set_group_member(member("neuro", "no", GroupRole::Ro)).await), "no user `no`"),
        (refused(root.set_project_permission(permit("no", ROSA, &["ro"])).await), "no project `no`"),
        (refused(root.set_project_permission(permit(MEMORY_STUDY, "no", &["ro"])).await), "no user `no`"),
        (
            refused(root.set_project_permission(permit(MEMORY_STUDY, ROSA, &["ro", "no"])).await),
            "no role `no`",
        ),
        (
            refused(root.remove_project_permission(take_off(MEMORY_STUDY, "no")).await),
            "no project permission",
        ),
        (refused(root.create_project(new_project("no", "X")).await), "no group `no`"),
        (refused(root.get_project(GetProjectRequest { id: "no".into() }).await), "no project `no`"),
        (refused(root.get_group(GetGroupRequest { id: "no".into() }).await), "no group `no`"),
        (refused(root.get_user(GetUserRequest { id: "no".into() }).await), "no user `no`"),
        (refused(root.get_gear(GetGearRequest { name: "no".into() }).await), "no gear `no`"),
        (refused(root.get_role(GetRoleRequest { id: "no".into() }).await), "no role `no`"),
    ];
    for (no, text) in not_found {
        no.is(Code::NotFound, "NOT_FOUND", text);
    }
}

#[tokio::test]
async fn groups_are_made_and_deleted_by_site_admins_and_only_when_empty() {
    let server = sample_site();
    let mut root = server.root();
    let new = CreateGroupRequest { id: "onco".into(), label: "Oncology".into(), ..Default::default() };
    let no = refused(as_user(&server, WALT).await.create_group(new.clone()).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`groups_manage` on the site");
    done(root.create_group(new.clone()).await);
    refused(root.create_group(new).await).is(Code::AlreadyExists, "EXISTS", "group `onco` exists already");
    done(root.set_group_member(member("onco", ROSA, GroupRole::Admin)).await);
    let delete = |id: &str| DeleteGroupRequest { id: id.into(), ..Default::default() };
    let no = refused(as_user(&server, ROSA).await.delete_group(delete("onco")).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`groups_manage` on the site");
    let no = refused(root.delete_group(delete("neuro")).await);
    let text = "the group still has 2 projects: Memory Study, Scanner Intake";
    no.is(Code::FailedPrecondition, "GROUP_HAS_PROJECTS", text);
    assert_eq!(no.message, text);
    done(root.delete_group(delete("onco")).await);
    assert!(effective(&server, ROSA, super::calls::group("onco")).await.is_empty());
    // A group made later under the same id is another group.
    let again = CreateGroupRequest { id: "onco".into(), label: "New".into(), ..Default::default() };
    done(root.create_group(again).await);
    assert!(effective(&server, ROSA, super::calls::group("onco")).await.is_empty());
}

#[tokio::test]
async fn a_permission_is_the_union_of_its_roles_and_replaced_as_a_whole() {
    let server = sample_site();
    let mut root = server.root();
    done(root.set_project_permission(permit(MEMORY_STUDY, ROSA, &["ro", GEAR_DEVELOPER, "ro"])).await);
    assert!(may(&server, ROSA, project(MEMORY_STUDY), "settings_view").await, "by ro");
    assert!(may(&server, ROSA, project(MEMORY_STUDY), "gear_rules_manage").await, "by Gear developer");
    done(root.set_project_permission(permit(MEMORY_STUDY, ROSA, &[GEAR_DEVELOPER])).await);
    assert!(!may(&server, ROSA, project(MEMORY_STUDY), "settings_view").await);
    let before = revision(&server).await;
    let no = refused(root.set_project_permission(permit(MEMORY_STUDY, ROSA, &[])).await);
    no.is(Code::InvalidArgument, "MALFORMED", "must name at least one role");
    assert_eq!((no.fields, revision(&server).await), (vec!["roles".to_owned()], before));
    done(root.remove_project_permission(take_off(MEMORY_STUDY, ROSA)).await);
    assert!(effective(&server, ROSA, project(MEMORY_STUDY)).await.is_empty());
}

#[tokio::test]
async fn permissions_are_managed_by_project_admins_and_not_by_group_admins() {
    let server = sample_site();
    let mut gil = as_user(&server, GIL).await;
    done(gil.set_project_permission(permit(REHAB_TRIAL, ROSA, &["rw"])).await);
    let no = refused(gil.set_project_permission(permit(HEART_IMAGING, GIL, &["admin"])).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`project_permissions_manage` on the project");
    // The built-in `rw` does not manage permissions.
    let mut rosa = as_user(&server, ROSA).await;
    let no = refused(rosa.set_project_permission(permit(REHAB_TRIAL, ROSA, &["admin"])).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`project_permissions_manage` on the project");
    done(server.root().set_group_member(member("cardio", ROSA, GroupRole::Admin)).await);
    let no = refused(rosa.set_project_permission(permit(HEART_IMAGING, ROSA, &["admin"])).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`project_permissions_manage` on the project");
    done(gil.remove_project_permission(take_off(REHAB_TRIAL, GIL)).await);
    assert!(effective(&server, GIL, project(REHAB_TRIAL)).await.is_empty());
}

#[tokio::test]
async fn projects_are_renamed_and_deleted_by_either_side() {
    let server = sample_site();
    let rename = |id: &str, label: &str| UpdateProjectRequest {
        id: id.into(),
        label: label.into(),
        ..Default::default()
    };
    let delete = |id: &str| DeleteProjectRequest { id: id.into(), ..Default::default() };
    // By the project's settings_modify.
    let mut gil = as_user(&server, GIL).await;
    done(gil.update_project(rename(REHAB_TRIAL, "Rehab")).await);
    let no = refused(gil.update_project(rename(HEART_IMAGING, "Hearts")).await);
    let takes = "`settings_modify` on the project or `group_projects_settings_manage` on its group";
    no.is(Code::PermissionDenied, "NOT_PERMITTED", takes);
    // By the group's admin, who is on no project there.
    done(server.root().set_group_member(member("cardio", WALT, GroupRole::Admin)).await);
    let mut walt = as_user(&server, WALT).await;
    done(walt.update_project(rename(HEART_IMAGING, "Hearts")).await);
    let no = refused(walt.update_project(rename(HEART_IMAGING, "Rehab")).await);
    no.is(Code::AlreadyExists, "EXISTS", "project `Rehab` exists already");
    done(walt.update_project(rename(HEART_IMAGING, "Memory Study")).await);
    done(walt.delete_project(delete(HEART_IMAGING)).await);
    assert!(effective(&server, "dev@demo.example", project(HEART_IMAGING)).await.is_empty());
    done(gil.delete_project(delete(REHAB_TRIAL)).await);
    refused(gil.delete_project(delete(REHAB_TRIAL)).await).is(
        Code::PermissionDenied,
        "NOT_PERMITTED",
        "`containers_delete_project` on the project or `group_projects_delete` on its group",
    );
}

fn access(name: &str, access: Access) -> SetGearAccessRequest {
    SetGearAccessRequest { name: name.into(), access: Some(access), ..Default::default() }
}

fn to(projects: &[&str], users: &[&str]) -> Access {
    let strings = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
    Access::Restricted(GearRestriction { projects: strings(projects), users: strings(users) })
}

#[tokio::test]
async fn gears_are_registered_restricted_opened_and_deleted_by_developers() {
    let server = sample_site();
    let mut dev = as_user(&server, "dev@demo.example").await;
    let new = CreateGearRequest { name: "defacer".into(), ..Default::default() };
    assert_eq!(done(dev.create_gear(new.clone()).await).gear.unwrap().restriction, None);
    refused(dev.create_gear(new.clone()).await).is(Code::AlreadyExists, "EXISTS", "gear `defacer` exists");
    let runs = async || {
        let operation =
            Operation { name: "job.run".into(), gear: Some("defacer".into()), ..Default::default() };
        let request = CheckRequest {
            user: GIL.into(),
            resource: project(REHAB_TRIAL),
            question: Some(Question::Operation(operation)),
            ..Default::default()
        };
        done(server.questions().check(request).await).decision() == Decision::Allow
    };
    assert!(runs().await, "a new gear is open");
    done(dev.set_gear_access(access("defacer", to(&[], &[]))).await);
    assert!(!runs().await, "with both lists empty it is closed");
    done(dev.set_gear_access(access("defacer", to(&[REHAB_TRIAL], &[]))).await);
    assert!(runs().await);
    done(dev.set_gear_access(access("defacer", to(&[MEMORY_STUDY], &[GIL]))).await);
    assert!(runs().await);
    done(dev.set_gear_access(access("defacer", to(&[MEMORY_STUDY], &[]))).await);
    assert!(!runs().await);
    let no = refused(dev.set_gear_access(access("defacer", to(&["no"], &[]))).await);
    no.is(Code::NotFound, "NOT_FOUND", "no project `no`");
    let no = refused(dev.set_gear_access(access("defacer", to(&[], &["no"]))).await);
    no.is(Code::NotFound, "NOT_FOUND", "no user `no`");
    let neither = SetGearAccessRequest { name: "defacer".into(), ..Default::default() };
    let no = refused(dev.set_gear_access(neither).await);
    no.is(Code::InvalidArgument, "MALFORMED", "one of open_to_all and restricted must be given");
    done(dev.delete_gear(DeleteGearRequest { name: "defacer".into(), ..Default::default() }).await);
    // Registered again it starts open.
    done(dev.create_gear(new.clone()).await);
    assert!(runs().await);
    // A deleted project leaves the lists, and a gear that was restricted stays so.
    done(dev.set_gear_access(access("defacer", to(&[REHAB_TRIAL], &[]))).await);
    let delete = DeleteProjectRequest { id: REHAB_TRIAL.into(), ..Default::default() };
    done(server.root().delete_project(delete).await);
    let gear = done(dev.get_gear(GetGearRequest { name: "defacer".into() }).await).gear.unwrap();
    assert_eq!(gear.restriction, Some(GearRestriction::default()));
    let no = refused(as_user(&server, WALT).await.create_gear(new).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`gears_upload` on the site");
}
