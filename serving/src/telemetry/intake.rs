//! Requests as they come in: room is taken for a long message as soon as its length is known, which is before anything
//! is set aside for it.

use super::places::Place;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Status, codegen::Bytes};

/// How many bytes gRPC puts before a message: whether it is compressed, and its length in four.
pub(crate) const PREFIX: usize = 5;

/// The body of a request.
pub struct Intake<B> {
    body: B,
    lengths: Lengths,
    place: Place,
}

impl<B> Intake<B> {
    pub(super) fn new(body: B, place: Place) -> Self {
        Self { body, lengths: Lengths::default(), place }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Intake<B>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(Status::from_error(error.into())))),
            None => return Poll::Ready(None),
        };
        let longest = frame.data_ref().map_or(0, |data| self.lengths.read(data));
        Poll::Ready(Some(self.place.load().carry(longest).map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Reads the lengths of messages as they go by, wherever they are cut in two.
#[derive(Default)]
struct Lengths {
    /// How many bytes of a prefix have been seen.
    seen: u8,
    /// The length as far as it is known; and then how much of the message is still to come.
    length: u32,
}

impl Lengths {
    /// The longest message whose length is in these bytes.
    fn read(&mut self, mut bytes: &[u8]) -> usize {
        let mut longest = 0;
        loop {
            while usize::from(self.seen) < PREFIX {
                let Some((byte, rest)) = bytes.split_first() else { return longest };
                // The first byte is pushed out by the four that come after it.
                self.length = (self.length << 8) | u32::from(*byte);
                self.seen += 1;
                bytes = rest;
            }
            longest = longest.max(self.length as usize);
            let here = bytes.len().min(self.length as usize);
            bytes = bytes.get(here..).unwrap_or_default();
            self.length -= u32::try_from(here).unwrap_or(self.length);
            if self.length > 0 {
                return longest;
            }
            self.seen = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(length: u32) -> Vec<u8> {
        [&[0], &length.to_be_bytes()[..]].concat()
    }

    #[test]
    fn lengths_are_read_however_a_body_is_cut() {
        let lengths = [3_u32, 0, 300, 70_000, 1];
        let body: Vec<u8> = lengths
            .iter()
            .flat_map(|length| [prefix(*length), vec![0xff; *length as usize]].concat())
            .collect();
        for size in [1, 2, 3, 5, 7, 64, 1_000, body.len()] {
            let mut reader = Lengths::default();
            let longest = body.chunks(size).map(|piece| reader.read(piece)).max();
            assert_eq!(longest, Some(70_000), "{size}");
            assert_eq!((reader.seen, reader.length), (0, 0), "{size}");
        }
    }

    #[test]
    fn a_length_counts_before_its_message_is_there() {
        let mut reader = Lengths::default();
        assert_eq!(reader.read(&prefix(u32::MAX)[..4]), 0);
        assert_eq!(reader.read(&[0xff]), u32::MAX as usize);
        assert_eq!(reader.read(&[0; 100]), u32::MAX as usize);
    }
}
