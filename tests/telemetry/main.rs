//! Holds real servers to what they tell of themselves: metrics, traces, log lines, and the files that read them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

mod collector;
mod counts;
mod exposition;
mod logs;
mod scrape;
mod traces;
mod watchers;

#[path = "../wire/ask.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod ask;
#[path = "../support/certificates.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod certificates;
#[path = "../wire/http.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod http;
#[path = "../support/server.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod server;
#[path = "../wire/site.rs"]
mod site;
