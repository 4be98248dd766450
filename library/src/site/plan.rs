//! From a site as it is and a site file to the steps between them. Pure, but for the ids of new things.
//!
//! What the file names becomes exactly as the file says; what it does not name is left alone, or deleted on request.
//! Steps stand in an order in which every rule can hold at every step: what gives comes before what takes, and
//! assignments go before the offers that they rest on.

mod groups;
mod names;

use super::{Document, GearEntry, SiteFile, lines::Place, step::Step};
use crate::{
    rbac::{
        gear::GearAccess,
        level::SiteRole,
        refusal::Refusal,
        role::RoleActions,
        text::{GearName, GroupId, Label, ProjectId, TextError, UserId},
        world::World,
    },
    store::error::{Error, Result},
};
use names::{ProjectNames, RoleNames, UserNames};
use std::collections::BTreeSet;

/// What it takes to bring a site in line with its file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they must be done.
    pub steps: Vec<Step>,
    /// How many objects the site holds that the file does not name.
    pub unmentioned: u64,
}

/// Makes the plan. `new_id` makes the ids of new roles and projects.
///
/// # Errors
/// The file contradicts itself, or names things that neither it nor the site has.
pub fn plan(
    world: &World,
    document: &Document,
    prune: bool,
    new_id: &mut dyn FnMut() -> Result<String>,
) -> Result<Plan> {
    let file = &document.file;
    let roles = RoleNames::of(world, document, prune, new_id)?;
    let projects = ProjectNames::of(world, document, prune, new_id)?;
    let users = UserNames::of(world, document, prune)?;
    let mut planner = Planner {
        world,
        whole: document.whole(),
        roles: &roles,
        projects: &projects,
        users: &users,
        steps: Vec::new(),
        withdrawals: Vec::new(),
    };
    planner.plan_roles(file)?;
    planner.plan_users(file)?;
    planner.plan_groups(file)?;
    planner.plan_gears(file)?;
    let Planner { mut steps, withdrawals, .. } = planner;
    // What is to be deleted may still hold what is to be withdrawn.
    let deletions = deletions(world, file, &roles, &projects);
    let unmentioned = deletions.len() as u64;
    let (of_places, of_others): (Vec<_>, Vec<_>) = deletions
        .into_iter()
        .filter(|_| prune)
        .partition(|step| matches!(step, Step::DeleteProject { .. } | Step::DeleteGroup { .. }));
    steps.extend(of_places.into_iter().chain(withdrawals).chain(of_others));
    Ok(Plan { steps, unmentioned })
}

struct Planner<'a> {
    world: &'a World,
    whole: Place<'a>,
    roles: &'a RoleNames,
    projects: &'a ProjectNames,
    users: &'a UserNames,
    steps: Vec<Step>,
    /// Done after all assignments.
    withdrawals: Vec<Step>,
}

/// A fault of the file, and where in it.
fn fault(place: &Place<'_>, problem: impl std::fmt::Display) -> Error {
    Refusal::Malformed { field: "document", problem: format!("{place}: {problem}") }.into()
}

/// A text of the file as a checked type.
fn read<T>(place: &Place<'_>, text: &str, parse: impl FnOnce(&str) -> Result<T, TextError>) -> Result<T> {
    parse(text).map_err(|error| fault(place, error))
}

/// Refuses a thing that the file lists twice.
fn once<T: Ord>(seen: &mut BTreeSet<T>, thing: T, place: &Place<'_>) -> Result<()> {
    if seen.insert(thing) { Ok(()) } else { Err(fault(place, "is listed twice")) }
}

