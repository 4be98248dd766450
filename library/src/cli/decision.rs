//! Decisions as people and programs read them.

use super::{exit::Exit, output::printable};
use crate::grpc::proto::{BatchCheckAnswer, CheckResponse, Decision, GrantingRole, Level, Reason};
use serde_json::{Value, json};

/// A decision that was reached: exactly an allow or a deny.
// INVARIANT: anything else that a server could send never becomes one of these; see `Verdict::read`.
#[derive(Debug)]
pub(crate) struct Verdict {
    allowed: bool,
    reason: i32,
    missing: Vec<String>,
    granted_by: Vec<GrantingRole>,
}

impl Verdict {
    /// Reads what a server sent; an absent or unknown decision is none at all.
    fn read(decision: i32, reason: i32, missing: Vec<String>, granted_by: Vec<GrantingRole>) -> Option<Self> {
        let allowed = match Decision::try_from(decision) {
            Ok(Decision::Allow) => true,
            Ok(Decision::Deny) => false,
            Ok(Decision::Unspecified) | Err(_) => return None,
        };
        Some(Self { allowed, reason, missing, granted_by })
    }

    /// The verdict of a single check.
    pub(crate) fn of_check(answer: &CheckResponse) -> Option<Self> {
        Self::read(answer.decision, answer.reason, answer.missing_actions.clone(), answer.granted_by.clone())
    }

    /// The verdict of an item of a batch.
    pub(crate) fn of_item(answer: BatchCheckAnswer) -> Option<Self> {
        Self::read(answer.decision, answer.reason, answer.missing_actions, answer.granted_by)
    }

    /// How a check ends with it.
    pub(crate) const fn exit(&self) -> Exit {
        if self.allowed { Exit::Success } else { Exit::No }
    }

    /// `allow` or `deny`.
    pub(crate) const fn outcome(&self) -> &'static str {
        if self.allowed { "allow" } else { "deny" }
    }

    /// Why, for a person.
    pub(crate) fn reason(&self) -> &'static str {
        match Reason::try_from(self.reason).unwrap_or_default() {
            Reason::Unspecified => "for a reason this version does not know",
            Reason::GrantedByRole => "granted by role",
            Reason::SiteAdmin => "site admin",
            Reason::UnknownUser => "unknown user",
            Reason::UserDisabled => "user is disabled",
            Reason::UnknownGroup => "unknown group",
            Reason::UnknownProject => "unknown project",
            Reason::UnknownDestination => "unknown destination",
            Reason::UnknownGear => "unknown gear",
            Reason::NoRole => "no role here",
            Reason::LackingAction => "role lacks the action",
            Reason::GearRestricted => "gear is restricted",
        }
    }

    /// What is missing, or who granted it.
    pub(crate) fn detail(&self) -> String {
        let granting = self.granted_by.iter().map(|role| role.label.as_str());
        let names: Vec<&str> = self.missing.iter().map(String::as_str).chain(granting).collect();
        names.join(", ")
    }

    /// The whole answer in a line, for a person.
    pub(crate) fn line(&self) -> String {
        let (outcome, reason, detail) = (self.outcome().to_uppercase(), self.reason(), self.detail());
        let detail = printable(&detail);
        if detail.is_empty() {
            return format!("{outcome}  {reason}");
        }
        let one_of_many = self.reason == Reason::LackingAction as i32 && self.missing.len() > 1;
        let plural = if one_of_many { "s" } else { "" };
        format!("{outcome}  {reason}{plural}: {detail}")
    }

    /// The answer for programs; the caller adds what it knows besides.
    pub(crate) fn json(&self) -> Value {
        let granted_by: Vec<Value> = self.granted_by.iter().map(granting_role).collect();
        json!({
            "decision": self.outcome(),
            "reason": Reason::try_from(self.reason).map_or_else(|_| "unspecified".to_owned(), reason_name),
            "missing_actions": self.missing,
            "granted_by": granted_by,
        })
    }
}

fn granting_role(role: &GrantingRole) -> Value {
    json!({ "level": level_name(role.level), "place": role.place, "role": role.role, "label": role.label })
}

fn reason_name(reason: Reason) -> String {
    reason.as_str_name().trim_start_matches("REASON_").to_lowercase()
}

/// A level's name.
pub(crate) fn level_name(level: i32) -> &'static str {
    match Level::try_from(level).unwrap_or_default() {
        Level::Unspecified => "unknown",
        Level::Site => "site",
        Level::Group => "group",
        Level::Project => "project",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(decision: i32, reason: Reason, missing: &[&str]) -> Option<Verdict> {
        let missing = missing.iter().map(ToString::to_string).collect();
        Verdict::read(decision, reason.into(), missing, Vec::new())
    }

    #[test]
    fn zero_and_unknown_decisions_are_no_verdict() {
        for decision in [0, 3, -1, i32::MAX] {
            assert!(verdict(decision, Reason::GrantedByRole, &[]).is_none(), "{decision}");
        }
    }

    #[test]
    fn only_an_allow_ends_with_success() {
        assert_eq!(verdict(1, Reason::SiteAdmin, &[]).map(|v| v.exit()), Some(Exit::Success));
        assert_eq!(verdict(2, Reason::NoRole, &[]).map(|v| v.exit()), Some(Exit::No));
    }

    #[test]
    fn a_line_names_what_is_missing() {
        let one = verdict(2, Reason::LackingAction, &["files_download"]);
        assert_eq!(one.map(|v| v.line()).as_deref(), Some("DENY  role lacks the action: files_download"));
        let two = verdict(2, Reason::LackingAction, &["a", "b"]);
        assert_eq!(two.map(|v| v.line()).as_deref(), Some("DENY  role lacks the actions: a, b"));
        let nowhere = verdict(2, Reason::NoRole, &["a", "b"]);
        assert_eq!(nowhere.map(|v| v.line()).as_deref(), Some("DENY  no role here: a, b"));
        let none = verdict(2, Reason::UnknownUser, &[]);
        assert_eq!(none.map(|v| v.line()).as_deref(), Some("DENY  unknown user"));
    }

    #[test]
    fn a_line_names_the_role_that_granted() {
        let role =
            GrantingRole { level: 3, place: "p".into(), role: "r".into(), label: "Gear developer".into() };
        let allow = Verdict::read(1, Reason::GrantedByRole.into(), Vec::new(), vec![role]);
        assert_eq!(allow.map(|v| v.line()).as_deref(), Some("ALLOW  granted by role: Gear developer"));
    }

    #[test]
    fn json_names_decision_and_reason_in_snake_case() {
        let expected = json!({
            "decision": "deny", "reason": "lacking_action",
            "missing_actions": ["files_download"], "granted_by": [],
        });
        let deny = verdict(2, Reason::LackingAction, &["files_download"]);
        assert_eq!(deny.map(|v| v.json()), Some(expected));
    }
}
