//! Gears, and whom they are open to.

use super::text::{ProjectId, UserId};
use std::collections::BTreeSet;

/// Whom a gear is open to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GearAccess {
    /// Everyone.
    Open,
    /// Only these; with both lists empty, no one.
    Restricted {
        /// Where it may be run by anyone.
        projects: BTreeSet<ProjectId>,
        /// Who may run it anywhere.
        users: BTreeSet<UserId>,
    },
}

impl GearAccess {
    /// Whether the gear is open in that project or to that user.
    #[must_use]
    pub fn is_open_to(&self, project: &ProjectId, user: &UserId) -> bool {
        match self {
            Self::Open => true,
            Self::Restricted { projects, users } => projects.contains(project) || users.contains(user),
        }
    }
}
