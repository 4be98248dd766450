//! Why a request came to nothing.

use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was refused, or failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// For people.
    pub message: String,
    /// The status, again.
    pub status_code: u16,
    /// For programs.
    pub detail: Detail,
}

/// Why, for programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Detail {
    /// The same words as over gRPC, such as `ROLE_IN_USE`.
    pub reason: String,
}
