//! What the file's references mean: labels or ids of roles, `group/label` or ids of projects.

use super::{fault, once, read};
use crate::{
    rbac::{
        role::BuiltIn,
        text::{GroupId, Label, ProjectId, RoleId, UserId},
        world::World,
    },
    site::{Document, GroupEntry, ProjectEntry, RoleEntry, SiteFile, lines::Place},
    store::error::Result,
};
use std::collections::{BTreeMap, BTreeSet};

/// The ids of all roles, by label; the file's labels win over the site's.
pub(super) struct RoleNames {
    by_label: BTreeMap<String, RoleId>,
    labels: BTreeMap<RoleId, String>,
    /// The ids of the file's own entries: the label of a built-in role means that role, even where an entry takes it.
    of_entries: BTreeMap<String, RoleId>,
    /// The roles that the file names.
    mentioned: BTreeSet<RoleId>,
}

impl RoleNames {
    pub(super) fn of(
        world: &World,
        document: &Document,
        prune: bool,
        new_id: &mut dyn FnMut() -> Result<String>,
    ) -> Result<Self> {
        let file = &document.file;
        let listed: BTreeSet<_> = file.roles.iter().filter_map(|entry| entry.id.as_deref()).collect();
        // A role that the file gives another label is no longer found under the old one.
        let others = world.roles.values().filter(|role| !listed.contains(role.id.as_str()));
        let mut by_label: BTreeMap<_, _> =
            others.map(|role| (role.label.to_string(), role.id.clone())).collect();
        let (mut mentioned, mut labels) = (BTreeSet::new(), BTreeSet::new());
        let mut of_entries = BTreeMap::new();
        for (nth, entry) in file.roles.iter().enumerate() {
            let place = document.whole().entry("roles", nth, &entry.label);
            once(&mut labels, entry.label.as_str(), &place)?;
            let id = match (&entry.id, by_label.get(&entry.label)) {
                (Some(id), _) => read(&place.at("id"), id, RoleId::parse)?,
                (None, Some(id)) => id.clone(),
                (None, None) => read(&place, &new_id()?, RoleId::parse)?,
            };
            once(&mut mentioned, id.clone(), &place)?;
            by_label.insert(entry.label.clone(), id.clone());
            of_entries.insert(entry.label.clone(), id);
        }
        // What is about to be deleted cannot be referred to.
        by_label.retain(|_, id| !prune || mentioned.contains(id));
        for role in BuiltIn::ALL {
            by_label.insert(
                role.name().to_owned(),
                read(&document.whole().part("roles"), role.name(), RoleId::parse)?,
            );
        }
        // Of two labels of one role the first is told.
        let labels = by_label.iter().rev().map(|(label, id)| (id.clone(), label.clone())).collect();
        Ok(Self { by_label, labels, of_entries, mentioned })
    }

    /// The id that an entry of the file stands for.
    pub(super) fn of_entry(&self, place: &Place<'_>, entry: &RoleEntry) -> Result<RoleId> {
        match &entry.id {
            Some(id) => read(&place.at("id"), id, RoleId::parse),
            None => match self.of_entries.get(&entry.label) {
                Some(id) => Ok(id.clone()),
                None => self.find(place, &entry.label),
            },
        }
    }

    pub(super) fn is_mentioned(&self, id: &RoleId) -> bool {
        self.mentioned.contains(id)
    }

    /// The id that a reference means: a label, or else an id.
    pub(super) fn find(&self, place: &Place<'_>, reference: &str) -> Result<RoleId> {
        let by_label = self.by_label.get(reference);
        let found = by_label.or_else(|| self.labels.get_key_value(reference).map(|(id, _)| id));
        found.cloned().ok_or_else(|| fault(place, format!("there is no role `{reference}`")))
    }

    /// A role's label, for people.
    pub(super) fn label(&self, role: &RoleId) -> Option<String> {
        self.labels.get(role).cloned()
    }

    pub(super) fn find_all(&self, place: &Place<'_>, references: &[String]) -> Result<BTreeSet<RoleId>> {
        let references = references.iter().enumerate();
        references.map(|(nth, reference)| self.find(&place.nth(nth), reference)).collect()
    }
}

/// The ids of all users.
pub(super) struct UserNames(BTreeSet<UserId>);

