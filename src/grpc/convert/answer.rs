//! Decisions as replies.

use super::BadField;
use crate::{
    engine::{
        answer::{Answer, Stamped},
        error::EngineError,
    },
    grpc::{proto, size::Room, status},
    rbac::{
        action::{Action, catalogue_fingerprint},
        decide::{Decision, Reason},
        explain::{EffectiveActions, GrantingRole},
        level::{GroupAction, SiteAction},
    },
    store::revision::Token,
};
use std::time::Duration;

/// The reply to a single question.
pub(in crate::grpc) fn check(stamped: Stamped<Answer>) -> proto::CheckResponse {
    let decision = stamped.value.decision;
    proto::CheckResponse {
        decision: outcome(&decision).into(),
        reason: reason(decision.reason()).into(),
        missing_actions: missing(&decision),
        granted_by: stamped.value.granted_by.into_iter().map(granting).collect(),
        revision_token: stamped.token.to_string(),
        data_age: Some(age(stamped.age)),
    }
}

/// The reply to a batch: the answers in the places of the good questions, errors in those of the malformed ones. `None`
/// if it takes more bytes than this; it is not even made then.
pub(in crate::grpc) fn batch(
    bad: Vec<(usize, BadField)>,
    answers: Vec<Result<Answer, EngineError>>,
    stamp: Option<(Token, Duration)>,
    most: usize,
) -> Option<proto::BatchCheckResponse> {
    let mut room = Room::in_reply(most);
    let count = bad.len() + answers.len();
    let (mut bad, mut answers) = (bad.into_iter().peekable(), answers.into_iter());
    let mut outcomes = Vec::with_capacity(count);
    for number in 0..count {
        let outcome = match bad.next_if(|(place, _)| *place == number) {
            Some((_, bad)) => bad_item(bad),
            None => item(answers.next().unwrap_or(Err(EngineError::NotReady))),
        };
        outcomes.push(room.takes(&outcome).then_some(outcome)?);
    }
    Some(proto::BatchCheckResponse {
        outcomes,
        revision_token: stamp.map(|(token, _)| token.to_string()).unwrap_or_default(),
        data_age: stamp.map(|(_, since)| age(since)),
    })
}

fn item(answer: Result<Answer, EngineError>) -> proto::BatchCheckOutcome {
    use proto::batch_check_outcome::Outcome;
    let outcome = match answer {
        Ok(answer) => Outcome::Answer(proto::BatchCheckAnswer {
            decision: outcome(&answer.decision).into(),
            reason: reason(answer.decision.reason()).into(),
            missing_actions: missing(&answer.decision),
            granted_by: answer.granted_by.into_iter().map(granting).collect(),
        }),
        Err(error) => {
            let (code, reason) = status::of_engine(&error);
            Outcome::Error(proto::BatchCheckError {
                code: code.into(),
                field: String::new(),
                message: error.to_string(),
                reason: reason.to_owned(),
            })
        }
    };
    proto::BatchCheckOutcome { outcome: Some(outcome) }
}

fn bad_item(bad: BadField) -> proto::BatchCheckOutcome {
    let error = proto::BatchCheckError {
        code: tonic::Code::InvalidArgument.into(),
        message: format!("{}: {}", bad.field, bad.problem),
        field: bad.field,
        reason: bad.fault.name().to_owned(),
    };
    proto::BatchCheckOutcome { outcome: Some(proto::batch_check_outcome::Outcome::Error(error)) }
}

/// Everything a user may do in one place.
pub(in crate::grpc) fn effective(stamped: Stamped<EffectiveActions>) -> proto::GetEffectiveActionsResponse {
    let (names, mask): (Vec<&str>, Vec<u8>) = match stamped.value {
        EffectiveActions::Site(actions) => (actions.into_iter().map(SiteAction::name).collect(), Vec::new()),
        EffectiveActions::Group(actions) => {
            (actions.into_iter().map(GroupAction::name).collect(), Vec::new())
        }
        EffectiveActions::Project(mask) => {
            (mask.iter().map(Action::name).collect(), mask.to_bytes().to_vec())
        }
    };
    proto::GetEffectiveActionsResponse {
        actions: names.into_iter().map(str::to_owned).collect(),
        mask,
        catalogue_fingerprint: catalogue_fingerprint(),
        revision_token: stamped.token.to_string(),
        data_age: Some(age(stamped.age)),
    }
}

/// An age as protobuf has it.
fn age(age: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(age.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(age.subsec_nanos()).unwrap_or(0),
    }
}

const fn outcome(decision: &Decision) -> proto::Decision {
    if decision.is_allowed() { proto::Decision::Allow } else { proto::Decision::Deny }
}

fn missing(decision: &Decision) -> Vec<String> {
    decision.missing().names().map(str::to_owned).collect()
}

const fn reason(reason: Reason) -> proto::Reason {
    match reason {
        Reason::GrantedByRole => proto::Reason::GrantedByRole,
        Reason::SiteAdmin => proto::Reason::SiteAdmin,
        Reason::UnknownUser => proto::Reason::UnknownUser,
        Reason::UserDisabled => proto::Reason::UserDisabled,
        Reason::UnknownGroup => proto::Reason::UnknownGroup,
        Reason::UnknownProject => proto::Reason::UnknownProject,
        Reason::UnknownDestination => proto::Reason::UnknownDestination,
        Reason::UnknownGear => proto::Reason::UnknownGear,
        Reason::NoRole => proto::Reason::NoRole,
        Reason::LackingAction => proto::Reason::LackingAction,
        Reason::GearRestricted => proto::Reason::GearRestricted,
    }
}

fn granting((role, label): (GrantingRole, String)) -> proto::GrantingRole {
    let (level, place, role) = match role {
        GrantingRole::Site(role) => (proto::Level::Site, String::new(), role.name().to_owned()),
        GrantingRole::Group(group, role) => (proto::Level::Group, group.to_string(), role.name().to_owned()),
        GrantingRole::Project(project, role) => {
            (proto::Level::Project, project.to_string(), role.to_string())
        }
    };
    proto::GrantingRole { level: level.into(), place, role, label }
}
