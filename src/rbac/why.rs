//! Why a question is answered as it is, step by step, and what would have to change for a yes.

use super::{
    decide::{Decision, Facts, Holder, decide},
    gear::GearAccess,
    grants::Grants,
    level::{GroupAction, GroupRole, SiteAction, SiteRole},
    question::Question,
    requirement::{Need, Requirement},
    role::{ProjectGrant, Role, RoleTable},
    text::{GearName, GroupId, ProjectId, RoleId, UserId},
    world::{World, WorldUser},
};

/// How many ways to a yes are told at most.
const MOST_WAYS: usize = 20;

/// A decision and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided.
    pub decision: Decision,
    /// What it was decided by, in order. The first that fails decides a deny, but for clauses, which are all looked at.
    pub steps: Vec<Step>,
    /// Of a deny: the smallest sets of changes of which each makes it an allow, the least powerful first. Empty if nothing
    /// but making what does not exist would.
    pub ways: Vec<Vec<Change>>,
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

impl Change {
    /// Makes the change in a world.
    pub fn apply(&self, world: &mut World) {
        match self {
            Self::CreateUser(user) => {
                world.users.insert(user.clone(), WorldUser { site_role: SiteRole::User, enabled: true });
            }
            Self::EnableUser(user) => {
                world.users.entry(user.clone()).and_modify(|user| user.enabled = true);
            }
            Self::SetSiteRole(user, role) => {
                world.users.entry(user.clone()).and_modify(|user| user.site_role = *role);
            }
            Self::SetGroupRole(user, group, role) => {
                world.groups.entry(group.clone()).and_modify(|group| {
                    group.members.insert(user.clone(), *role);
                });
            }
            Self::AddProjectRole(user, project, role) => {
                world.projects.entry(project.clone()).and_modify(|project| {
                    project.permissions.entry(user.clone()).or_default().insert(role.clone());
                });
            }
            Self::OpenGear(user, gear) => {
                world.gears.entry(gear.clone()).and_modify(|access| {
                    if let GearAccess::Restricted { users, .. } = access {
                        users.insert(user.clone());
                    }
                });
            }
        }
    }
}

/// Explains one question.
#[must_use]
pub fn explain(world: &World, user: &UserId, question: &Question) -> Explanation {
    let world = relevant(world, user, question);
    let asked = Asking { roles: &world.role_table(), world: &world, user, question };
    let grants = world.grants();
    let facts = world.facts(grants.get(user), question);
    let decision = decide(question, asked.roles, &facts);
    let mut ways = if decision.is_allowed() { Vec::new() } else { asked.ways() };
    ways.truncate(MOST_WAYS);
    Explanation { decision, steps: asked.steps(&facts), ways }
}

/// The part of a world that bears on the question: it is tried out again and again.
fn relevant(world: &World, user: &UserId, question: &Question) -> World {
    let mut part = World { roles: world.roles.clone(), ..World::default() };
    part.users.extend(world.users.get(user).map(|found| (user.clone(), found.clone())));
    let (mut groups, mut projects) = (Vec::new(), Vec::new());
    match question {
        Question::Site(_) => {}
        Question::Group(group, _) => groups.push(group),
        Question::Project(project, ask) => {
            projects.extend([Some(project), ask.destination_project()].into_iter().flatten());
            groups.extend(ask.destination_group());
            let gear = ask.gear().and_then(|gear| world.gears.get_key_value(gear));
            part.gears.extend(gear.map(|(name, access)| (name.clone(), access.clone())));
        }
    }
    for (id, project) in projects.into_iter().filter_map(|id| world.projects.get_key_value(id)) {
        groups.push(&project.group);
        let mut project = project.clone();
        project.permissions.retain(|holder, _| holder == user);
        part.projects.insert(id.clone(), project);
    }
    for (id, group) in groups.into_iter().filter_map(|id| world.groups.get_key_value(id)) {
        let mut group = group.clone();
        group.members.retain(|member, _| member == user);
        group.template.clear();
        part.groups.insert(id.clone(), group);
    }
    part
}

struct Asking<'a> {
    world: &'a World,
    user: &'a UserId,
    question: &'a Question,
    roles: &'a RoleTable,
}

