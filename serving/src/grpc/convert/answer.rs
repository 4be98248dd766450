//! Decisions as replies.

use super::BadField;
use crate::{
    engine::{
        answer::{Answer, Stamped},
        error::EngineError,
    },
    grpc::{
        batch::Reply,
        proto::{self, batch_check_outcome::Outcome},
        size::Room,
        status, whole,
    },
    rbac::{
        action::{Action, catalogue_fingerprint},
        decide::{Decision, Reason},
        explain::{EffectiveActions, GrantingRole},
        level::{GroupAction, SiteAction},
    },
    store::revision::Token,
    telemetry::intake::PREFIX,
};
use prost::Message as _;
use std::{ops::Range, time::Duration};

/// The reply to a single question.
pub(in crate::grpc) fn check(stamped: &Stamped<Answer>) -> proto::CheckResponse {
    let decision = stamped.value.decision;
    proto::CheckResponse {
        decision: outcome(&decision).into(),
        reason: reason(decision.reason()).into(),
        missing_actions: missing(&decision),
        granted_by: granted_by(&stamped.value),
        revision_token: stamped.token.to_string(),
        data_age: Some(age(stamped.age)),
    }
}

/// The reply to a batch: the answers in the places of the good questions, errors in those of the malformed ones. `None`
/// if it takes more bytes than this; it is not even made then.
pub(in crate::grpc) fn batch(
    bad: &[(usize, BadField)],
    answers: &[Result<Answer, EngineError>],
    stamp: Option<(Token, Duration)>,
    most: usize,
) -> Option<Reply> {
    let room = Room::in_reply(most);
    let count = bad.len() + answers.len();
    let (mut bad, mut answers) = (bad.iter().peekable(), answers.iter());
    let mut outcomes = Outcomes::of(count);
    for number in 0..count {
        match bad.next_if(|(place, _)| *place == number) {
            Some((_, bad)) => outcomes.push(bad_item(bad)),
            None => outcomes.item(answers.next().unwrap_or(&Err(EngineError::NotReady))),
        }
        if !room.holds(outcomes.length()) {
            return None;
        }
    }
    let rest = proto::BatchCheckResponse {
        outcomes: Vec::new(),
        revision_token: stamp.map(|(token, _)| token.to_string()).unwrap_or_default(),
        data_age: stamp.map(|(_, since)| age(since)),
    };
    outcomes.bytes.extend(rest.encode_to_vec());
    Some(Reply(outcomes.bytes))
}

/// The outcomes of a batch, as they are sent. Most are alike, and made once then.
struct Outcomes {
    /// Behind room for what comes before the reply.
    bytes: Vec<u8>,
    last_allow: Option<Made>,
    last_deny: Option<Made>,
}

/// The decision of an answer that names no roles, and where its bytes are.
type Made = (Decision, Range<usize>);

impl Outcomes {
    /// The number of `BatchCheckResponse.outcomes`.
    const NUMBER: u32 = 1;
    /// What an answer takes that names nothing.
    const USUAL_BYTES: usize = 8;

    fn of(items: usize) -> Self {
        Self { bytes: whole::room(items * Self::USUAL_BYTES), last_allow: None, last_deny: None }
    }

    /// How many bytes they take.
    const fn length(&self) -> usize {
        self.bytes.len() - PREFIX
    }

    fn item(&mut self, answer: &Result<Answer, EngineError>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.push(engine_error(error)),
        };
        if answer.granted_by.is_some() {
            return self.push(Outcome::Answer(item(answer)));
        }
        let decision = &answer.decision;
        match self.last(decision) {
            Some((same, bytes)) if same == decision => {
                let bytes = bytes.clone();
                self.bytes.extend_from_within(bytes);
            }
            _ => {
                let start = self.bytes.len();
                self.push(Outcome::Answer(item(answer)));
                *self.last(decision) = Some((*decision, start..self.bytes.len()));
            }
        }
    }

    /// The last one that is as much of an allow or deny as this.
    const fn last(&mut self, decision: &Decision) -> &mut Option<Made> {
        if decision.is_allowed() { &mut self.last_allow } else { &mut self.last_deny }
    }

    fn push(&mut self, outcome: Outcome) {
        let outcome = proto::BatchCheckOutcome { outcome: Some(outcome) };
        prost::encoding::message::encode(Self::NUMBER, &outcome, &mut self.bytes);
    }
}

