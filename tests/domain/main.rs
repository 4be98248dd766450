//! Holds the pure core to the written rules: tables, golden files, decision worlds, and a second naive reading.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it stands"
)]

mod custom_roles;
mod edges;
mod generate;
mod golden;
mod naive;
mod properties;
mod role_names;
mod tables;
mod text;
mod walls;
mod ways;
mod worlds;

#[path = "../support/question.rs"]
mod question;
#[path = "../support/site_world.rs"]
mod site_world;
#[path = "../support/world_file.rs"]
mod world_file;
