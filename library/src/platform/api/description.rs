//! What the API is described by, made from what stands above its handlers.

use super::of_each;
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

/// The description's frame.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "rolegate", description = "Roles and permissions, over the HTTP contract of the platform's clients"),
    modifiers(&Keys),
    security(("key" = []))
)]
struct Frame;

/// Requests show an API key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut OpenApi) {
        let components = description.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The description of the API, in OpenAPI 3.1.
#[must_use]
pub fn description() -> OpenApi {
    let routes =
        OpenApiRouter::with_openapi(Frame::openapi()).nest("/api", of_each!(OpenApiRouter::new(), describe));
    let mut description = routes.into_openapi();
    for item in description.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        // The names of handlers, which are short and come more than once.
        operations.into_iter().flatten().for_each(|operation| operation.operation_id = None);
    }
    description
}
