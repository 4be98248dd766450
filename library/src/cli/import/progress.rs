//! What whoever waits for an import sees, and what is kept of it.

use crate::{cli::exit::Failure, platform::source::Progress};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// One page that was read.
#[derive(Serialize, Deserialize)]
struct Page {
    from: String,
    path: String,
    body: String,
}

/// Pages that were read, in a file, for the next time.
#[derive(Default)]
pub(super) struct Kept {
    from: String,
    pages: HashMap<String, String>,
    file: Option<(PathBuf, File)>,
}

impl Kept {
    /// Reads what is kept, if anything is to be.
    pub(super) fn open(path: Option<&Path>, from: &str) -> Result<Self, Failure> {
        let from = from.to_owned();
        let Some(path) = path else { return Ok(Self { from, ..Self::default() }) };
        let failed =
            |error: std::io::Error| Failure::local(format!("cannot use `{}`: {error}", path.display()));
        // It tells who may do what: nobody else's business.
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(failed)?;
        let mut pages = HashMap::new();
        for line in BufReader::new(&file).lines() {
            // One that was cut off is read again.
            let Ok(page) = serde_json::from_str::<Page>(&line.map_err(failed)?) else { continue };
            if page.from != from {
                let other = format!("`{}` holds what was read from {}", path.display(), page.from);
                return Err(Failure::usage(other).with_field("resume"));
            }
            pages.insert(page.path, page.body);
        }
        Ok(Self { from, pages, file: Some((path.to_owned(), file)) })
    }

    fn keep(&mut self, path: &str, body: &str) {
        let Some((_, file)) = &mut self.file else { return };
        let page = Page { from: self.from.clone(), path: path.to_owned(), body: body.to_owned() };
        // What cannot be kept is read again another time.
        if let Ok(line) = serde_json::to_string(&page) {
            let _ = file.write_all(format!("\n{line}\n").as_bytes());
        }
    }

    /// Nothing of it is needed any more.
    pub(super) fn done(self) {
        if let Some((path, _)) = self.file {
            let _ = fs::remove_file(path);
        }
    }
}

/// A line on the terminal that tells how far reading has come. Where there is no terminal, nothing is shown.
pub(super) struct Shown {
    bar: ProgressBar,
    kept: Kept,
}

impl Shown {
    pub(super) fn new(kept: Kept) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} reading {msg}: {pos} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, kept }
    }

    pub(super) fn finish(self) -> Kept {
        self.bar.finish_and_clear();
        self.kept
    }
}

impl Progress for Shown {
    fn begins(&mut self, list: &'static str) {
        self.bar.set_position(0);
        self.bar.set_message(list);
    }

    fn read(&mut self, items: usize) {
        self.bar.inc(items as u64);
    }

    fn kept(&mut self, path: &str) -> Option<String> {
        self.kept.pages.remove(path)
    }

    fn keep(&mut self, path: &str, body: &str) {
        self.kept.keep(path, body);
    }
}
