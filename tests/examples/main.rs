//! Runs the worked callers in `examples/` as a stranger would, each against real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

mod component;
mod documents;
mod download;
mod gears;
mod http;
mod scene;
mod service;

#[path = "../support/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;
