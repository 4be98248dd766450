//! What a change does to people, found by asking both sites everything.

use super::{answer, projects, user};
use crate::{
    tables,
    world_file::{Asked, Place, What},
};
use rolegate::site::SiteFile;
use std::collections::{BTreeMap, BTreeSet};

/// What one user gains and loses at one place, and whether they become or cease to be a site admin in force.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) place: String,
    pub(crate) gained: BTreeSet<String>,
    pub(crate) lost: BTreeSet<String>,
    pub(crate) superuser: Option<bool>,
}

/// Compares two sites by asking both of them everything.
pub(crate) fn impact(before: &SiteFile, after: &SiteFile) -> Vec<Change> {
    let mut changes = Vec::new();
    let ids: BTreeSet<&String> = before.users.iter().chain(&after.users).map(|user| &user.id).collect();
    for id in ids {
        let rules =
            |site| user(site, id).is_some_and(|user| user.site_role == "site_admin" && !user.disabled);
        let (was, is) = (rules(before), rules(after));
        let (old, new) = (allowed_by_place(before, id), allowed_by_place(after, id));
        let places: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for place in places {
            let nothing = BTreeSet::new();
            let (old, new) = (old.get(place).unwrap_or(&nothing), new.get(place).unwrap_or(&nothing));
            let change = Change {
                user: id.clone(),
                place: place.clone(),
                gained: new - old,
                lost: old - new,
                superuser: Some(is).filter(|_| was != is && place == "site"),
            };
            let is_empty = change.gained.is_empty() && change.lost.is_empty() && change.superuser.is_none();
            if !is_empty && (place == "site" || (!was && !is)) {
                changes.push(change);
            }
        }
    }
    changes.sort();
    changes
}

fn allowed_by_place(site: &SiteFile, user: &str) -> BTreeMap<String, BTreeSet<String>> {
    let groups = site.groups.iter().map(|group| Place::Group(group.id.clone()));
    let projects = projects(site).map(|(_, project)| Place::Project(project.id.clone().unwrap()));
    let places = std::iter::once(Place::Site).chain(groups).chain(projects);
    places
        .map(|place| {
            let (key, table) = match &place {
                Place::Site => ("site".to_owned(), &tables::SITE),
                Place::Group(id) => (format!("group {id}"), &tables::GROUP),
                Place::Project(id) => (format!("project {id}"), &tables::PROJECT),
            };
            let asked = |action: &str| Asked {
                user: user.to_owned(),
                place: place.clone(),
                what: What::Action(action.to_owned()),
            };
            let actions = table.iter().map(|row| row.0);
            let allowed = actions.filter(|action| answer(site, &asked(action)).is_allow());
            (key, allowed.map(str::to_owned).collect())
        })
        .collect()
}
