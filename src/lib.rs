//! rolegate

pub mod grpc;
pub mod rbac;
pub mod site;
pub mod store;
