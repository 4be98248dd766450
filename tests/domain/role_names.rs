//! The names a role was given: older ones, their order, and what they come to.

use rolegate::rbac::{
    action::{Action, ActionName, OlderName},
    custom_role::{RequiredActions, faults_of_actions},
    grants::Grants,
    level::SiteRole,
    mask::ActionMask,
    role::{BuiltIn, ProjectGrant, Role, RoleActions, RoleTable},
    text::{Label, ProjectId, RoleId, UserId},
};

const OLDER: [(&str, &[&str]); 3] = [
    ("files_create_upload", &["files_create_bulk", "files_create_single"]),
    ("jobs_run_cancel", &["jobs_manage"]),
    ("jobs_cancel_any", &["jobs_manage_others"]),
];

fn given(names: &[&str]) -> RoleActions {
    RoleActions::from_names(names.iter().copied())
}

fn mask_names(mask: ActionMask) -> Vec<&'static str> {
    mask.iter().map(Action::name).collect()
}

#[test]
fn there_are_three_older_names_after_the_65_current_ones() {
    let names: Vec<_> = ActionName::all().map(ActionName::name).collect();
    assert_eq!(names.len(), 68);
    assert_eq!(names[65..], OLDER.map(|(older, _)| older));
}

#[test]
fn older_names_stand_for_what_the_table_says() {
    for (older, current) in OLDER {
        assert_eq!(mask_names(ActionName::parse(older).unwrap().mask()), current, "{older}");
        assert_eq!(mask_names(given(&[older]).mask()), current, "{older}");
        assert_eq!(Action::from_name(older), None, "{older} is not current");
    }
    assert_eq!(OlderName::ALL.len(), OLDER.len());
}

#[test]
fn every_name_parses_to_itself() {
    for name in ActionName::all() {
        assert_eq!(ActionName::parse(name.name()), Some(name));
    }
}

#[test]
fn a_role_keeps_its_names_in_catalogue_order_without_duplicates() {
    let role =
        given(&["jobs_run_cancel", "tags_view", "malware_findings_view", "tags_view", "files_download"]);
    assert!(role.names().eq(["files_download", "tags_view", "malware_findings_view", "jobs_run_cancel"]));
}

#[test]
fn a_role_keeps_an_older_name_beside_the_current_one_that_it_stands_for() {
    let role = given(&["jobs_run_cancel", "jobs_manage"]);
    assert!(role.names().eq(["jobs_manage", "jobs_run_cancel"]));
    assert_eq!(mask_names(role.mask()), ["jobs_manage"]);
}

#[test]
fn all_names_backwards_come_out_in_catalogue_order() {
    let backwards: Vec<_> = ActionName::all().map(ActionName::name).collect::<Vec<_>>();
    let backwards = backwards.into_iter().rev();
    assert!(RoleActions::from_names(backwards).names().eq(ActionName::all().map(ActionName::name)));
}

#[test]
fn an_unknown_name_is_kept_once_and_grants_nothing() {
    let role = given(&["zz_future", "tags_view", "aa_future", "zz_future"]);
    assert!(role.names().eq(["tags_view", "aa_future", "zz_future"]));
    assert!(role.unknown().eq(["aa_future", "zz_future"]));
    assert_eq!(mask_names(role.mask()), ["tags_view"]);
}

#[test]
fn names_of_other_levels_grant_nothing_in_a_project_role() {
    let role = given(&["group_projects_create", "users_manage"]);
    assert!(role.mask().is_empty());
    assert!(role.unknown().eq(["group_projects_create", "users_manage"]));
}

#[test]
fn a_union_of_roles_holds_what_any_holds() {
    let role = |id: &str, names: &[&str]| Role {
        id: RoleId::parse(id).unwrap(),
        label: Label::parse(id).unwrap(),
        actions: given(names),
        built_in: false,
    };
    let table = RoleTable::with_custom([role("r1", &["tags_view"]), role("r2", &["notes_view"])]);
    let project = ProjectId::parse("p").unwrap();
    let mask = |roles: &[&str]| {
        let grant = |id: &&str| ProjectGrant { project: project.clone(), role: RoleId::parse(id).unwrap() };
        let user = UserId::parse("u").unwrap();
        let held = roles.iter().map(grant).collect();
        Grants::new(user, true, SiteRole::User, Vec::new(), held).project_mask(&project, &table)
    };
    assert_eq!(mask_names(mask(&["r1", "r2", "never-heard-of"])), ["tags_view", "notes_view"]);
    assert_eq!(mask_names(mask(&["never-heard-of", "r2"])), ["notes_view"]);
    assert!(mask(&["never-heard-of"]).is_empty() && mask(&[]).is_empty());
}

#[test]
fn a_custom_role_cannot_take_a_built_in_roles_id() {
    let impostor = Role {
        id: RoleId::parse("ro").unwrap(),
        label: Label::parse("impostor").unwrap(),
        actions: given(&["settings_modify"]),
        built_in: false,
    };
    let table = RoleTable::with_custom([impostor]);
    assert_eq!(table.mask(&RoleId::parse("ro").unwrap()), BuiltIn::ReadOnly.mask());
    assert_eq!(table.iter().count(), 3);
}

#[test]
fn required_actions_are_checked_on_the_mask_not_on_the_names() {
    let upload = [Action::FilesCreateBulk, Action::FilesCreateSingle];
    let required = RequiredActions::with(ActionMask::of(&upload));
    let faults = faults_of_actions(&given(&["files_create_upload"]), required, &RoleActions::default());
    assert!(upload.iter().all(|action| !faults.missing.contains(action)), "{faults:?}");
}
