//! Protobuf as the services read and write it: the usual encoding, but for what is dear to read or write as usual.

use prost::Message;
use std::marker::PhantomData;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What can be read off the wire: every message, and what has a way of its own.
pub trait Incoming: Send + Sized + 'static {
    /// Reads it from a buffer that holds it, and nothing else, in one piece.
    ///
    /// # Errors
    /// It is not what it should be.
    fn read(buffer: &mut DecodeBuf<'_>) -> Result<Self, Status>;
}

/// What can be written to the wire: every message, and what has a way of its own.
pub trait Outgoing: Send + 'static {
    /// Writes it to the end of a buffer.
    ///
    /// # Errors
    /// There is no room for it.
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl<M: Message + Default + 'static> Incoming for M {
    fn read(buffer: &mut DecodeBuf<'_>) -> Result<Self, Status> {
        let read = ProstDecoder::default().decode(buffer)?;
        read.ok_or_else(|| Status::internal("the message is missing"))
    }
}

impl<M: Message + 'static> Outgoing for M {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        ProstEncoder::default().encode(self, buffer)
    }
}

/// How many bytes are set aside for a message before its length is known, and after how many written ones they are sent
/// off. Nearly all messages are small, and every call takes two buffers: the usual 8 KiB cost more than what they hold.
fn buffers() -> BufferSettings {
    BufferSettings::new(512, 32 << 10)
}

/// Encodes `T` and decodes `U`.
pub struct GuardedCodec<T, U>(PhantomData<(T, U)>);

/// Encodes a `T`.
pub struct Writer<T>(PhantomData<T>);

/// Decodes a `U`.
pub struct Reader<U>(PhantomData<U>);

impl<T, U> Default for GuardedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Outgoing, U: Incoming> Codec for GuardedCodec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = Writer<T>;
    type Decoder = Reader<U>;

    fn encoder(&mut self) -> Writer<T> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<U> {
        Reader(PhantomData)
    }
}

impl<T: Outgoing> Encoder for Writer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.write(buffer)
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

impl<U: Incoming> Decoder for Reader<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::read(buffer).map(Some)
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
