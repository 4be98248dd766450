//! What runs, and how the site is set up.

use serde::Serialize;
use utoipa::ToSchema;

/// What runs here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Version {
    /// The name of the document.
    #[serde(rename = "_id")]
    pub id: String,
    /// The schema of the store.
    pub database: u64,
    /// rolegate's version.
    pub release: String,
    /// The same.
    pub flywheel_release: String,
}

/// How the site is set up, as far as it is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SiteConfig {
    /// Its name.
    pub site: Site,
    /// What is switched on.
    pub features: Features,
}

/// The site.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Site {
    /// For people.
    pub name: String,
}

/// What is switched on.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Features {
    /// Gears can be restricted to projects and users.
    pub gear_access: bool,
}
