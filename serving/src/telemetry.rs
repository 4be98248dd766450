//! What the outside sees of a running server: log lines, metrics and traces.

pub mod answers;
pub mod calls;
pub mod connections;
pub mod doors;
pub mod intake;
pub mod lines;
pub mod metrics;
mod places;
pub mod rejections;
pub mod requests;
mod room;
mod tally;
pub(crate) mod told;
pub mod traces;
