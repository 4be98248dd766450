//! Errors as gRPC statuses: the one place where they are mapped. What a driver said is logged here, and never sent.

use super::{
    convert::{BadField, Fault, quoted},
    suggest,
};
use crate::{
    engine::{decisions::Untold, error::EngineError},
    rbac::{custom_role::RoleFaults, refusal::Refusal},
    store::{
        error::{Error, StoreError},
        retry::Trouble,
    },
};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Names the errors' namespace in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "rolegate";

impl From<BadField> for Status {
    fn from(bad: BadField) -> Self {
        bad_field(bad.fault.name(), &bad.field, &bad.problem)
    }
}

fn bad_field(reason: &str, field: &str, problem: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation(field, clipped(problem, VIOLATION_BYTES));
    details.set_error_info(reason, DOMAIN, HashMap::new());
    let message = clipped(&format!("{field}: {problem}"), MESSAGE_BYTES);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// What a message may take on the wire: it travels in a header, with every letter beyond ASCII as three of them a byte,
/// and clients refuse headers of more than a few KiB. A refusal that never arrives helps nobody.
const MESSAGE_BYTES: usize = 2_500;
/// How many faults of a request are told one by one beside the message, and how long each may be.
const MOST_VIOLATIONS: usize = 16;
const VIOLATION_BYTES: usize = 200;

/// The text, cut where it would take more than this on the wire.
fn clipped(text: &str, most: usize) -> String {
    let mut taken = 0;
    let cost = |letter: char| if letter.is_ascii() { 1 } else { letter.len_utf8() * 3 };
    let end = text.char_indices().find(|(_, letter)| {
        taken += cost(*letter);
        taken > most
    });
    match end.and_then(|(at, _)| text.get(..at)) {
        Some(start) => format!("{start}..."),
        None => text.to_owned(),
    }
}

/// A status with a stable reason.
pub(super) fn with_reason(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let message = clipped(&message.into(), MESSAGE_BYTES);
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// The code and stable reason of an engine's error.
pub(super) const fn of_engine(error: &EngineError) -> (Code, &'static str) {
    match error {
        EngineError::NotReady => (Code::Unavailable, "NOT_READY"),
        EngineError::Stale { .. } => (Code::Unavailable, "STALE"),
        EngineError::Behind { .. } => (Code::Unavailable, "REVISION_NOT_REACHED"),
        EngineError::OtherEpoch => (Code::FailedPrecondition, "OTHER_EPOCH"),
        EngineError::StoreUnavailable => (Code::Unavailable, "STORE_UNAVAILABLE"),
        EngineError::TooManyUnknown => (Code::ResourceExhausted, "TOO_MANY_UNKNOWN"),
        EngineError::Deadline => (Code::DeadlineExceeded, "DEADLINE"),
    }
}

/// The stable reason of an engine's error.
pub(crate) const fn error_name(error: &EngineError) -> &'static str {
    of_engine(error).1
}

/// The stable reason why a caller is not told of a decision.
pub(crate) const fn untold_name(why: Untold) -> &'static str {
    match why {
        Untold::NotLogged => "DECISION_NOT_LOGGED",
        Untold::TooLarge => "REPLY_TOO_LARGE",
    }
}

/// Why nothing could be decided, as callers get it.
pub(super) fn undecided(error: EngineError) -> Status {
    let (code, reason) = of_engine(&error);
    with_reason(code, reason, error.to_string())
}

/// A refusal or a failure of the store, as administrators get it.
pub fn of_store(error: Error) -> Status {
    match error {
        Error::Refused(refusal) => of_refusal(&refusal),
        Error::Store(error) => {
            tell_of(&error);
            match error {
                // In our own words, unlike what a driver says.
                error @ StoreError::OutcomeUnknown(_) => {
                    with_reason(Code::Unavailable, "OUTCOME_UNKNOWN", error.to_string())
                }
                StoreError::Unavailable(_) | StoreError::Refused(_) => {
                    with_reason(Code::Unavailable, "STORE_UNAVAILABLE", "the role store is unavailable")
                }
                StoreError::Corrupt(_) | StoreError::NotOurs(_) | StoreError::Newer { .. } => with_reason(
                    Code::Internal,
                    "STORE_BROKEN",
                    "the role store is broken; see the server's log",
                ),
            }
        }
    }
}

