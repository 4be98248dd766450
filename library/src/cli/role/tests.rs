use super::*;
use crate::cli::output::Format;

fn tagger() -> Role {
    let actions = ["tags_view", "tags_manage", "jobs_run_cancel"].map(str::to_owned).to_vec();
    Role { id: "r1".into(), label: "Tagger".into(), actions, built_in: false, revision: 41 }
}

fn args() -> UpdateArgs {
    UpdateArgs {
        role: "Tagger".into(),
        label: None,
        action: Vec::new(),
        add_action: Vec::new(),
        remove_action: Vec::new(),
        dry_run: false,
        expected: ExpectedArgs::default(),
    }
}

fn names(request: Result<UpdateRoleRequest, Failure>) -> Option<Vec<String>> {
    request.ok().and_then(|request| request.actions).map(|actions| actions.names)
}

#[test]
fn an_edit_of_the_list_rests_on_the_revision_that_was_read() {
    let edit = || UpdateArgs {
        add_action: vec!["files_move".into(), "tags_view".into()],
        remove_action: vec!["tags_manage".into()],
        ..args()
    };
    let request = update_request(&tagger(), edit());
    assert_eq!(request.as_ref().ok().and_then(|request| request.expected_revision), Some(41));
    assert_eq!(
        names(request),
        Some(["tags_view", "jobs_run_cancel", "files_move"].map(str::to_owned).to_vec())
    );
    let told = UpdateArgs { expected: ExpectedArgs { expected_revision: Some(7) }, ..edit() };
    assert_eq!(update_request(&tagger(), told).ok().and_then(|request| request.expected_revision), Some(7));
}

#[test]
fn a_new_label_alone_leaves_the_actions_and_rests_on_nothing() {
    let request = update_request(&tagger(), UpdateArgs { label: Some("Annotator".into()), ..args() });
    assert!(request.is_ok_and(|request| request.actions.is_none() && request.expected_revision.is_none()));
}

#[test]
fn an_action_that_is_not_held_by_that_name_cannot_be_removed() {
    let edit = UpdateArgs { remove_action: vec!["jobs_manage".into()], ..args() };
    assert!(update_request(&tagger(), edit).is_err());
}

#[test]
fn a_dry_run_says_so_in_json() {
    let done = UpdateRoleResponse { role: Some(tagger()), ..UpdateRoleResponse::default() };
    let json = report_dry_run(done).map(|report| report.render(Format::Json)).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    assert_eq!(json.get("dry_run"), Some(&json!(true)));
    assert_eq!(json.get("access_changes"), Some(&json!([])));
}
