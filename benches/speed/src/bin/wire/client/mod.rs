//! A gRPC client that does as little as it can: the load must cost far less than the servers that it loads.

mod answer;
mod connection;
mod frames;
mod headers;
mod input;
mod settings;
mod socket;
mod streams;

pub(crate) use connection::{Connection, Finished};
pub(crate) use socket::Address;
