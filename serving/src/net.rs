//! Listeners, and what is served on their connections.

pub mod address;
pub mod arrivals;
pub mod connection;
pub mod face;
pub mod file;
mod guests;
pub mod http;
pub mod lanes;
pub mod listen;
mod looks;
pub mod serving;
pub mod shutdown;
mod socket;
mod ticks;
pub mod tls;

/// The largest list of headers, in bytes.
const HEADER_BYTES: u32 = 16 << 10;
