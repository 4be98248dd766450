//! Which file a path names just now.

use super::error::StoreError;
use std::{fmt, fs, os::unix::fs::MetadataExt as _, path::Path, time::SystemTime};

/// Tells a file from another that has taken its place, or from a copy: device, inode and birth.
///
/// The inode alone does not: a backup copied to where a deleted file was is likely to get the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    /// In nanoseconds since 1970; 0 where the file system does not say.
    born: u128,
}

impl FileIdentity {
    /// The identity of the file that the path names now.
    ///
    /// # Errors
    /// There is none, or it cannot be asked about.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let meta = fs::metadata(path)
            .map_err(|error| StoreError::Unavailable(format!("`{}`: {error}", path.display())))?;
        let born = meta.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Ok(Self { device: meta.dev(), inode: meta.ino(), born: born.unwrap_or_default().as_nanos() })
    }
}

impl fmt::Display for FileIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.device, self.inode, self.born)
    }
}
