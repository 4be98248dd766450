//! The closed loop: how much a server can do.

use super::{Slice, Target, fleet::Fleet, slice::Measuring};
use std::{
    io,
    time::{Duration, Instant},
};

/// What is in flight at the end may take so long.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) fn run(target: &Target<'_>, flight: usize) -> io::Result<Slice> {
    let mut fleet = Fleet::connect(target)?;
    for connection in 0..fleet.connections() {
        for _ in 0..flight {
            fleet.submit(connection, fleet.now());
        }
        fleet.flush(connection)?;
    }
    let warm = Instant::now();
    let mut wrong = 0;
    while warm.elapsed() < target.times.warm_up {
        fleet.turn(true, |_, call| wrong += u64::from(!call.right))?;
    }
    let mut measuring = Measuring::begin(target.pid);
    let begun = Instant::now();
    while begun.elapsed() < target.times.measured {
        fleet.turn(true, |now, call| measuring.count(now - call.due, call.right))?;
    }
    measuring.stop();
    let over = Instant::now();
    while fleet.unfinished() > 0 && over.elapsed() < DRAIN {
        fleet.turn(false, |_, call| wrong += u64::from(!call.right))?;
    }
    let mut slice = measuring.finish(fleet.unfinished());
    slice.wrong += wrong;
    Ok(slice)
}
