//! The gate: asks rolegate, and gives out proofs. Nothing else makes an [`Allowed`] or an [`AllowedInBulk`], and files are
//! found with one alone, so a handler that forgets to ask does not compile.

use crate::{caller::Caller, errors::Refusal};
use proto::{
    BatchCheckItem, BatchCheckRequest, CheckRequest, Decision, Freshness, FullyCurrent, Operation, Reason,
    Resource, authorization_service_client::AuthorizationServiceClient, batch_check_outcome::Outcome,
    batch_check_request::DefaultQuestion, check_request::Question, freshness::Want, resource::Place,
};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint, Error},
};

#[allow(clippy::all, reason = "generated from the protos")]
mod proto {
    tonic::include_proto!("rolegate.v1");
}

type Questions = AuthorizationServiceClient<Channel>;

/// Asks rolegate. Clones share one channel: it takes any number of questions at a time.
#[derive(Clone)]
pub(crate) struct Gate {
    questions: Questions,
    key_file: Option<PathBuf>,
    time: Duration,
}

/// The user may have one file of a project.
pub(crate) struct Allowed {
    project: String,
}

/// The user may have files of a project, many at once.
pub(crate) struct AllowedInBulk {
    project: String,
}

impl Allowed {
    pub(crate) fn project(&self) -> &str {
        &self.project
    }
}

impl AllowedInBulk {
    pub(crate) fn project(&self) -> &str {
        &self.project
    }
}

impl Gate {
    /// A gate that gives rolegate so long to decide, and shows it the key in a file where callers must show one. It connects
    /// with the first question, and anew by itself when the connection has gone: rolegate may start later, and be restarted.
    pub(crate) fn new(address: String, key_file: Option<PathBuf>, time: Duration) -> Result<Self, Error> {
        let channel = Endpoint::from_shared(address)?.connect_lazy();
        Ok(Self { questions: AuthorizationServiceClient::new(channel), key_file, time })
    }

    /// Asks for one file of a project.
    pub(crate) async fn single(&self, caller: &Caller, project: String) -> Result<Allowed, Refusal> {
        self.check(caller, &project, false).await?;
        Ok(Allowed { project })
    }

    /// Asks for many files of a project.
    pub(crate) async fn bulk(&self, caller: &Caller, project: String) -> Result<AllowedInBulk, Refusal> {
        self.check(caller, &project, true).await?;
        Ok(AllowedInBulk { project })
    }

    /// Asks for many files of several projects: one question, decided by facts of one moment. One "no" is a "no" to all.
    pub(crate) async fn bulk_of_many(
        &self,
        caller: &Caller,
        projects: Vec<String>,
    ) -> Result<Vec<AllowedInBulk>, Refusal> {
        let batch = |freshness| BatchCheckRequest {
            default_user: Some(caller.user.clone()),
            default_question: Some(DefaultQuestion::DefaultOperation(download(true))),
            items: projects.iter().map(|project| item(project)).collect(),
            freshness,
            ..BatchCheckRequest::default()
        };
        let call = |mut to: Questions, batch| async move { to.batch_check(batch).await };
        let outcomes = self.ask(caller, batch, call).await?.outcomes;
        if outcomes.len() != projects.len() {
            return Err(no_decision("a batch came back with another number of outcomes"));
        }
        for outcome in outcomes {
            match outcome.outcome {
                Some(Outcome::Answer(answer)) => verdict(answer.decision, answer.reason)?,
                Some(Outcome::Error(error)) => return Err(failed(Code::from(error.code), &error.message)),
                None => return Err(no_decision("an outcome came back empty")),
            }
        }
        Ok(projects.into_iter().map(|project| AllowedInBulk { project }).collect())
    }

    async fn check(&self, caller: &Caller, project: &str, bulk: bool) -> Result<(), Refusal> {
        let question = |freshness| CheckRequest {
            user: caller.user.clone(),
            resource: Some(place(project)),
            question: Some(Question::Operation(download(bulk))),
            freshness,
            ..CheckRequest::default()
        };
        let call = |mut to: Questions, question| async move { to.check(question).await };
        let answer = self.ask(caller, question, call).await?;
        verdict(answer.decision, answer.reason)
    }

