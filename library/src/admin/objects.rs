//! What the store keeps, as administrators see it.

use crate::{
    grpc::proto,
    rbac::{gear::GearAccess, impact, level::GroupRole, question::Resource},
    store::read::{
        RoleHolder,
        gears::GearRecord,
        groups::{GroupRecord, MemberRecord},
        keys::KeyRecord,
        projects::ProjectRecord,
        roles::RoleRecord,
        users::UserRecord,
    },
};

pub(super) fn role(record: RoleRecord) -> proto::Role {
    proto::Role {
        id: record.role.id.to_string(),
        label: record.role.label.to_string(),
        actions: record.role.actions.names().map(str::to_owned).collect(),
        built_in: record.role.built_in,
        revision: record.revision,
    }
}

pub(super) fn group(record: GroupRecord) -> proto::Group {
    proto::Group { id: record.id.to_string(), label: record.label.to_string(), revision: record.revision }
}

pub(super) fn member(record: MemberRecord) -> proto::GroupMember {
    let role = match record.role {
        GroupRole::Admin => proto::GroupRole::Admin,
        GroupRole::ReadWrite => proto::GroupRole::Rw,
        GroupRole::ReadOnly => proto::GroupRole::Ro,
    };
    proto::GroupMember { user: record.user.to_string(), role: role.into() }
}

pub(super) fn template_entry(holder: RoleHolder) -> proto::TemplateEntry {
    proto::TemplateEntry { user: holder.user.to_string(), roles: strings(holder.roles) }
}

pub(super) fn project(record: ProjectRecord) -> proto::Project {
    proto::Project {
        id: record.id.to_string(),
        group: record.group.to_string(),
        label: record.label.to_string(),
        revision: record.revision,
    }
}

pub(super) fn permission(holder: RoleHolder) -> proto::ProjectPermission {
    proto::ProjectPermission { user: holder.user.to_string(), roles: strings(holder.roles) }
}

pub(super) fn user(record: UserRecord) -> proto::User {
    proto::User {
        id: record.id.to_string(),
        site_role: record.site_role.name().to_owned(),
        disabled: !record.enabled,
        revision: record.revision,
    }
}

pub(super) fn gear(record: GearRecord) -> proto::Gear {
    let restriction = match record.access {
        GearAccess::Open => None,
        GearAccess::Restricted { projects, users } => {
            Some(proto::GearRestriction { projects: strings(projects), users: strings(users) })
        }
    };
    proto::Gear { name: record.name.to_string(), restriction, revision: record.revision }
}

pub(super) fn key(record: KeyRecord) -> proto::ApiKey {
    proto::ApiKey {
        id: record.id,
        user: record.user.to_string(),
        label: record.label.to_string(),
        created_at: Some(timestamp(record.created_at)),
        expires_at: record.expires_at.map(timestamp),
    }
}

pub(super) fn access_change(change: impact::AccessChange) -> proto::AccessChange {
    let (level, place) = match change.place {
        Resource::Site => (proto::Level::Site, String::new()),
        Resource::Group(id) => (proto::Level::Group, id.to_string()),
        Resource::Project(id) => (proto::Level::Project, id.to_string()),
    };
    proto::AccessChange {
        user: change.user.to_string(),
        level: level.into(),
        place,
        gained: strings(change.gained),
        lost: strings(change.lost),
        gains_everything: change.superuser == Some(true),
        loses_everything: change.superuser == Some(false),
    }
}

const fn timestamp(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn strings(texts: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    texts.into_iter().map(|text| text.to_string()).collect()
}
