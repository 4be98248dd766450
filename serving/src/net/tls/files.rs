//! The files that TLS is made of.

use crate::net::file::read;
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The rights of others to read.
const OTHERS_READ: u32 = 0o004;

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