impl Planner<'_> {
    fn plan_roles(&mut self, file: &SiteFile) -> Result<()> {
        for (nth, entry) in file.roles.iter().enumerate() {
            let place = self.whole.entry("roles", nth, &entry.label);
            let id = self.roles.of_entry(&place, entry)?;
            let label = read(&place.at("label"), &entry.label, Label::parse)?;
            let actions = RoleActions::from_names(entry.actions.iter().map(String::as_str));
            match self.world.roles.get(&id) {
                None => self.steps.push(Step::CreateRole { id, label, actions }),
                Some(role) if role.label != label || role.actions != actions => {
                    self.steps.push(Step::UpdateRole { id, label, actions, old: role.actions.clone() });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn plan_users(&mut self, file: &SiteFile) -> Result<()> {
        let (mut seen, mut demotions) = (BTreeSet::new(), Vec::new());
        for (nth, entry) in file.users.iter().enumerate() {
            let place = self.whole.entry("users", nth, &entry.id);
            let id = read(&place, &entry.id, UserId::parse)?;
            once(&mut seen, id.clone(), &place)?;
            let site_role = SiteRole::from_name(&entry.site_role).ok_or_else(|| {
                fault(&place.at("site_role"), format!("unknown site role `{}`", entry.site_role))
            })?;
            let enabled = !entry.disabled;
            match self.world.users.get(&id) {
                None => self.steps.push(Step::CreateUser { id, site_role, enabled }),
                Some(user) if (user.site_role, user.enabled) != (site_role, enabled) => {
                    let step = Step::UpdateUser { id, site_role, enabled };
                    // A site must not be without a site admin in between.
                    let is_promotion = (site_role, enabled) == (SiteRole::SiteAdmin, true);
                    if is_promotion { self.steps.push(step) } else { demotions.push(step) }
                }
                Some(_) => {}
            }
        }
        self.steps.append(&mut demotions);
        Ok(())
    }

    fn plan_gears(&mut self, file: &SiteFile) -> Result<()> {
        let mut seen = BTreeSet::new();
        for (nth, entry) in file.gears.iter().enumerate() {
            let place = self.whole.entry("gears", nth, &entry.name);
            let name = read(&place, &entry.name, GearName::parse)?;
            once(&mut seen, name.clone(), &place)?;
            let access = self.gear_access(&place, entry)?;
            let held = self.world.gears.get(&name);
            if held.is_none() {
                self.steps.push(Step::CreateGear { name: name.clone() });
            }
            if *held.unwrap_or(&GearAccess::Open) != access {
                self.steps.push(Step::SetGearAccess { name, access });
            }
        }
        Ok(())
    }
}

impl Planner<'_> {
    fn gear_access(&self, place: &Place<'_>, entry: &GearEntry) -> Result<GearAccess> {
        let Some(restriction) = &entry.restricted else { return Ok(GearAccess::Open) };
        let item = |list: &str, nth: usize| place.at("restricted").at(list).nth(nth);
        let projects = restriction.projects.iter().enumerate();
        let users = restriction.users.iter().enumerate();
        Ok(GearAccess::Restricted {
            projects: projects
                .map(|(nth, reference)| self.projects.find(&item("projects", nth), reference))
                .collect::<Result<_>>()?,
            users: users.map(|(nth, id)| self.users.find(&item("users", nth), id)).collect::<Result<_>>()?,
        })
    }
}

/// The deletion of everything that the file does not name, in an order in which it can be done.
fn deletions(world: &World, file: &SiteFile, roles: &RoleNames, projects: &ProjectNames) -> Vec<Step> {
    let groups: BTreeSet<&str> = file.groups.iter().map(|entry| entry.id.as_str()).collect();
    let users: BTreeSet<&str> = file.users.iter().map(|entry| entry.id.as_str()).collect();
    let gears: BTreeSet<&str> = file.gears.iter().map(|entry| entry.name.as_str()).collect();
    let is_project_gone = |id: &&ProjectId| !projects.is_mentioned(id);
    let project = |id: &ProjectId| world.projects.get(id).map(|project| project.label.clone());
    let gone_projects = world.projects.keys().filter(is_project_gone);
    let steps =
        gone_projects.filter_map(|id| Some(Step::DeleteProject { id: id.clone(), label: project(id)? }));
    let gone = |id: &&GroupId| !groups.contains(id.as_str());
    let steps = steps.chain(world.groups.keys().filter(gone).map(|id| Step::DeleteGroup { id: id.clone() }));
    let gone = |name: &&GearName| !gears.contains(name.as_str());
    let steps =
        steps.chain(world.gears.keys().filter(gone).map(|name| Step::DeleteGear { name: name.clone() }));
    let gone = |id: &&UserId| !users.contains(id.as_str());
    let steps = steps.chain(world.users.keys().filter(gone).map(|id| Step::DeleteUser { id: id.clone() }));
    let roles = world.roles.values().filter(|role| !roles.is_mentioned(&role.id));
    let delete_role =
        |role: &crate::rbac::role::Role| Step::DeleteRole { id: role.id.clone(), label: role.label.clone() };
    steps.chain(roles.map(delete_role)).collect()
}
