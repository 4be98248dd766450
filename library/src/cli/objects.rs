//! How each kind of object is shown.

use super::{
    output::{Show, or_dash, yes_no},
    time::rfc3339,
};
use crate::grpc::proto::{
    ApiKey, Gear, Group, GroupMember, GroupRole, Project, ProjectPermission, Role, TemplateEntry, User,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

/// What a write may rest on.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct ExpectedArgs {
    /// Refuse if the object changed at any other revision than this one
    ///
    /// The object is the role, user or gear itself, the project for permissions, and the group for members,
    /// templates and offers. Reading an object shows its revision.
    #[arg(long, value_name = "N")]
    pub(crate) expected_revision: Option<u64>,
}

/// A role in a group, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupRoleArg {
    /// Manages the group
    Admin,
    /// Changes the group's settings
    Rw,
    /// Views the group
    Ro,
}

impl From<GroupRoleArg> for GroupRole {
    fn from(role: GroupRoleArg) -> Self {
        match role {
            GroupRoleArg::Admin => Self::Admin,
            GroupRoleArg::Rw => Self::Rw,
            GroupRoleArg::Ro => Self::Ro,
        }
    }
}

fn group_role_name(role: i32) -> &'static str {
    match GroupRole::try_from(role).unwrap_or_default() {
        GroupRole::Unspecified => "unknown",
        GroupRole::Admin => "admin",
        GroupRole::Rw => "rw",
        GroupRole::Ro => "ro",
    }
}

impl Show for Role {
    const NOUN: &'static str = "role";
    const COLUMNS: &'static [&'static str] = &["ID", "LABEL", "BUILT-IN", "ACTIONS", "REVISION"];

    fn cells(&self) -> Vec<String> {
        let built_in = yes_no(self.built_in);
        let actions = self.actions.len().to_string();
        vec![self.id.clone(), self.label.clone(), built_in, actions, self.revision.to_string()]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let spelt_out =
            |(name, value)| if name == "ACTIONS" { (name, self.actions.join("\n")) } else { (name, value) };
        Self::COLUMNS.iter().copied().zip(self.cells()).map(spelt_out).collect()
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "label": self.label, "actions": self.actions, "built_in": self.built_in,
            "revision": self.revision,
        })
    }
}

impl Show for Group {
    const NOUN: &'static str = "group";
    const COLUMNS: &'static [&'static str] = &["ID", "LABEL", "REVISION"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.label.clone(), self.revision.to_string()]
    }

    fn json(&self) -> Value {
        json!({ "id": self.id, "label": self.label, "revision": self.revision })
    }
}

impl Show for GroupMember {
    const NOUN: &'static str = "member";
    const COLUMNS: &'static [&'static str] = &["USER", "ROLE"];

    fn cells(&self) -> Vec<String> {
        vec![self.user.clone(), group_role_name(self.role).to_owned()]
    }

    fn json(&self) -> Value {
        json!({ "user": self.user, "role": group_role_name(self.role) })
    }
}

/// A user with project roles, on a project or in a template, whose labels were looked up for people.
pub(crate) struct Holding {
    user: String,
    roles: Vec<String>,
    labels: Vec<String>,
}

impl Holding {
    /// What a project's permission says.
    pub(crate) fn permission(permission: ProjectPermission, known: &[Role]) -> Self {
        Self::new(permission.user, permission.roles, known)
    }

    /// What a template's entry says.
    pub(crate) fn template(entry: TemplateEntry, known: &[Role]) -> Self {
        Self::new(entry.user, entry.roles, known)
    }

    fn new(user: String, roles: Vec<String>, known: &[Role]) -> Self {
        let label =
            |id: &String| known.iter().find(|role| role.id == *id).map_or(id, |role| &role.label).clone();
        let labels = roles.iter().map(label).collect();
        Self { user, roles, labels }
    }
}

impl Show for Holding {
    const NOUN: &'static str = "permission";
    const COLUMNS: &'static [&'static str] = &["USER", "ROLES"];

    fn cells(&self) -> Vec<String> {
        vec![self.user.clone(), self.labels.join(", ")]
    }

    fn json(&self) -> Value {
        json!({ "user": self.user, "roles": self.roles, "role_labels": self.labels })
    }
}

