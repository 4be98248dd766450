//! Batches on the wire: read where they lie, for texts that are only looked up are not worth a copy each.

use super::{
    authorization::MOST_BATCH_ITEMS,
    codec::{Incoming, Outgoing},
    convert::{
        BadField,
        question::{Asked, At},
    },
    proto,
};
use crate::telemetry::intake::PREFIX;
use prost::{
    DecodeError, Message as _,
    bytes::{Buf as _, BufMut as _, Bytes},
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use tonic::{
    Status,
    codec::{DecodeBuf, EncodeBuf},
};

#[cfg(test)]
mod tests;

/// The number of `BatchCheckRequest.items`.
const ITEMS: u32 = 5;

/// A `BatchCheckRequest` as it came, of no more items than any server takes.
pub struct Unread {
    message: Bytes,
    items: usize,
}

/// A `BatchCheckResponse` as it goes, behind room for what gRPC puts before it.
pub struct Reply(pub(super) Vec<u8>);

/// A batch, read.
pub(super) struct Batch<'a> {
    /// All of it but the items.
    pub(super) beside: proto::BatchCheckRequest,
    pub(super) items: Vec<Item<'a>>,
}

/// One item.
pub(super) enum Item<'a> {
    /// Written as most writers would, without an operation.
    Plain(Parts<'a>),
    /// Anything else that the protocol takes for an item.
    Other(Box<proto::BatchCheckItem>),
}

/// What an item says; the batch's defaults stand in for the rest.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) at: Option<At<'a>>,
    pub(super) asked: Option<Asked<'a>>,
}

impl Incoming for Unread {
    fn read(buffer: &mut DecodeBuf<'_>) -> Result<Self, Status> {
        Self::of(buffer.copy_to_bytes(buffer.remaining()))
    }
}

impl Outgoing for Reply {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(self.message());
        Ok(())
    }
}

impl Reply {
    /// The message itself.
    pub(super) fn message(&self) -> &[u8] {
        self.0.get(PREFIX..).unwrap_or_default()
    }

    /// The message behind the room.
    pub(super) fn framed(self) -> Vec<u8> {
        self.0
    }
}

impl Unread {
    /// A batch that came in this message.
    ///
    /// # Errors
    /// It has more items than any server takes.
    pub(super) fn of(message: Bytes) -> Result<Self, Status> {
        let items = count(&message);
        refuse_more_than(MOST_BATCH_ITEMS, "that any server takes", items)?;
        Ok(Self { message, items })
    }

    /// How many items it has.
    pub(super) const fn items(&self) -> usize {
        self.items
    }

    /// Reads it, with the outcome that decoding it as a `BatchCheckRequest` would have, errors included.
    pub(super) fn read(&self) -> Result<Batch<'_>, Status> {
        let read = read(&self.message, self.items);
        // What is wrong with it first is for the usual way to say.
        let usual = |error| proto::BatchCheckRequest::decode(&*self.message).err().unwrap_or(error);
        read.map_err(|error| Status::internal(usual(error).to_string()))
    }
}

fn read(message: &[u8], items: usize) -> Result<Batch<'_>, DecodeError> {
    let (mut beside, mut items) = (Vec::new(), Vec::with_capacity(items));
    // Keys and short lengths are text too: one look mostly tells for all items.
    let text = str::from_utf8(message).ok();
    let mut left = message;
    while !left.is_empty() {
        if let Some((body, rest)) = short_item(left)
            && let Some(parts) = match text {
                Some(text) => text_of(text, body, rest).and_then(Parts::of),
                None => Parts::read(body),
            }
        {
            items.push(Item::Plain(parts));
            left = rest;
            continue;
        }
        let start = left;
        let (number, kind) = decode_key(&mut left)?;
        if number == ITEMS && kind == WireType::LengthDelimited {
            items.push(item(start, &mut left)?);
        } else {
            skip_field(kind, number, &mut left, DecodeContext::default())?;
            beside.extend_from_slice(before(start, left));
        }
    }
    Ok(Batch { beside: proto::BatchCheckRequest::decode(&*beside)?, items })
}

/// The text of a piece of a batch, after which so much is left of it.
fn text_of<'a>(batch: &'a str, piece: &[u8], left: &[u8]) -> Option<&'a str> {
    let end = batch.len() - left.len();
    batch.get(end - piece.len()..end)
}

