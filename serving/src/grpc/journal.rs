//! What the decision log is told of a call: the question as it came, and what came of it.

use super::{
    batch::{Batch, Parts},
    bearer::CallerKeyPlace,
    convert::{
        BadField, answer as reply,
        question::{Asked, At},
    },
    deadline,
    notes::Notes,
    proto,
    status::{of_engine, untold_name, with_reason},
};
use crate::{
    decision_log::{
        DecisionLog, Lines, Unwritten,
        record::{Attributes, Basis, Caller, Ended, Last, Outcome, Peer, Place, Record, Text},
    },
    engine::{
        answer::{Answer, Stamped},
        decisions::Untold,
        error::EngineError,
    },
    rbac::{decide::Decision, explain::EffectiveActions},
    store::revision::Token,
    telemetry::traces,
};
use http::{Extensions, HeaderMap};
use std::time::Duration;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// How many lines of a batch are made in one go, before others get their turn.
const BREATH: usize = 128;

/// What all calls over one listener are logged with.
pub struct Journal {
    /// Where to.
    pub log: DecisionLog,
    /// How callers are connected.
    pub peer: Peer,
    /// The longest that a call may take; a caller's shorter deadline wins.
    pub time: Duration,
}

/// A call that is going on.
///
/// However it ends, its lines say so: where some were added and the caller is told something else, or nothing, because the
/// call is broken off in between, a last one does.
pub(super) struct Call<'j> {
    journal: &'j Journal,
    lines: Lines<'j>,
    method: &'static str,
    number: u64,
    started: Instant,
    until: Instant,
    end: End,
    caller: Option<Caller>,
    trace: Option<String>,
}

/// How a call ends, as far as its lines go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is going on; if it ends now, it was broken off.
    BrokenOff,
    /// The caller is told that nothing could be logged.
    Unwritten,
    /// The caller is told what the lines say.
    Told,
}

/// A question as it came, readable or not.
struct Question<'a> {
    item: Option<usize>,
    user: &'a str,
    at: At<'a>,
    asked: Option<Asked<'a>>,
}

impl Journal {
    /// A call begins.
    pub(super) fn begin(
        &self,
        method: &'static str,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Call<'_> {
        let started = Instant::now();
        let until = started + deadline::wait(headers, self.time);
        // Of a call that is recorded, the trace that its span is in; it may have begun here.
        let trace = extensions.get().map(Notes::trace_id).or_else(|| traces::trace_of(headers));
        Call {
            journal: self,
            lines: self.log.lines(until),
            method,
            number: self.log.number_call(),
            started,
            until,
            end: End::BrokenOff,
            caller: extensions.get().map(|place: &CallerKeyPlace| Caller::CallerKey(place.0)),
            trace: trace.map(|id| format!("{:032x}", u128::from_be_bytes(id))),
        }
    }
}

impl Call<'_> {
    /// Logs what came of a single question.
    pub(super) async fn check(
        self,
        request: &proto::CheckRequest,
        told: Result<&Stamped<Answer>, &Status>,
    ) -> Result<(), Status> {
        let asked = Asked::of(request);
        let at = request.resource.as_ref().map_or(At::Nowhere, At::from);
        let outcome = match told {
            Ok(stamped) => of_decision(&stamped.value.decision),
            Err(status) => of_status(status),
        };
        let basis = told.ok().map(|stamped| (stamped.token, stamped.age));
        self.only(&Question { item: None, user: &request.user, at, asked }, outcome, basis).await
    }

    /// Logs that a caller was told all that a user may do in one place.
    pub(super) async fn effective(
        self,
        request: &proto::GetEffectiveActionsRequest,
        answered: &Result<Stamped<EffectiveActions>, Status>,
    ) -> Result<(), Status> {
        let at = request.resource.as_ref().map_or(At::Nowhere, At::from);
        let outcome = match answered {
            Ok(stamped) => Outcome::Actions { count: stamped.value.count() },
            Err(status) => of_status(status),
        };
        let basis = answered.as_ref().ok().map(|stamped| (stamped.token, stamped.age));
        self.only(&Question { item: None, user: &request.user, at, asked: None }, outcome, basis).await
    }

    async fn only(
        mut self,
        question: &Question<'_>,
        outcome: Outcome,
        basis: Option<(Token, Duration)>,
    ) -> Result<(), Status> {
        let added = self.add(&now(), question, outcome, basis).await;
        self.settle(added).await
    }

    /// Waits for the lines to be written, where that is to be, and so ends the call.
    async fn settle(mut self, added: Result<(), Unwritten>) -> Result<(), Status> {
        let written = match added {
            Ok(()) => self.lines.settle().await,
            Err(unwritten) => Err(unwritten),
        };
        self.end = if written.is_ok() { End::Told } else { End::Unwritten };
        written.map_err(unwritten)
    }

    /// Logs a batch that was refused as a whole: nothing in it was looked at.
    pub(super) async fn refused_batch(self, status: &Status) -> Result<(), Status> {
        self.only(&Question { item: None, user: "", at: At::Nowhere, asked: None }, of_status(status), None)
            .await
    }

