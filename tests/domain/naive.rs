//! A second reading of the rules, on strings and sets, slow and blunt on purpose.
//!
//! It knows no masks, tiers or clauses: what is held is a set of `(place, action)`, an attribute that is left out is
//! tried with every value, and what is missing is found by trying which additions would turn a no into a yes.

mod impact;
mod rule;

pub(crate) use impact::{Change, impact};

use self::rule::rule;
use super::{
    tables,
    world_file::{Asked, OperationAsked, Owner, Place, What},
};
use rolegate::site::{GroupEntry, ProjectEntry, SiteFile, UserEntry};
use std::collections::BTreeSet;

type Held = BTreeSet<(String, String)>;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) reason: &'static str,
    pub(crate) missing: BTreeSet<String>,
}

impl Answer {
    fn plain(reason: &'static str) -> Self {
        Self { reason, missing: BTreeSet::new() }
    }

    pub(crate) fn is_allow(&self) -> bool {
        ["granted_by_role", "site_admin"].contains(&self.reason)
    }
}

/// Answers a well-formed question.
pub(crate) fn answer(site: &SiteFile, asked: &Asked) -> Answer {
    let Some(user) = user(site, &asked.user) else { return Answer::plain("unknown_user") };
    if user.disabled {
        return Answer::plain("user_disabled");
    }
    if let Some(unknown) = unknown_thing(site, asked) {
        return Answer::plain(unknown);
    }
    if user.site_role == "site_admin" {
        return Answer::plain("site_admin");
    }
    let held = holdings(site, user);
    let lacks: Vec<Lack> =
        with_every_value(asked).iter().filter_map(|asked| lack(site, asked, &held)).collect();
    if !lacks.is_empty() {
        let reason =
            if lacks.iter().any(|lack| lack.for_want_of_role) { "no_role" } else { "lacking_action" };
        return Answer { reason, missing: lacks.into_iter().flat_map(|lack| lack.missing).collect() };
    }
    let shut_out = operation(asked).and_then(|op| op.gear.as_ref()).is_some_and(|gear| {
        let restricted = &site.gears.iter().find(|entry| entry.name == *gear).unwrap().restricted;
        restricted.as_ref().is_some_and(|to| {
            let in_project = to.projects.iter().any(|project| asked.place == Place::Project(project.clone()));
            !in_project && !to.users.contains(&user.id)
        })
    });
    Answer::plain(if shut_out { "gear_restricted" } else { "granted_by_role" })
}

fn user<'a>(site: &'a SiteFile, id: &str) -> Option<&'a UserEntry> {
    site.users.iter().find(|user| user.id == id)
}

fn operation(asked: &Asked) -> Option<&OperationAsked> {
    match &asked.what {
        What::Action(_) => None,
        What::Operation(operation) => Some(operation),
    }
}

fn projects(site: &SiteFile) -> impl Iterator<Item = (&GroupEntry, &ProjectEntry)> {
    site.groups.iter().flat_map(|group| group.projects.iter().map(move |project| (group, project)))
}

fn group_of<'a>(site: &'a SiteFile, project: &str) -> Option<&'a str> {
    projects(site).find(|(_, entry)| entry.id.as_deref() == Some(project)).map(|(group, _)| group.id.as_str())
}

fn unknown_thing(site: &SiteFile, asked: &Asked) -> Option<&'static str> {
    let is_group = |id: &String| site.groups.iter().any(|group| group.id == *id);
    match &asked.place {
        Place::Group(id) if !is_group(id) => return Some("unknown_group"),
        Place::Project(id) if group_of(site, id).is_none() => return Some("unknown_project"),
        _ => {}
    }
    let operation = operation(asked)?;
    if operation.destination_project.as_ref().is_some_and(|to| group_of(site, to).is_none())
        || operation.destination_group.as_ref().is_some_and(|to| !is_group(to))
    {
        return Some("unknown_destination");
    }
    let is_gear = |name: &String| site.gears.iter().any(|gear| gear.name == *name);
    operation.gear.as_ref().filter(|gear| !is_gear(gear)).map(|_| "unknown_gear")
}

/// Everything the user's roles give, level by level. The mark `any` at a place says that there is some role there.
fn holdings(site: &SiteFile, user: &UserEntry) -> Held {
    let mut held = Held::new();
    let mut hold = |place: &str, action: &str| held.insert((place.to_owned(), action.to_owned()));
    hold("site", "any");
    for action in held_in_table(&tables::SITE, &user.site_role) {
        hold("site", action);
    }
    for group in &site.groups {
        if let Some(role) = group.members.get(&user.id) {
            let place = format!("group {}", group.id);
            hold(&place, "any");
            for action in held_in_table(&tables::GROUP, role) {
                hold(&place, action);
            }
        }
    }
    for (_, project) in projects(site) {
        for role in project.permissions.get(&user.id).into_iter().flatten() {
            let place = format!("project {}", project.id.as_deref().unwrap());
            hold(&place, "any");
            for action in actions_of(site, role) {
                hold(&place, action);
            }
        }
    }
    held
}

fn held_in_table(table: &tables::Table, role: &str) -> Vec<&'static str> {
    table.iter().filter(|(_, holders)| holders.contains(role)).map(|(action, _)| *action).collect()
}

