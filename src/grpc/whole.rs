//! Messages in one piece, as nearly all are: they need nothing of what the stack has for streams.

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

type Next<B> = Option<Result<Frame<Bytes>, <B as HttpBody>::Error>>;

/// A body that was found to be anything else than one message in one piece, from its start on.
pub(super) struct Resumed<B: HttpBody> {
    first: Option<Next<B>>,
    second: Option<Next<B>>,
    rest: B,
}

/// The one message that a body consists of, of at most so many bytes.
///
/// # Errors
/// The body, if it is anything else: then it is for the stack to read it, and to say what is wrong with it.
pub(super) async fn message<B>(mut body: B, most: usize) -> Result<Bytes, Resumed<B>>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let first = next(&mut body).await;
    let message = match &first {
        Some(Ok(frame)) => frame.data_ref().and_then(|data| unframed(data, most)),
        _ => None,
    };
    let Some(message) = message else {
        return Err(Resumed { first: Some(first), second: None, rest: body });
    };
    while !body.is_end_stream() {
        match next(&mut body).await {
            None => break,
            // Many clients say in a frame of its own that this was all.
            Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
            second => return Err(Resumed { first: Some(first), second: Some(second), rest: body }),
        }
    }
    Ok(message)
}

async fn next<B: HttpBody<Data = Bytes> + Unpin>(body: &mut B) -> Next<B> {
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// The message, if this is all of one that is not compressed, and nothing else.
fn unframed(data: &Bytes, most: usize) -> Option<Bytes> {
    let (prefix, message) = data.split_at_checked(PREFIX)?;
    let [0, length @ ..] = *<&[u8; PREFIX]>::try_from(prefix).ok()? else { return None };
    let length = u32::from_be_bytes(length) as usize;
    (length == message.len() && length <= most).then(|| {
        let mut message = data.clone();
        message.advance(PREFIX);
        message
    })
}

/// A message as the answer to a call that went well.
pub(super) fn answer(message: &impl Message) -> Response<Content> {
    let length = message.encoded_len();
    let mut bytes = Vec::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    // No reply is made that comes near what this can tell.
    bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(&mut bytes);
    let mut response = Response::new(Content::Message(bytes.into()));
    response.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    response
}

impl<B> HttpBody for Resumed<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next<B>> {
        match self.first.take().or_else(|| self.second.take()) {
            Some(frame) => Poll::Ready(frame),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.second.is_none() && self.rest.is_end_stream()
    }
}
