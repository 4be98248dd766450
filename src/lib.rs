//! rolegate

pub mod cli;
pub mod grpc;
pub mod rbac;
