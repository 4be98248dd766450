//! What would have to change for a yes.
//!
//! A question takes two clauses at most, so two changes of roles are always enough, and which clauses a change meets is
//! known when it is found. The search takes as long as it takes to look at the roles that could be given, however many
//! pairs they make.

use super::{Change, Scene};
use crate::{
    decide::{Facts, Holder, Reason, decide},
    grants::Grants,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    question::Question,
    requirement::{Clause, Need, Requirement},
    text::UserId,
};
use std::collections::BTreeMap;

/// How many ways to a yes are told at most.
const MOST_WAYS: usize = 20;

/// The smallest sets of changes of which each makes it an allow.
#[derive(Default)]
pub(super) struct Ways {
    /// The smallest first, and of those the least powerful.
    pub(super) told: Vec<Vec<Change>>,
    /// How many more there are.
    pub(super) left_out: usize,
}

/// The ways from a deny to an allow.
pub(super) fn of(scene: &Scene, user: &UserId, question: &Question) -> Ways {
    let (account, grants) = with_account(scene, user);
    let facts = Facts { user: Some(&grants), ..scene.facts() };
    match decide(question, &scene.roles, &facts).reason() {
        Reason::GrantedByRole | Reason::SiteAdmin => Ways { told: vec![account], left_out: 0 },
        // A role or an open gear does not make what does not exist.
        Reason::UnknownUser
        | Reason::UserDisabled
        | Reason::UnknownGroup
        | Reason::UnknownProject
        | Reason::UnknownDestination
        | Reason::UnknownGear => Ways::default(),
        Reason::NoRole | Reason::LackingAction | Reason::GearRestricted => {
            let mut ways = Search { scene, holder: scene.holder(question, &grants) }.ways();
            let gear = opened_gear(scene, user, question);
            for way in &mut ways.told {
                way.splice(0..0, account.iter().cloned());
                way.extend(gear.clone());
            }
            ways
        }
    }
}

/// What it takes for the user to be there and enabled, and what such a user holds.
fn with_account(scene: &Scene, user: &UserId) -> (Vec<Change>, Grants) {
    match &scene.user {
        Some(grants) if grants.is_enabled() => (Vec::new(), grants.clone()),
        Some(grants) => (vec![Change::EnableUser(user.clone())], grants.clone().enabled()),
        None => {
            let newcomer = Grants::new(user.clone(), true, SiteRole::User, Vec::new(), Vec::new());
            (vec![Change::CreateUser(user.clone())], newcomer)
        }
    }
}

/// The gear that has to be opened, if that has to be.
fn opened_gear(scene: &Scene, user: &UserId, question: &Question) -> Option<Change> {
    let Question::Project(project, ask) = question else { return None };
    let shut = !scene.gear.as_ref()?.is_open_to(project, user);
    ask.gear().filter(|_| shut).map(|gear| Change::OpenGear(user.clone(), gear.clone()))
}

/// Clauses that are not met yet: the first is bit 0, the second bit 1.
type Clauses = u8;

/// Changes of roles, and which clauses each meets.
type Candidates = Vec<(Change, Clauses)>;

struct Search<'a> {
    scene: &'a Scene,
    /// The user as an enabled one.
    holder: Holder<'a>,
}

impl Search<'_> {
    fn ways(&self) -> Ways {
        let is_unmet = |clause: &Clause| !clause.needs().any(|need| self.holder.meets(need));
        let requirement = Requirement::of(self.holder.question, self.holder.grants.user());
        let unmet: Vec<Clause> = requirement.clauses().filter(is_unmet).collect();
        if unmet.is_empty() {
            return Ways { told: vec![Vec::new()], left_out: 0 };
        }
        let all = (1 << unmet.len()) - 1;
        let (enough, parts): (Candidates, Candidates) =
            self.candidates(&unmet).into_iter().partition(|(_, met)| *met == all);
        let pairs = Pairs::of(&parts);
        let count = enough.len() + pairs.count();
        let alone = enough.into_iter().map(|(change, _)| vec![change]);
        let told: Vec<_> = alone.chain(pairs.in_order(&parts)).take(MOST_WAYS).collect();
        Ways { left_out: count - told.len(), told }
    }

    /// Each change of a role that meets a clause, the least powerful first.
    fn candidates(&self, unmet: &[Clause]) -> Candidates {
        let mut found: BTreeMap<(usize, Change), Clauses> = BTreeMap::new();
        for (nth, clause) in unmet.iter().enumerate() {
            for candidate in clause.needs().flat_map(|need| self.meeting(need)) {
                *found.entry(candidate).or_default() |= 1 << nth;
            }
        }
        found.into_iter().map(|((_, change), met)| (change, met)).collect()
    }

    /// Each change of a role that meets a need, with how many actions the role holds.
    fn meeting(&self, need: Need) -> Vec<(usize, Change)> {
        let user = self.holder.grants.user();
        match need {
            Need::Site(action) => {
                let weight =
                    |role: SiteRole| SiteAction::ALL.iter().filter(|action| role.may(**action)).count();
                let able = SiteRole::ALL.iter().filter(|role| role.may(action));
                able.map(|role| (weight(*role), Change::SetSiteRole(user.clone(), *role))).collect()
            }
            Need::Group(action) | Need::DestinationGroup(action) => {
                let Some(group) = self.holder.group_of(need) else { return Vec::new() };
                let weight = |role: GroupRole| GroupAction::ALL.iter().filter(|a| role.may(**a)).count();
                let able = GroupRole::ALL.iter().filter(|role| role.may(action));
                let set = |role| Change::SetGroupRole(user.clone(), group.clone(), role);
                able.map(|role| (weight(*role), set(*role))).collect()
            }
            Need::Project(action) | Need::DestinationProject(action) => {
                let Some(project) = self.holder.project_of(need) else { return Vec::new() };
                let given = self.scene.assignable(project).map(|role| (&role.id, role.actions.mask()));
                let able = given.filter(|(_, mask)| mask.contains(action));
                let add = |role| Change::AddProjectRole(user.clone(), project.clone(), role);
                able.map(|(role, mask)| (mask.iter().count(), add(role.clone()))).collect()
            }
        }
    }
}

/// Changes that meet one clause each, by which: where they stand among all that meet but one.
struct Pairs {
    first: Vec<usize>,
    second: Vec<usize>,
}

impl Pairs {
    fn of(parts: &Candidates) -> Self {
        let meeting = |clause| {
            let ranked = parts.iter().enumerate().filter(move |(_, (_, met))| *met == clause);
            ranked.map(|(rank, _)| rank).collect()
        };
        Self { first: meeting(1), second: meeting(2) }
    }

    const fn count(&self) -> usize {
        self.first.len() * self.second.len()
    }

    /// Each with each of the other clause, as their order has it. Made as they are asked for.
    fn in_order<'a>(&'a self, parts: &'a Candidates) -> impl Iterator<Item = Vec<Change>> + 'a {
        parts.iter().enumerate().flat_map(|(rank, (one, met))| {
            let others = if *met == 1 { &self.second } else { &self.first };
            let later = others.partition_point(|other| *other < rank);
            let others = others.iter().skip(later).filter_map(|other| parts.get(*other));
            others.map(|(other, _)| vec![one.clone(), other.clone()])
        })
    }
}
