//! The rules on project templates and their propagation, over the wire.

use super::{
    calls::{
        GEAR_DEVELOPER, MEMORY_STUDY, SCANNER_INTAKE, as_user, done, effective, may, project, refused,
        revision, sample_site,
    },
    server::{Admin, ROOT},
};
use rolegate::grpc::proto::*;
use tonic::Code;

const WALT: &str = "walt@demo.example";
const ROSA: &str = "rosa@demo.example";
const IVY: &str = "ivy@demo.example";

fn entry(user: &str, roles: &[&str], propagate: bool) -> SetTemplateEntryRequest {
    SetTemplateEntryRequest {
        group: "neuro".into(),
        user: user.into(),
        roles: roles.iter().map(ToString::to_string).collect(),
        propagate,
        ..Default::default()
    }
}

fn remove(user: &str, propagate: bool) -> RemoveTemplateEntryRequest {
    RemoveTemplateEntryRequest { group: "neuro".into(), user: user.into(), propagate, ..Default::default() }
}

fn new_project(label: &str, without_template: bool) -> CreateProjectRequest {
    CreateProjectRequest {
        group: "neuro".into(),
        label: label.into(),
        id: Some(label.into()),
        without_template,
        ..Default::default()
    }
}

async fn permissions(client: &mut Admin, project: &str) -> Vec<(String, Vec<String>)> {
    let list = ListProjectPermissionsRequest { project: project.into(), ..Default::default() };
    let listed = done(client.list_project_permissions(list).await).permissions;
    listed.into_iter().map(|permission| (permission.user, permission.roles)).collect()
}

fn pair(user: &str, roles: &[&str]) -> (String, Vec<String>) {
    (user.to_owned(), roles.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn a_new_project_starts_with_the_template_and_its_creator_as_admin() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    done(walt.set_template_entry(entry(ROSA, &[GEAR_DEVELOPER, "ro"], false)).await);
    done(walt.set_template_entry(entry(WALT, &["ro"], false)).await);
    let made = async |walt: &mut Admin, label, without_template| {
        let new = CreateProjectRequest { id: None, ..new_project(label, without_template) };
        done(walt.create_project(new).await).project.unwrap().id
    };
    let with = made(&mut walt, "with", false).await;
    let without = made(&mut walt, "without", true).await;
    assert!(with.len() == 24 && with.bytes().all(|byte| byte.is_ascii_hexdigit()), "{with}");
    assert_eq!(
        permissions(&mut walt, &with).await,
        [pair(ROSA, &[GEAR_DEVELOPER, "ro"]), pair(WALT, &["admin", "ro"])]
    );
    assert_eq!(permissions(&mut walt, &without).await, [pair(WALT, &["admin"])]);
    assert!(may(&server, ROSA, project(&with), "gear_rules_manage").await);
    let label = CreateProjectRequest { id: None, ..new_project("with", true) };
    refused(walt.create_project(label).await).is(Code::AlreadyExists, "EXISTS", "project `with` exists");
    // The project of a site admin starts with that admin on it, like anyone's.
    done(server.root().create_project(new_project("of root", true)).await);
    let mut root = server.root();
    assert_eq!(permissions(&mut root, "of root").await, [pair(ROOT, &["admin"])]);
}

#[tokio::test]
async fn a_projects_id_may_be_chosen_and_is_never_taken_twice() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    assert_eq!(done(walt.create_project(new_project("free", true)).await).project.unwrap().id, "free");
    let no = refused(walt.create_project(new_project(MEMORY_STUDY, true)).await);
    no.is(Code::AlreadyExists, "EXISTS", &format!("project `{MEMORY_STUDY}` exists already"));
}

