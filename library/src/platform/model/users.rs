//! Users, and who calls.

use super::{keys::KeyInfo, or_nothing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The e-mail address, which the id is by custom.
    #[serde(default)]
    pub email: Option<String>,
    /// The one site role.
    #[serde(default, deserialize_with = "or_nothing")]
    pub roles: Vec<String>,
    /// Whether the user may do nothing for now.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// A user to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewUser {
    /// The id, an e-mail address by custom.
    #[serde(rename = "_id")]
    pub id: String,
    /// The one site role; `user` if absent.
    pub roles: Option<Vec<String>>,
    /// Whether the user may do nothing for now.
    pub disabled: Option<bool>,
}

/// A change to a user; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct UserUpdate {
    /// The new site role.
    pub roles: Option<Vec<String>>,
    /// Whether the user may do nothing from now on.
    pub disabled: Option<bool>,
}

/// Who calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurrentUser {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The id again.
    pub user_id: String,
    /// The e-mail address, which the id is by custom.
    pub email: String,
    /// The one site role.
    pub roles: Vec<String>,
    /// Whether the user may do everything.
    pub root: bool,
    /// Whether the user may do nothing for now.
    pub disabled: bool,
    /// The keys, without their secrets.
    pub api_keys: Vec<KeyInfo>,
}

/// Who calls, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthStatus {
    /// Where the call comes from.
    pub origin: Origin,
    /// The user.
    pub user_id: String,
    /// Whether the user may do everything.
    pub user_is_admin: bool,
    /// Always false: devices have no keys here.
    pub is_device: bool,
    /// The one site role.
    pub roles: Vec<String>,
}

/// Where a call comes from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Origin {
    /// Always `user`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user.
    pub id: String,
}
