//! Why a question is answered as it is.

use super::call::Call;
use crate::{
    aside::aside,
    engine::answer::Query,
    grpc::{
        convert::{BadField, answer, question},
        proto::*,
    },
    rbac::why::{self, Change, Step, scene::Scene},
    site::apply::permit,
    store::{error::Result as StoreResult, scene::scene, tx::Tx},
};
use tokio::sync::Semaphore;
use tonic::Status;

/// How many questions are explained at once. Each takes all roles from the store, and a thread of its own, so that it holds
/// up nobody who asks, writes or watches.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

pub(super) async fn explain(call: Call<ExplainRequest>) -> Result<ExplainResponse, Status> {
    let missing = || BadField::malformed("check", "is missing");
    let asked = Asked::of(call.message.check.as_ref().ok_or_else(missing)?)?;
    let turn = AT_ONCE.acquire().await.map_err(|_| Status::internal("explanations have ended"))?;
    let actor = call.actor.clone();
    let read = call.read(|tx| {
        Box::pin(async move {
            permit(tx, actor).await?;
            asked.look(tx).await
        })
    });
    let seen = read.await?;
    let explaining = aside(move || {
        // Whoever gives up leaves the work behind, and its turn with it.
        let _turn = turn;
        seen.explained()
    });
    explaining.await.map_err(|cut| Status::internal(cut.to_string()))
}

/// A question to be explained.
pub(crate) struct Asked(Query);

impl Asked {
    /// Reads a question.
    pub(crate) fn of(asked: &CheckRequest) -> Result<Self, Status> {
        Ok(Self(question::query(asked)?))
    }

    /// Looks at all that bears on it.
    pub(crate) async fn look(self, tx: &mut Tx) -> StoreResult<Seen> {
        let scene = scene(tx, &self.0.user, &self.0.question).await?;
        Ok(Seen { query: self.0, scene, revision: tx.head().revision })
    }
}

/// A question, and all that bears on it at a revision.
pub(crate) struct Seen {
    query: Query,
    scene: Scene,
    revision: u64,
}

impl Seen {
    /// Explains the question.
    pub(crate) fn explained(&self) -> ExplainResponse {
        let explained = why::explain(&self.scene, &self.query.user, &self.query.question);
        let decision = explained.decision;
        let way = |way: Vec<Change>| ExplainWay { changes: way.into_iter().map(change).collect() };
        ExplainResponse {
            decision: answer::outcome(&decision).into(),
            reason: answer::reason(decision.reason()).into(),
            missing_actions: answer::missing(&decision),
            steps: explained.steps.into_iter().map(step).collect(),
            ways: explained.ways.into_iter().map(way).collect(),
            ways_left_out: explained.ways_left_out as u64,
            revision: self.revision,
        }
    }
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
