//! Threads that answer questions: one runtime each, so that a connection's work never moves between cores, nor waits for
//! what else the process does. Reading the store, administration and all the rest stay on the runtime that made them.

use crate::engine::apart::count_apart;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// After so many tasks a lane looks for what has come in and whose time is up. A connection's turn is a task, and may be many calls.
const TURNS: u32 = 16;

/// Where connections are served.
#[derive(Clone)]
pub struct Lanes(Arc<[Lane]>);

struct Lane {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    /// The lane ends when this is dropped.
    _open: Option<oneshot::Sender<()>>,
}

/// A connection's share of a lane, until it is dropped.
pub(super) struct Share {
    pub(super) runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Lanes {
    /// So many threads.
    ///
    /// # Errors
    /// The operating system does not give them.
    pub fn start(threads: usize) -> io::Result<Self> {
        (0..threads).map(Lane::start).collect::<io::Result<_>>().map(Self)
    }

    /// No thread of its own: connections are served where this is called.
    pub fn here() -> Self {
        Self(Arc::new([Lane::new(Handle::current(), None)]))
    }

    /// A share of the lane that has the fewest connections; `None` only if there are no lanes at all.
    pub(super) fn share(&self) -> Option<Share> {
        let lane = self.0.iter().min_by_key(|lane| lane.connections.load(Relaxed))?;
        lane.connections.fetch_add(1, Relaxed);
        Some(Share { runtime: lane.runtime.clone(), connections: Arc::clone(&lane.connections) })
    }
}

impl Lane {
    fn new(runtime: Handle, open: Option<oneshot::Sender<()>>) -> Self {
        Self { runtime, connections: Arc::default(), _open: open }
    }

    /// The runtime is made on its thread: where there is no thread for it, it could not be dropped, either.
    fn start(number: usize) -> io::Result<Self> {
        let ((open, closed), (tell, told)) = (oneshot::channel(), mpsc::sync_channel(1));
        thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            count_apart();
            let made = Builder::new_current_thread().event_interval(TURNS).enable_all().build();
            // Whoever waits for this does not go away before.
            let _ = tell.send(made.as_ref().map(|runtime| runtime.handle().clone()).map_err(io::Error::kind));
            // Nothing is ever sent: the other end is dropped, which ends the lane.
            let _: Option<Result<(), _>> = made.ok().map(|runtime| runtime.block_on(closed));
        })?;
        let runtime = told.recv().map_err(io::Error::other)??;
        Ok(Self::new(runtime, Some(open)))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_are_spread_and_each_lane_has_a_thread_of_its_own() {
        let lanes = Lanes::start(3).unwrap();
        let shares: Vec<_> = (0..6).filter_map(|_| lanes.share()).collect();
        assert_eq!(lanes.0.iter().map(|lane| lane.connections.load(Relaxed)).collect::<Vec<_>>(), [2, 2, 2]);
        let mut threads = Vec::new();
        for share in &shares {
            let name = share.runtime.spawn(async { thread::current().name().map(str::to_owned) });
            threads.push(name.await.unwrap().unwrap());
        }
        assert_eq!(threads, ["lane-0", "lane-1", "lane-2", "lane-0", "lane-1", "lane-2"]);
        drop(shares);
        assert!(lanes.0.iter().all(|lane| lane.connections.load(Relaxed) == 0));
    }
}
