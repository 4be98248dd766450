//! Protobuf as the services read and write it: the usual encoding, with a look at the request before memory is spent.

use super::{authorization::MOST_BATCH_ITEMS, convert::BadField, proto};
use prost::{
    Message,
    bytes::Buf as _,
    encoding::{DecodeContext, WireType, decode_key, skip_field},
};
use std::{any::TypeId, marker::PhantomData};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstDecoder};

/// The number of `BatchCheckRequest.items`.
const ITEMS: u32 = 5;

/// Encodes `T` and decodes `U`.
pub struct GuardedCodec<T, U>(ProstCodec<T, U>);

impl<T, U> Default for GuardedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T, U> Codec for GuardedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = GuardedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        GuardedDecoder(PhantomData)
    }
}

/// Decodes a `U`, unless it is a batch of more items than any server takes.
pub struct GuardedDecoder<U>(PhantomData<U>);

impl<U: Message + Default + 'static> Decoder for GuardedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        if TypeId::of::<U>() == TypeId::of::<proto::BatchCheckRequest>() {
            // The whole message is there, in one piece.
            refuse_too_many(count(ITEMS, buffer.chunk()))?;
        }
        ProstDecoder::default().decode(buffer)
    }
}

/// An empty item takes 2 bytes on the wire and a hundred times that in memory: they are counted before they are decoded.
fn refuse_too_many(items: usize) -> Result<(), Status> {
    if items <= MOST_BATCH_ITEMS {
        return Ok(());
    }
    let problem =
        format!("holds {items} questions, and {MOST_BATCH_ITEMS} is the most that any server takes");
    Err(BadField::malformed("items", problem).into())
}

/// How often a field occurs. What cannot be read ends the count: decoding will say so.
fn count(field: u32, mut message: &[u8]) -> usize {
    let mut found = 0;
    while message.has_remaining() {
        let Ok((number, kind)) = decode_key(&mut message) else { break };
        if skip_field(kind, number, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        found += usize::from(number == field && kind == WireType::LengthDelimited);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_as_decoding_would_find_them() {
        let item = proto::BatchCheckItem { user: Some("ann".into()), ..Default::default() };
        for items in [0, 1, 2, 1_000] {
            let batch = proto::BatchCheckRequest {
                default_user: Some("bob".into()),
                items: vec![item.clone(); items],
                explain: true,
                ..Default::default()
            };
            assert_eq!(count(ITEMS, &batch.encode_to_vec()), items);
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_count() {
        assert_eq!(count(ITEMS, &[0x2a, 0, 0x2a, 0, 0xff]), 2);
        assert_eq!(count(ITEMS, &[0x2a, 0, 0x2a, 9, 0]), 1);
        assert_eq!(count(ITEMS, &[0x28, 1]), 0);
    }

    #[test]
    fn one_item_too_many_is_refused_with_both_numbers() {
        assert!(refuse_too_many(MOST_BATCH_ITEMS).is_ok());
        let refused = refuse_too_many(MOST_BATCH_ITEMS + 1).err();
        assert!(refused.is_some_and(|status| status.message().contains("10001 questions, and 10000 is")));
    }
}