impl UserNames {
    pub(super) fn of(world: &World, document: &Document, prune: bool) -> Result<Self> {
        let listed = document.file.users.iter().enumerate().map(|(nth, entry)| {
            read(&document.whole().entry("users", nth, &entry.id), &entry.id, UserId::parse)
        });
        let mut ids: BTreeSet<_> = listed.collect::<Result<_>>()?;
        if !prune {
            ids.extend(world.users.keys().cloned());
        }
        Ok(Self(ids))
    }

    /// The user that a reference means.
    pub(super) fn find(&self, place: &Place<'_>, id: &str) -> Result<UserId> {
        self.0.get(id).cloned().ok_or_else(|| fault(place, format!("there is no user `{id}`")))
    }
}

/// The ids of all projects, by group and label.
pub(super) struct ProjectNames {
    by_name: BTreeMap<(String, String), ProjectId>,
    ids: BTreeSet<ProjectId>,
    /// The projects that the file names.
    mentioned: BTreeSet<ProjectId>,
}

impl ProjectNames {
    pub(super) fn of(
        world: &World,
        document: &Document,
        prune: bool,
        new_id: &mut dyn FnMut() -> Result<String>,
    ) -> Result<Self> {
        let file = &document.file;
        let listed: BTreeSet<_> = entries(file).filter_map(|(_, (_, entry))| entry.id.as_deref()).collect();
        let others = world.projects.iter().filter(|(id, _)| !listed.contains(id.as_str()));
        let name = |group: &GroupId, label: &Label| (group.to_string(), label.to_string());
        let mut by_name: BTreeMap<_, _> =
            others.map(|(id, project)| (name(&project.group, &project.label), id.clone())).collect();
        let (mut mentioned, mut names) = (BTreeSet::new(), BTreeSet::new());
        for ((at, group), (nth, entry)) in entries(file) {
            let place = document.whole().entry("groups", at, &group.id).entry("projects", nth, &entry.label);
            let name = (group.id.clone(), entry.label.clone());
            once(&mut names, name.clone(), &place)?;
            let id = match (&entry.id, by_name.get(&name)) {
                (Some(id), _) => read(&place.at("id"), id, ProjectId::parse)?,
                (None, Some(id)) => id.clone(),
                (None, None) => read(&place, &new_id()?, ProjectId::parse)?,
            };
            once(&mut mentioned, id.clone(), &place)?;
            by_name.insert(name, id);
        }
        by_name.retain(|_, id| !prune || mentioned.contains(id));
        let ids = by_name.values().cloned().collect();
        Ok(Self { by_name, ids, mentioned })
    }

    /// The id that an entry of the file stands for.
    pub(super) fn of_entry(
        &self,
        place: &Place<'_>,
        group: &GroupId,
        entry: &ProjectEntry,
    ) -> Result<ProjectId> {
        let found = self.by_name.get(&(group.to_string(), entry.label.clone()));
        found.cloned().ok_or_else(|| fault(place, "has no id"))
    }

    /// The id that a reference means: an id, or `group/label`.
    pub(super) fn find(&self, place: &Place<'_>, reference: &str) -> Result<ProjectId> {
        if let Some(id) = self.ids.get(reference) {
            return Ok(id.clone());
        }
        // Ids and labels may hold slashes themselves.
        let mut named = reference.match_indices('/').filter_map(|(at, slash)| {
            let (group, label) = (reference.get(..at)?, reference.get(at + slash.len()..)?);
            self.by_name.get(&(group.to_owned(), label.to_owned()))
        });
        match (named.next(), named.next()) {
            (Some(id), None) => Ok(id.clone()),
            (None, _) => Err(fault(place, format!("there is no project `{reference}`"))),
            _ => Err(fault(place, format!("`{reference}` means more than one project: use an id"))),
        }
    }

    pub(super) fn is_mentioned(&self, id: &ProjectId) -> bool {
        self.mentioned.contains(id)
    }
}

/// All projects of a file with their groups, each with its number in its list.
fn entries(file: &SiteFile) -> impl Iterator<Item = ((usize, &GroupEntry), (usize, &ProjectEntry))> {
    let groups = file.groups.iter().enumerate();
    groups.flat_map(|group| group.1.projects.iter().enumerate().map(move |entry| (group, entry)))
}
