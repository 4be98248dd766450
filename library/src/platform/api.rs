//! The platform's HTTP contract, served: a thin layer over the engine, like the gRPC service for administrators.
//!
//! Every path lies under `/api`, every request shows an API key, and every rule is judged where it is for gRPC too.

mod about;
mod body;
mod caller;
mod description;
mod endpoints;
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
pub use description::description;
use failure::Failure;
use room::Room;
use std::sync::Arc;
use tokio::sync::Semaphore;

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
}

/// What one function of every module with endpoints gives, put together.
macro_rules! of_each {
    ($whole:expr, $function:ident) => {
        $whole
            .merge($crate::platform::api::about::$function())
            .merge($crate::platform::api::session::$function())
            .merge($crate::platform::api::users::$function())
            .merge($crate::platform::api::roles::$function())
            .merge($crate::platform::api::groups::$function())
            .merge($crate::platform::api::members::$function())
            .merge($crate::platform::api::projects::$function())
            .merge($crate::platform::api::permissions::$function())
            .merge($crate::platform::api::lookup::$function())
            .merge($crate::platform::api::gears::$function())
    };
}
use of_each;

/// The API. Bodies may be so large, and so many requests may be answered at a time.
pub fn router(engine: Engine, body_bytes: usize, requests: usize) -> Router {
    let api = Api {
        engine,
        places: Arc::new(Semaphore::new(requests)),
        room: Room::for_bodies_of(body_bytes),
        body_bytes,
    };
    Router::new()
        .nest("/api", of_each!(Router::new(), serve))
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
