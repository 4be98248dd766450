//! The wire: protobuf in, domain values through, protobuf out.

pub mod authorization;
pub mod batch;
pub mod bearer;
pub mod codec;
pub mod convert;
mod deadline;
pub mod edge;
pub mod front;
pub mod journal;
pub mod notes;
pub mod rpc;
pub mod size;
mod status;
mod suggest;
pub mod turns;
mod whole;

pub(crate) use convert::answer::reason_name;
pub(crate) use status::{error_name, untold_name};
pub use status::{of_refusal, of_store};
pub use suggest::nearest;

/// What `build.rs` makes of `proto/`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("rolegate.v1");
    include!(concat!(env!("OUT_DIR"), "/calls.rs"));

    /// The compiled descriptors, for server reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rolegate.v1.bin"));
}

/// The services as this server has them: it reads and writes batches in its own way, and of administration, where that is one
/// message each way, bytes. To be a server of any other kind, or a client, [`proto`] is what is needed.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod served {
    include!(concat!(env!("OUT_DIR"), "/served/rolegate.v1.rs"));
}
