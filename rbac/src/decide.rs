//! The decision: one synchronous function from facts to a reasoned answer.

use super::{
    action::ActionName,
    gear::GearAccess,
    grants::{Grants, OnProject},
    level::{GroupAction, SiteAction},
    mask::ActionMask,
    question::{ProjectAsk, Question},
    requirement::{Need, Requirement},
    role::RoleTable,
    text::{GroupId, ProjectId, UserId},
};

/// What the store says about the things that a question names, all at one revision.
///
/// The default knows nothing, and so denies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// What the user holds; `None` if the store knows no such user.
    pub user: Option<&'a Grants>,
    /// For a question on a project: the group it belongs to; `None` if the store knows no such project.
    pub group_of_project: Option<&'a GroupId>,
    /// For a question on a group: whether the store knows it.
    pub group_exists: bool,
    /// For an operation with a destination project or group: whether the store knows it.
    pub destination_exists: bool,
    /// For an operation that runs a gear: whom it is open to; `None` if the store knows no such gear.
    pub gear: Option<&'a GearAccess>,
}

/// Why the answer is what it is. Denies are listed in the order in which the first that applies is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Allow: the user's roles hold what is needed.
    GrantedByRole,
    /// Allow: the user is a site admin.
    SiteAdmin,
    /// Deny: no such user.
    UnknownUser,
    /// Deny: the user is disabled.
    UserDisabled,
    /// Deny: no such group.
    UnknownGroup,
    /// Deny: no such project.
    UnknownProject,
    /// Deny: no such destination.
    UnknownDestination,
    /// Deny: no such gear.
    UnknownGear,
    /// Deny: no role at a place where an action is lacking.
    NoRole,
    /// Deny: the roles held lack an action.
    LackingAction,
    /// Deny: the gear is open neither to the project nor to the user.
    GearRestricted,
}

impl Reason {
    /// All of them, in their order.
    pub const ALL: [Self; 11] = [
        Self::GrantedByRole,
        Self::SiteAdmin,
        Self::UnknownUser,
        Self::UserDisabled,
        Self::UnknownGroup,
        Self::UnknownProject,
        Self::UnknownDestination,
        Self::UnknownGear,
        Self::NoRole,
        Self::LackingAction,
        Self::GearRestricted,
    ];

    /// Whether a decision for this reason is an allow.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::GrantedByRole | Self::SiteAdmin)
    }
}

/// An answer and its reason. Only [`decide`] makes allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    reason: Reason,
    missing: Missing,
}

impl Decision {
    /// Whether the user may.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.reason.allows()
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The current names that are lacking. Empty on an allow, for unknown users and things, for disabled users, and
    /// when only the gear stands in the way.
    #[must_use]
    pub const fn missing(&self) -> Missing {
        self.missing
    }

    const fn because(reason: Reason) -> Self {
        Self { reason, missing: Missing::NONE }
    }
}

/// Actions that are lacking. A question asks for at most one action of each level but the project's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    project: ActionMask,
    group: Option<GroupAction>,
    site: Option<SiteAction>,
}

impl Missing {
    /// Nothing is lacking.
    pub const NONE: Self = Self { project: ActionMask::EMPTY, group: None, site: None };

    /// The current names: project actions in catalogue order, then the group's or site's.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let project = self.project.iter().map(super::action::Action::name);
        project.chain(self.group.map(GroupAction::name)).chain(self.site.map(SiteAction::name))
    }

    fn add(&mut self, need: Need) {
        match need {
            Need::Site(action) => self.site = Some(action),
            Need::Group(action) | Need::DestinationGroup(action) => self.group = Some(action),
            Need::Project(action) | Need::DestinationProject(action) => {
                self.project |= ActionMask::only(action);
            }
        }
    }
}

/// Decides one question.
///
/// Unknown things deny for site admins too; site admins pass every other rule, gear restrictions included.
#[must_use]
pub fn decide(question: &Question, roles: &RoleTable, facts: &Facts<'_>) -> Decision {
    if let Question::Project(project, ProjectAsk::Action(name)) = question {
        let held = facts.user.map(|grants| grants.on_project(project.as_str())).unwrap_or_default();
        return decide_plain(*name, roles, facts.user, facts.group_of_project.map(|_| held));
    }
    let Some(grants) = facts.user else {
        return Decision::because(Reason::UnknownUser);
    };
    if !grants.is_enabled() {
        return Decision::because(Reason::UserDisabled);
    }
    if let Some(reason) = unknown_thing(question, facts) {
        return Decision::because(reason);
    }
    if grants.is_superuser() {
        return Decision::because(Reason::SiteAdmin);
    }
    let holder = Holder { question, roles, group_of_project: facts.group_of_project, grants };
    if let Some(lack) = holder.lack() {
        return lack;
    }
    if is_shut_out_of_gear(question, facts, grants.user()) {
        return Decision::because(Reason::GearRestricted);
    }
    Decision::because(Reason::GrantedByRole)
}

