//! `rolegate check` and `rolegate effective`.

use super::{
    connect::ServerArgs,
    decision::Verdict,
    exit::Failure,
    output::{Report, printable},
    question::{FreshnessArgs, PlaceArgs, Question, WhatArgs},
    time::millis,
};
use crate::grpc::proto::{
    CheckRequest, CheckResponse, GetEffectiveActionsRequest, GetEffectiveActionsResponse,
    check_request::Question as Asked,
};
use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The arguments of `check`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("place").args(["site", "group", "project"]).required(true))]
#[command(group = ArgGroup::new("question").args(["action", "operation"]).required(true))]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Who asks: the user's id
    #[arg(long, value_name = "USER")]
    user: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
    /// Name the roles that granted it
    #[arg(long)]
    explain: bool,
}

/// The arguments of `effective`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("place").args(["site", "group", "project"]).required(true))]
pub(crate) struct EffectiveArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Who: the user's id
    #[arg(long, value_name = "USER")]
    user: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

/// Asks one question.
///
/// # Errors
/// When no decision is reached, for whatever reason.
pub(crate) async fn check(args: CheckArgs) -> Result<Report, Failure> {
    let question = args.what.question().map_err(Failure::usage)?.map(|question| match question {
        Question::Action(action) => Asked::Action(action),
        Question::Operation(operation) => Asked::Operation(operation),
    });
    let request = CheckRequest {
        user: args.user,
        resource: args.place.resource().map_err(Failure::usage)?,
        question,
        freshness: args.freshness.freshness(),
        explain: args.explain,
    };
    let answer = args.server.connect().await?.call(request).await?;
    report_check(&answer)
}

fn report_check(answer: &CheckResponse) -> Result<Report, Failure> {
    let verdict = Verdict::of_check(answer)
        .ok_or_else(|| Failure::malformed_answer("it holds no decision; take that as a deny"))?;
    let mut json = verdict.json();
    add_revision(&mut json, &answer.revision_token, answer.data_age);
    Ok(Report::new(format!("{}\n", verdict.line()), json).with_exit(verdict.exit()))
}

/// Adds how fresh an answer is.
pub(crate) fn add_revision(json: &mut Value, token: &str, age: Option<prost_types::Duration>) {
    if let Value::Object(fields) = json {
        fields.insert("revision_token".to_owned(), token.into());
        fields.insert("data_age_ms".to_owned(), age.and_then(millis).into());
    }
}

/// Lists everything that a user may do in one place.
///
/// # Errors
/// When the server does not answer.
pub(crate) async fn effective(args: EffectiveArgs) -> Result<Report, Failure> {
    let request = GetEffectiveActionsRequest {
        user: args.user,
        resource: args.place.resource().map_err(Failure::usage)?,
        freshness: args.freshness.freshness(),
    };
    let server = args.server.connect().await?;
    let answer = server.call(request).await?;
    Ok(report_effective(&answer))
}

fn report_effective(answer: &GetEffectiveActionsResponse) -> Report {
    let mask = answer.mask.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut json = json!({
        "actions": answer.actions,
        "mask": (!mask.is_empty()).then_some(mask),
        "catalogue_fingerprint": answer.catalogue_fingerprint,
    });
    add_revision(&mut json, &answer.revision_token, answer.data_age);
    let text: String = answer.actions.iter().map(|action| format!("{}\n", printable(action))).collect();
    let report = Report::new(text, json);
    if answer.actions.is_empty() { report.with_note("no actions at all") } else { report }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        exit::{Exit, Refusal},
        output::Format,
    };

    #[test]
    fn an_answer_without_decision_is_a_failure_with_exit_2() {
        let failure = report_check(&CheckResponse { reason: 1, ..CheckResponse::default() });
        assert_eq!(failure.err().map(|f| f.exit(Refusal::NoDecision)), Some(Exit::Unknown));
    }

    #[test]
    fn the_json_of_a_check_has_stable_keys() -> Result<(), Failure> {
        let age = Some(prost_types::Duration { seconds: 0, nanos: 12_000_000 });
        let answer = CheckResponse {
            decision: 1,
            reason: 1,
            revision_token: "t".into(),
            data_age: age,
            ..Default::default()
        };
        let json: Value =
            serde_json::from_str(&report_check(&answer)?.render(Format::Json)).unwrap_or_default();
        let expected = json!({
            "decision": "allow", "reason": "granted_by_role", "missing_actions": [], "granted_by": [],
            "revision_token": "t", "data_age_ms": 12,
        });
        assert_eq!(json, expected);
        Ok(())
    }

    #[test]
    fn a_mask_is_printed_as_hex_and_its_absence_as_null() {
        let mut answer = GetEffectiveActionsResponse { mask: vec![0x01, 0xff], ..Default::default() };
        assert!(report_effective(&answer).render(Format::Json).contains(r#""mask": "01ff""#));
        answer.mask.clear();
        assert!(report_effective(&answer).render(Format::Json).contains(r#""mask": null"#));
    }
}