#[tokio::test]
async fn a_change_of_the_template_alone_changes_no_project() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    done(walt.set_template_entry(entry(IVY, &["ro"], false)).await);
    done(walt.set_template_entry(entry(WALT, &["rw"], false)).await);
    assert!(effective(&server, IVY, project(MEMORY_STUDY)).await.is_empty());
    assert!(may(&server, WALT, project(MEMORY_STUDY), "project_permissions_manage").await);
    done(walt.remove_template_entry(remove(WALT, false)).await);
    assert!(may(&server, WALT, project(MEMORY_STUDY), "project_permissions_manage").await);
}

#[tokio::test]
async fn propagating_brings_every_project_in_line_for_this_user_alone() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    done(walt.set_template_entry(entry(ROSA, &["rw", GEAR_DEVELOPER], true)).await);
    for project in [MEMORY_STUDY, SCANNER_INTAKE] {
        let held = permissions(&mut walt, project).await;
        assert!(held.contains(&pair(ROSA, &[GEAR_DEVELOPER, "rw"])), "{held:?}");
        assert!(held.contains(&pair(WALT, &["admin"])), "{held:?}");
    }
    assert!(
        permissions(&mut walt, MEMORY_STUDY).await.contains(&pair("gil@demo.example", &[GEAR_DEVELOPER]))
    );
    assert!(may(&server, ROSA, project(SCANNER_INTAKE), "files_move").await);
    done(walt.remove_template_entry(remove(ROSA, true)).await);
    for place in [MEMORY_STUDY, SCANNER_INTAKE] {
        assert!(effective(&server, ROSA, project(place)).await.is_empty());
    }
    let no = refused(walt.remove_template_entry(remove(ROSA, true)).await);
    no.is(Code::NotFound, "NOT_FOUND", "no template entry `rosa@demo.example`");
}

#[tokio::test]
async fn propagating_takes_the_right_on_every_project_of_the_group() {
    let server = sample_site();
    let mut walt = as_user(&server, WALT).await;
    // A project of the group that its admin may not manage.
    let off = RemoveProjectPermissionRequest {
        project: SCANNER_INTAKE.into(),
        user: WALT.into(),
        ..Default::default()
    };
    done(server.root().remove_project_permission(off).await);
    let before = revision(&server).await;
    let takes = "`project_permissions_manage` on every project of the group, or a site admin";
    for no in [
        refused(walt.set_template_entry(entry(WALT, &["admin"], true)).await),
        refused(walt.remove_template_entry(remove(WALT, true)).await),
        // What does not exist is no shorter a way.
        refused(walt.set_template_entry(entry("no", &["admin"], true)).await),
    ] {
        no.is(Code::PermissionDenied, "NOT_PERMITTED", takes);
    }
    assert_eq!(revision(&server).await, before);
    assert!(effective(&server, WALT, project(SCANNER_INTAKE)).await.is_empty());
    // Without propagating, the group's admin may.
    done(walt.set_template_entry(entry(WALT, &["ro"], false)).await);
    // A member who is no admin may not even that.
    let no = refused(as_user(&server, ROSA).await.set_template_entry(entry(ROSA, &["ro"], false)).await);
    no.is(Code::PermissionDenied, "NOT_PERMITTED", "`project_template_manage` on the group");
    done(server.root().set_template_entry(entry(WALT, &["rw"], true)).await);
    assert!(may(&server, WALT, project(SCANNER_INTAKE), "files_move").await);
}

#[tokio::test]
async fn an_entry_needs_a_role_and_known_things() {
    let server = sample_site();
    let mut root = server.root();
    let no = refused(root.set_template_entry(entry(ROSA, &[], true)).await);
    no.is(Code::InvalidArgument, "MALFORMED", "must name at least one role");
    refused(root.set_template_entry(entry("no", &["ro"], true)).await).is(
        Code::NotFound,
        "NOT_FOUND",
        "no user `no`",
    );
    refused(root.set_template_entry(entry(ROSA, &["no"], true)).await).is(
        Code::NotFound,
        "NOT_FOUND",
        "no role `no`",
    );
}
