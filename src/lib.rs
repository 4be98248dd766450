//! rolegate

pub mod cli;
pub mod config;
pub mod engine;
pub mod grpc;
pub mod rbac;
pub mod server;
pub mod site;
pub mod store;
pub mod telemetry;