/// Takes an item off the start of a batch, if one comes there as most writers write it, and how many are short.
fn short_item(batch: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: u8 = (ITEMS << 3) as u8 | WireType::LengthDelimited as u8;
    match batch {
        [KEY, length @ ..0x80, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        _ => None,
    }
}

/// Reads an item whose field starts in one place, and whose length comes next.
fn item<'a>(start: &'a [u8], left: &mut &'a [u8]) -> Result<Item<'a>, DecodeError> {
    let length = decode_varint(left)?;
    let split = usize::try_from(length).ok().and_then(|length| left.split_at_checked(length));
    if let Some((body, after)) = split {
        *left = after;
        if let Some(parts) = Parts::read(body) {
            return Ok(Item::Plain(parts));
        }
    }
    // As part of a batch, so that it is no less nested than where it was found. One that is longer than what is left has
    // all of that.
    let field = if split.is_some() { before(start, left) } else { start };
    let batch = proto::BatchCheckRequest::decode(field)?;
    Ok(Item::Other(Box::new(batch.items.into_iter().next().unwrap_or_default())))
}

/// What of a message comes before what is left of it.
fn before<'a>(message: &'a [u8], left: &[u8]) -> &'a [u8] {
    message.get(..message.len() - left.len()).unwrap_or(message)
}

impl Item<'_> {
    /// What it says.
    pub(super) fn parts(&self) -> Parts<'_> {
        use proto::batch_check_item::Question as Q;
        match self {
            Self::Plain(parts) => *parts,
            Self::Other(item) => Parts {
                user: item.user.as_deref(),
                at: item.resource.as_ref().map(At::from),
                asked: item.question.as_ref().map(|question| match question {
                    Q::Action(name) => Asked::Action(name),
                    Q::Operation(operation) => Asked::Operation(operation),
                }),
            },
        }
    }
}

impl<'a> Parts<'a> {
    /// Whether it leaves nothing to a batch's defaults.
    pub(super) const fn is_complete(&self) -> bool {
        self.user.is_some() && self.at.is_some() && self.asked.is_some()
    }

    /// Reads an item in which each field comes once at most, in order, and none is long: all others are left to others.
    pub(super) fn read(item: &'a [u8]) -> Option<Self> {
        str::from_utf8(item).ok().and_then(Self::of)
    }

    /// The same for an item that is text throughout, as keys and short lengths are too.
    fn of(mut left: &'a str) -> Option<Self> {
        let user = field(1, &mut left)?;
        let at = match field(2, &mut left)? {
            Some(resource) => Some(place(resource)?),
            None => None,
        };
        let asked = field(3, &mut left)?.map(Asked::Action);
        left.is_empty().then_some(Self { user, at, asked })
    }
}

/// Reads a place, of which there must be just one.
fn place(mut left: &str) -> Option<At<'_>> {
    let at = match (field(1, &mut left)?, field(2, &mut left)?, field(3, &mut left)?) {
        (Some(""), None, None) => At::Site,
        (None, Some(group), None) => At::Group(group),
        (None, None, Some(project)) => At::Project(project),
        _ => return None,
    };
    left.is_empty().then_some(at)
}

/// Takes a field of this number off the start, if that is what comes. Nothing if it cannot be taken.
#[inline] // Several times an item: compiled for size, it would stay a call.
fn field<'a>(number: u8, left: &mut &'a str) -> Option<Option<&'a str>> {
    match *left.as_bytes() {
        [key, length, ..] if key == number << 3 | WireType::LengthDelimited as u8 => {
            let end = 2 + usize::from(length);
            let text = (length < 0x80).then(|| left.get(2..end))??;
            *left = left.get(end..)?;
            Some(Some(text))
        }
        _ => Some(None),
    }
}

/// An empty item takes 2 bytes on the wire and much more in memory: they are counted before they are read.
pub(super) fn refuse_more_than(most: usize, whose: &str, items: usize) -> Result<(), Status> {
    if items <= most {
        return Ok(());
    }
    let problem = format!("holds {items} questions, and {most} is the most {whose}");
    Err(BadField::malformed("items", problem).into())
}

/// How many items there are. What cannot be read ends the count: decoding will say so.
fn count(mut message: &[u8]) -> usize {
    let mut found = 0;
    while message.has_remaining() {
        if let Some((_, rest)) = short_item(message) {
            (found, message) = (found + 1, rest);
            continue;
        }
        let Ok((number, kind)) = decode_key(&mut message) else { break };
        if skip_field(kind, number, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        found += usize::from(number == ITEMS && kind == WireType::LengthDelimited);
    }
    found
}
