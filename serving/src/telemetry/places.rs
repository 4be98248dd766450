//! How many calls there may be at a time. A call takes its place until its answer is taken in; a stream that its caller
//! may keep open for ever takes one of another kind until it is closed.

use super::room::{Load, Room};
use http::HeaderMap;
use std::sync::Arc;

/// Must be answered even when everything else is refused; the answer is there at once if the question is.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// What callers may keep open for ever. A watch costs next to nothing.
const WATCH: &str = "/grpc.health.v1.Health/Watch";
/// A talk holds what its caller has said ahead of taking in the answers, as much as a connection lets through.
const REFLECTION: &str = "/grpc.reflection.";
/// How many talks with reflection there may be at a time: they are for people who look around.
const TALKS: usize = 16;

/// How many questions for the health may be begun at a time on a connection: without a limit, each could make as many tasks
/// as it may have streams.
const BEGUN: usize = 16;
/// How many of them may be waited for. As those, on each connection: a place that all share could be kept from probes by
/// whoever begins questions and does not ask them.
const WAITING: usize = 8;

/// The places that are free.
#[derive(Clone)]
pub(super) struct Places {
    calls: Seats,
    begun: Seats,
    waiting: Seats,
    watches: Seats,
    talks: Seats,
    room: Room,
}

/// So many places at most. Each that is taken is a share in what `taken` holds, which counts them: sharing is cheaper than a
/// counter and a handle to it. It is the way to the room as well: all threads write where shares are counted, at every call.
#[derive(Clone)]
struct Seats {
    taken: Arc<Taken>,
    most: usize,
}

/// A handle that is none of the places.
struct Taken(Arc<Room>);

impl Seats {
    fn new(most: usize, room: &Room) -> Self {
        Self { taken: Arc::new(Taken(Arc::new(room.clone()))), most }
    }

    fn take(&self) -> Option<Arc<Room>> {
        // Taken before it is counted: two that take the last one may both be refused, but never both be let in.
        let place = Arc::clone(&self.taken.0);
        (Arc::strong_count(&place) <= self.most + 1).then_some(place)
    }
}

/// The place that a call has taken, and the room that its long messages take. Both are held for as long as anyone holds a
/// share of it: whoever answers, the request that comes in, every piece of the answer until the caller has taken it in.
#[derive(Clone)]
pub(super) struct Place(Arc<Held>);

struct Held {
    load: Load,
    is_free: bool,
}

