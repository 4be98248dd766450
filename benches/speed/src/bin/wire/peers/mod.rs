//! The servers that are measured: real processes, each on the same processor.

pub(crate) mod cerbos;
pub(crate) mod noop;
pub(crate) mod rolegate;
mod server;

pub(crate) use server::{Launch, Server};
