//! TLS towards a server: whom to believe, and what to show.

use super::{
    connect::CONNECTION,
    exit::{Failure, innermost},
};
use clap::Args;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    error::Error as _,
    fs,
    path::{Path, PathBuf},
};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// What https:// addresses need.
#[derive(Args, Debug, Default)]
pub(super) struct TlsArgs {
    /// The authorities, in PEM, by one of which a server's certificate must be signed [default: those of this machine]
    #[arg(long, global = true, help_heading = CONNECTION, value_name = "FILE", env = "ROLEGATE_TLS_CA")]
    tls_ca: Option<PathBuf>,
    /// A certificate to show to servers that ask for one, in PEM; with --tls-key
    #[arg(long, global = true, help_heading = CONNECTION, value_name = "FILE", env = "ROLEGATE_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(long, global = true, help_heading = CONNECTION, value_name = "FILE", env = "ROLEGATE_TLS_KEY")]
    tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Whether anything of it is given.
    fn is_given(&self) -> bool {
        self.tls_ca.is_some() || self.tls_cert.is_some() || self.tls_key.is_some()
    }

    /// An endpoint that does what its address says.
    ///
    /// # Errors
    /// The address is one of plain text although TLS was asked for, a file cannot be used, or only one of the pair is given.
    pub(super) fn secure(&self, endpoint: Endpoint, address: &str) -> Result<Endpoint, Failure> {
        if !address.starts_with("https://") {
            // A socket needs no TLS; a port that gets none although it was asked for would be told the key.
            let is_slip = self.is_given() && address.starts_with("http://");
            let problem = format!(
                "`{address}` would be spoken to in plain text: with --tls-ca, --tls-cert and --tls-key"
            );
            return if is_slip {
                Err(Failure::usage(format!("{problem} write https://")))
            } else {
                Ok(endpoint)
            };
        }
        let mut config = ClientTlsConfig::new();
        if let Some(host) = endpoint.uri().host() {
            config = config.domain_name(host.trim_matches(['[', ']']));
        }
        config = match &self.tls_ca {
            Some(file) => config.ca_certificate(Certificate::from_pem(certificates(file)?)),
            None => config.with_native_roots(),
        };
        config = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => config.identity(Identity::from_pem(certificates(cert)?, read(key)?)),
            (None, None) => config,
            _ => return Err(Failure::usage("--tls-cert and --tls-key must be given together")),
        };
        endpoint.tls_config(config).map_err(|error| {
            let cause = innermost(&error).or_else(|| error.source().map(ToString::to_string));
            Failure::local(format!("TLS cannot be set up: {}", cause.unwrap_or_else(|| error.to_string())))
        })
    }
}

/// The text of a file that holds a certificate at least: of one without any, nothing would be believed, and nobody told.
fn certificates(file: &Path) -> Result<Vec<u8>, Failure> {
    let pem = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(pem),
        _ => Err(Failure::local(format!("`{}` holds no certificate in PEM", file.display()))),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| Failure::local(format!("cannot read `{}`: {error}", file.display())))
}
