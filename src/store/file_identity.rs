//! Which file a path names just now.

use super::error::StoreError;
use std::{fmt, fs, os::unix::fs::MetadataExt as _, path::Path};

/// Tells a file from another that has taken its place, or from a copy: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// The identity of the file that the path names now.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let meta = fs::metadata(path)
            .map_err(|error| StoreError::Unavailable(format!("`{}`: {error}", path.display())))?;
        Ok(Self { device: meta.dev(), inode: meta.ino() })
    }
}

impl fmt::Display for FileIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}
