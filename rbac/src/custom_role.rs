//! The rules on custom roles.

use super::{action::Action, mask::ActionMask, role::RoleActions};
use std::fmt;

/// The actions that every custom role must hold: the nine of the catalogue, and what a site adds. Never fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequiredActions(ActionMask);

impl RequiredActions {
    /// The catalogue's nine and these.
    #[must_use]
    pub fn with(more: ActionMask) -> Self {
        Self(Action::ALL.into_iter().filter(|action| action.is_required()).collect::<ActionMask>() | more)
    }

    /// The actions.
    #[must_use]
    pub const fn mask(self) -> ActionMask {
        self.0
    }
}

impl Default for RequiredActions {
    fn default() -> Self {
        Self::with(ActionMask::EMPTY)
    }
}

/// What is wrong with a custom role. One refusal names every fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFaults {
    /// Required actions that the role's mask does not hold.
    pub missing: Vec<Action>,
    /// Names that are no project action; site and group actions are unknown here.
    pub unknown: Vec<String>,
    /// Where the role stands in a site file, if it comes from one.
    pub place: Option<String>,
    /// The label, if another role bears it.
    pub label_taken: Option<String>,
}

impl RoleFaults {
    /// Whether there is nothing wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the only fault is that the label is taken.
    #[must_use]
    pub fn is_label_alone(&self) -> bool {
        self.label_taken.is_some() && self.missing.is_empty() && self.unknown.is_empty()
    }
}

impl fmt::Display for RoleFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        let mut faults = Vec::new();
        if !self.missing.is_empty() {
            let names: Vec<_> = self.missing.iter().map(|action| action.name()).collect();
            faults.push(format!("required actions are missing: {}", names.join(", ")));
        }
        if !self.unknown.is_empty() {
            let names: Vec<_> = self.unknown.iter().map(|name| format!("`{name}`")).collect();
            faults.push(format!("unknown actions: {}", names.join(", ")));
        }
        if let Some(label) = &self.label_taken {
            faults.push(format!("the label `{label}` is taken"));
        }
        f.write_str(&faults.join("; "))
    }
}

/// Judges the actions of a custom role. `kept` are unknown names that the role holds already: an edit may keep them.
///
/// The label is the store's to judge; it adds its finding to the faults.
#[must_use]
pub fn faults_of_actions(actions: &RoleActions, required: RequiredActions, kept: &RoleActions) -> RoleFaults {
    let is_kept = |name: &str| kept.unknown().any(|old| old == name);
    RoleFaults {
        missing: required.mask().minus(actions.mask()).iter().collect(),
        unknown: actions.unknown().filter(|name| !is_kept(name)).map(str::to_owned).collect(),
        ..RoleFaults::default()
    }
}
