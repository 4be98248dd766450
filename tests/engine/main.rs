//! The engine over the real embedded store: fresh answers, whatever happens in which order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod freshness;
mod history;
mod kit;
mod random;
mod simulation;
mod stale_fill;
#[path = "../store/support.rs"]
#[allow(dead_code, reason = "shared with the store's tests, which use the rest")]
mod support;
