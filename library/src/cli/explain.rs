//! `rolegate explain`: why a question is answered as it is, and what would have to change for a yes.

use super::{
    connect::AdminArgs,
    exit::{Exit, Failure},
    init::failure,
    local::using,
    output::{Report, printable},
    question::{PlaceArgs, Question, WhatArgs},
};
use crate::{
    admin,
    config::DirectStoreArgs,
    grpc::proto::{
        CheckRequest, Decision, ExplainChange, ExplainRequest, ExplainResponse, Reason,
        check_request::Question as Asked,
    },
    store::{location::Location, postgres::Access},
};
use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tonic::Status;

/// The arguments of `explain`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("place").args(["site", "group", "project"]).required(true))]
#[command(group = ArgGroup::new("question").args(["plain", "action", "operation"]).required(true))]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    direct: DirectStoreArgs,
    /// Who asks: the user's id
    user: String,
    /// A plain action; the same as --action
    #[arg(value_name = "ACTION")]
    plain: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    what: WhatArgs,
}

/// Explains one question.
///
/// # Errors
/// When no decision is reached, for whatever reason.
pub(crate) async fn explain(args: ExplainArgs) -> Result<Report, Failure> {
    let question = match args.plain {
        Some(action) => Some(Question::Action(action)),
        None => args.what.question().map_err(Failure::usage)?,
    };
    let check = CheckRequest {
        user: args.user,
        resource: args.place.resource().map_err(Failure::usage)?,
        question: question.map(|question| match question {
            Question::Action(action) => Asked::Action(action),
            Question::Operation(operation) => Asked::Operation(operation),
        }),
        ..CheckRequest::default()
    };
    let answer = match args.direct.location()? {
        Some(store) => of_store(&store, &check).await?,
        None => {
            let request = ExplainRequest { check: Some(check) };
            args.admin.connect().await?.call(request).await?
        }
    };
    report(&answer)
}

async fn of_store(store: &Location, check: &CheckRequest) -> Result<ExplainResponse, Failure> {
    let refused = |status: Status| Failure::rpc(status.code(), status.message());
    let asked = admin::Asked::of(check).map_err(refused)?;
    let seen = using(store, Access::Read, async |store| asked.look(&mut store.read().await?).await).await;
    Ok(seen.map_err(|error| failure(&error))?.explained())
}

fn report(answer: &ExplainResponse) -> Result<Report, Failure> {
    let (word, exit) = match answer.decision() {
        Decision::Allow => ("allow", Exit::Success),
        Decision::Deny => ("deny", Exit::No),
        Decision::Unspecified => {
            return Err(Failure::malformed_answer("it holds no decision; take that as a deny"));
        }
    };
    let reason = Reason::try_from(answer.reason).unwrap_or_default().as_str_name();
    let reason = reason.trim_start_matches("REASON_").to_ascii_lowercase();
    let steps: Vec<Value> = answer
        .steps
        .iter()
        .map(|step| json!({ "name": step.name, "passes": step.passes, "found": step.found }))
        .collect();
    let ways: Vec<Vec<Value>> =
        answer.ways.iter().map(|way| way.changes.iter().map(change_json).collect()).collect();
    let json = json!({
        "decision": word, "reason": reason, "missing_actions": answer.missing_actions,
        "steps": steps, "ways": ways, "ways_left_out": answer.ways_left_out, "revision": answer.revision,
    });
    Ok(Report::new(text(answer, word, &reason), json).with_exit(exit))
}

fn text(answer: &ExplainResponse, word: &str, reason: &str) -> String {
    let mut text = String::new();
    for step in &answer.steps {
        let mark = if step.passes { "yes" } else { "NO " };
        let _ = writeln!(text, "{mark}  {}", printable(&step.found));
    }
    let _ = writeln!(text, "{}  {}", word.to_ascii_uppercase(), reason.replace('_', " "));
    if answer.decision() == Decision::Deny {
        let intro = if answer.ways.is_empty() {
            "no change of roles makes it a yes: something would have to be made first"
        } else {
            "each of these would make it a yes:"
        };
        let _ = writeln!(text, "{intro}");
    }
    for way in &answer.ways {
        let changes: Vec<_> = way.changes.iter().map(change_text).collect();
        let _ = writeln!(text, "  - {}", printable(&changes.join(", and ")));
    }
    if answer.ways_left_out > 0 {
        let _ = writeln!(text, "and {} further ways, too many to tell", answer.ways_left_out);
    }
    text
}

fn change_text(change: &ExplainChange) -> String {
    let ExplainChange { user, group, project, gear, role, .. } = change;
    match change.what.as_str() {
        "create_user" => format!("make the user {user}"),
        "enable_user" => format!("enable the user {user}"),
        "set_site_role" => format!("give {user} the site role {role}"),
        "set_group_role" => format!("give {user} the role {role} in the group {group}"),
        "add_project_role" => format!("give {user} the role {role} on the project {project} as well"),
        "open_gear" => format!("open the gear {gear} to {user}"),
        other => format!("{other} {user}"),
    }
}

fn change_json(change: &ExplainChange) -> Value {
    let ExplainChange { what, user, group, project, gear, role } = change;
    let all = [
        ("what", what),
        ("user", user),
        ("group", group),
        ("project", project),
        ("gear", gear),
        ("role", role),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(given.map(|(key, value)| (key.to_owned(), Value::from(value.as_str()))).collect())
}
