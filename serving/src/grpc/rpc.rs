//! Calls of one message each way, made and taken by code that is there once for all of them: what the stack makes of a
//! message's type is much code for each, and administrators' calls have many.

use super::codec::{Incoming, Outgoing};
use prost::{
    Message,
    bytes::{Buf as _, BufMut as _, Bytes},
};
use tonic::{
    Status,
    codec::{DecodeBuf, EncodeBuf},
};

/// A message that is all that a call asks. `build.rs` says so of those in `proto/`.
pub trait Rpc: Message {
    /// What answers it.
    type Reply: Message + Default;
    /// Where it is asked, as gRPC has it: the service's full name and the call's.
    const PATH: &'static str;
}

impl Rpc for tonic_health::pb::HealthCheckRequest {
    type Reply = tonic_health::pb::HealthCheckResponse;
    const PATH: &'static str = "/grpc.health.v1.Health/Check";
}

/// A message as it travels.
#[derive(Debug)]
pub struct Encoded(Bytes);

impl Encoded {
    /// A message, written.
    pub fn of(message: &impl Message) -> Self {
        Self(message.encode_to_vec().into())
    }

    /// The message, read.
    ///
    /// # Errors
    /// It is not what it should be: internal, as gRPC has it.
    pub fn read<M: Message + Default>(self) -> Result<M, Status> {
        M::decode(self.0).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Incoming for Encoded {
    fn read(buffer: &mut DecodeBuf<'_>) -> Result<Self, Status> {
        Ok(Self(buffer.copy_to_bytes(buffer.remaining())))
    }
}

impl Outgoing for Encoded {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(self.0);
        Ok(())
    }
}
