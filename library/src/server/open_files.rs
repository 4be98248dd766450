//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a server has open beside connections: the store, logs, listeners, and what its threads wait on.
const OTHERS: u64 = 128;

/// Takes as many as the system lets the process have, and tells how many connections each of so many listeners may have: as
/// many as are wanted, or what is left when the server has those that it cannot do without. Many systems begin with 1,024,
/// for the sake of programs that can count no further.
#[must_use]
pub fn share(listeners: usize, wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    // No limit is no number.
    let allowed = limit.current.unwrap_or(u64::MAX);
    let places = u64::try_from(listeners.saturating_mul(wanted)).unwrap_or(u64::MAX);
    let needed = places.saturating_add(OTHERS);
    if allowed >= needed {
        return wanted;
    }
    let connections = left_for_each(allowed, listeners).min(wanted);
    tracing::warn!(
        allowed,
        needed,
        connections,
        "too few files may be open for `max_connections` of all listeners, each of which takes so many connections instead: \
         allow more (`ulimit -Hn`), or lower it"
    );
    connections
}

/// What is left for the connections of each listener. A crowd of them must not take the file that a probe comes on, nor the
/// one that the store is read by. Where next to nothing is allowed, that is half of it.
fn left_for_each(allowed: u64, listeners: usize) -> usize {
    let left = allowed.saturating_sub(OTHERS.min(allowed / 2));
    usize::try_from(left).unwrap_or(usize::MAX).checked_div(listeners).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_what_a_server_needs_beside_them() {
        for (allowed, listeners, each) in [(1_024, 3, 298), (256, 3, 42), (64, 4, 8), (1, 4, 1), (0, 0, 1)] {
            assert_eq!(left_for_each(allowed, listeners), each, "{allowed} for {listeners}");
        }
    }
}