impl Asking<'_> {
    fn steps(&self, facts: &Facts<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut step = |name, passes: bool, found: String| {
            steps.push(Step { name, passes, found });
        };
        let Some(grants) = facts.user else {
            step("user", false, format!("there is no user `{}`", self.user));
            return steps;
        };
        step(
            "user",
            true,
            format!("the user `{}` has the site role {}", self.user, grants.site_role().name()),
        );
        let enabled = grants.is_enabled();
        step("enabled", enabled, format!("the user is {}", if enabled { "enabled" } else { "disabled" }));
        let is_there = |there: bool| if there { "is there" } else { "is not there" };
        match self.question {
            Question::Site(_) => {}
            Question::Group(group, _) => {
                step(
                    "place",
                    facts.group_exists,
                    format!("the group `{group}` {}", is_there(facts.group_exists)),
                );
            }
            Question::Project(project, ask) => {
                let of = facts.group_of_project;
                let found = of.map_or_else(
                    || format!("the project `{project}` is not there"),
                    |group| format!("the project `{project}` belongs to the group `{group}`"),
                );
                step("place", of.is_some(), found);
                if ask.has_destination() {
                    let there = facts.destination_exists;
                    step("destination", there, format!("the destination {}", is_there(there)));
                }
                if let Some(gear) = ask.gear() {
                    step(
                        "gear",
                        facts.gear.is_some(),
                        format!("the gear `{gear}` {}", is_there(facts.gear.is_some())),
                    );
                }
            }
        }
        if grants.is_superuser() {
            step("site_admin", true, "a site admin may do everything everywhere".to_owned());
            return steps;
        }
        let holder = self.holder(grants, facts);
        for clause in Requirement::of(self.question, self.user).clauses() {
            let passes = clause.needs().any(|need| holder.meets(need));
            let needs: Vec<_> = clause.needs().map(|need| need_found(&holder, need)).collect();
            step("need", passes, needs.join(", or "));
        }
        if let (Question::Project(project, ask), Some(access)) = (self.question, facts.gear)
            && ask.gear().is_some()
        {
            let open = access.is_open_to(project, self.user);
            let found =
                if open { "the gear is open here" } else { "the gear is open neither here nor to the user" };
            step("gear_access", open, found.to_owned());
        }
        steps
    }

    fn holder<'h>(&'h self, grants: &'h Grants, facts: &Facts<'h>) -> Holder<'h> {
        Holder {
            question: self.question,
            roles: self.roles,
            group_of_project: facts.group_of_project,
            grants,
        }
    }

    /// The smallest sets of changes that make it an allow.
    fn ways(&self) -> Vec<Vec<Change>> {
        let first = match self.world.users.get(self.user) {
            None => vec![Change::CreateUser(self.user.clone())],
            Some(user) if !user.enabled => vec![Change::EnableUser(self.user.clone())],
            Some(_) => Vec::new(),
        };
        let after = |more: &[Change]| -> Vec<Change> { first.iter().chain(more).cloned().collect() };
        if self.suffices(&first) {
            return vec![first];
        }
        let gear = match self.question {
            Question::Project(_, ask) => {
                ask.gear().map(|gear| Change::OpenGear(self.user.clone(), gear.clone()))
            }
            Question::Site(_) | Question::Group(..) => None,
        };
        let each = self.candidates();
        let single = each.iter().map(|one| vec![one.clone()]);
        let pairs = each.iter().enumerate().flat_map(|(at, one)| {
            each.iter().skip(at + 1).map(move |other| vec![one.clone(), other.clone()])
        });
        let tries = std::iter::once(Vec::new()).chain(single).chain(pairs);
        let mut ways: Vec<Vec<Change>> = Vec::new();
        for grants in tries {
            if ways.len() == MOST_WAYS {
                break;
            }
            let plain = after(&grants);
            // Whatever holds less than this and is enough is a way already.
            let is_less = |way: &Vec<Change>| {
                way.iter().all(|change| plain.contains(change) || Some(change) == gear.as_ref())
            };
            if ways.iter().any(is_less) {
                continue;
            }
            let with_gear: Vec<Change> = plain.iter().chain(&gear).cloned().collect();
            if self.suffices(&plain) {
                ways.push(plain);
            } else if gear.is_some() && self.suffices(&with_gear) {
                ways.push(with_gear);
            }
        }
        ways
    }

    /// Whether the changes make it an allow.
    fn suffices(&self, changes: &[Change]) -> bool {
        let mut world = self.world.clone();
        changes.iter().for_each(|change| change.apply(&mut world));
        let grants = world.grants();
        decide(self.question, self.roles, &world.facts(grants.get(self.user), self.question)).is_allowed()
    }

    /// Each grant that meets a need, the least powerful first.
    fn candidates(&self) -> Vec<Change> {
        let mut found: Vec<(usize, Change)> = Vec::new();
        for clause in Requirement::of(self.question, self.user).clauses() {
            for need in clause.needs() {
                for candidate in self.meeting(need) {
                    if !found.contains(&candidate) {
                        found.push(candidate);
                    }
                }
            }
        }
        found.sort();
        found.into_iter().map(|(_, change)| change).collect()
    }

    /// Each grant that meets a need, with how many actions it holds.
    fn meeting(&self, need: Need) -> Vec<(usize, Change)> {
        let nobody = Grants::new(self.user.clone(), true, SiteRole::User, Vec::new(), Vec::new());
        let facts = self.world.facts(None, self.question);
        let holder = self.holder(&nobody, &facts);
        match need {
            Need::Site(action) => {
                let weight =
                    |role: SiteRole| SiteAction::ALL.iter().filter(|action| role.may(**action)).count();
                let able = SiteRole::ALL.iter().filter(|role| role.may(action));
                able.map(|role| (weight(*role), Change::SetSiteRole(self.user.clone(), *role))).collect()
            }
            Need::Group(action) | Need::DestinationGroup(action) => {
                let Some(group) = holder.group_of(need) else { return Vec::new() };
                let weight = |role: GroupRole| GroupAction::ALL.iter().filter(|a| role.may(**a)).count();
                let able = GroupRole::ALL.iter().filter(|role| role.may(action));
                able.map(|role| {
                    (weight(*role), Change::SetGroupRole(self.user.clone(), group.clone(), *role))
                })
                .collect()
            }
            Need::Project(action) | Need::DestinationProject(action) => {
                let Some(project) = holder.project_of(need) else { return Vec::new() };
                let group = self.world.projects.get(project).and_then(|of| self.world.groups.get(&of.group));
                let is_offered =
                    |role: &Role| role.built_in || group.is_some_and(|group| group.offers.contains(&role.id));
                let add = |role: &Role| {
                    let change = Change::AddProjectRole(self.user.clone(), project.clone(), role.id.clone());
                    (role.actions.mask().iter().count(), change)
                };
                let able = self.roles.iter().filter(|role| role.actions.mask().contains(action));
                able.filter(|role| is_offered(role)).map(add).collect()
            }
        }
    }
}

