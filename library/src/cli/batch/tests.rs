use super::*;
use crate::{
    cli::output::Format,
    grpc::proto::{BatchCheckAnswer, FileOrigin, Resource, resource::Place},
};

fn answer(decision: i32) -> BatchCheckOutcome {
    let answer = BatchCheckAnswer { decision, reason: 1, ..BatchCheckAnswer::default() };
    BatchCheckOutcome { outcome: Some(Outcome::Answer(answer)) }
}

fn error() -> BatchCheckOutcome {
    let error = BatchCheckError {
        code: 3,
        field: "items[0].action".into(),
        message: "unknown".into(),
        ..Default::default()
    };
    BatchCheckOutcome { outcome: Some(Outcome::Error(error)) }
}

fn exit_of(outcomes: Vec<BatchCheckOutcome>) -> Option<Exit> {
    let asked = outcomes.len();
    let answer = BatchCheckResponse { outcomes, ..BatchCheckResponse::default() };
    report(answer, asked).ok().map(|report| report.exit())
}

#[test]
fn the_exit_is_that_of_the_worst_item() {
    assert_eq!(exit_of(vec![answer(1), answer(1)]), Some(Exit::Success));
    assert_eq!(exit_of(vec![answer(2), answer(1)]), Some(Exit::No));
    assert_eq!(exit_of(vec![error(), answer(2), answer(1)]), Some(Exit::Unknown));
}

#[test]
fn an_item_without_decision_is_an_error() {
    for outcome in [answer(0), answer(7), BatchCheckOutcome { outcome: None }] {
        assert_eq!(exit_of(vec![answer(1), outcome]), Some(Exit::Unknown));
    }
}

#[test]
fn a_wrong_number_of_outcomes_is_no_answer() {
    let answer = BatchCheckResponse { outcomes: vec![answer(1)], ..BatchCheckResponse::default() };
    assert!(report(answer, 2).is_err());
}

#[test]
fn lines_and_arrays_are_read_alike() {
    let lines = r#"{"user": "ann", "project": "p", "action": "files_download"}
{"site": true, "operation": {"name": "file.delete", "origin": "gear_rule"}}"#;
    let array = format!("[{}]", lines.replace('\n', ","));
    let items = parse_items(lines);
    assert_eq!(items, parse_items(&array));
    let items = items.unwrap_or_default();
    let first = items.first().and_then(|item| item.resource.clone());
    assert_eq!(first, Some(Resource { place: Some(Place::Project("p".into())) }));
    let origin = items.last().and_then(|item| match &item.question {
        Some(Asked::Operation(operation)) => operation.origin,
        _ => None,
    });
    assert_eq!(origin, Some(FileOrigin::GearRule.into()));
}

#[test]
fn faults_name_the_item() {
    let misspelt = "{}\n{\"grup\": \"neuro\"}";
    assert!(parse_items(misspelt).is_err_and(|fault| fault.starts_with("item 1: unknown field `grup`")));
    let nameless = r#"[{"operation": {"bulk": true}}]"#;
    assert_eq!(parse_items(nameless), Err("item 0: `operation` has no `name`".to_owned()));
    let twice = r#"{"site": true, "group": "neuro"}"#;
    assert!(parse_items(twice).is_err());
    assert!(parse_items("").is_err());
    assert!(parse_items("[]").is_err());
}

#[test]
fn the_json_of_an_item_is_an_answer_or_an_error() {
    let response =
        BatchCheckResponse { outcomes: vec![answer(1), error()], revision_token: "t".into(), data_age: None };
    let json = report(response, 2).map(|report| report.render(Format::Json)).unwrap_or_default();
    let json: Value = serde_json::from_str(&json).unwrap_or_default();
    assert_eq!(json.pointer("/0/decision"), Some(&json!("allow")));
    assert_eq!(json.pointer("/1/error/code"), Some(&json!("INVALID_ARGUMENT")));
    assert_eq!(json.pointer("/1/decision"), None);
}
