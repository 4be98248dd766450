//! The list of a module's endpoints, read in two ways: to serve them, and to describe them. What describes them is much code, and
//! no part of the program: it is run by whoever makes the description anew.

use super::Api;
use axum::{
    Router,
    handler::Handler,
    routing::{self, MethodFilter, MethodRouter},
};
use utoipa::{Path, openapi::HttpMethod};
use utoipa_axum::PathItemExt as _;

/// The endpoints of a module, by their handlers. Where each is and what methods it takes stands above it, in its description.
macro_rules! endpoints {
    ($($handler:ident),+ $(,)?) => { pastey::paste! {
        /// The endpoints, to be served.
        pub(super) fn serve() -> axum::Router<super::Api> {
            axum::Router::new()$(.merge(super::endpoints::at::<[<__path_ $handler>], _>($handler)))+
        }

        /// The endpoints, described.
        pub(super) fn describe() -> utoipa_axum::router::OpenApiRouter<super::Api> {
            utoipa_axum::router::OpenApiRouter::new()$(.routes(utoipa_axum::routes!($handler)))+
        }
    } };
}
pub(super) use endpoints;

/// A handler at its place.
pub(super) fn at<P: Path, T: 'static>(handler: impl Handler<T, Api>) -> Router<Api> {
    let methods = P::methods().iter().map(HttpMethod::to_method_filter).reduce(MethodFilter::or);
    let methods = methods.map_or_else(MethodRouter::new, |methods| routing::on(methods, handler));
    Router::new().route(&P::path(), methods)
}
