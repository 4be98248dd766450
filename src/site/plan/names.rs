//! What the file's references mean: labels or ids of roles, `group/label` or ids of projects.

use super::{fault, read};
use crate::{
    rbac::{
        role::BuiltIn,
        text::{GroupId, Label, ProjectId, RoleId, UserId},
        world::World,
    },
    site::{GroupEntry, ProjectEntry, RoleEntry, SiteFile},
    store::error::Result,
};
use std::collections::{BTreeMap, BTreeSet};

/// The ids of all roles, by label; the file's labels win over the site's.
pub(super) struct RoleNames {
    by_label: BTreeMap<String, RoleId>,
    ids: BTreeSet<RoleId>,
}

impl RoleNames {
    pub(super) fn of(
        world: &World,
        file: &SiteFile,
        prune: bool,
        new_id: &mut dyn FnMut() -> Result<String>,
    ) -> Result<Self> {
        let listed: BTreeSet<_> = file.roles.iter().filter_map(|entry| entry.id.as_deref()).collect();
        // A role that the file gives another label is no longer found under the old one.
        let others = world.roles.values().filter(|role| !listed.contains(role.id.as_str()));
        let mut by_label: BTreeMap<_, _> =
            others.map(|role| (role.label.to_string(), role.id.clone())).collect();
        let (mut mentioned, mut labels) = (BTreeSet::new(), BTreeSet::new());
        for entry in &file.roles {
            let place = format!("roles[{}]", entry.label);
            super::once(&mut labels, entry.label.as_str(), &place)?;
            let id = match (&entry.id, by_label.get(&entry.label)) {
                (Some(id), _) => read(&place, id, RoleId::parse)?,
                (None, Some(id)) => id.clone(),
                (None, None) => read(&place, &new_id()?, RoleId::parse)?,
            };
            super::once(&mut mentioned, id.clone(), &place)?;
            by_label.insert(entry.label.clone(), id);
        }
        // What is about to be deleted cannot be referred to.
        by_label.retain(|_, id| !prune || mentioned.contains(id));
        for role in BuiltIn::ALL {
            by_label.insert(role.name().to_owned(), read("roles", role.name(), RoleId::parse)?);
        }
        let ids = by_label.values().cloned().collect();
        Ok(Self { by_label, ids })
    }

    /// The id that an entry of the file stands for.
    pub(super) fn of_entry(&self, entry: &RoleEntry) -> Result<RoleId> {
        let place = format!("roles[{}]", entry.label);
        match &entry.id {
            Some(id) => read(&place, id, RoleId::parse),
            None => self.find(&place, &entry.label),
        }
    }

    /// The id that a reference means: a label, or else an id.
    pub(super) fn find(&self, place: &str, reference: &str) -> Result<RoleId> {
        let by_label = self.by_label.get(reference);
        let found = by_label.or_else(|| self.ids.get(reference));
        found.cloned().ok_or_else(|| fault(place, format!("there is no role `{reference}`")))
    }

    /// A role's label, for people.
    pub(super) fn label(&self, role: &RoleId) -> Option<String> {
        self.by_label.iter().find(|(_, id)| *id == role).map(|(label, _)| label.clone())
    }

    pub(super) fn find_all(&self, place: &str, references: &[String]) -> Result<BTreeSet<RoleId>> {
        references.iter().map(|reference| self.find(place, reference)).collect()
    }
}

/// The ids of all users.
pub(super) struct UserNames(BTreeSet<UserId>);

impl UserNames {
    pub(super) fn of(world: &World, file: &SiteFile, prune: bool) -> Result<Self> {
        let listed =
            file.users.iter().map(|entry| read(&format!("users[{}]", entry.id), &entry.id, UserId::parse));
        let mut ids: BTreeSet<_> = listed.collect::<Result<_>>()?;
        if !prune {
            ids.extend(world.users.keys().cloned());
        }
        Ok(Self(ids))
    }

    /// The user that a reference means.
    pub(super) fn find(&self, place: &str, id: &str) -> Result<UserId> {
        self.0.get(id).cloned().ok_or_else(|| fault(place, format!("there is no user `{id}`")))
    }
}

/// The ids of all projects, by group and label.
pub(super) struct ProjectNames {
    by_name: BTreeMap<(String, String), ProjectId>,
    /// The projects that the file names.
    mentioned: BTreeSet<ProjectId>,
}

impl ProjectNames {
    pub(super) fn of(
        world: &World,
        file: &SiteFile,
        prune: bool,
        new_id: &mut dyn FnMut() -> Result<String>,
    ) -> Result<Self> {
        let entries =
            || file.groups.iter().flat_map(|group| group.projects.iter().map(move |entry| (group, entry)));
        let listed: BTreeSet<_> = entries().filter_map(|(_, entry)| entry.id.as_deref()).collect();
        let others = world.projects.iter().filter(|(id, _)| !listed.contains(id.as_str()));
        let name = |group: &GroupId, label: &Label| (group.to_string(), label.to_string());
        let mut by_name: BTreeMap<_, _> =
            others.map(|(id, project)| (name(&project.group, &project.label), id.clone())).collect();
        let (mut mentioned, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (group, entry) in entries() {
            let (place, name) = (place(group, entry), (group.id.clone(), entry.label.clone()));
            super::once(&mut names, name.clone(), &place)?;
            let id = match (&entry.id, by_name.get(&name)) {
                (Some(id), _) => read(&place, id, ProjectId::parse)?,
                (None, Some(id)) => id.clone(),
                (None, None) => read(&place, &new_id()?, ProjectId::parse)?,
            };
            super::once(&mut mentioned, id.clone(), &place)?;
            by_name.insert(name, id);
        }
        by_name.retain(|_, id| !prune || mentioned.contains(id));
        Ok(Self { by_name, mentioned })
    }

    /// The id that an entry of the file stands for.
    pub(super) fn of_entry(&self, group: &GroupEntry, entry: &ProjectEntry) -> Result<ProjectId> {
        let found = self.by_name.get(&(group.id.clone(), entry.label.clone()));
        found.cloned().ok_or_else(|| fault(&place(group, entry), "has no id"))
    }

    /// The id that a reference means: an id, or `group/label`.
    pub(super) fn find(&self, place: &str, reference: &str) -> Result<ProjectId> {
        if let Some(id) = self.by_name.values().find(|id| id.as_str() == reference) {
            return Ok(id.clone());
        }
        // Ids and labels may hold slashes themselves.
        let mut named = self.by_name.iter().filter(|((group, label), _)| {
            reference.strip_prefix(group.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(label)
        });
        match (named.next(), named.next()) {
            (Some((_, id)), None) => Ok(id.clone()),
            (None, _) => Err(fault(place, format!("there is no project `{reference}`"))),
            _ => Err(fault(place, format!("`{reference}` means more than one project: use an id"))),
        }
    }

    pub(super) fn is_mentioned(&self, id: &ProjectId) -> bool {
        self.mentioned.contains(id)
    }
}

/// Where in the file a project stands, for messages.
pub(super) fn place(group: &GroupEntry, entry: &ProjectEntry) -> String {
    format!("groups[{}].projects[{}]", group.id, entry.label)
}
