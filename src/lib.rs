//! rolegate

pub mod grpc;
pub mod rbac;
