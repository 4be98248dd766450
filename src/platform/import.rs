//! From what a platform holds to a site file.
//!
//! What cannot be taken over as it stands is left out, or made to fit, and counted: whoever imports must know.

use super::{
    model::{AccessLevel, GearPermissions, Group, Project, Role, RolePermission},
    source::Holdings,
};
use crate::{
    rbac::{action::ActionName, level::SiteRole, role::BuiltIn},
    site::{
        FORMAT_VERSION, GearEntry, GroupEntry, ProjectEntry, RestrictionEntry, RoleEntry, SiteFile, UserEntry,
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What does not come over as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// Actions that this version does not know: kept, and granting nothing.
    pub unknown_actions: BTreeSet<String>,
    /// Users whose site role is not known here: they become plain users.
    pub unknown_site_roles: BTreeSet<String>,
    /// Places of users that the platform does not list, such as deleted ones: left out.
    pub places_of_unknown_users: u64,
    /// Roles in such places that the platform does not list: left out.
    pub unknown_roles: u64,
    /// Roles that were held in a group without being offered to it: offered.
    pub offers_added: u64,
    /// Projects of groups that the platform does not list: left out.
    pub projects_of_unknown_groups: u64,
    /// Entries of gears' restrictions that the platform does not list: left out.
    pub unknown_gear_entries: u64,
}

impl Notes {
    /// One line for each kind of thing that does not come over as it stands.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let named = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        if !self.unknown_actions.is_empty() {
            lines.push(format!(
                "actions that are not known here are kept, and grant nothing: {}",
                named(&self.unknown_actions)
            ));
        }
        if !self.unknown_site_roles.is_empty() {
            lines.push(format!(
                "site roles that are not known here become `user`: {}",
                named(&self.unknown_site_roles)
            ));
        }
        for (count, what) in [
            (self.places_of_unknown_users, "places of users that do not exist were left out"),
            (self.unknown_roles, "roles that do not exist were left out of the places where they were held"),
            (self.offers_added, "roles that were held without being offered to the group were offered to it"),
            (self.projects_of_unknown_groups, "projects of groups that do not exist were left out"),
            (self.unknown_gear_entries, "entries of gears' restrictions that do not exist were left out"),
        ] {
            if count > 0 {
                lines.push(format!("{count} {what}"));
            }
        }
        lines
    }
}

/// Makes the site file of what a platform holds.
#[must_use]
pub fn site_file(holdings: Holdings) -> (SiteFile, Notes) {
    let Holdings { roles, users, groups, projects, gears } = holdings;
    let mut maker = Maker {
        ids: roles.iter().map(|role| (role.id.clone(), id_here(role))).collect(),
        users: users.iter().map(|user| user.id.clone()).collect(),
        notes: Notes::default(),
    };
    let known_projects: HashSet<_> = projects.iter().map(|project| project.id.clone()).collect();
    let roles =
        roles.into_iter().filter(|role| built_in(role).is_none()).map(|role| maker.role(role)).collect();
    let users = users.into_iter().map(|user| {
        let site_role = maker.site_role(&user.roles);
        UserEntry { id: user.id, site_role, disabled: user.disabled.unwrap_or(false) }
    });
    let users = users.collect();
    let mut of_groups: HashMap<String, Vec<Project>> = HashMap::new();
    for project in projects {
        of_groups.entry(project.group.clone()).or_default().push(project);
    }
    let groups = groups.into_iter().map(|group| {
        let projects = of_groups.remove(&group.id).unwrap_or_default();
        maker.group(group, projects)
    });
    let groups = groups.collect();
    maker.notes.projects_of_unknown_groups = of_groups.values().map(Vec::len).sum::<usize>() as u64;
    let gears = gears.into_iter().map(|gear| GearEntry {
        restricted: gear.is_restricted.then(|| maker.restriction(gear.permissions, &known_projects)),
        name: gear.name,
    });
    let gears = gears.collect();
    (SiteFile { version: FORMAT_VERSION, roles, users, groups, gears }, maker.notes)
}

/// Which built-in role this is: platforms give them ids of their own.
fn built_in(role: &Role) -> Option<BuiltIn> {
    role.default_flywheel_role.as_deref().and_then(BuiltIn::from_id)
}

fn id_here(role: &Role) -> String {
    built_in(role).map_or_else(|| role.id.clone(), |built_in| built_in.name().to_owned())
}

struct Maker {
    /// The platform's role ids, and what they are here.
    ids: HashMap<String, String>,
    users: HashSet<String>,
    notes: Notes,
}

impl Maker {
    fn role(&mut self, role: Role) -> RoleEntry {
        let unknown = role.actions.iter().filter(|name| ActionName::parse(name).is_none());
        self.notes.unknown_actions.extend(unknown.cloned());
        RoleEntry { id: Some(role.id), label: role.label, actions: role.actions }
    }

    /// The one site role that stands for what a user has on the platform: the one that grants most.
    fn site_role(&mut self, roles: &[String]) -> String {
        let known: Vec<_> = roles.iter().filter_map(|role| SiteRole::from_name(role)).collect();
        let unknown = roles.iter().filter(|role| SiteRole::from_name(role).is_none());
        self.notes.unknown_site_roles.extend(unknown.cloned());
        let strongest = SiteRole::ALL.iter().find(|role| known.contains(role));
        strongest.unwrap_or(&SiteRole::User).name().to_owned()
    }

