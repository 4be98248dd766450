//! What an explanation looks at.

use crate::{
    decide::{Facts, Holder},
    gear::GearAccess,
    grants::Grants,
    question::Question,
    role::{Role, RoleTable},
    text::{GroupId, ProjectId, RoleId},
};
use std::collections::{BTreeMap, BTreeSet};

/// All that bears on one question of one user, at one revision. What [`Facts`] borrow, it holds.
///
/// The default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// All roles.
    pub roles: RoleTable,
    /// What the user holds; `None` if there is no such user.
    pub user: Option<Grants>,
    /// For a question on a project: the group it belongs to; `None` if there is no such project.
    pub group_of_project: Option<GroupId>,
    /// For a question on a group: whether there is such a group.
    pub group_exists: bool,
    /// For an operation with a destination project or group: whether there is such a one.
    pub destination_exists: bool,
    /// For an operation that runs a gear: whom it is open to; `None` if there is no such gear.
    pub gear: Option<GearAccess>,
    /// For each project that the question names: the custom roles that its group is offered.
    pub offers: BTreeMap<ProjectId, BTreeSet<RoleId>>,
}

impl Scene {
    /// What the question is decided by.
    #[must_use]
    pub const fn facts(&self) -> Facts<'_> {
        Facts {
            user: self.user.as_ref(),
            group_of_project: self.group_of_project.as_ref(),
            group_exists: self.group_exists,
            destination_exists: self.destination_exists,
            gear: self.gear.as_ref(),
        }
    }

    /// These grants, seen from the question.
    pub(super) const fn holder<'a>(&'a self, question: &'a Question, grants: &'a Grants) -> Holder<'a> {
        Holder { question, roles: &self.roles, group_of_project: self.group_of_project.as_ref(), grants }
    }

    /// The roles that can be given on a project.
    pub(super) fn assignable(&self, project: &ProjectId) -> impl Iterator<Item = &Role> {
        let offers = self.offers.get(project);
        let is_offered = move |role: &&Role| offers.is_some_and(|offers| offers.contains(&role.id));
        self.roles.iter().filter(move |role| role.built_in || is_offered(role))
    }
}
