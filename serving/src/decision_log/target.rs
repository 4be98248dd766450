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
/// What is said of a file that has no name any more.
const DELETED: &str = "the file was deleted, and no other one could be opened in its place";
/// How often it is looked whether the file is still where it was.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Target {
    file: File,
    path: Option<PathBuf>,
    looked: Instant,
    place: Place,
}

/// Where the file is that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where it is to be.
    Here,
    /// Under another name. No other file could be opened yet.
    Elsewhere,
    /// It has no name any more: what is written to it is lost. No other file could be opened yet.
    Nowhere,
}

impl Target {
    pub(super) fn open(destination: &Destination) -> io::Result<Self> {
        let (file, path) = match destination {
            // Without the standard library's own buffer: it must be known what is written.
            Destination::Stdout => (File::from(io::stdout().as_fd().try_clone_to_owned()?), None),
            Destination::File(path) => (open(path)?, Some(path.clone())),
        };
        Ok(Self { file, path, looked: Instant::now(), place: Place::Here })
    }

    /// Writes some of it. Nothing to a file that was deleted: nobody would ever read it.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.place {
            Place::Nowhere => Err(io::Error::new(ErrorKind::NotFound, DELETED)),
            Place::Here | Place::Elsewhere => self.file.write(text),
        }
    }

    /// Whether the file that is open is where it is to be.
    pub(super) fn is_in_place(&self) -> bool {
        self.place == Place::Here
    }

    /// Whether what is written would be lost.
    pub(super) fn is_deleted(&self) -> bool {
        self.place == Place::Nowhere
    }

    /// Opens the file anew if that is asked for, or if another one is in its place or none. Says whether it did; if it
    /// cannot, the old one stays open.
    pub(super) fn look_after(&mut self, asked: bool) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let ours = self.file.metadata()?;
        let has_name = ours.nlink() > 0;
        if !asked {
            if has_name && self.looked.elapsed() < LOOK_EVERY {
                return Ok(false);
            }
            self.looked = Instant::now();
            if fs::metadata(path).is_ok_and(|there| identity(&there) == identity(&ours)) {
                self.place = Place::Here;
                return Ok(false);
            }
        }
        self.place = if has_name { Place::Elsewhere } else { Place::Nowhere };
        self.file = open(path)?;
        self.place = Place::Here;
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
