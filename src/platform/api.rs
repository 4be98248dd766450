//! The platform's HTTP contract, served: a thin layer over the engine, like the gRPC service for administrators.
//!
//! Every path lies under `/api`, every request shows an API key, and every rule is judged where it is for gRPC too.

mod about;
mod body;
mod caller;
mod failure;
mod filter;
mod gears;
mod groups;
mod listing;
mod lookup;
mod members;
mod names;
mod permissions;
mod projects;
mod roles;
mod room;
mod session;
mod users;

use crate::engine::Engine;
use axum::{Router, http::StatusCode, middleware};
use failure::Failure;
use room::Room;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Description,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

/// Routes with their descriptions.
type Routes = OpenApiRouter<Api>;

/// What every request needs.
#[derive(Clone)]
struct Api {
    engine: Engine,
    /// How many requests may be answered at a time.
    places: Arc<Semaphore>,
    /// What their bodies may take up together.
    room: Room,
    /// How large a body may be.
    body_bytes: usize,
    description: Arc<Description>,
}

/// The description's frame.
#[derive(OpenApi)]
#[openapi(
    info(title = "rolegate", description = "Roles and permissions, over the HTTP contract of the platform's clients"),
    modifiers(&Keys),
    security(("key" = []))
)]
struct Frame;

/// Requests show an API key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut Description) {
        let components = description.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

fn routes() -> Routes {
    let routes = Routes::new().merge(about::routes()).merge(session::routes()).merge(users::routes());
    let routes = routes.merge(roles::routes()).merge(groups::routes()).merge(members::routes());
    routes
        .merge(projects::routes())
        .merge(permissions::routes())
        .merge(lookup::routes())
        .merge(gears::routes())
}

/// The routes, for a server, and their description.
fn described() -> (Router<Api>, Description) {
    let routes = OpenApiRouter::with_openapi(Frame::openapi()).nest("/api", routes());
    let (routes, mut description) = routes.split_for_parts();
    for item in description.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        // The names of handlers, which are short and come more than once.
        operations.into_iter().flatten().for_each(|operation| operation.operation_id = None);
    }
    (routes, description)
}

/// The API. Bodies may be so large, and so many requests may be answered at a time.
pub fn router(engine: Engine, body_bytes: usize, requests: usize) -> Router {
    let (routes, description) = described();
    let api = Api {
        engine,
        places: Arc::new(Semaphore::new(requests)),
        room: Room::for_bodies_of(body_bytes),
        body_bytes,
        description: Arc::new(description),
    };
    routes
        .fallback(async || {
            Failure::new(StatusCode::NOT_FOUND, "NO_SUCH_PATH", "there is nothing at this path")
        })
        .method_not_allowed_fallback(async || {
            let say = "this path does not take that method";
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "NO_SUCH_METHOD", say)
        })
        .layer(middleware::from_fn_with_state(api.clone(), caller::admit))
        .with_state(api)
}

/// The description of the API, in OpenAPI 3.1.
#[must_use]
pub fn description() -> Description {
    described().1
}
