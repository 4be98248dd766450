//! Holds real servers, run as processes, to what callers are promised.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

mod ask;
mod asked;
mod attack;
mod bad_input;
mod caller_keys;
mod config;
mod connections;
mod crash;
mod crowds;
mod deadlines;
mod decision_log;
mod drain;
mod explains;
mod fuzz;
mod healthcheck;
mod hostile;
mod http;
mod log_lines;
mod lost_log;
mod memory;
mod open_files;
mod pieces;
mod random;
mod raw;
mod revocation;
mod shutdown;
mod site;
mod sizes;
mod sockets;
mod staleness;
mod startup;
mod stubborn;
mod tls;
mod tls_client;
mod tls_rotation;
mod transport;
mod worlds;

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/world_file.rs"]
mod world_file;