fn item(answer: &Answer) -> proto::BatchCheckAnswer {
    proto::BatchCheckAnswer {
        decision: outcome(&answer.decision).into(),
        reason: reason(answer.decision.reason()).into(),
        missing_actions: missing(&answer.decision),
        granted_by: granted_by(answer),
    }
}

fn granted_by(answer: &Answer) -> Vec<proto::GrantingRole> {
    answer.granted_by.iter().flatten().cloned().map(granting).collect()
}

fn engine_error(error: &EngineError) -> Outcome {
    let (code, reason) = status::of_engine(error);
    Outcome::Error(proto::BatchCheckError {
        code: code.into(),
        field: String::new(),
        message: error.to_string(),
        reason: reason.to_owned(),
    })
}

fn bad_item(bad: &BadField) -> Outcome {
    Outcome::Error(proto::BatchCheckError {
        code: tonic::Code::InvalidArgument.into(),
        message: format!("{}: {}", bad.field, bad.problem),
        field: bad.field.clone(),
        reason: bad.fault.name().to_owned(),
    })
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

/// Whether the user may.
pub const fn outcome(decision: &Decision) -> proto::Decision {
    if decision.is_allowed() { proto::Decision::Allow } else { proto::Decision::Deny }
}

/// The names of the actions that are lacking.
pub fn missing(decision: &Decision) -> Vec<String> {
    decision.missing().names().map(str::to_owned).collect()
}

/// A reason by its name on the wire.
pub const fn reason(reason: Reason) -> proto::Reason {
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

/// A reason's name on the wire, without what says that it is one.
pub(crate) fn reason_name(of: Reason) -> &'static str {
    let name = reason(of).as_str_name();
    name.strip_prefix("REASON_").unwrap_or(name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::{
        decide::{Facts, decide},
        grants::Grants,
        level::SiteRole,
        question::Question,
        role::RoleTable,
        text::UserId,
    };

    fn answer(role: SiteRole, action: SiteAction, names_roles: bool) -> Answer {
        let grants = Grants::new(UserId::parse("ann").unwrap(), true, role, Vec::new(), Vec::new());
        let facts = Facts { user: Some(&grants), ..Facts::default() };
        let decision = decide(&Question::Site(action), &RoleTable::default(), &facts);
        let granted_by = names_roles.then(|| [(GrantingRole::Site(role), role.name().to_owned())].into());
        Answer { decision, granted_by }
    }

    #[test]
    fn every_outcome_stands_in_its_place_as_if_it_were_alone() {
        let allow = |names_roles| answer(SiteRole::SiteAdmin, SiteAction::UsersManage, names_roles);
        let granted = answer(SiteRole::Developer, SiteAction::GearsUpload, false);
        let deny = |action| answer(SiteRole::User, action, false);
        let (users, groups) = (deny(SiteAction::UsersManage), deny(SiteAction::GroupsManage));
        let row = [allow(false), granted, allow(true), users, groups, allow(false)].map(Ok);
        let mut answers: Vec<_> = row.into_iter().chain([Err(EngineError::NotReady)]).collect();
        // Each after each other, and after itself.
        let steps = [1, 2, 3, 0, 4, 5, 6];
        answers = (0..49).map(|n| answers[(n * steps[n / 7] + n / 7) % 7].clone()).collect();
        let alone = |answer: &Result<Answer, _>| match answer {
            Ok(answer) => Outcome::Answer(item(answer)),
            Err(error) => engine_error(error),
        };
        let mut expected: Vec<_> = answers.iter().map(alone).collect();
        let bad = |place: usize| (place, BadField::malformed("user", format!("is wrong at {place}")));
        for place in [0, 7, 8] {
            expected.insert(place, bad_item(&bad(place).1));
        }
        let reply = batch(&[bad(0), bad(7), bad(8)], &answers, None, 1 << 20).unwrap();
        let reply = proto::BatchCheckResponse::decode(reply.message()).unwrap();
        let outcomes: Vec<_> = reply.outcomes.into_iter().filter_map(|outcome| outcome.outcome).collect();
        assert_eq!(outcomes, expected);
    }
}
