//! Why a question is answered as it is.

use super::{
    super::{
        convert::{BadField, answer, question},
        proto::*,
    },
    call::Call,
};
use crate::{
    rbac::{
        why::{self, Change, Step},
        world::World,
    },
    site::apply::permit,
    store::world::world,
};
use tonic::Status;

pub(super) async fn explain(call: Call<ExplainRequest>) -> Result<ExplainResponse, Status> {
    let missing = || BadField::malformed("check", "is missing");
    let asked = call.message.check.clone().ok_or_else(missing)?;
    question::query(&asked)?;
    let actor = call.actor.clone();
    let read = call.read(|tx| {
        Box::pin(async move {
            permit(tx, actor).await?;
            Ok((world(tx).await?, tx.head().revision))
        })
    });
    let (world, revision) = read.await?;
    explained(&world, revision, &asked)
}

/// Explains a question to a world at a revision.
pub(crate) fn explained(
    world: &World,
    revision: u64,
    asked: &CheckRequest,
) -> Result<ExplainResponse, Status> {
    let query = question::query(asked)?;
    let explained = why::explain(world, &query.user, &query.question);
    let decision = explained.decision;
    Ok(ExplainResponse {
        decision: answer::outcome(&decision).into(),
        reason: answer::reason(decision.reason()).into(),
        missing_actions: answer::missing(&decision),
        steps: explained.steps.into_iter().map(step).collect(),
        ways: explained
            .ways
            .into_iter()
            .map(|way| ExplainWay { changes: way.into_iter().map(change).collect() })
            .collect(),
        revision,
    })
}

fn step(step: Step) -> ExplainStep {
    ExplainStep { name: step.name.to_owned(), passes: step.passes, found: step.found }
}

fn change(change: Change) -> ExplainChange {
    let of = |what: &str, user: String| ExplainChange { what: what.to_owned(), user, ..Default::default() };
    match change {
        Change::CreateUser(user) => of("create_user", user.to_string()),
        Change::EnableUser(user) => of("enable_user", user.to_string()),
        Change::SetSiteRole(user, role) => {
            ExplainChange { role: role.name().to_owned(), ..of("set_site_role", user.to_string()) }
        }
        Change::SetGroupRole(user, group, role) => ExplainChange {
            group: group.to_string(),
            role: role.name().to_owned(),
            ..of("set_group_role", user.to_string())
        },
        Change::AddProjectRole(user, project, role) => ExplainChange {
            project: project.to_string(),
            role: role.to_string(),
            ..of("add_project_role", user.to_string())
        },
        Change::OpenGear(user, gear) => {
            ExplainChange { gear: gear.to_string(), ..of("open_gear", user.to_string()) }
        }
    }
}
