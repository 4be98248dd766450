//! What runs here.

use super::{
    caller::Caller,
    endpoints::endpoints,
    failure::{Failure, Refusals},
};
use crate::platform::model::{Features, Site, SiteConfig, Version};
use axum::{Json, http::header::CONTENT_TYPE, response::IntoResponse};

endpoints!(version, config, description);

/// What runs here
#[utoipa::path(get, path = "/version", tag = "about", responses((status = 200, body = Version), Refusals))]
async fn version(_: Caller) -> Result<Json<Version>, Failure> {
    let release = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Version { id: "version".to_owned(), database: 1, flywheel_release: release.clone(), release }))
}

/// How the site is set up, as far as it is told
#[utoipa::path(get, path = "/config", tag = "about", responses((status = 200, body = SiteConfig), Refusals))]
async fn config(_: Caller) -> Result<Json<SiteConfig>, Failure> {
    let site = Site { name: "rolegate".to_owned() };
    Ok(Json(SiteConfig { site, features: Features { gear_access: true } }))
}

/// This description
#[utoipa::path(get, path = "/openapi.json", tag = "about", responses((status = 200, description = "OpenAPI 3.1", body = Object), Refusals))]
async fn description(_: Caller) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!(concat!(env!("OUT_DIR"), "/openapi.json")))
}
