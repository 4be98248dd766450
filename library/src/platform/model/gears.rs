//! Gears and whom they are open to.

use super::or_nothing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A gear and whom it is open to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearSeries {
    /// The name.
    #[serde(rename = "_id")]
    pub id: String,
    /// The name.
    pub name: String,
    /// Whom it is open to, if it is restricted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub permissions: GearPermissions,
    /// Whether it is open to those alone.
    #[serde(default, deserialize_with = "or_nothing")]
    pub is_restricted: bool,
}

/// Whom a gear is open to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GearPermissions {
    /// On these projects, by id.
    #[serde(default, deserialize_with = "or_nothing")]
    pub projects: Vec<String>,
    /// For these users.
    #[serde(default, deserialize_with = "or_nothing")]
    pub users: Vec<String>,
}

/// A gear, as lists tell of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearDoc {
    /// Names this version of the gear; there is only one here.
    #[serde(rename = "_id")]
    pub id: String,
    /// The gear itself.
    pub gear: GearName,
}

/// What a gear is called.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GearName {
    /// The name.
    pub name: String,
}

/// A project or a user that a gear is to be open to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct GearItem {
    /// The id.
    pub id: String,
}
