//! From what a platform holds to a site file.
//!
//! What cannot be taken over as it stands is left out, or made to fit, and counted: whoever imports must know.

use super::{
    model::{AccessLevel, GearPermissions, Group, Project, Role, RolePermission, User},
    source::Holdings,
};
use crate::{
    rbac::{
        custom_role::RequiredActions,
        level::SiteRole,
        role::{BuiltIn, RoleActions},
        text::{GearName, GroupId, ProjectId, RoleId, UserId},
    },
    site::{
        FORMAT_VERSION, GearEntry, GroupEntry, ProjectEntry, RestrictionEntry, RoleEntry, SiteFile, UserEntry,
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The longest label that is taken over, in bytes: with an id behind it there must be room left.
const LONGEST_LABEL: usize = 160;

/// What does not come over as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// Actions that this version does not know: kept, and granting nothing.
    pub unknown_actions: BTreeSet<String>,
    /// Site roles that are not known here: they grant nothing.
    pub unknown_site_roles: BTreeSet<String>,
    /// Users with several site roles: they get the one that grants most.
    pub several_site_roles: u64,
    /// Custom roles, by label, that lack an action which every custom role must hold here: left out.
    pub roles_left_out: BTreeSet<String>,
    /// Labels that could not stay as they are, or that others bear as well: changed.
    pub labels_changed: u64,
    /// Things whose id cannot be one here, or comes twice: left out.
    pub ids_left_out: u64,
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
        if !self.roles_left_out.is_empty() {
            let roles = named(&self.roles_left_out);
            lines.push(format!(
                "roles that lack an action which every custom role must hold were left out: {roles}"
            ));
        }
        for (count, what) in [
            (self.several_site_roles, "users with several site roles got the one that grants most"),
            (self.labels_changed, "labels that could not stay as they are were changed"),
            (self.ids_left_out, "things whose id cannot be one here, or comes twice, were left out"),
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

/// Makes the site file of what a platform holds, where every custom role must hold these actions.
#[must_use]
pub fn site_file(holdings: Holdings, required: RequiredActions) -> (SiteFile, Notes) {
    let Holdings { roles, users, groups, projects, gears } = holdings;
    let mut maker = Maker::default();
    let roles = maker.roles(roles, required);
    let users = maker.users(users);
    let groups = maker.sound(groups, |group| GroupId::parse(&group.id).is_ok(), |group| &group.id);
    let projects =
        maker.sound(projects, |project| ProjectId::parse(&project.id).is_ok(), |project| &project.id);
    let gears = maker.sound(gears, |gear| GearName::parse(&gear.name).is_ok(), |gear| &gear.name);
    let known_projects: HashSet<_> = projects.iter().map(|project| project.id.clone()).collect();
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

#[derive(Default)]
struct Maker {
    /// The platform's role ids, and what they are here.
    ids: HashMap<String, String>,
    users: HashSet<String>,
    notes: Notes,
}

impl Maker {
    /// Those whose id can be one here, each once.
    fn sound<T>(&mut self, all: Vec<T>, fits: impl Fn(&T) -> bool, id: impl Fn(&T) -> &String) -> Vec<T> {
        let count = all.len();
        let mut seen = HashSet::new();
        let sound: Vec<_> = all.into_iter().filter(|one| fits(one) && seen.insert(id(one).clone())).collect();
        self.notes.ids_left_out += (count - sound.len()) as u64;
        sound
    }

    /// A label that can be one here, and that nobody else bears: one that could not stop everything else from coming over.
    fn label(&mut self, label: &str, id: &str, taken: &mut HashSet<String>) -> String {
        let cleaned: String = label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let cut = cleaned.get(..cleaned.floor_char_boundary(LONGEST_LABEL)).unwrap_or_default().trim();
        let mut fitting = if cut.is_empty() { id.to_owned() } else { cut.to_owned() };
        if taken.contains(&fitting) {
            fitting = format!("{fitting} ({id})");
        }
        self.notes.labels_changed += u64::from(fitting != label);
        taken.insert(fitting.clone());
        fitting
    }

    fn roles(&mut self, roles: Vec<Role>, required: RequiredActions) -> Vec<RoleEntry> {
        let mut taken: HashSet<_> = BuiltIn::ALL.iter().map(|role| role.name().to_owned()).collect();
        let mut entries = Vec::new();
        for role in self.sound(roles, |role| RoleId::parse(&role.id).is_ok(), |role| &role.id) {
            if built_in(&role).is_none() {
                let actions = RoleActions::from_names(role.actions.iter().map(String::as_str));
                // To add what is missing would grant more than the platform does.
                if !required.mask().minus(actions.mask()).is_empty() || BuiltIn::from_id(&role.id).is_some() {
                    self.notes.roles_left_out.insert(role.label);
                    continue;
                }
                self.notes.unknown_actions.extend(actions.unknown().map(str::to_owned));
                let label = self.label(&role.label, &role.id, &mut taken);
                entries.push(RoleEntry { id: Some(role.id.clone()), label, actions: role.actions.clone() });
            }
            self.ids.insert(role.id.clone(), id_here(&role));
        }
        entries
    }

    fn users(&mut self, users: Vec<User>) -> Vec<UserEntry> {
        let users = self.sound(users, |user| UserId::parse(&user.id).is_ok(), |user| &user.id);
        self.users = users.iter().map(|user| user.id.clone()).collect();
        let entry = |user: User| UserEntry {
            site_role: self.site_role(&user.roles),
            id: user.id,
            disabled: user.disabled.unwrap_or(false),
        };
        users.into_iter().map(entry).collect()
    }

    /// The one site role that stands for what a user has on the platform.
    fn site_role(&mut self, roles: &[String]) -> String {
        let unknown = roles.iter().filter(|role| SiteRole::from_name(role).is_none());
        self.notes.unknown_site_roles.extend(unknown.cloned());
        self.notes.several_site_roles += u64::from(roles.len() > 1);
        let strongest = SiteRole::strongest(roles.iter().map(String::as_str));
        strongest.unwrap_or(SiteRole::User).name().to_owned()
    }

    /// Who holds what, of those who exist; also the custom roles among it.
    fn places(&mut self, entries: Vec<RolePermission>) -> (BTreeMap<String, Vec<String>>, BTreeSet<String>) {
        let (mut places, mut custom): (BTreeMap<_, Vec<_>>, _) = (BTreeMap::new(), BTreeSet::new());
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
                places.entry(entry.id).or_default().extend(held);
            }
        }
        (places, custom)
    }

    fn group(&mut self, group: Group, projects: Vec<Project>) -> GroupEntry {
        let known = group.roles.iter().filter_map(|role| self.ids.get(role));
        let mut offers: BTreeSet<String> =
            known.filter(|id| BuiltIn::from_id(id).is_none()).cloned().collect();
        let (template, mut held) = self.places(group.permissions_template);
        let mut taken = HashSet::new();
        let projects = projects.into_iter().map(|project| {
            let (permissions, custom) = self.places(project.permissions);
            held.extend(custom);
            let label = self.label(&project.label, &project.id, &mut taken);
            ProjectEntry { id: Some(project.id), label, permissions }
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
        let label = group.label.map(|label| self.label(&label, &group.id, &mut HashSet::new()));
        GroupEntry { id: group.id, label, offers, members, template, projects }
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
        let required: Vec<_> = RequiredActions::default().mask().iter().map(|action| action.name()).collect();
        let with = |more: &'static str| required.iter().copied().chain([more]).collect::<Vec<_>>();
        let holdings: Holdings = serde_json::from_value(json!({
            "roles": [
                {"_id": "r1", "label": "admin", "actions": null, "default_flywheel_role": "admin"},
                {"_id": "c1", "label": "Curator", "actions": with("wormholes_open")},
                {"_id": "c2", "label": "Curator", "actions": required},
                {"_id": "c3", "label": "admin", "actions": required},
                {"_id": "c4", "label": "Weak", "actions": ["tags_view"]},
            ],
            "users": [
                {"_id": "ann", "roles": ["user", "site_admin"]},
                {"_id": "bob", "roles": ["king"], "disabled": true, "firstname": "Bob"},
                {"_id": "cat", "roles": null},
                {"_id": " dan", "roles": ["user"]},
                {"_id": "ann", "roles": ["user"]},
            ],
            "groups": [{
                "_id": "g", "roles": ["c1", "r1", "gone"],
                "permissions": [{"_id": "ann", "access": "admin"}, {"_id": "gone", "access": "ro"}],
                "permissions_template": [{"_id": "cat", "role_ids": ["r1"]}],
            }, {"_id": "h", "label": null, "roles": null, "permissions": null, "permissions_template": null}],
            "projects": [
                {"_id": "p", "label": " Trailing\t", "group": "g", "permissions": [
                    {"_id": "ann", "role_ids": ["r1"]}, {"_id": "bob", "role_ids": ["gone", "c4"]},
                    {"_id": "gone", "role_ids": ["r1"]}, {"_id": "ann", "role_ids": ["c2"]},
                ]},
                {"_id": "p2", "label": "Trailing", "group": "g"},
                {"_id": "p3", "label": "", "group": "g", "permissions": null},
                {"_id": "q", "label": "Q", "group": "gone"},
            ],
            "gears": [
                {"_id": "x", "name": "open", "permissions": null, "is_restricted": null},
                {"_id": "y", "name": "closed", "is_restricted": true,
                    "permissions": {"projects": ["p", "gone"], "users": ["gone"]}},
            ],
        }))?;
        let (file, notes) = site_file(holdings, RequiredActions::default());
        let expected: SiteFile = serde_json::from_value(json!({
            "version": 1,
            "roles": [
                {"id": "c1", "label": "Curator", "actions": with("wormholes_open")},
                {"id": "c2", "label": "Curator (c2)", "actions": required},
                {"id": "c3", "label": "admin (c3)", "actions": required},
            ],
            "users": [
                {"id": "ann", "site_role": "site_admin"}, {"id": "bob", "disabled": true}, {"id": "cat"},
            ],
            "groups": [{
                "id": "g", "offers": ["c1", "c2"], "members": {"ann": "admin"}, "template": {"cat": ["admin"]},
                "projects": [
                    {"id": "p", "label": "Trailing", "permissions": {"ann": ["admin", "c2"]}},
                    {"id": "p2", "label": "Trailing (p2)"},
                    {"id": "p3", "label": "p3"},
                ],
            }, {"id": "h"}],
            "gears": [{"name": "open"}, {"name": "closed", "restricted": {"projects": ["p"]}}],
        }))?;
        assert_eq!(file, expected);
        let expected = Notes {
            unknown_actions: ["wormholes_open".to_owned()].into(),
            unknown_site_roles: ["king".to_owned()].into(),
            several_site_roles: 1,
            roles_left_out: ["Weak".to_owned()].into(),
            labels_changed: 5,
            ids_left_out: 2,
            places_of_unknown_users: 2,
            unknown_roles: 2,
            offers_added: 1,
            projects_of_unknown_groups: 1,
            unknown_gear_entries: 2,
        };
        assert_eq!(notes, expected);
        assert_eq!(notes.lines().len(), 11);
        Ok(())
    }
}