/// What a project role, built in or custom, comes to in current project actions.
fn actions_of<'a>(site: &'a SiteFile, role: &str) -> BTreeSet<&'a str> {
    if ["admin", "rw", "ro"].contains(&role) {
        return held_in_table(&tables::PROJECT, role).into_iter().collect();
    }
    let custom = site.roles.iter().find(|entry| entry.id.as_deref() == Some(role) || entry.label == role);
    let current: BTreeSet<&str> = tables::PROJECT.iter().map(|row| row.0).collect();
    let names = custom.unwrap().actions.iter().flat_map(|name| current_names(name));
    names.filter(|name| current.contains(name)).collect()
}

fn current_names(name: &str) -> Vec<&str> {
    match name {
        "files_create_upload" => vec!["files_create_bulk", "files_create_single"],
        "jobs_run_cancel" => vec!["jobs_manage"],
        "jobs_cancel_any" => vec!["jobs_manage_others"],
        current => vec![current],
    }
}

/// The question once for every combination of values that left-out attributes could take.
pub(crate) fn with_every_value(asked: &Asked) -> Vec<Asked> {
    let Some(operation) = operation(asked) else { return vec![asked.clone()] };
    let both = || vec![Some(true), Some(false)];
    let mut all = vec![operation.clone()];
    let mut try_each = |set: &dyn Fn(&OperationAsked) -> Vec<OperationAsked>| {
        all = all.iter().flat_map(set).collect();
    };
    match operation.name.as_str() {
        "file.download" | "file.upload" if operation.bulk.is_none() => {
            try_each(&|op| both().into_iter().map(|bulk| OperationAsked { bulk, ..op.clone() }).collect());
        }
        "file.delete" if operation.origin.is_none() => try_each(&|op| {
            let origins =
                ["user", "job", "device", "system", "gear_rule", "task", "user_workspace", "unknown"];
            origins.map(|origin| OperationAsked { origin: Some(origin.to_owned()), ..op.clone() }).to_vec()
        }),
        "container.delete" if operation.has_device_data.is_none() => try_each(&|op| {
            both()
                .into_iter()
                .map(|has_device_data| OperationAsked { has_device_data, ..op.clone() })
                .collect()
        }),
        "job.run" if operation.analysis.is_none() => try_each(&|op| {
            both().into_iter().map(|analysis| OperationAsked { analysis, ..op.clone() }).collect()
        }),
        name if is_owned(name) && operation.owner.is_none() => try_each(&|op| {
            let users = [asked.user.clone(), format!("not {}", asked.user)].map(Owner::User);
            let system = Some(Owner::System).filter(|_| name.starts_with("job."));
            let owners = users.into_iter().chain(system);
            owners.map(|owner| OperationAsked { owner: Some(owner), ..op.clone() }).collect()
        }),
        _ => {}
    }
    all.into_iter().map(|op| Asked { what: What::Operation(op), ..asked.clone() }).collect()
}

fn is_owned(name: &str) -> bool {
    name.starts_with("annotation.")
        || name.starts_with("form_response.")
        || ["job.cancel", "job.prioritize"].contains(&name)
}

struct Lack {
    for_want_of_role: bool,
    missing: BTreeSet<String>,
}

/// What stands between what is held and a yes to a question with every attribute given.
fn lack(site: &SiteFile, asked: &Asked, held: &Held) -> Option<Lack> {
    if rule(site, asked, &mut |place, action| held.contains(&(place.to_owned(), action.to_owned()))) {
        return None;
    }
    let unheld: Vec<_> = consulted(site, asked).difference(held).cloned().collect();
    let additions = (0..1_usize << unheld.len()).map(|bits| {
        let chosen = unheld.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1);
        chosen.map(|(_, pair)| pair.clone()).collect::<Held>()
    });
    let would_do = |added: &Held| {
        let mut ask = |place: &str, action: &str| {
            let pair = (place.to_owned(), action.to_owned());
            held.contains(&pair) || added.contains(&pair)
        };
        rule(site, asked, &mut ask)
    };
    let enough: Vec<Held> = additions.filter(would_do).collect();
    let is_least = |added: &&Held| !enough.iter().any(|other| other != *added && other.is_subset(added));
    let least: Vec<&Held> = enough.iter().filter(is_least).collect();
    let has_role_at = |place: &String| held.contains(&(place.clone(), "any".to_owned()));
    Some(Lack {
        for_want_of_role: least.iter().all(|added| added.iter().any(|(place, _)| !has_role_at(place))),
        missing: least.into_iter().flatten().map(|(_, action)| action.clone()).collect(),
    })
}

/// What the rule looks at, held or not.
fn consulted(site: &SiteFile, asked: &Asked) -> Held {
    let mut consulted = Held::new();
    rule(site, asked, &mut |place, action| {
        consulted.insert((place.to_owned(), action.to_owned()));
        false
    });
    consulted
}

/// Whether the user holds anything that the question looks at.
pub(crate) fn holds_something_towards(site: &SiteFile, asked: &Asked) -> bool {
    let held = user(site, &asked.user).map(|user| holdings(site, user)).unwrap_or_default();
    with_every_value(asked).iter().any(|asked| !consulted(site, asked).is_disjoint(&held))
}