/// Says in the log what the store has against calls: when that begins or changes, and not for every call.
fn tell_of(error: &StoreError) {
    static TROUBLE: LazyLock<Mutex<Trouble>> = LazyLock::new(Mutex::default);
    let mut trouble = TROUBLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = trouble.goes_on(error) {
        tracing::error!(error, "the role store failed a call");
    }
}

/// A refusal by the rules.
pub fn of_refusal(refusal: &Refusal) -> Status {
    let (code, reason) = match refusal {
        Refusal::Malformed { field, problem } => return bad_field(Fault::Malformed.name(), field, problem),
        Refusal::Role(faults) if faults.is_label_alone() => (Code::AlreadyExists, "LABEL_TAKEN"),
        Refusal::Role(faults) => return of_role_faults(faults),
        Refusal::Unauthenticated => (Code::Unauthenticated, "UNAUTHENTICATED"),
        Refusal::NotPermitted { .. } => (Code::PermissionDenied, "NOT_PERMITTED"),
        Refusal::NotFound { .. } => (Code::NotFound, "NOT_FOUND"),
        Refusal::Exists { .. } => (Code::AlreadyExists, "EXISTS"),
        Refusal::RevisionMismatch { .. } => (Code::Aborted, "REVISION_MISMATCH"),
        Refusal::BuiltInRole { .. } => (Code::FailedPrecondition, "BUILT_IN_ROLE"),
        Refusal::RoleInUse { .. } => (Code::FailedPrecondition, "ROLE_IN_USE"),
        Refusal::NotOffered { .. } => (Code::FailedPrecondition, "NOT_OFFERED"),
        Refusal::LastSiteAdmin => (Code::FailedPrecondition, "LAST_SITE_ADMIN"),
        Refusal::TooManyKeys { .. } => (Code::FailedPrecondition, "TOO_MANY_KEYS"),
        Refusal::GroupHasProjects { .. } => (Code::FailedPrecondition, "GROUP_HAS_PROJECTS"),
    };
    with_reason(code, reason, refusal.to_string())
}

/// Names every fault of a role at once, and the likely meaning of unknown names.
fn of_role_faults(faults: &RoleFaults) -> Status {
    let mut details = ErrorDetails::new();
    for action in &faults.missing {
        details
            .add_bad_request_violation("actions", format!("required action `{}` is missing", action.name()));
    }
    let mut hints = String::new();
    for name in faults.unknown.iter().take(MOST_VIOLATIONS) {
        let near = suggest::nearest_project_action(name)
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let problem = format!("unknown action {}{near}", quoted(name));
        if !near.is_empty() {
            hints.push_str(&near);
        }
        details.add_bad_request_violation("actions", clipped(&problem, VIOLATION_BYTES));
    }
    if let Some(label) = &faults.label_taken {
        details.add_bad_request_violation("label", clipped(&format!("`{label}` is taken"), VIOLATION_BYTES));
    }
    details.set_error_info("ROLE_FAULTS", DOMAIN, HashMap::new());
    let message = clipped(&format!("{faults}{hints}"), MESSAGE_BYTES);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_to_what_a_header_carries() {
        assert_eq!(clipped("short", 5), "short");
        assert_eq!(clipped("longer", 5), "longe...");
        assert_eq!(clipped("ééé", 12), "éé...");
        let status = with_reason(Code::Internal, "R", "é".repeat(10_000));
        assert!(status.message().chars().count() < 500);
    }
}
