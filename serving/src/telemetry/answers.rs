//! Answers on their way out. Each piece holds its call's place until the caller has taken it in: until then it is memory,
//! wherever it waits. Whoever leaves one for too long is found out.

use super::places::Place;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Buf;
use std::{
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tonic::{Status, body::Body, codegen::Bytes};

/// That a call went well.
static WELL: HeaderValue = HeaderValue::from_static("0");

/// Pieces of up to so many bytes are put beside others into what is written next. A longer one costs two writes of its own, for
/// what comes before it in the protocol and for itself.
const PIECE: usize = 1_000;
/// Answers that are longer than this go in one piece: they do not fit beside each other in any case.
const CUT_UP: usize = 16 * PIECE;

/// What a call is answered with.
pub enum Content {
    /// One message, as it is sent, and that the call went well.
    Message(Bytes),
    /// Whatever the stack makes of the answer.
    Made(Body),
}

impl Default for Content {
    fn default() -> Self {
        Self::Made(Body::empty())
    }
}

/// The body of an answer.
pub struct Answer {
    first: First,
    rest: Rest,
    /// None if the call was refused one.
    place: Option<Place>,
    taking: Taking,
}

/// What there was at once, to be taken first.
enum First {
    Nothing,
    Data(Bytes),
    /// Boxed: it is rare, and must not make every answer larger to move about.
    Other(Box<Result<Frame<Bytes>, Status>>),
}

/// What comes after it.
enum Rest {
    Made(Body),
    /// That the call went well.
    Well,
    Nothing,
}

impl Answer {
    /// The answer to a call, which is made now, as far as it can be: all of it, unless it is a stream.
    ///
    /// # Errors
    /// It is long, and there is no room for it.
    pub(super) fn new(content: Content, place: Place, taking: Taking) -> Result<Self, Status> {
        let (first, rest) = match content {
            Content::Message(bytes) => (First::Data(bytes), Rest::Well),
            Content::Made(mut body) => (First::of(&mut body), Rest::Made(body)),
        };
        if let First::Data(data) = &first {
            place.load().carry(data.len())?;
        }
        Ok(Self { first, rest, place: Some(place), taking })
    }

    /// A refusal: an answer without a place.
    pub(super) const fn refusal(body: Body, taking: Taking) -> Self {
        Self { first: First::Nothing, rest: Rest::Made(body), place: None, taking }
    }

    fn piece(&self, bytes: Bytes) -> Piece {
        Piece { bytes, _place: self.place.clone(), _mark: self.taking.mark() }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match mem::replace(&mut self.first, First::Nothing) {
            First::Data(mut data) => {
                if data.len() > PIECE && data.len() <= CUT_UP {
                    self.first = First::Data(data.split_off(PIECE));
                }
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            First::Other(frame) => return Poll::Ready(Some(*frame)),
            First::Nothing => {}
        }
        match &mut self.rest {
            Rest::Made(body) => Pin::new(body).poll_frame(context),
            Rest::Well => {
                self.rest = Rest::Nothing;
                Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::from_iter([(
                    Status::GRPC_STATUS,
                    WELL.clone(),
                )])))))
            }
            Rest::Nothing => Poll::Ready(None),
        }
    }
}

impl First {
    fn of(body: &mut Body) -> Self {
        if body.is_end_stream() {
            return Self::Nothing;
        }
        // Whoever sends it off asks again if nothing is there yet, and is woken then.
        match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Self::Data(data),
                Err(frame) => Self::Other(Box::new(Ok(frame))),
            },
            Poll::Ready(Some(Err(error))) => Self::Other(Box::new(Err(error))),
            Poll::Ready(None) | Poll::Pending => Self::Nothing,
        }
    }
}

impl HttpBody for Answer {
    type Data = Piece;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Status>>> {
        let frame = ready!(self.poll_next(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| self.piece(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        let is_over = match &self.rest {
            Rest::Made(body) => body.is_end_stream(),
            Rest::Well => false,
            Rest::Nothing => true,
        };
        matches!(self.first, First::Nothing) && is_over
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.first, &self.rest) {
            (First::Data(data), _) => {
                let mut hint = SizeHint::new();
                hint.set_lower(data.len() as u64);
                hint
            }
            (_, Rest::Made(body)) => body.size_hint(),
            _ => SizeHint::with_exact(0),
        }
    }
}

/// A piece of an answer.
pub struct Piece {
    bytes: Bytes,
    _place: Option<Place>,
    _mark: Arc<()>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

/// How the answers on one connection are taken in.
#[derive(Clone, Default)]
pub struct Taking(Arc<Mutex<Arc<()>>>);

impl Taking {
    /// Held by every piece that was made in the same stretch of time.
    fn mark(&self) -> Arc<()> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a stretch, and returns the mark of the one before.
    fn next(&self) -> Arc<()> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Resolves when a piece of an answer has not been taken in for so long, at the latest after twice as long.
    pub async fn stalls_for(&self, limit: Duration) {
        let mut before = self.next();
        loop {
            tokio::time::sleep(limit).await;
            if Arc::strong_count(&before) > 1 {
                return;
            }
            before = self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::places::Places;
    use std::future::poll_fn;
    use tokio::time::{Instant, sleep};

    /// The lengths of the pieces that an answer goes in, and all that they say.
    async fn pieces(bytes: Bytes) -> (Vec<usize>, Vec<u8>) {
        let place = Places::new(1, 1, 1 << 20).take("/", &HeaderMap::new()).unwrap();
        let mut answer = Answer::new(Content::Message(bytes), place, Taking::default()).unwrap();
        let (mut lengths, mut said, mut well) = (Vec::new(), Vec::new(), false);
        while let Some(frame) = poll_fn(|context| Pin::new(&mut answer).poll_frame(context)).await {
            match frame.unwrap().into_data() {
                Ok(piece) => {
                    assert!(!well, "the end comes last");
                    lengths.push(piece.remaining());
                    said.extend_from_slice(piece.chunk());
                }
                Err(frame) => {
                    well = frame.trailers_ref().and_then(|said| said.get(Status::GRPC_STATUS)) == Some(&WELL)
                }
            }
        }
        assert!(well && answer.is_end_stream());
        (lengths, said)
    }

    #[tokio::test]
    async fn answers_that_are_somewhat_long_go_in_pieces_that_are_written_together() {
        let bytes: Bytes = (0..=u8::MAX).cycle().take(CUT_UP + 1).collect();
        for (length, wanted) in [
            (0, vec![0]),
            (PIECE, vec![PIECE]),
            (PIECE + 1, vec![PIECE, 1]),
            (CUT_UP, vec![PIECE; CUT_UP / PIECE]),
            (CUT_UP + 1, vec![CUT_UP + 1]),
        ] {
            let sent = bytes.slice(..length);
            assert_eq!(pieces(sent.clone()).await, (wanted, sent.to_vec()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_a_piece_for_long_stalls_and_whoever_takes_them_does_not() {
        let (limit, taking) = (Duration::from_secs(15), Taking::default());
        let answers = async {
            for _ in 0..20 {
                let piece = taking.mark();
                sleep(limit - Duration::from_secs(1)).await;
                drop(piece);
            }
            let left = taking.mark();
            let since = Instant::now();
            (left, since)
        };
        let watched = taking.clone();
        let stalled = tokio::spawn(async move {
            watched.stalls_for(limit).await;
            Instant::now()
        });
        let (_left, since) = answers.await;
        let after = stalled.await.map(|at| at.duration_since(since));
        assert!(after.is_ok_and(|after| (limit..=limit * 2).contains(&after)));
    }
}
