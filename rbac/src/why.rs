//! Why a question is answered as it is, step by step, and what would have to change for a yes.

pub mod scene;
mod steps;
mod ways;

use super::{
    decide::{Decision, decide},
    level::{GroupRole, SiteRole},
    question::Question,
    text::{GearName, GroupId, ProjectId, RoleId, UserId},
    why::scene::Scene,
};

/// A decision and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided.
    pub decision: Decision,
    /// What it was decided by, in order. The first that fails decides a deny, but for clauses, which are all looked at.
    pub steps: Vec<Step>,
    /// Of a deny: the smallest sets of changes of which each makes it an allow, the least powerful first. Empty if nothing
    /// but making what does not exist would. Never among them: a site role for what is not asked of the site, and opening a
    /// gear to others than the user.
    pub ways: Vec<Vec<Change>>,
    /// How many more such sets there are than are told.
    pub ways_left_out: usize,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What: `user`, `enabled`, `place`, `destination`, `gear`, `site_admin`, `need` or `gear_access`.
    pub name: &'static str,
    /// Whether it speaks for an allow.
    pub passes: bool,
    /// What was found, for a person.
    pub found: String,
}

/// A change by an administrator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Make the user.
    CreateUser(UserId),
    /// Enable the user.
    EnableUser(UserId),
    /// Give the user this site role.
    SetSiteRole(UserId, SiteRole),
    /// Give the user this role in a group.
    SetGroupRole(UserId, GroupId, GroupRole),
    /// Give the user this role on a project, beside those that are held.
    AddProjectRole(UserId, ProjectId, RoleId),
    /// Open a restricted gear to the user.
    OpenGear(UserId, GearName),
}

/// Explains one question.
#[must_use]
pub fn explain(scene: &Scene, user: &UserId, question: &Question) -> Explanation {
    let decision = decide(question, &scene.roles, &scene.facts());
    let ways = if decision.is_allowed() { ways::Ways::default() } else { ways::of(scene, user, question) };
    let steps = steps::of(scene, user, question);
    Explanation { decision, steps, ways: ways.told, ways_left_out: ways.left_out }
}
