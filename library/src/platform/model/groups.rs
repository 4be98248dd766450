//! Groups and their members.

use super::{or_nothing, roles::RolePermission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a member of a group may do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessLevel {
    /// View.
    Ro,
    /// Change settings.
    Rw,
    /// Manage.
    Admin,
}

/// A user's role in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessPermission {
    /// The user.
    #[serde(rename = "_id")]
    pub id: String,
    /// The role.
    pub access: AccessLevel,
}

/// The role in a group that a user is to have.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct Access {
    /// The role.
    pub access: AccessLevel,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people.
    #[serde(default)]
    pub label: Option<String>,
    /// Its members.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: Vec<AccessPermission>,
    /// What its new projects start with.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions_template: Vec<RolePermission>,
    /// The custom roles that it is offered, by id.
    #[serde(default, deserialize_with = "or_nothing")]
    pub roles: Vec<String>,
    /// When it last changed.
    #[serde(default, deserialize_with = "or_nothing")]
    pub revision: u64,
}

/// A group to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewGroup {
    /// The id, chosen by its maker.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people; the id if absent.
    pub label: Option<String>,
}

/// A change to a group; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct LabelUpdate {
    /// The new label.
    pub label: Option<String>,
}
