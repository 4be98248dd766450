//! How many files the process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a server has open beside connections: the store, logs, listeners, and what its threads wait on.
const OTHERS: u64 = 128;

/// Takes as many as the system lets the process have, and tells if that is too few for so many connections. Many systems
/// begin with 1,024, for the sake of programs that can count no further.
pub fn allow(connections: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    // No limit is no number.
    let allowed = limit.current.unwrap_or(u64::MAX);
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "too few files may be open for `max_connections` of all listeners: allow more (`ulimit -Hn`), or lower it"
        );
    }
}
