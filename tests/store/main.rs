//! The store contract, and the embedded store's own promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

#[allow(dead_code, reason = "shared with the engine's tests, which use the rest")]
mod support;
