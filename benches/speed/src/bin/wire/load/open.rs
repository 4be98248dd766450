//! The open loop: how long a server lets callers wait who come when they come.
//!
//! A call is due at its place in the schedule, and its latency counts from there, however far behind the server is:
//! what a stall holds up is counted in full.

use super::{Slice, Target, fleet::Fleet, slice::Measuring};
use std::{io, time::Duration};

/// How long after the last call was due nobody waits any longer.
const DRAIN: Duration = Duration::from_secs(10);

/// When calls are due, in nanoseconds.
struct Schedule {
    interval: f64,
    begin: u64,
    /// The first call that counts, and the first that is none.
    warm: u64,
    end: u64,
    next: u64,
}

impl Schedule {
    fn new(rate: f64, begin: u64, target: &Target<'_>) -> Self {
        let calls = |time: Duration| (rate * time.as_secs_f64()) as u64;
        let (warm, measured) = (calls(target.times.warm_up), calls(target.times.measured));
        Self { interval: 1e9 / rate, begin, warm, end: warm + measured, next: 0 }
    }

    fn due(&self, call: u64) -> u64 {
        self.begin + (call as f64 * self.interval) as u64
    }

    /// The next call, if its time has come.
    fn take(&mut self, now: u64) -> Option<u64> {
        let due = self.due(self.next);
        let come = self.next < self.end && due <= now;
        self.next += u64::from(come);
        come.then_some(due)
    }
}

pub(super) fn run(target: &Target<'_>, rate: f64) -> io::Result<Slice> {
    let mut fleet = Fleet::connect(target)?;
    let mut schedule = Schedule::new(rate, fleet.now(), target);
    let counts_from = schedule.due(schedule.warm);
    let mut measuring: Option<Measuring> = None;
    let mut wrong = 0;
    while schedule.next < schedule.end {
        let now = fleet.now();
        if measuring.is_none() && now >= counts_from {
            measuring = Some(Measuring::begin(target.pid));
        }
        send_due(&mut fleet, &mut schedule, now, measuring.as_mut())?;
        fleet.turn(false, |now, call| match &mut measuring {
            Some(measuring) if call.due >= counts_from => measuring.count(now - call.due, call.right),
            _ => wrong += u64::from(!call.right),
        })?;
    }
    let mut measuring = measuring.unwrap_or_else(|| Measuring::begin(target.pid));
    measuring.stop();
    let patience = fleet.now() + u64::try_from(DRAIN.as_nanos()).unwrap();
    while fleet.unfinished() > 0 && fleet.now() < patience {
        fleet.turn(false, |now, call| measuring.count(now - call.due, call.right))?;
    }
    let mut slice = measuring.finish(fleet.unfinished());
    slice.wrong += wrong;
    Ok(slice)
}

/// Sends every call whose time has come, round robin.
fn send_due(
    fleet: &mut Fleet<'_>,
    schedule: &mut Schedule,
    now: u64,
    mut measuring: Option<&mut Measuring>,
) -> io::Result<()> {
    let mut touched = 0;
    let connections = fleet.connections();
    let first = schedule.next as usize;
    while let Some(due) = schedule.take(now) {
        fleet.submit((first + touched) % connections, due);
        touched += 1;
        if let Some(measuring) = &mut measuring {
            measuring.behind(now - due);
        }
    }
    for connection in first..first + touched.min(connections) {
        fleet.flush(connection % connections)?;
    }
    Ok(())
}
