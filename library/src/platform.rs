//! The HTTP contract of the platform, which the clients of its users and its own tools speak.

pub mod api;
pub mod import;
pub mod model;
pub mod source;
