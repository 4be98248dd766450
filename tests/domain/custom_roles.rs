//! The rules on custom roles: one refusal names every fault.

use rolegate::rbac::{
    action::Action,
    custom_role::{RequiredActions, RoleFaults, faults_of_actions},
    mask::ActionMask,
    role::RoleActions,
};

const NINE: [&str; 9] = [
    "containers_view_metadata",
    "files_view_metadata",
    "tags_view",
    "notes_view",
    "project_permissions_view",
    "gear_rules_view",
    "data_views_view",
    "session_templates_view",
    "jobs_view",
];

fn faults(names: &[&str], required: RequiredActions) -> RoleFaults {
    faults_with_kept(names, required, &[])
}

fn faults_with_kept(names: &[&str], required: RequiredActions, kept: &[&str]) -> RoleFaults {
    let actions = |names: &[&str]| RoleActions::from_names(names.iter().copied());
    faults_of_actions(&actions(names), required, &actions(kept))
}

fn names(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action.name()).collect()
}

#[test]
fn the_nine_alone_make_a_sound_role() {
    assert!(faults(&NINE, RequiredActions::default()).is_empty());
}

#[test]
fn an_empty_role_lacks_all_nine() {
    assert_eq!(names(&faults(&[], RequiredActions::default()).missing), NINE);
}

#[test]
fn each_of_the_nine_is_missed_when_it_alone_is_left_out() {
    for left_out in NINE {
        let others: Vec<_> = NINE.into_iter().filter(|name| *name != left_out).collect();
        assert_eq!(names(&faults(&others, RequiredActions::default()).missing), [left_out]);
    }
}

#[test]
fn every_unknown_name_is_named_site_and_group_actions_too() {
    let given = [&NINE[..], &["users_manage", "group_roles_view", "files_downlaod"]].concat();
    let faults = faults(&given, RequiredActions::default());
    assert_eq!(faults.unknown, ["files_downlaod", "group_roles_view", "users_manage"]);
    assert!(faults.missing.is_empty());
}

#[test]
fn operation_names_are_no_actions() {
    assert_eq!(faults(&["file.view"], RequiredActions::default()).unknown, ["file.view"]);
}

#[test]
fn one_refusal_names_missing_and_unknown_alike() {
    let mut faults = faults(&["tags_view", "nonsense"], RequiredActions::default());
    faults.label_taken = Some("rw".to_owned());
    let said = faults.to_string();
    for name in NINE.into_iter().filter(|name| *name != "tags_view").chain(["`nonsense`", "`rw`"]) {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
    assert!(!said.contains("tags_view"));
    assert!(!faults.is_label_alone());
}

#[test]
fn a_taken_label_is_alone_only_without_other_faults() {
    let taken = RoleFaults { label_taken: Some("ro".to_owned()), ..RoleFaults::default() };
    assert!(taken.is_label_alone() && !taken.is_empty());
    assert!(!RoleFaults::default().is_label_alone());
    let missing = RoleFaults { missing: vec![Action::TagsView], ..taken.clone() };
    let unknown = RoleFaults { unknown: vec!["x".to_owned()], ..taken };
    assert!(!missing.is_label_alone() && !unknown.is_label_alone());
}

#[test]
fn a_site_may_require_more() {
    let more = RequiredActions::with(ActionMask::of(&[Action::SettingsView, Action::AnalysesViewMetadata]));
    assert_eq!(names(&faults(&NINE, more).missing), ["analyses_view_metadata", "settings_view"]);
}

#[test]
fn a_site_never_requires_fewer() {
    for more in [ActionMask::EMPTY, ActionMask::of(&[Action::SettingsView]), ActionMask::all()] {
        let required = names(&RequiredActions::with(more).mask().iter().collect::<Vec<_>>());
        assert!(NINE.iter().all(|name| required.contains(name)));
    }
}

#[test]
fn an_edit_may_keep_an_unknown_name_that_the_role_holds_and_add_no_other() {
    let given = [&NINE[..], &["old_unknown", "new_unknown"]].concat();
    let faults = faults_with_kept(&given, RequiredActions::default(), &["old_unknown"]);
    assert_eq!(faults.unknown, ["new_unknown"]);
}

#[test]
fn keeping_excuses_no_missing_action() {
    assert_eq!(faults_with_kept(&[], RequiredActions::default(), &NINE).missing.len(), 9);
}
