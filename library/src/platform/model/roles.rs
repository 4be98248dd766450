//! Roles, and who holds them.

use super::{or_nothing, outcomes::Id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Role {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// For people; unique on the site.
    pub label: String,
    /// What it may do, by current names.
    #[serde(default, deserialize_with = "or_nothing")]
    pub actions: Vec<String>,
    /// Which of the built-in roles it is; null for a custom role.
    #[serde(default)]
    pub default_flywheel_role: Option<String>,
    /// Whether anyone holds it, on a project or in a template.
    #[serde(default, deserialize_with = "or_nothing")]
    pub in_use: bool,
}

/// A custom role to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewRole {
    /// For people; unique on the site.
    pub label: String,
    /// What it may do; older names stand for the current ones.
    pub actions: Vec<String>,
}

/// A change to a custom role; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RoleUpdate {
    /// The new label.
    pub label: Option<String>,
    /// The new actions, in place of the old ones.
    pub actions: Option<Vec<String>>,
}

/// A role by its id: bare, or as an object.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoleReference {
    /// The id alone.
    Bare(String),
    /// An object that holds it.
    Object(Id),
}

impl RoleReference {
    pub(in crate::platform) fn id(&self) -> &str {
        match self {
            Self::Bare(id) | Self::Object(Id { id }) => id,
        }
    }
}

/// A user's roles on a project, or in a group's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolePermission {
    /// The user.
    #[serde(rename = "_id")]
    pub id: String,
    /// The roles, by id.
    #[serde(deserialize_with = "or_nothing")]
    pub role_ids: Vec<String>,
}

/// The roles that a user is to have, in place of those held.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct RoleIds {
    /// The roles, by id.
    pub role_ids: Vec<String>,
}
