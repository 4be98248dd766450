//! The files themselves: none can be reached without a proof that its user may have it.

use crate::{
    archive::LARGEST_FILE,
    authorize::{Allowed, AllowedInBulk},
    errors::Refusal,
};
use axum::body::Body;
use std::{io, path::PathBuf};
use tokio::{
    fs::{self, File},
    io::AsyncReadExt as _,
};
use tokio_util::io::ReaderStream;

/// What a name may take in an archive's header.
const LONGEST_NAME: usize = 100;

/// A folder that has a folder for each project.
#[derive(Clone)]
pub(crate) struct Files(PathBuf);

/// A name that stays within its folder.
pub(crate) struct FileName(String);

/// A file that is there, and that its user may have.
pub(crate) struct Found {
    /// Its project and its name, as archives have it.
    pub(crate) label: (String, String),
    /// In bytes.
    pub(crate) size: u64,
    path: PathBuf,
}

impl FileName {
    pub(crate) fn parse(name: &str) -> Result<Self, Refusal> {
        if stays_in_its_folder(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(Refusal::BadRequest(
                "a file's name has up to 100 bytes, no slash, and does not begin with a dot",
            ))
        }
    }
}

fn stays_in_its_folder(name: &str) -> bool {
    let strange = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && !name.contains(strange)
}

impl Files {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Looks for a file. The proof is used up: whoever wants another one has to ask again.
    pub(crate) async fn find(&self, allowed: Allowed, name: FileName) -> Result<Found, Refusal> {
        self.look(allowed.project(), name).await
    }

    /// Looks for a file among many.
    pub(crate) async fn find_in_bulk(
        &self,
        allowed: &AllowedInBulk,
        name: FileName,
    ) -> Result<Found, Refusal> {
        match self.look(allowed.project(), name).await? {
            found if found.size <= LARGEST_FILE => Ok(found),
            _ => Err(Refusal::BadRequest("a file is too large for an archive: download it by itself")),
        }
    }

    async fn look(&self, project: &str, name: FileName) -> Result<Found, Refusal> {
        // A project's id comes from outside too, and is to be no path either.
        if !stays_in_its_folder(project) {
            return Err(Refusal::NotFound);
        }
        let path = self.0.join(project).join(&name.0);
        // Links are not followed: they could lead out of the folder.
        match fs::symlink_metadata(&path).await {
            Ok(meta) if meta.is_file() => {
                Ok(Found { label: (project.to_owned(), name.0), size: meta.len(), path })
            }
            _ => Err(Refusal::NotFound),
        }
    }
}

impl Found {
    /// The file as a body that is read as it is sent.
    pub(crate) async fn open(self) -> Result<Body, Refusal> {
        let file = self.file().await.map_err(|_| Refusal::NotFound)?;
        Ok(Body::from_stream(ReaderStream::new(file.take(self.size))))
    }

    pub(crate) async fn file(&self) -> io::Result<File> {
        File::open(&self.path).await
    }
}
