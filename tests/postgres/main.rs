//! Holds real servers to their promises on a real PostgreSQL, and through its faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

#[allow(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "../wire/ask.rs"]
mod ask;
mod clock;
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "../support/cluster.rs"]
mod cluster;
mod faults;
mod histories;
mod misuse;
mod new_enemy;
mod pooler;
mod proxy;
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "../wire/random.rs"]
mod random;
mod scene;
#[allow(dead_code, reason = "shared with other tests, which use the rest")]
#[path = "../support/server.rs"]
mod server;
mod startup;
