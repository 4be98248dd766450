//! When a file was last written to, as far as that tells whether it has been written to since.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

/// For so long after it was written to, a file may be written to again and have the same stamp: kernels take stamps from a clock
/// that ticks every few milliseconds, and some file systems keep whole seconds of them.
const SETTLES_IN: Duration = Duration::from_secs(1);

/// What the file system says of a file that is another with every write, but for those that come within a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    bytes: u64,
    /// Since 1970.
    changed: Duration,
}

impl Stamp {
    /// The stamp of the file just now, if there is one.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        let (seconds, nanos) = (meta.ctime().try_into().ok()?, meta.ctime_nsec().try_into().ok()?);
        Some(Self { inode: meta.ino(), bytes: meta.len(), changed: Duration::new(seconds, nanos) })
    }

    /// Whether a file that has this stamp now will have another as soon as it is written to.
    pub(super) fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(self.changed).is_some_and(|ago| ago >= SETTLES_IN)
    }
}
