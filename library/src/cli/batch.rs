//! `rolegate batch-check`: many questions, answered at one revision.

use super::{
    check::add_revision,
    connect::ServerArgs,
    decision::Verdict,
    exit::{Exit, Failure, code_name},
    files,
    output::{Report, Table, or_dash},
    question::{FreshnessArgs, OperationArgs, PlaceArgs, Question, WhatArgs},
};
use crate::{
    grpc::proto::{
        BatchCheckError, BatchCheckItem, BatchCheckOutcome, BatchCheckRequest, BatchCheckResponse,
        batch_check_item::Question as Asked, batch_check_outcome::Outcome,
        batch_check_request::DefaultQuestion,
    },
    rbac::text::counted,
};
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::Code;

/// The arguments of `batch-check`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("place").args(["site", "group", "project"]))]
#[command(group = ArgGroup::new("question").args(["action", "operation"]))]
pub(crate) struct BatchArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The questions: JSON lines or a JSON array; `-` reads standard input
    ///
    /// Each is an object: `user`; one of `site` (true), `group`, `project`; and `action`, or `operation` with `name`
    /// and attributes (`bulk`, `origin`, `destination_project`, `destination_group`, `has_device_data`, `gear`,
    /// `analysis`, `owner`, `owner_system`). What an item leaves out, the options below supply.
    #[arg(short, long, value_name = "FILE")]
    file: String,
    /// The user of items that name none
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
    /// Name the roles that granted each allow
    #[arg(long)]
    explain: bool,
}

/// A question in the file. Unknown keys are refused: a misspelt one would change the question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    user: Option<String>,
    #[serde(default)]
    site: bool,
    group: Option<String>,
    project: Option<String>,
    action: Option<String>,
    operation: Option<OperationArgs>,
}

impl Item {
    fn request(self) -> Result<BatchCheckItem, String> {
        if self.operation.as_ref().is_some_and(|operation| operation.name.is_none()) {
            return Err("`operation` has no `name`".to_owned());
        }
        let place = PlaceArgs { site: self.site, group: self.group, project: self.project };
        let what = WhatArgs { action: self.action, operation: self.operation.unwrap_or_default() };
        let question = what.question()?.map(|question| match question {
            Question::Action(action) => Asked::Action(action),
            Question::Operation(operation) => Asked::Operation(operation),
        });
        Ok(BatchCheckItem { user: self.user, resource: place.resource()?, question })
    }
}

/// Asks all questions of a file at once.
///
/// # Errors
/// When the file cannot be read, or the call is not answered.
pub(crate) async fn batch_check(args: BatchArgs) -> Result<Report, Failure> {
    let items = parse_items(&files::read_text(&args.file)?).map_err(|fault| {
        Failure::rpc(Code::InvalidArgument, format!("{}: {fault}", files::name(&args.file)))
    })?;
    let count = items.len();
    let default_question = args.what.question().map_err(Failure::usage)?.map(|question| match question {
        Question::Action(action) => DefaultQuestion::DefaultAction(action),
        Question::Operation(operation) => DefaultQuestion::DefaultOperation(operation),
    });
    let request = BatchCheckRequest {
        default_user: args.user,
        default_resource: args.place.resource().map_err(Failure::usage)?,
        default_question,
        items,
        freshness: args.freshness.freshness(),
        explain: args.explain,
    };
    let server = args.server.connect().await?;
    let answer = server.call(request).await?;
    report(answer, count)
}

/// Reads a JSON array of questions, or questions one after the other.
fn parse_items(text: &str) -> Result<Vec<BatchCheckItem>, String> {
    let items: Vec<Item> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        let values = serde_json::Deserializer::from_str(text).into_iter::<Item>();
        let named =
            |(nth, item): (usize, Result<Item, _>)| item.map_err(|error| format!("item {nth}: {error}"));
        values.enumerate().map(named).collect::<Result<_, _>>()?
    };
    if items.is_empty() {
        return Err("there are no questions in it".to_owned());
    }
    let named = |(nth, item): (usize, Item)| item.request().map_err(|fault| format!("item {nth}: {fault}"));
    items.into_iter().enumerate().map(named).collect()
}

fn report(answer: BatchCheckResponse, asked: usize) -> Result<Report, Failure> {
    if answer.outcomes.len() != asked {
        let asked = counted(asked as u64, "question", "questions");
        let outcomes = counted(answer.outcomes.len() as u64, "outcome", "outcomes");
        let what = format!("it holds {outcomes} for {asked}");
        return Err(Failure::malformed_answer(&what));
    }
    let mut table = Table::new(&["ITEM", "OUTCOME", "REASON", "DETAIL"]);
    let (mut json, mut exit) = (Vec::new(), Exit::Success);
    for (nth, outcome) in answer.outcomes.into_iter().enumerate() {
        let line = Line::read(outcome);
        table.push(vec![nth.to_string(), line.outcome.to_uppercase(), line.reason, or_dash(line.detail)]);
        let mut value = line.json;
        add_revision(&mut value, &answer.revision_token, answer.data_age);
        json.push(value);
        exit = worse(exit, line.exit);
    }
    Ok(Report::new(table.to_string(), Value::Array(json)).with_exit(exit))
}

/// One outcome, ready to print.
struct Line {
    outcome: &'static str,
    reason: String,
    detail: String,
    json: Value,
    exit: Exit,
}

impl Line {
    fn read(outcome: BatchCheckOutcome) -> Self {
        match outcome.outcome {
            Some(Outcome::Answer(answer)) => Verdict::of_item(answer).map(Self::verdict),
            Some(Outcome::Error(error)) => Some(Self::error(error)),
            None => None,
        }
        .unwrap_or_else(Self::nothing)
    }

    fn verdict(verdict: Verdict) -> Self {
        Self {
            outcome: verdict.outcome(),
            reason: verdict.reason().to_owned(),
            detail: verdict.detail(),
            json: verdict.json(),
            exit: verdict.exit(),
        }
    }

    fn error(error: BatchCheckError) -> Self {
        let code = code_name(Code::from(error.code));
        let field = (!error.field.is_empty()).then_some(error.field);
        let reason = (!error.reason.is_empty()).then_some(error.reason);
        let json = json!({ "error": {
            "code": code, "field": field, "message": error.message, "reason": reason,
        } });
        Self { outcome: "error", reason: code, detail: error.message, json, exit: Exit::Unknown }
    }

    fn nothing() -> Self {
        Self::error(BatchCheckError {
            code: Code::Internal.into(),
            message: "the server's answer holds no decision; take that as a deny".to_owned(),
            ..BatchCheckError::default()
        })
    }
}

/// The exit code of a batch is that of its worst item.
fn worse(one: Exit, other: Exit) -> Exit {
    let badness = |exit| match exit {
        Exit::Success => 0,
        Exit::No => 1,
        Exit::Unknown | Exit::Usage => 2,
    };
    if badness(other) > badness(one) { other } else { one }
}

#[cfg(test)]
#[path = "batch/tests.rs"]
mod tests;
