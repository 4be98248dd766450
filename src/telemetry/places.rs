//! How many calls there may be at a time. A call takes its place until its answer is taken in; a stream that its caller
//! may keep open for ever takes one of another kind until it is closed.

use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{Status, body::Body, codegen::Bytes};

/// Must be answered even when everything else is refused; the answer is there at once.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// What callers may keep open for ever.
const STREAMS: [&str; 2] = ["/grpc.health.v1.Health/Watch", "/grpc.reflection."];

/// The places that are free.
#[derive(Clone)]
pub(super) struct Places {
    calls: Seats,
    streams: Seats,
}

/// So many places at most. Each that is taken is a share in what `taken` holds, which counts them: sharing is cheaper than a
/// counter and a handle to it.
#[derive(Clone)]
struct Seats {
    taken: Arc<Taken>,
    most: usize,
}

/// A handle that is none of the places.
#[derive(Default)]
struct Taken(Arc<()>);

impl Seats {
    fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    fn take(&self) -> Option<Place> {
        // Taken before it is counted: two that take the last one may both be refused, but never both be let in.
        let place = Arc::clone(&self.taken.0);
        (Arc::strong_count(&place) <= self.most + 1).then_some(Place { _seat: Some(place) })
    }
}

/// The place that a call has taken, if it needs one, until the end of its answer: an answer that its caller does not take in
/// is memory too.
pub(super) struct Place {
    _seat: Option<Arc<()>>,
}

impl Places {
    pub(super) fn new(calls: usize, streams: usize) -> Self {
        Self { calls: Seats::new(calls), streams: Seats::new(streams) }
    }

    /// Takes a place for a call of this path, if there is one.
    pub(super) fn take(&self, path: &str) -> Option<Place> {
        if path == HEALTH {
            return Some(Place { _seat: None });
        }
        let is_stream = STREAMS.iter().any(|stream| path.starts_with(stream));
        if is_stream { self.streams.take() } else { self.calls.take() }
    }
}

impl Place {
    /// Leaves with the end of the answer.
    pub(super) const fn leave_with(self, body: Body) -> Placed {
        Placed { body, _place: self }
    }
}

/// The body of an answer. It holds the call's place until it is dropped.
pub struct Placed {
    body: Body,
    _place: Place,
}

impl Placed {
    /// A body that holds none.
    pub(super) const fn without(body: Body) -> Self {
        Self { body, _place: Place { _seat: None } }
    }
}

impl HttpBody for Placed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";

    fn answer() -> Body {
        Body::new("not yet read to its end".to_owned())
    }

    #[test]
    fn a_stream_holds_its_place_until_it_is_closed_and_takes_none_of_the_calls() {
        let places = Places::new(1, 2);
        let [watch, reflection] = STREAMS;
        let open = [watch, reflection].map(|path| places.take(path).map(|place| place.leave_with(answer())));
        assert!(open.iter().all(Option::is_some));
        assert!(places.take(watch).is_none() && places.take(reflection).is_none());
        assert!(places.take(HEALTH).is_some());
        let call = places.take(CHECK);
        assert!(call.is_some() && places.take(CHECK).is_none() && places.take(HEALTH).is_some());
        let answered = call.map(|place| place.leave_with(answer()));
        assert!(places.take(CHECK).is_none(), "an answer that is not taken in holds its place");
        drop(answered);
        assert!(places.take(CHECK).is_some(), "a call whose answer is taken in has left its place");
        drop(open);
        assert!(places.take(watch).is_some(), "a closed stream leaves its place to another");
    }
}
