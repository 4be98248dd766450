//! Where the lines go: a file, which may be moved away at any time, or standard output.

use super::settings::Destination;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::{
        fd::AsFd as _,
        unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Whoever writes it may read it, and nobody else: it says who did what.
const MODE: u32 = 0o600;
/// What is said of a file that is not ours.
const FOREIGN: &str = "it holds something else than a decision log: name another file, or move this one away";
/// How often it is looked whether the file is still where it was.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Target {
    file: File,
    path: Option<PathBuf>,
    looked: Instant,
}

impl Target {
    pub(super) fn open(destination: &Destination) -> io::Result<Self> {
        let (file, path) = match destination {
            // Without the standard library's own buffer: it must be known what is written.
            Destination::Stdout => (File::from(io::stdout().as_fd().try_clone_to_owned()?), None),
            Destination::File(path) => (open(path)?, Some(path.clone())),
        };
        Ok(Self { file, path, looked: Instant::now() })
    }

    pub(super) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Opens the file anew if that is asked for, or if another one is in its place or none. Says whether it did; if it
    /// cannot, the old one stays open.
    pub(super) fn look_after(&mut self, asked: bool) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        if !asked {
            if self.looked.elapsed() < LOOK_EVERY {
                return Ok(false);
            }
            self.looked = Instant::now();
            let ours = identity(&self.file.metadata()?);
            if fs::metadata(path).is_ok_and(|there| identity(&there) == ours) {
                return Ok(false);
            }
        }
        self.file = open(path)?;
        Ok(true)
    }
}

fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe that is open for reading as well waits for no reader to be opened.
    let is_pipe = fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo());
    let mut file = OpenOptions::new().append(true).read(is_pipe).create(true).mode(MODE).open(path)?;
    match ends(&file, path)? {
        None | Some([b'{', b'\n']) => {}
        // The last line has no end: a process was cut off while it wrote, or the disk was full.
        Some([b'{', _]) => file.write_all(b"\n")?,
        // INVARIANT: nothing has been written to it.
        Some(_) => return Err(io::Error::new(ErrorKind::AlreadyExists, FOREIGN)),
    }
    Ok(file)
}

/// The first and last byte of what a file holds already.
fn ends(file: &File, path: &Path) -> io::Result<Option<[u8; 2]>> {
    let there = file.metadata()?;
    if !there.is_file() || there.len() == 0 {
        return Ok(None);
    }
    let file = File::open(path)?;
    let byte = |at| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).map(|()| u8::from_ne_bytes(byte))
    };
    Ok(Some([byte(0)?, byte(there.len() - 1)?]))
}
