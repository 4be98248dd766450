//! Holds the platform's HTTP contract to what its clients make of it: the real ones, on a real server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

mod clients;
mod description;
mod edges;
mod http;
mod imports;
mod worlds;

#[path = "../support/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;