/// What was found about a need.
fn need_found(holder: &Holder<'_>, need: Need) -> String {
    let (action, place) = match need {
        Need::Site(action) => (action.name(), "the site".to_owned()),
        Need::Group(action) | Need::DestinationGroup(action) => {
            (action.name(), holder.group_of(need).map(|id| format!("the group `{id}`")).unwrap_or_default())
        }
        Need::Project(action) | Need::DestinationProject(action) => (
            action.name(),
            holder.project_of(need).map(|id| format!("the project `{id}`")).unwrap_or_default(),
        ),
    };
    let roles: Vec<String> = match need {
        Need::Site(_) => vec![holder.grants.site_role().name().to_owned()],
        Need::Group(_) | Need::DestinationGroup(_) => {
            let role = holder.group_of(need).and_then(|group| holder.grants.group_role(group));
            role.map(|role| role.name().to_owned()).into_iter().collect()
        }
        Need::Project(_) | Need::DestinationProject(_) => {
            let held =
                holder.project_of(need).map(|project| holder.grants.on_project(project)).unwrap_or_default();
            let label = |grant: &ProjectGrant| {
                holder
                    .roles
                    .get(&grant.role)
                    .map_or_else(|| grant.role.to_string(), |role| role.label.to_string())
            };
            held.iter().map(label).collect()
        }
    };
    let held =
        if roles.is_empty() { "no role".to_owned() } else { format!("the roles {}", roles.join(", ")) };
    let verdict = if holder.meets(need) { "which grants it" } else { "which does not grant it" };
    format!("`{action}` on {place}: the user holds {held} there, {verdict}")
}
