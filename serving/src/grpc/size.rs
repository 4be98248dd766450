//! How much fits into a reply: the stack would cut a larger one off with an error that helps nobody.

use super::status::{untold_name, with_reason};
use crate::engine::decisions::Untold;
use prost::{Message, encoding::encoded_len_varint};
use tonic::{Code, Status};

/// Room for what a reply holds beside its list: a token, an age, an object.
const BESIDE: usize = 1 << 10;

/// The room that is left in a reply for a list.
pub struct Room(usize);

impl Room {
    /// The room for a list in a reply of at most so many bytes.
    pub const fn in_reply(bytes: usize) -> Self {
        Self(bytes.saturating_sub(BESIDE))
    }

    /// Whether so many bytes of a list find room.
    pub(super) const fn holds(&self, bytes: usize) -> bool {
        bytes <= self.0
    }

    /// Takes up the room of one item, if there is enough.
    pub fn takes(&mut self, item: &impl Message) -> bool {
        let bytes = item.encoded_len();
        // The field's number comes first, in one byte, and then the length.
        let left = self.0.checked_sub(bytes + encoded_len_varint(bytes as u64) + 1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Refuses a reply that is too large for one message, and says what to ask instead.
pub fn fits<M: Message>(reply: M, most: usize, instead: &str) -> Result<M, Status> {
    if reply.encoded_len() <= most {
        return Ok(reply);
    }
    Err(too_large(most, instead))
}

/// A reply that does not fit into one message, and what to ask instead.
pub(super) fn too_large(most: usize, instead: &str) -> Status {
    let problem =
        format!("the reply takes more than {most} bytes, the most that this server sends: {instead}");
    with_reason(Code::ResourceExhausted, untold_name(Untold::TooLarge), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_what_found_room_fits_into_the_reply() {
        for length in [0, 1, 100, 127, 128, 5_000] {
            let (most, item) = (100_000, "x".repeat(length));
            let mut room = Room::in_reply(most);
            let mut reply = crate::grpc::proto::GearRestriction::default();
            // A message of one text costs as much as the text as a field.
            while reply.projects.len() < 200_000 && room.takes(&item) {
                reply.projects.push(item.clone());
            }
            assert!(reply.encoded_len() <= most, "{length}: {}", reply.encoded_len());
            assert!(!room.takes(&"x".repeat(most)));
        }
    }

    #[test]
    fn a_reply_is_refused_one_byte_over_the_limit_and_not_before() {
        let reply = "x".repeat(100);
        let bytes = reply.encoded_len();
        assert!(fits(reply.clone(), bytes, "ask less").is_ok());
        let refused = fits(reply, bytes - 1, "ask less").err();
        assert_eq!(refused.map(|status| status.code()), Some(Code::ResourceExhausted));
    }
}
