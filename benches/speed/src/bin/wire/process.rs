//! What processes take, from `/proc`.

use std::fs;

/// The kernel's unit in `/proc/PID/stat`, whatever its own clock is.
const TICK: u64 = 10_000_000;

/// Nanoseconds, up to now or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// On a processor, exactly, over the threads that there are.
    exact: u64,
    /// On a processor, in steps, threads that have ended included.
    coarse: u64,
    /// Ready to run, and kept from it by others.
    pub(crate) kept_waiting: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let (exact, kept_waiting) = threads(pid).unwrap_or_default();
        Self { exact, kept_waiting, coarse: ticks(pid).unwrap_or(0) * TICK }
    }

    pub(crate) const fn since(&self, before: &Self) -> Self {
        Self {
            exact: self.exact.saturating_sub(before.exact),
            coarse: self.coarse.saturating_sub(before.coarse),
            kept_waiting: self.kept_waiting.saturating_sub(before.kept_waiting),
        }
    }

    /// What was taken of a processor: where threads have ended meanwhile, the coarse figure knows more.
    pub(crate) fn cpu(&self) -> f64 {
        let lost = self.exact + self.exact / 20 + 2 * TICK < self.coarse;
        (if lost { self.coarse } else { self.exact }) as f64
    }
}

fn threads(pid: u32) -> Option<(u64, u64)> {
    let mut sum = (0, 0);
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let Ok(line) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(0));
        sum.0 += numbers.next().unwrap_or(0);
        sum.1 += numbers.next().unwrap_or(0);
    }
    Some(sum)
}

fn ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in front is in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum())
}

/// Resident memory in bytes: now, and the most there ever was.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}
