//! How a command ends: its exit code, and what is said when it fails.

use super::output::{self, Format};
use crate::config::ConfigError;
use serde_json::json;
use std::{error::Error, fmt::Write as _, process::ExitCode};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The exit codes, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; for checks: allowed.
    Success,
    /// The answer is no: denied, refused, or not serving.
    No,
    /// No answer was reached. Never to be read as an allow.
    Unknown,
    /// The command line makes no sense. Not clap's own 2, which means something else here.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::No => 1,
            Exit::Unknown => 2,
            Exit::Usage => 64,
        })
    }
}

/// What a server's refusal means to the command that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An administrator's command: a refusal is a verdict.
    Verdict,
    /// A question: without an answer there is no decision, whatever the reason.
    NoDecision,
}

/// Where a failure arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Local,
    Rpc(Code),
}

/// Why a command could not do what it was told.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    field: Option<String>,
    reason: Option<String>,
    hint: Option<&'static str>,
}

impl Failure {
    /// The command line makes no sense in a way that its parser could not see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Something on this side went wrong, such as a file that cannot be read.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::new(Kind::Local, message)
    }

    /// The same as a server's refusal, found on this side.
    pub(crate) fn rpc(code: Code, message: impl Into<String>) -> Self {
        Self::new(Kind::Rpc(code), message)
    }

    /// The server's answer breaks the protocol; it decides nothing.
    pub(crate) fn malformed_answer(what: &str) -> Self {
        Self::rpc(Code::Internal, format!("the server's answer makes no sense: {what}"))
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, reason: None, hint: None }
    }

    /// Names the field at fault.
    pub(crate) fn with_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Says what to do next.
    pub(crate) fn with_hint(self, hint: Option<&'static str>) -> Self {
        Self { hint, ..self }
    }

    /// Whether it may be another time that nobody is there to answer.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Rpc(Code::Unavailable | Code::DeadlineExceeded))
    }

    /// How the command ends.
    pub(crate) fn exit(&self, refusal: Refusal) -> Exit {
        match self.kind {
            Kind::Usage => Exit::Usage,
            Kind::Rpc(code) if refusal == Refusal::Verdict && is_verdict(code) => Exit::No,
            Kind::Local | Kind::Rpc(_) => Exit::Unknown,
        }
    }

    /// What is written to stderr, line end included.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Json => {
                let error = json!({
                    "code": self.code(), "field": self.field, "message": self.message,
                    "reason": self.reason, "hint": self.hint,
                });
                format!("{}\n", json!({ "error": error }))
            }
            Format::Table => self.text(),
        }
    }

    fn code(&self) -> String {
        match self.kind {
            Kind::Usage => "USAGE".to_owned(),
            Kind::Local => "LOCAL".to_owned(),
            Kind::Rpc(code) => code_name(code),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("error: {}", output::printable(&self.message));
        // What is wrong on this side is named by the message itself.
        if matches!(self.kind, Kind::Rpc(_)) {
            let field = self.field.as_deref().map(|field| format!("field `{}`", output::printable(field)));
            let asides: Vec<String> = std::iter::once(self.code()).chain(field).collect();
            let _ = write!(text, " ({})", asides.join(", "));
        }
        text.push('\n');
        if let Some(hint) = self.hint {
            let _ = writeln!(text, "hint: {hint}");
        }
        text
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string()).with_field(error.key)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let code = if is_local_timeout(&status) { Code::DeadlineExceeded } else { status.code() };
        let field = status
            .get_details_bad_request()
            .and_then(|details| details.field_violations.into_iter().next())
            .map(|violation| violation.field);
        let reason = status.get_details_error_info().map(|info| info.reason);
        Self { field, reason, ..Self::rpc(code, message(&status)) }
    }
}

/// Whether the client's own timer ended the call; tonic calls that cancelled.
fn is_local_timeout(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.message() == "Timeout expired"
}

/// What the server said, or, for failures of the transport, the cause at the bottom of the chain.
fn message(status: &Status) -> String {
    let said = status.message();
    match innermost(status) {
        Some(cause) if !said.contains(&cause) => format!("{said}: {cause}"),
        _ if said.is_empty() => status.code().description().to_owned(),
        _ => said.to_owned(),
    }
}

/// The cause at the bottom of an error's chain.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> Option<String> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
        .last()
        .map(ToString::to_string)
}

/// Whether a status says that the server understood and refused.
const fn is_verdict(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::PermissionDenied
            | Code::Unauthenticated
    )
}

/// A status code's name as gRPC writes it.
pub(crate) fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn refused(code: Code) -> Failure {
        Failure::rpc(code, "no")
    }

    #[test]
    fn a_verdict_ends_admin_commands_with_1_and_questions_with_2() {
        assert_eq!(refused(Code::NotFound).exit(Refusal::Verdict), Exit::No);
        assert_eq!(refused(Code::NotFound).exit(Refusal::NoDecision), Exit::Unknown);
    }

    #[test]
    fn everything_that_is_not_a_verdict_ends_with_2() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Internal, Code::Unimplemented] {
            assert_eq!(refused(code).exit(Refusal::Verdict), Exit::Unknown, "{code:?}");
        }
        assert_eq!(Failure::local("no such file").exit(Refusal::Verdict), Exit::Unknown);
    }

    #[test]
    fn code_names_are_those_of_grpc() {
        assert_eq!(code_name(Code::InvalidArgument), "INVALID_ARGUMENT");
        assert_eq!(code_name(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
        assert_eq!(code_name(Code::Unauthenticated), "UNAUTHENTICATED");
    }

    #[test]
    fn the_field_comes_from_the_bad_request_details() {
        let details = ErrorDetails::with_bad_request_violation("action", "is unknown");
        let status = Status::with_error_details(Code::InvalidArgument, "unknown action `x`", details);
        let failure = Failure::from(status);
        assert_eq!(
            failure.render(Format::Table),
            "error: unknown action `x` (INVALID_ARGUMENT, field `action`)\n"
        );
        let json: serde_json::Value = serde_json::from_str(&failure.render(Format::Json)).unwrap_or_default();
        assert_eq!(
            json,
            json!({"error": {
                "code": "INVALID_ARGUMENT", "field": "action", "message": "unknown action `x`",
                "reason": null, "hint": null,
            }})
        );
    }

    #[test]
    fn the_clients_own_timer_is_a_deadline() {
        let failure = Failure::from(Status::cancelled("Timeout expired"));
        assert_eq!(failure.code(), "DEADLINE_EXCEEDED");
    }
}
