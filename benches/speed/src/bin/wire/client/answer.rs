//! What has come back for one call. Nothing passes unchecked.

use crate::verdict::Expected;

/// gRPC puts this many bytes in front of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

pub(crate) enum Answer {
    Nothing,
    /// A message that came in more than one frame.
    Part(Vec<u8>),
    /// A whole message: whether it says what it should.
    Whole(bool),
}

impl Answer {
    pub(crate) fn take(&mut self, data: &[u8], expected: &Expected) {
        match self {
            _ if data.is_empty() => {}
            Self::Nothing => {
                *self = match message(data) {
                    Some(message) => Self::Whole(expected.is(message)),
                    None => Self::Part(data.to_vec()),
                }
            }
            Self::Part(part) => part.extend_from_slice(data),
            Self::Whole(right) => *right = false,
        }
    }

    pub(crate) fn is_right(&self, expected: &Expected) -> bool {
        match self {
            Self::Nothing => false,
            Self::Part(part) => message(part).is_some_and(|message| expected.is(message)),
            Self::Whole(right) => *right,
        }
    }
}

/// The one message that these bytes are, if they are one.
fn message(data: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = data.split_first_chunk::<PREFIX>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    (prefix[0] == 0 && length == message.len()).then_some(message)
}
