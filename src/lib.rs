//! rolegate

pub mod cli;
pub mod engine;
pub mod grpc;
pub mod rbac;
pub mod site;
pub mod store;
