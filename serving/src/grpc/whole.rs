//! Messages that are all that a body has, as nearly all are: they need nothing of what the stack has for streams.

use crate::telemetry::{answers::Content, intake::PREFIX};
use http::{Response, header::CONTENT_TYPE};
use http_body::{Body as HttpBody, Frame};
use prost::{
    Message,
    bytes::{Buf as _, BufMut as _, Bytes},
};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::metadata::GRPC_CONTENT_TYPE;

type Next<E> = Option<Result<Frame<Bytes>, E>>;

/// What was read of a body that was found to be anything else than one message.
pub(super) struct Begun<E> {
    first: Option<Next<E>>,
    second: Option<Next<E>>,
}

/// Such a body, from its start on.
pub(super) struct Resumed<B: HttpBody> {
    begun: Box<Begun<B::Error>>,
    rest: B,
}

/// The one message that a body consists of, of at most so many bytes.
///
/// # Errors
/// What was read of it, if it is anything else: then it is for the stack to read it, and to say what is wrong with it.
pub(super) async fn message<B>(body: &mut B, most: usize) -> Result<Bytes, Box<Begun<B::Error>>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let first = next(body).await;
    let start = data(&first).and_then(|data| Some((data.clone(), framed_length(data, most)?)));
    let mut framed = match start {
        Some((start, length)) if start.len() == length => start,
        Some((start, length)) if start.len() < length => {
            // It lies in a buffer that may be much longer, and that goes with the last share in it.
            drop(first);
            // Boxed: what hardly any question needs must not make each one's state larger.
            Box::pin(gather(body, start, length)).await?
        }
        _ => return Err(Box::new(Begun { first: Some(first), second: None })),
    };
    while !body.is_end_stream() {
        match next(body).await {
            None => break,
            // Many clients say in a frame of its own that this was all.
            Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
            second => return Err(Begun::after(framed, second)),
        }
    }
    framed.advance(PREFIX);
    Ok(framed)
}

/// The rest of a message that begins so and takes so many bytes, in one piece with its start. The room for it was taken when its
/// length was seen.
///
/// # Errors
/// Something else comes: what was read before it, and that.
async fn gather<B>(body: &mut B, start: Bytes, length: usize) -> Result<Bytes, Box<Begun<B::Error>>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut framed = Vec::with_capacity(length);
    framed.extend_from_slice(&start);
    drop(start);
    while framed.len() < length {
        let next = next(body).await;
        let Some(more) = data(&next).filter(|more| more.len() <= length - framed.len()) else {
            return Err(Begun::after(framed.into(), next));
        };
        framed.extend_from_slice(more);
    }
    Ok(framed.into())
}

async fn next<B: HttpBody<Data = Bytes> + Unpin>(body: &mut B) -> Next<B::Error> {
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// The data that came next, if it was that.
fn data<E>(next: &Next<E>) -> Option<&Bytes> {
    next.as_ref()?.as_ref().ok()?.data_ref()
}

/// How many bytes a message takes that begins here, with what comes before it, if it is neither compressed nor too long.
fn framed_length(start: &[u8], most: usize) -> Option<usize> {
    let [0, length @ ..] = *start.first_chunk::<PREFIX>()? else { return None };
    let length = u32::from_be_bytes(length) as usize;
    (length <= most).then_some(PREFIX + length)
}

/// Room for what comes before a message of so many bytes, behind which it is to be written.
pub(super) fn room(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX + length);
    bytes.put_bytes(0, PREFIX);
    bytes
}

/// A message as the answer to a call that went well.
pub(super) fn answer(message: &impl Message) -> Response<Content> {
    let mut bytes = room(message.encoded_len());
    message.encode_raw(&mut bytes);
    answer_of(bytes)
}

/// The same for a message that is written already, behind that room.
pub(super) fn answer_of(mut bytes: Vec<u8>) -> Response<Content> {
    // No reply is made that comes near what this can tell.
    let length = u32::try_from(bytes.len() - PREFIX).unwrap_or(u32::MAX);
    if let Some([compressed, told @ ..]) = bytes.first_chunk_mut::<PREFIX>() {
        (*compressed, *told) = (0, length.to_be_bytes());
    }
    let mut response = Response::new(Content::Message(bytes.into()));
    response.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    response
}

impl<E> Begun<E> {
    /// This was read, and then that.
    fn after(read: Bytes, next: Next<E>) -> Box<Self> {
        Box::new(Self { first: Some(Some(Ok(Frame::data(read)))), second: Some(next) })
    }

    /// The body, with its rest.
    pub(super) fn before<B: HttpBody<Data = Bytes, Error = E>>(self: Box<Self>, rest: B) -> Resumed<B> {
        Resumed { begun: self, rest }
    }

    /// What was read next, if it has not been taken yet.
    fn take(&mut self) -> Option<Next<E>> {
        self.first.take().or_else(|| self.second.take())
    }

    /// Whether all has been taken.
    const fn is_taken(&self) -> bool {
        self.first.is_none() && self.second.is_none()
    }
}

impl<B> HttpBody for Resumed<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next<B::Error>> {
        match self.begun.take() {
            Some(frame) => Poll::Ready(frame),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_taken() && self.rest.is_end_stream()
    }
}