    /// Asks, and asks once more where that can help, all within the time there is.
    async fn ask<Q, A, F: Future<Output = Result<Response<A>, Status>>>(
        &self,
        caller: &Caller,
        question: impl Fn(Option<Freshness>) -> Q,
        call: impl Fn(Questions, Request<Q>) -> F,
    ) -> Result<A, Refusal> {
        let end = Instant::now() + self.time;
        let key = self.key().await?;
        let ask = |want: Option<Want>| {
            let mut request = Request::new(question(want.map(|want| Freshness { want: Some(want) })));
            request.set_timeout(end.saturating_duration_since(Instant::now()));
            if let Some(key) = key.clone() {
                request.metadata_mut().insert("authorization", key);
            }
            call(self.questions.clone(), request)
        };
        let wanted = caller.token.clone().map(Want::AtLeastToken);
        // The time limit that goes with the request is rolegate's to keep. This one is ours, and counts connecting too.
        let asked = timeout_at(end, async {
            match ask(wanted.clone()).await {
                Err(status) => match worth_another(&status, wanted) {
                    Some(want) => ask(want).await,
                    None => Err(status),
                },
                answered => answered,
            }
        });
        match asked.await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(failed(status.code(), status.message())),
            Err(_) => Err(no_decision("no answer in time")),
        }
    }

    /// What callers show, where they must. Read for each question, so that a key that is changed needs no restart.
    async fn key(&self) -> Result<Option<MetadataValue<Ascii>>, Refusal> {
        let Some(file) = &self.key_file else { return Ok(None) };
        let text = tokio::fs::read_to_string(file)
            .await
            .map_err(|error| no_decision(&format!("the key {}: {error}", file.display())))?;
        // While keys are changed there are several: the first is the one to show.
        let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let mut key: MetadataValue<Ascii> = format!("Bearer {first}")
            .parse()
            .map_err(|_| no_decision(&format!("the key {} is no text for a header", file.display())))?;
        key.set_sensitive(true);
        Ok(Some(key))
    }
}

/// How fresh a second answer must be, if there is any use in asking for one.
fn worth_another(status: &Status, wanted: Option<Want>) -> Option<Option<Want>> {
    match status.code() {
        // The connection broke, as when rolegate was restarted. Questions change nothing, and may be asked twice.
        Code::Unavailable | Code::Unknown | Code::Cancelled => Some(wanted),
        // The store was restored since the token was given out. Nothing can be compared with the token any more, so
        // what stands in for it is the newest there is.
        Code::FailedPrecondition if wanted.is_some() => Some(Some(Want::FullyCurrent(FullyCurrent {}))),
        _ => None,
    }
}

/// Nothing but an allow for a reason that we know goes on. What we do not know in full is no decision.
fn verdict(decision: i32, reason: i32) -> Result<(), Refusal> {
    let reason = Reason::try_from(reason).unwrap_or_default();
    match (Decision::try_from(decision).unwrap_or_default(), reason) {
        (Decision::Allow, Reason::GrantedByRole | Reason::SiteAdmin) => Ok(()),
        (Decision::Deny, Reason::Unspecified | Reason::GrantedByRole | Reason::SiteAdmin) => {
            Err(no_decision("a deny came back without a reason that we know"))
        }
        // Whether a project exists is not told to those who have no role there.
        (Decision::Deny, Reason::UnknownProject) => Err(Refusal::Denied(Reason::NoRole.as_str_name())),
        (Decision::Deny, reason) => Err(Refusal::Denied(reason.as_str_name())),
        _ => Err(no_decision("neither an allow with a reason that we know nor a deny came back")),
    }
}

fn failed(code: Code, message: &str) -> Refusal {
    match code {
        Code::InvalidArgument => Refusal::BadRequest("the user, the project or the token cannot be meant"),
        _ => no_decision(&format!("{code:?}: {message}")),
    }
}

fn no_decision(why: &str) -> Refusal {
    eprintln!("rolegate did not decide: {why}");
    Refusal::NoDecision
}

fn download(bulk: bool) -> Operation {
    Operation { name: "file.download".to_owned(), bulk: Some(bulk), ..Operation::default() }
}

fn place(project: &str) -> Resource {
    Resource { place: Some(Place::Project(project.to_owned())) }
}

fn item(project: &str) -> BatchCheckItem {
    BatchCheckItem { resource: Some(place(project)), ..BatchCheckItem::default() }
}
