//! Answers on their way out. Each piece holds its call's place until the caller has taken it in: until then it is memory,
//! wherever it waits. Whoever leaves one for too long is found out.

use super::places::Place;
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Buf;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tonic::{Status, body::Body, codegen::Bytes};

/// The body of an answer.
pub struct Answer {
    /// What there was at once, to be taken first.
    first: Option<Box<Result<Frame<Bytes>, Status>>>,
    first_data: Option<Bytes>,
    body: Body,
    /// None if the call was refused one.
    place: Option<Place>,
    taking: Taking,
}

impl Answer {
    /// The answer to a call, which is made now, as far as it can be: all of it, unless it is a stream.
    ///
    /// # Errors
    /// It is long, and there is no room for it.
    pub(super) fn new(mut body: Body, place: Place, taking: Taking) -> Result<Self, Status> {
        let (mut first, mut first_data) = (None, None);
        if !body.is_end_stream() {
            // Whoever sends it off asks again if nothing is there yet, and is woken then.
            let context = &mut Context::from_waker(Waker::noop());
            match Pin::new(&mut body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        place.load().carry(data.len())?;
                        first_data = Some(data);
                    }
                    Err(frame) => first = Some(Box::new(Ok(frame))),
                },
                Poll::Ready(Some(Err(error))) => first = Some(Box::new(Err(error))),
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
        Ok(Self { first, first_data, body, place: Some(place), taking })
    }

    /// A refusal: an answer without a place.
    pub(super) const fn refusal(body: Body, taking: Taking) -> Self {
        Self { first: None, first_data: None, body, place: None, taking }
    }

    fn piece(&self, bytes: Bytes) -> Piece {
        Piece { bytes, _place: self.place.clone(), _mark: self.taking.mark() }
    }
}

impl HttpBody for Answer {
    type Data = Piece;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Status>>> {
        let frame = if let Some(data) = self.first_data.take() {
            Some(Ok(Frame::data(data)))
        } else if let Some(first) = self.first.take() {
            Some(*first)
        } else {
            std::task::ready!(Pin::new(&mut self.body).poll_frame(context))
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| self.piece(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.first_data.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let taken = self.first_data.as_ref().map_or(0, |data| data.len() as u64);
        if taken > 0 {
            hint = SizeHint::new();
            hint.set_lower(taken);
        }
        hint
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
    use tokio::time::{Instant, sleep};

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
