//! What a change does to people: who gains or loses which actions where.

use super::{
    action::Action,
    decide::Facts,
    explain::{EffectiveActions, effective_actions},
    grants::Grants,
    level::{GroupAction, SiteAction},
    question::Resource,
    role::RoleTable,
    text::{GroupId, ProjectId, UserId},
    world::World,
};
use std::collections::{BTreeMap, BTreeSet};

/// What one user gains and loses in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessChange {
    /// Who.
    pub user: UserId,
    /// Where.
    pub place: Resource,
    /// Actions gained, by current name.
    pub gained: Vec<&'static str>,
    /// Actions lost, by current name.
    pub lost: Vec<&'static str>,
    /// At site level: whether the user becomes, or ceases to be, someone who may do everything everywhere.
    pub superuser: Option<bool>,
}

/// Compares what everyone may do before and after a change, user by user.
///
/// A user who is a site admin on one side has that change said once, at site level, and not at every place.
#[must_use]
pub fn impact(before: &World, after: &World) -> Vec<AccessChange> {
    let (old, new) = (Side::of(before), Side::of(after));
    let users: BTreeSet<&UserId> = old.grants.keys().chain(new.grants.keys()).collect();
    users.into_iter().flat_map(|user| changes_of(user, &old, &new)).collect()
}

/// One side of the comparison.
struct Side<'a> {
    world: &'a World,
    roles: RoleTable,
    grants: BTreeMap<UserId, Grants>,
}

impl<'a> Side<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, roles: world.role_table(), grants: world.grants() }
    }

    fn is_superuser(&self, user: &UserId) -> bool {
        self.grants.get(user).is_some_and(Grants::is_superuser)
    }

    /// Where the user holds a role.
    fn places(&self, user: &UserId) -> BTreeSet<Place> {
        let Some(grants) = self.grants.get(user) else { return BTreeSet::new() };
        let groups = grants.groups().iter().map(|(group, _)| Place::Group(group.clone()));
        groups.chain(grants.projects().map(|(project, _)| Place::Project(project.clone()))).collect()
    }

    fn names(&self, user: &UserId, place: &Resource) -> Vec<&'static str> {
        let mut facts = Facts { user: self.grants.get(user), ..Facts::default() };
        match place {
            Resource::Site => {}
            Resource::Group(group) => facts.group_exists = self.world.groups.contains_key(group),
            Resource::Project(project) => {
                facts.group_of_project = self.world.projects.get(project).map(|project| &project.group);
            }
        }
        match effective_actions(place, &self.roles, &facts) {
            EffectiveActions::Site(actions) => actions.into_iter().map(SiteAction::name).collect(),
            EffectiveActions::Group(actions) => actions.into_iter().map(GroupAction::name).collect(),
            EffectiveActions::Project(mask) => mask.iter().map(Action::name).collect(),
        }
    }
}

/// Places below the site, groups first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Group(GroupId),
    Project(ProjectId),
}

impl From<Place> for Resource {
    fn from(place: Place) -> Self {
        match place {
            Place::Group(group) => Self::Group(group),
            Place::Project(project) => Self::Project(project),
        }
    }
}

fn changes_of(user: &UserId, old: &Side<'_>, new: &Side<'_>) -> Vec<AccessChange> {
    let (was, is) = (old.is_superuser(user), new.is_superuser(user));
    let superuser = (was != is).then_some(is);
    let mut places = vec![Resource::Site];
    if !was && !is {
        let both: BTreeSet<Place> = old.places(user).into_iter().chain(new.places(user)).collect();
        places.extend(both.into_iter().map(Resource::from));
    }
    places.into_iter().filter_map(|place| change_at(user, place, superuser, old, new)).collect()
}

fn change_at(
    user: &UserId,
    place: Resource,
    superuser: Option<bool>,
    old: &Side<'_>,
    new: &Side<'_>,
) -> Option<AccessChange> {
    let (before, after) = (old.names(user, &place), new.names(user, &place));
    let gained: Vec<_> = after.iter().copied().filter(|name| !before.contains(name)).collect();
    let lost: Vec<_> = before.iter().copied().filter(|name| !after.contains(name)).collect();
    let superuser = superuser.filter(|_| place == Resource::Site);
    let is_change = !gained.is_empty() || !lost.is_empty() || superuser.is_some();
    is_change.then(|| AccessChange { user: user.clone(), place, gained, lost, superuser })
}