    /// Logs what came of every item of a batch.
    pub(super) async fn batch(
        mut self,
        batch: &Batch<'_>,
        bad: &[(usize, BadField)],
        answers: &[Result<Answer, EngineError>],
        stamp: Option<(Token, Duration)>,
    ) -> Result<(), Status> {
        let (mut bad, mut answers) = (bad.iter().peekable(), answers.iter());
        let now = now();
        for (number, item) in batch.items.iter().enumerate() {
            let outcome = match bad.next_if(|(place, _)| *place == number) {
                Some((_, bad)) => of_error(Code::InvalidArgument, bad.fault.name()),
                None => match answers.next().unwrap_or(&Err(EngineError::NotReady)) {
                    Ok(answer) => of_decision(&answer.decision),
                    Err(error) => {
                        let (code, reason) = of_engine(error);
                        of_error(code, reason)
                    }
                },
            };
            let basis = stamp.filter(|_| !matches!(outcome, Outcome::Error { .. }));
            let question = of_item(number, item.parts(), &batch.beside);
            if let Err(unwritten) = self.add(&now, &question, outcome, basis).await {
                return self.settle(Err(unwritten)).await;
            }
            if number % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.settle(Ok(())).await
    }

    async fn add(
        &mut self,
        now: &str,
        question: &Question<'_>,
        outcome: Outcome,
        basis: Option<(Token, Duration)>,
    ) -> Result<(), Unwritten> {
        let (action, operation) = match question.asked {
            None => (None, None),
            Some(Asked::Action(name)) => (Some(Text(name)), None),
            Some(Asked::Operation(operation)) => (None, Some(operation)),
        };
        let record = Record {
            time: now,
            call: self.number,
            item: question.item,
            method: self.method,
            caller: self.caller,
            peer: self.journal.peer,
            trace: self.trace.as_deref(),
            user: Text(question.user),
            resource: place(question.at),
            action,
            operation: operation.map(|operation| Text(&operation.name)),
            attributes: operation.and_then(attributes),
            outcome,
            basis: basis.map(|(token, age)| Basis {
                revision: token.revision,
                epoch: token.epoch.to_string(),
                age_us: micros(age),
            }),
            latency_us: micros(self.started.elapsed()),
            sample: None,
        };
        self.lines.add(record).await
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let (code, reason) = match self.end {
            End::Told => return,
            End::Unwritten => (Code::Unavailable, untold_name(Untold::NotLogged)),
            End::BrokenOff if Instant::now() >= self.until => of_engine(&EngineError::Deadline),
            End::BrokenOff => (Code::Cancelled, ""),
        };
        let ended = Ended { code: format!("{code:?}"), reason };
        self.lines.end(&Last { time: &now(), call: self.number, method: self.method, ended });
    }
}

/// An item, with the batch's defaults for what it leaves out.
fn of_item<'a>(number: usize, item: Parts<'a>, batch: &'a proto::BatchCheckRequest) -> Question<'a> {
    use proto::batch_check_request::DefaultQuestion as Q;
    let default = || {
        batch.default_question.as_ref().map(|question| match question {
            Q::DefaultAction(name) => Asked::Action(name),
            Q::DefaultOperation(operation) => Asked::Operation(operation),
        })
    };
    Question {
        item: Some(number),
        user: item.user.or(batch.default_user.as_deref()).unwrap_or_default(),
        at: item.at.or_else(|| batch.default_resource.as_ref().map(At::from)).unwrap_or(At::Nowhere),
        asked: item.asked.or_else(default),
    }
}

const fn place(at: At<'_>) -> Option<Place<'_>> {
    match at {
        At::Nowhere => None,
        At::Site => Some(Place::Site(true)),
        At::Group(id) => Some(Place::Group(Text(id))),
        At::Project(id) => Some(Place::Project(Text(id))),
    }
}

/// What is said of an operation beside its name, if anything is.
fn attributes(operation: &proto::Operation) -> Option<Attributes<'_>> {
    use proto::owner::Owner;
    let nothing = proto::Operation { name: operation.name.clone(), ..Default::default() };
    if *operation == nothing {
        return None;
    }
    let owner = operation.owner.as_ref().and_then(|owner| owner.owner.as_ref());
    Some(Attributes {
        bulk: operation.bulk,
        origin: operation.origin.map(|_| operation.origin().as_str_name()),
        destination_project: operation.destination_project.as_deref().map(Text),
        destination_group: operation.destination_group.as_deref().map(Text),
        has_device_data: operation.has_device_data,
        gear: operation.gear.as_deref().map(Text),
        analysis: operation.analysis,
        owner: match owner {
            Some(Owner::User(id)) => Some(Text(id)),
            _ => None,
        },
        owner_is_system: matches!(owner, Some(Owner::System(_))),
    })
}

fn of_decision(decision: &Decision) -> Outcome {
    let reason = reply::reason(decision.reason()).as_str_name().trim_start_matches("REASON_");
    if decision.is_allowed() {
        Outcome::Allow { reason }
    } else {
        Outcome::Deny { reason, missing: decision.missing().names().collect() }
    }
}

fn of_error(code: Code, reason: &str) -> Outcome {
    Outcome::Error { code: format!("{code:?}"), reason: reason.to_owned() }
}

fn of_status(status: &Status) -> Outcome {
    let info = status.get_error_details().error_info().map(|info| info.reason.clone());
    of_error(status.code(), &info.unwrap_or_default())
}

fn unwritten(error: Unwritten) -> Status {
    let message = format!("{error}, and this server gives no answer unwritten; see its log");
    with_reason(Code::Unavailable, untold_name(Untold::NotLogged), message)
}

fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