    /// Who holds what, of those who exist; also the custom roles among it.
    fn places(&mut self, entries: Vec<RolePermission>) -> (BTreeMap<String, Vec<String>>, BTreeSet<String>) {
        let (mut places, mut custom) = (BTreeMap::new(), BTreeSet::new());
        for entry in entries {
            if !self.users.contains(&entry.id) {
                self.notes.places_of_unknown_users += 1;
                continue;
            }
            let mut held = BTreeSet::new();
            for role in &entry.role_ids {
                match self.ids.get(role) {
                    Some(id) => held.insert(id.clone()),
                    None => {
                        self.notes.unknown_roles += 1;
                        false
                    }
                };
            }
            custom.extend(held.iter().filter(|id| BuiltIn::from_id(id).is_none()).cloned());
            if !held.is_empty() {
                places.insert(entry.id, held.into_iter().collect());
            }
        }
        (places, custom)
    }

    fn group(&mut self, group: Group, projects: Vec<Project>) -> GroupEntry {
        let known = group.roles.iter().filter_map(|role| self.ids.get(role));
        let mut offers: BTreeSet<String> =
            known.filter(|id| BuiltIn::from_id(id).is_none()).cloned().collect();
        let (template, mut held) = self.places(group.permissions_template);
        let projects = projects.into_iter().map(|project| {
            let (permissions, custom) = self.places(project.permissions);
            held.extend(custom);
            ProjectEntry { id: Some(project.id), label: project.label, permissions }
        });
        let projects = projects.collect();
        for role in held {
            self.notes.offers_added += u64::from(offers.insert(role));
        }
        let mut members = BTreeMap::new();
        for member in group.permissions {
            if self.users.contains(&member.id) {
                let access = match member.access {
                    AccessLevel::Admin => "admin",
                    AccessLevel::Rw => "rw",
                    AccessLevel::Ro => "ro",
                };
                members.insert(member.id, access.to_owned());
            } else {
                self.notes.places_of_unknown_users += 1;
            }
        }
        let offers = offers.into_iter().collect();
        GroupEntry { id: group.id, label: group.label, offers, members, template, projects }
    }

    /// One whose entries are all gone stays closed.
    fn restriction(&mut self, lists: GearPermissions, projects: &HashSet<String>) -> RestrictionEntry {
        let all = lists.projects.len() + lists.users.len();
        let projects: Vec<_> = lists.projects.into_iter().filter(|id| projects.contains(id)).collect();
        let users: Vec<_> = lists.users.into_iter().filter(|id| self.users.contains(id)).collect();
        self.notes.unknown_gear_entries += (all - projects.len() - users.len()) as u64;
        RestrictionEntry { projects, users }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_platform_holds_is_made_to_fit_and_what_does_not_is_counted() -> Result<(), serde_json::Error> {
        let holdings: Holdings = serde_json::from_value(json!({
            "roles": [
                {"_id": "r1", "label": "admin", "actions": [], "default_flywheel_role": "admin"},
                {"_id": "c1", "label": "Curator", "actions": ["tags_view", "wormholes_open"]},
                {"_id": "c2", "label": "Other", "actions": []},
            ],
            "users": [
                {"_id": "ann", "roles": ["user", "site_admin"]},
                {"_id": "bob", "roles": ["king"], "disabled": true, "firstname": "Bob"},
                {"_id": "cat"},
            ],
            "groups": [{
                "_id": "g", "roles": ["c1", "r1", "gone"],
                "permissions": [{"_id": "ann", "access": "admin"}, {"_id": "gone", "access": "ro"}],
                "permissions_template": [{"_id": "cat", "role_ids": ["r1"]}],
            }],
            "projects": [
                {"_id": "p", "label": "P", "group": "g", "permissions": [
                    {"_id": "ann", "role_ids": ["r1", "c2"]}, {"_id": "bob", "role_ids": ["gone"]},
                    {"_id": "gone", "role_ids": ["r1"]},
                ]},
                {"_id": "q", "label": "Q", "group": "gone"},
            ],
            "gears": [
                {"_id": "x", "name": "open", "permissions": {}},
                {"_id": "y", "name": "closed", "is_restricted": true, "permissions": {"projects": ["p", "gone"], "users": ["gone"]}},
            ],
        }))?;
        let (file, notes) = site_file(holdings);
        let expected: SiteFile = serde_json::from_value(json!({
            "version": 1,
            "roles": [
                {"id": "c1", "label": "Curator", "actions": ["tags_view", "wormholes_open"]},
                {"id": "c2", "label": "Other", "actions": []},
            ],
            "users": [
                {"id": "ann", "site_role": "site_admin"}, {"id": "bob", "disabled": true}, {"id": "cat"},
            ],
            "groups": [{
                "id": "g", "offers": ["c1", "c2"], "members": {"ann": "admin"}, "template": {"cat": ["admin"]},
                "projects": [{"id": "p", "label": "P", "permissions": {"ann": ["admin", "c2"]}}],
            }],
            "gears": [{"name": "open"}, {"name": "closed", "restricted": {"projects": ["p"]}}],
        }))?;
        assert_eq!(file, expected);
        let expected = Notes {
            unknown_actions: ["wormholes_open".to_owned()].into(),
            unknown_site_roles: ["king".to_owned()].into(),
            places_of_unknown_users: 2,
            unknown_roles: 1,
            offers_added: 1,
            projects_of_unknown_groups: 1,
            unknown_gear_entries: 2,
        };
        assert_eq!(notes, expected);
        assert_eq!(notes.lines().len(), 7);
        Ok(())
    }
}
