//! What one slice of measuring saw.

use crate::process::{Usage, memory};
use hdrhistogram::Histogram;
use std::time::Instant;

pub(crate) struct Slice {
    pub(crate) calls: u64,
    pub(crate) wrong: u64,
    pub(crate) seconds: f64,
    /// What the server and the load took of a processor, and how long the server was kept from it.
    pub(crate) server: Usage,
    pub(crate) load: Usage,
    /// The server's resident memory at the end.
    pub(crate) memory: f64,
    /// Nanoseconds from when a call was due to its answer.
    pub(crate) latency: Histogram<u64>,
    /// How late the load itself was at worst, in nanoseconds: beyond this, latency is the server's.
    pub(crate) behind: u64,
    /// Calls that had not ended when nobody waited any longer.
    pub(crate) unfinished: u64,
}

/// A slice that is being measured.
pub(crate) struct Measuring {
    pid: u32,
    begun: Instant,
    server: Usage,
    load: Usage,
    slice: Slice,
}

impl Measuring {
    pub(crate) fn begin(pid: u32) -> Self {
        let slice = Slice {
            calls: 0,
            wrong: 0,
            seconds: 0.0,
            server: Usage::default(),
            load: Usage::default(),
            memory: 0.0,
            latency: Histogram::new_with_bounds(1, 120_000_000_000, 3).unwrap(),
            behind: 0,
            unfinished: 0,
        };
        let load = Usage::of(std::process::id());
        Self { pid, load, slice, server: Usage::of(pid), begun: Instant::now() }
    }

    pub(crate) fn count(&mut self, latency: u64, right: bool) {
        self.slice.calls += 1;
        self.slice.wrong += u64::from(!right);
        self.slice.latency.saturating_record(latency);
    }

    pub(crate) fn behind(&mut self, late: u64) {
        self.slice.behind = self.slice.behind.max(late);
    }

    /// The measured time is over; calls may still come in.
    pub(crate) fn stop(&mut self) {
        self.slice.seconds = self.begun.elapsed().as_secs_f64();
        self.slice.server = Usage::of(self.pid).since(&self.server);
        self.slice.load = Usage::of(std::process::id()).since(&self.load);
        self.slice.memory = memory(self.pid).0;
    }

    pub(crate) fn finish(mut self, unfinished: usize) -> Slice {
        self.slice.unfinished = unfinished as u64;
        self.slice
    }
}
