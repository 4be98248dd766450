//! What is asked of a server: prepared calls, and what each must be answered.

use crate::verdict::Expected;
use prost::Message;

/// Calls of one method, asked in turn.
pub(crate) struct Work {
    pub(crate) path: &'static str,
    pub(crate) calls: Vec<Call>,
    /// Questions in a call.
    pub(crate) items: usize,
}

pub(crate) struct Call {
    /// The message with gRPC's prefix, ready to be sent.
    pub(crate) request: Vec<u8>,
    pub(crate) expected: Expected,
}

impl Call {
    pub(crate) fn new(message: &impl Message, expected: Expected) -> Self {
        let mut request = vec![0];
        request.extend_from_slice(&u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
        message.encode(&mut request).unwrap();
        Self { request, expected }
    }
}
