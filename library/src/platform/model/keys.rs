//! API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct NewKey {
    /// What it is for.
    pub label: String,
    /// When it ends, in RFC 3339.
    pub expires_at: Option<String>,
}

/// A key without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyInfo {
    /// The readable part, by which it is revoked.
    #[serde(rename = "_id")]
    pub id: String,
    /// The same: clients that know no id of a key read it here.
    pub key: String,
    /// What it is for.
    pub label: String,
    /// When it was made, in RFC 3339.
    pub created: String,
    /// When it ends, in RFC 3339; null for never.
    pub expires_at: Option<String>,
}

/// A key that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MadeKey {
    /// What it is.
    #[serde(flatten)]
    pub info: KeyInfo,
    /// The whole key, shown this once.
    pub unencrypted_secret: String,
}