/// A place for waiting, until it is dropped.
pub(super) struct Waits(#[expect(dead_code, reason = "held, not read")] Arc<Room>);

impl Places {
    pub(super) fn new(calls: usize, watches: usize, longest_message: usize) -> Self {
        let room = Room::for_messages_of(longest_message);
        let seats = |most| Seats::new(most, &room);
        let [calls, begun, waiting, watches, talks] = [calls, BEGUN, WAITING, watches, TALKS].map(seats);
        Self { calls, begun, waiting, watches, talks, room }
    }

    /// The same places for the calls on one connection, which has places of its own for questions for the health.
    pub(super) fn on_connection(&self) -> Self {
        let [begun, waiting] = [BEGUN, WAITING].map(|most| Seats::new(most, &self.room));
        Self { begun, waiting, ..self.clone() }
    }

    /// Takes a place for a call of this path, and room for its headers, if there are any.
    pub(super) fn take(&self, path: &str, headers: &HeaderMap) -> Option<Place> {
        let is_free = path == HEALTH;
        let seats = if is_free {
            &self.begun
        } else if path.starts_with(WATCH) {
            &self.watches
        } else if path.starts_with(REFLECTION) {
            &self.talks
        } else {
            &self.calls
        };
        let held = Held { is_free, load: Load::on(seats.take()?) };
        held.load.take_head(headers).then(|| Place(Arc::new(held)))
    }

    /// Takes a place for waiting, for a call that needs none if it can be answered at once.
    pub(super) fn take_to_wait(&self) -> Option<Waits> {
        self.waiting.take().map(Waits)
    }
}

impl Place {
    /// Whether the call takes none from others as long as nobody waits for it.
    pub(super) fn is_free(&self) -> bool {
        self.0.is_free
    }

    /// What the call's messages take up.
    pub(super) fn load(&self) -> &Load {
        &self.0.load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: &str = "/rolegate.v1.AuthorizationService/Check";

    #[test]
    fn whoever_lets_others_wait_takes_no_place_of_another_connection() {
        let places = Places::new(1, 1, 1 << 20);
        let [one, other] = [places.on_connection(), places.on_connection()];
        let mut waiting: Vec<_> = std::iter::from_fn(|| one.take_to_wait()).collect();
        assert_eq!(waiting.len(), WAITING);
        assert!(other.take_to_wait().is_some());
        waiting.pop();
        assert!(one.take_to_wait().is_some());
    }

    #[test]
    fn whoever_begins_many_questions_for_the_health_takes_none_of_another_connection() {
        let places = Places::new(1, 1, 1 << 20);
        let [one, other] = [places.on_connection(), places.on_connection()];
        let begin = |places: &Places| places.take(HEALTH, &HeaderMap::new());
        let mut begun: Vec<_> = std::iter::from_fn(|| begin(&one)).collect();
        assert_eq!(begun.len(), BEGUN);
        assert!(begin(&other).is_some_and(|place| place.is_free()));
        begun.pop();
        assert!(begin(&one).is_some());
    }

    #[test]
    fn a_stream_holds_its_place_until_it_is_closed_and_takes_none_of_the_calls() {
        let places = Places::new(1, 2, 1 << 20);
        let open = [WATCH, WATCH].map(|path| places.take(path, &HeaderMap::new()));
        assert!(open.iter().all(Option::is_some));
        assert!(places.take(WATCH, &HeaderMap::new()).is_none());
        assert!(places.take(HEALTH, &HeaderMap::new()).is_some());
        let call = places.take(CHECK, &HeaderMap::new());
        assert!(
            call.is_some()
                && places.take(CHECK, &HeaderMap::new()).is_none()
                && places.take(HEALTH, &HeaderMap::new()).is_some()
        );
        let piece_of_answer = call.clone();
        drop(call);
        assert!(
            places.take(CHECK, &HeaderMap::new()).is_none(),
            "an answer that is not taken in holds its place"
        );
        drop(piece_of_answer);
        assert!(
            places.take(CHECK, &HeaderMap::new()).is_some(),
            "a call whose answer is taken in has left its place"
        );
        drop(open);
        assert!(
            places.take(WATCH, &HeaderMap::new()).is_some(),
            "a closed stream leaves its place to another"
        );
    }

    #[test]
    fn all_kinds_of_calls_share_the_room_for_long_messages() {
        let longest = 1 << 20;
        let places = Places::new(100, 100, longest);
        let take = |places: &Places, path| places.take(path, &HeaderMap::new()).unwrap();
        let calls: Vec<_> = std::iter::from_fn(|| {
            Some(take(&places, CHECK)).filter(|call| call.load().carry(longest).is_ok())
        })
        .collect();
        let others = [
            take(&places, WATCH),
            take(&places, REFLECTION),
            take(&places, HEALTH),
            take(&places.on_connection(), HEALTH),
        ];
        assert!(others.iter().all(|other| other.load().carry(longest).is_err()));
        drop(calls);
        assert!(others.iter().all(|other| other.load().carry(longest).is_ok()));
    }

    #[test]
    fn talks_with_reflection_are_few_and_take_no_place_of_watches() {
        let places = Places::new(1, 1, 1 << 20);
        let talks: Vec<_> =
            std::iter::from_fn(|| places.take("/grpc.reflection.v1.X/Y", &HeaderMap::new())).collect();
        assert_eq!(talks.len(), TALKS);
        assert!(places.take(WATCH, &HeaderMap::new()).is_some());
    }
}
