//! What changes come to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The id of what was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Id {
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
}

/// How many things were changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Modified {
    /// How many.
    pub modified: u64,
}

impl Modified {
    pub(in crate::platform) const ONE: Self = Self { modified: 1 };
    pub(in crate::platform) const NONE: Self = Self { modified: 0 };
}

/// How many things were deleted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// How many.
    pub deleted: u64,
}

impl Deleted {
    pub(in crate::platform) const ONE: Self = Self { deleted: 1 };
}
