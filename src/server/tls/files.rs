//! The files that TLS is made of.

use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The rights of others to read.
const OTHERS_READ: u32 = 0o004;

/// The most that a file may hold, in bytes: hundreds of certificates.
const LARGEST: u64 = 1 << 20;

/// Where a certificate, its key and the clients' authorities are. Every look at them follows links anew, so that a folder
/// may be swapped beneath them.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate and those between it and its authority, in PEM.
    pub cert: PathBuf,
    /// The certificate's private key, in PEM.
    pub key: PathBuf,
    /// The authorities of clients' certificates, in PEM; without it, clients need none.
    pub client_ca: Option<PathBuf>,
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`: {problem}")]
pub struct TlsError {
    /// The setting that names it.
    pub setting: &'static str,
    /// Its path.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What the files held when they were read.
pub(super) struct Contents {
    pub(super) cert: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    /// Whether everyone on the machine may read the key.
    #[must_use]
    pub fn key_is_open(&self) -> bool {
        fs::metadata(&self.key).is_ok_and(|meta| meta.permissions().mode() & OTHERS_READ != 0)
    }

    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents {
            cert: read(&self.cert).map_err(|problem| self.bad_cert(problem))?,
            key: read(&self.key).map_err(|problem| self.bad_key(problem))?,
            client_ca: match &self.client_ca {
                Some(file) => Some(read(file).map_err(|problem| self.bad_client_ca(problem))?),
                None => None,
            },
        })
    }

    pub(super) fn bad_cert(&self, problem: impl Into<String>) -> TlsError {
        TlsError::new("tls_cert_file", &self.cert, problem)
    }

    pub(super) fn bad_key(&self, problem: impl Into<String>) -> TlsError {
        TlsError::new("tls_key_file", &self.key, problem)
    }

    pub(super) fn bad_client_ca(&self, problem: impl Into<String>) -> TlsError {
        TlsError::new("tls_client_ca_file", self.client_ca.as_deref().unwrap_or(Path::new("")), problem)
    }
}

/// All of a file, if that is not too much. Nothing is read that might never end, such as a pipe: nobody would look at the
/// files any more.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let is_file = fs::metadata(path).map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("is no regular file".to_owned());
    }
    let mut held = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(LARGEST + 1).read_to_end(&mut held).map_err(|error| error.to_string())?;
    if held.len() as u64 > LARGEST {
        return Err(format!("holds more than {LARGEST} bytes"));
    }
    Ok(held)
}

impl TlsError {
    fn new(setting: &'static str, file: &Path, problem: impl Into<String>) -> Self {
        Self { setting, file: file.display().to_string(), problem: problem.into() }
    }
}

impl Contents {
    /// Tells contents apart.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten() {
            // Lengths keep what stands at the end of one file from counting as the beginning of the next.
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_most_that_it_may_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (size, is_read) in [(0, true), (LARGEST, true), (LARGEST + 1, false), (1 << 40, false)] {
            File::create(&path).unwrap().set_len(size).unwrap();
            assert_eq!(read(&path).map(|held| held.len() as u64).ok(), is_read.then_some(size), "{size}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert_eq!(read(path), Err("is no regular file".to_owned()), "{path:?}");
        }
    }
}
