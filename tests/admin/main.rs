//! Holds the administration of roles, over the wire and on the command line, to its rules: a real server on a real
//! store, spoken to as administrators do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it stands"
)]

mod audit;
mod calls;
mod commands;
mod demo;
mod direct;
mod exits;
mod inventory;
mod inventory_cases;
mod keys;
mod lists;
mod offers;
mod people;
mod places;
mod revisions;
mod roles;
mod server;
mod site_calls;
mod site_faults;
mod site_file;
mod site_text;
mod sizes;
mod templates;
mod writes;
