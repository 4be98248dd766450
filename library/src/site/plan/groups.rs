//! Steps for groups and what hangs on them.

use super::{Planner, fault, once, read};
use crate::{
    rbac::{
        level::GroupRole,
        text::{GroupId, Label, ProjectId, RoleId, UserId},
        world::{Permissions, WorldGroup, WorldProject},
    },
    site::{GroupEntry, ProjectEntry, SiteFile, lines::Place, step::Step},
    store::error::Result,
};
use std::collections::{BTreeMap, BTreeSet};

/// A group of the file, and as the site has it.
struct Group<'a> {
    id: GroupId,
    entry: &'a GroupEntry,
    held: Option<&'a WorldGroup>,
    place: Place<'a>,
}

impl Planner<'_> {
    pub(super) fn plan_groups(&mut self, file: &SiteFile) -> Result<()> {
        let mut seen = BTreeSet::new();
        for (nth, entry) in file.groups.iter().enumerate() {
            let place = self.whole.entry("groups", nth, &entry.id);
            let id = read(&place, &entry.id, GroupId::parse)?;
            once(&mut seen, id.clone(), &place)?;
            let group = Group { held: self.world.groups.get(&id), id, entry, place };
            self.plan_group(&group)?;
            self.plan_offers(&group)?;
            self.plan_members(&group)?;
            self.plan_template(&group)?;
            for (nth, project) in entry.projects.iter().enumerate() {
                self.plan_project(&group.id, project, &group.place.entry("projects", nth, &project.label))?;
            }
        }
        Ok(())
    }

    fn plan_group(&mut self, group: &Group<'_>) -> Result<()> {
        let Group { id, entry, held, place } = group;
        let label =
            entry.label.as_deref().map(|label| read(&place.at("label"), label, Label::parse)).transpose()?;
        match (held, label) {
            (None, label) => {
                let label = label.map_or_else(|| read(place, &entry.id, Label::parse), Ok)?;
                self.steps.push(Step::CreateGroup { id: id.clone(), label });
            }
            (Some(group), Some(label)) if group.label != label => {
                self.steps.push(Step::RenameGroup { id: id.clone(), label });
            }
            (Some(_), _) => {}
        }
        Ok(())
    }

    fn plan_offers(&mut self, group: &Group<'_>) -> Result<()> {
        let Group { id, entry, held, place } = group;
        let wanted = self.roles.find_all(&place.part("offers"), &entry.offers)?;
        let held = held.map(|group| group.offers.clone()).unwrap_or_default();
        for role in wanted.difference(&held) {
            let label = self.label(role);
            self.steps.push(Step::Offer { group: id.clone(), role: role.clone(), label });
        }
        for role in held.difference(&wanted) {
            let label = self.label(role);
            self.withdrawals.push(Step::Withdraw { group: id.clone(), role: role.clone(), label });
        }
        Ok(())
    }

    fn plan_members(&mut self, group: &Group<'_>) -> Result<()> {
        let Group { id, entry, held, place } = group;
        let place = place.part("members");
        let mut wanted = BTreeMap::new();
        for (user, role) in &entry.members {
            let place = place.at(user);
            let role = GroupRole::from_name(role)
                .ok_or_else(|| fault(&place, format!("`{role}` is none of admin, rw, ro")))?;
            wanted.insert(self.users.find(&place, user)?, role);
        }
        let held = held.map(|group| group.members.clone()).unwrap_or_default();
        for (user, role) in &wanted {
            if held.get(user) != Some(role) {
                self.steps.push(Step::SetMember { group: id.clone(), user: user.clone(), role: *role });
            }
        }
        for user in held.keys().filter(|user| !wanted.contains_key(*user)) {
            self.steps.push(Step::RemoveMember { group: id.clone(), user: user.clone() });
        }
        Ok(())
    }

    fn plan_template(&mut self, group: &Group<'_>) -> Result<()> {
        let Group { id, entry, held, place } = group;
        let wanted = self.permissions(&place.part("template"), &entry.template)?;
        let held = held.map(|group| group.template.clone()).unwrap_or_default();
        for (user, roles) in changed(&held, &wanted) {
            let (group, labels) = (id.clone(), self.labels(&roles));
            self.steps.push(Step::SetTemplate { group, user, roles, labels });
        }
        for user in removed(&held, &wanted) {
            self.steps.push(Step::RemoveTemplate { group: id.clone(), user });
        }
        Ok(())
    }

    fn plan_project(&mut self, group: &GroupId, project: &ProjectEntry, place: &Place<'_>) -> Result<()> {
        let id = self.projects.of_entry(place, group, project)?;
        let label = read(&place.at("label"), &project.label, Label::parse)?;
        let held = self.world.projects.get(&id);
        match held {
            None => {
                let (id, group, label) = (id.clone(), group.clone(), label.clone());
                self.steps.push(Step::CreateProject { id, group, label });
            }
            Some(held) if held.group != *group => {
                let problem = format!("is in group `{}`, and a project never changes its group", held.group);
                return Err(fault(place, problem));
            }
            Some(held) if held.label != label => {
                self.steps.push(Step::RenameProject { id: id.clone(), label: label.clone() });
            }
            Some(_) => {}
        }
        self.plan_permissions(&id, &label, project, held, place)
    }

    fn plan_permissions(
        &mut self,
        id: &ProjectId,
        label: &Label,
        entry: &ProjectEntry,
        held: Option<&WorldProject>,
        place: &Place<'_>,
    ) -> Result<()> {
        let wanted = self.permissions(&place.part("permissions"), &entry.permissions)?;
        let held = held.map(|project| project.permissions.clone()).unwrap_or_default();
        for (user, roles) in changed(&held, &wanted) {
            let (project, label, labels) = (id.clone(), label.clone(), self.labels(&roles));
            self.steps.push(Step::SetPermission { project, label, user, roles, labels });
        }
        for user in removed(&held, &wanted) {
            self.steps.push(Step::RemovePermission { project: id.clone(), label: label.clone(), user });
        }
        Ok(())
    }

    fn permissions(&self, place: &Place<'_>, entries: &BTreeMap<String, Vec<String>>) -> Result<Permissions> {
        let entry = |(user, roles): (&String, &Vec<String>)| {
            let place = place.of(user);
            if roles.is_empty() {
                return Err(fault(
                    &place,
                    "must name at least one role; to take all away, leave the user out",
                ));
            }
            Ok((self.users.find(&place, user)?, self.roles.find_all(&place, roles)?))
        };
        entries.iter().map(entry).collect()
    }

    fn label(&self, role: &RoleId) -> String {
        let held =
            || self.world.roles.get(role).map_or_else(|| role.to_string(), |role| role.label.to_string());
        self.roles.label(role).unwrap_or_else(held)
    }

    fn labels(&self, roles: &BTreeSet<RoleId>) -> String {
        let labels: Vec<_> = roles.iter().map(|role| self.label(role)).collect();
        labels.join(", ")
    }
}

fn changed(held: &Permissions, wanted: &Permissions) -> Vec<(UserId, BTreeSet<RoleId>)> {
    let differs = |(user, roles): &(&UserId, &BTreeSet<RoleId>)| held.get(*user) != Some(*roles);
    wanted.iter().filter(differs).map(|(user, roles)| (user.clone(), roles.clone())).collect()
}

fn removed(held: &Permissions, wanted: &Permissions) -> Vec<UserId> {
    held.keys().filter(|user| !wanted.contains_key(*user)).cloned().collect()
}