/// Decides a plain action on a project: for what the user holds, if there is such a user, and for the roles that they hold on
/// the project, if there is such a project.
#[must_use]
pub fn decide_plain(
    name: ActionName,
    roles: &RoleTable,
    user: Option<&Grants>,
    held: Option<OnProject<'_>>,
) -> Decision {
    let Some(grants) = user else {
        return Decision::because(Reason::UnknownUser);
    };
    if !grants.is_enabled() {
        return Decision::because(Reason::UserDisabled);
    }
    let Some(held) = held else {
        return Decision::because(Reason::UnknownProject);
    };
    if grants.is_superuser() {
        return Decision::because(Reason::SiteAdmin);
    }
    let missing = name.mask().minus(held.mask(roles));
    if missing.is_empty() {
        return Decision::because(Reason::GrantedByRole);
    }
    let reason = if held.is_empty() { Reason::NoRole } else { Reason::LackingAction };
    Decision { reason, missing: Missing { project: missing, ..Missing::NONE } }
}

/// The first of the question's things that the store does not know: the place, then the destination, then the gear.
fn unknown_thing(question: &Question, facts: &Facts<'_>) -> Option<Reason> {
    match question {
        Question::Site(_) => None,
        Question::Group(..) => (!facts.group_exists).then_some(Reason::UnknownGroup),
        Question::Project(_, ask) => match facts.group_of_project {
            None => Some(Reason::UnknownProject),
            Some(_) if ask.has_destination() && !facts.destination_exists => Some(Reason::UnknownDestination),
            Some(_) => (ask.gear().is_some() && facts.gear.is_none()).then_some(Reason::UnknownGear),
        },
    }
}

fn is_shut_out_of_gear(question: &Question, facts: &Facts<'_>, user: &UserId) -> bool {
    match question {
        Question::Project(project, ask) if ask.gear().is_some() => {
            !facts.gear.is_some_and(|gear| gear.is_open_to(project, user))
        }
        _ => false,
    }
}

/// A user's grants, seen from a question: tells which needs they meet.
pub(super) struct Holder<'a> {
    pub(super) question: &'a Question,
    pub(super) roles: &'a RoleTable,
    pub(super) group_of_project: Option<&'a GroupId>,
    pub(super) grants: &'a Grants,
}

/// How a user stands to a need, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// The user has no role where it is to be met.
    LacksRole,
    /// The roles there do not give the action.
    LacksAction,
    Meets,
}

impl Standing {
    /// How someone stands who has a role.
    const fn of(is_met: bool) -> Self {
        if is_met { Self::Meets } else { Self::LacksAction }
    }
}

impl Holder<'_> {
    /// The deny for lack of a role or action, if there is a lack.
    fn lack(&self) -> Option<Decision> {
        let mut missing = Missing::NONE;
        let mut no_role = false;
        for clause in Requirement::of(self.question, self.grants.user()).clauses() {
            // Among alternatives the best counts: a lack is for want of a role only if none of their places gives one.
            let best = clause.needs().map(|need| self.standing(need)).max();
            if best == Some(Standing::Meets) {
                continue;
            }
            no_role |= best != Some(Standing::LacksAction);
            clause.needs().for_each(|need| missing.add(need));
        }
        let reason = if no_role { Reason::NoRole } else { Reason::LackingAction };
        (missing != Missing::NONE).then_some(Decision { reason, missing })
    }

    pub(super) fn meets(&self, need: Need) -> bool {
        self.standing(need) == Standing::Meets
    }

    fn standing(&self, need: Need) -> Standing {
        match need {
            // Everyone holds exactly one site role.
            Need::Site(action) => Standing::of(self.grants.site_role().may(action)),
            Need::Group(action) | Need::DestinationGroup(action) => {
                let role = self.group_of(need).and_then(|group| self.grants.group_role(group));
                role.map_or(Standing::LacksRole, |role| Standing::of(role.may(action)))
            }
            Need::Project(action) | Need::DestinationProject(action) => {
                let held = self.project_of(need).map(|project| self.grants.on_project(project.as_str()));
                match held.filter(|held| !held.is_empty()) {
                    None => Standing::LacksRole,
                    Some(held) => Standing::of(held.mask(self.roles).contains(action)),
                }
            }
        }
    }

    /// The group at which a need is to be met.
    pub(super) fn group_of(&self, need: Need) -> Option<&GroupId> {
        match (need, self.question) {
            (Need::Group(_), Question::Group(group, _)) => Some(group),
            (Need::Group(_), Question::Project(..)) => self.group_of_project,
            (Need::DestinationGroup(_), Question::Project(_, ask)) => ask.destination_group(),
            _ => None,
        }
    }

    /// The project at which a need is to be met.
    pub(super) fn project_of(&self, need: Need) -> Option<&ProjectId> {
        match (need, self.question) {
            (Need::Project(_), Question::Project(project, _)) => Some(project),
            (Need::DestinationProject(_), Question::Project(_, ask)) => ask.destination_project(),
            _ => None,
        }
    }
}
