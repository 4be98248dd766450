//! What processes take, from `/proc`.

use std::fs;

/// Resident memory in bytes: now, and the most there ever was.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Seconds of processor time that a process and those of its children that have ended took.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    /// The kernel's unit here is always this, whatever its own clock is.
    const TICKS: f64 = 100.0;
    let taken = fields(pid).map(|fields| fields.into_iter().skip(11).take(4).sum::<f64>());
    taken.unwrap_or(0.0) / TICKS
}

/// The same of a process and everything below it.
pub(crate) fn cpu_seconds_of_all(pid: u32) -> f64 {
    cpu_seconds(pid) + children(pid).into_iter().map(cpu_seconds).sum::<f64>()
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child =
        |pid: &u32| fields(*pid).and_then(|fields| fields.get(1).copied()) == Some(f64::from(parent));
    pids.filter(is_child).collect()
}

/// The fields of `/proc/PID/stat` from the state on, which is no number.
fn fields(pid: u32) -> Option<Vec<f64>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in front is in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
}