impl Show for Project {
    const NOUN: &'static str = "project";
    const COLUMNS: &'static [&'static str] = &["ID", "GROUP", "LABEL", "REVISION"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone(), self.group.clone(), self.label.clone(), self.revision.to_string()]
    }

    fn json(&self) -> Value {
        json!({ "id": self.id, "group": self.group, "label": self.label, "revision": self.revision })
    }
}

impl Show for User {
    const NOUN: &'static str = "user";
    const COLUMNS: &'static [&'static str] = &["ID", "SITE ROLE", "DISABLED", "REVISION"];

    fn cells(&self) -> Vec<String> {
        let disabled = yes_no(self.disabled);
        vec![self.id.clone(), self.site_role.clone(), disabled, self.revision.to_string()]
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "site_role": self.site_role, "disabled": self.disabled, "revision": self.revision,
        })
    }
}

impl Show for Gear {
    const NOUN: &'static str = "gear";
    const COLUMNS: &'static [&'static str] = &["NAME", "ACCESS", "PROJECTS", "USERS", "REVISION"];

    fn cells(&self) -> Vec<String> {
        let restriction = self.restriction.clone().unwrap_or_default();
        let access = match &self.restriction {
            None => "open",
            Some(lists) if lists.projects.is_empty() && lists.users.is_empty() => "closed",
            Some(_) => "restricted",
        };
        let [projects, users] = [restriction.projects, restriction.users].map(|ids| or_dash(ids.join(", ")));
        vec![self.name.clone(), access.to_owned(), projects, users, self.revision.to_string()]
    }

    fn json(&self) -> Value {
        let restriction = self.restriction.as_ref();
        let restriction =
            restriction.map(|lists| json!({ "projects": lists.projects, "users": lists.users }));
        json!({ "name": self.name, "restriction": restriction, "revision": self.revision })
    }
}

impl Show for ApiKey {
    const NOUN: &'static str = "key";
    const COLUMNS: &'static [&'static str] = &["ID", "USER", "LABEL", "CREATED", "EXPIRES"];

    fn cells(&self) -> Vec<String> {
        let created = self.created_at.map_or_else(|| "-".to_owned(), rfc3339);
        let expires = self.expires_at.map_or_else(|| "never".to_owned(), rfc3339);
        vec![self.id.clone(), self.user.clone(), self.label.clone(), created, expires]
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "user": self.user, "label": self.label,
            "created_at": self.created_at.map(rfc3339), "expires_at": self.expires_at.map(rfc3339),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::proto::GearRestriction;

    #[test]
    fn every_line_has_a_cell_for_every_column() {
        fn fits<T: Show>(item: &T) -> bool {
            item.cells().len() == T::COLUMNS.len()
        }
        assert!(fits(&Role::default()) && fits(&Group::default()) && fits(&GroupMember::default()));
        assert!(fits(&Project::default()) && fits(&User::default()) && fits(&Gear::default()));
        assert!(fits(&ApiKey::default()) && fits(&Holding::template(TemplateEntry::default(), &[])));
    }

    #[test]
    fn a_gear_is_open_restricted_or_closed() {
        let access = |restriction| {
            let gear = Gear { name: "bids".into(), restriction, revision: 1 };
            gear.cells().into_iter().nth(1)
        };
        let lists = GearRestriction { projects: vec!["p".into()], users: Vec::new() };
        assert_eq!(access(None).as_deref(), Some("open"));
        assert_eq!(access(Some(lists)).as_deref(), Some("restricted"));
        assert_eq!(access(Some(GearRestriction::default())).as_deref(), Some("closed"));
    }

    #[test]
    fn a_holding_shows_labels_and_keeps_ids() {
        let roles = [Role { id: "r1".into(), label: "Gear developer".into(), ..Role::default() }];
        let permission = ProjectPermission { user: "ann".into(), roles: vec!["r1".into(), "gone".into()] };
        let holding = Holding::permission(permission, &roles);
        assert_eq!(holding.cells(), ["ann", "Gear developer, gone"]);
        assert_eq!(holding.json().pointer("/roles/0"), Some(&json!("r1")));
    }

    #[test]
    fn a_key_without_end_never_expires() {
        let json = ApiKey::default().json();
        assert_eq!(json.get("expires_at"), Some(&Value::Null));
    }
}
