//! TLS for TCP listeners: the files that it is made of, read at the start and looked at again for as long as the server
//! runs. New connections get what was read last and was good; those that are open keep what they began with.

mod files;
mod leaf;
mod watch;

pub use files::{TlsError, TlsFiles};
pub use watch::{announce, watch};

use arc_swap::ArcSwap;
use files::Contents;
use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use std::{sync::Arc, time::Duration};

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC, over HTTP/2.
    Grpc,
    /// HTTP/1.
    Http,
}

/// The TLS of a server: a cheap handle on the pair in use.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    interval: Duration,
    identity: ArcSwap<Identity>,
}

/// A certificate and its key, ready to be shown, and whom it is shown to.
struct Identity {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    /// When clients begin to refuse it, as far as it says so in a way that is understood.
    expires: Option<Timestamp>,
    /// When the first of the clients' authorities expires: it is to be left out from then on.
    authorities_until: Option<Timestamp>,
    /// What the files held.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files, which are looked at again after each `interval`.
    ///
    /// # Errors
    /// The first file that cannot be used: it cannot be read, is not PEM, lacks what it is for, has expired, or is a key
    /// that belongs to another certificate.
    pub fn load(files: TlsFiles, interval: Duration) -> Result<Self, TlsError> {
        let identity = Identity::of(&files, &files.read()?)?;
        Ok(Self(Arc::new(Inner { files, interval, identity: ArcSwap::from_pointee(identity) })))
    }

    /// Whether clients must show a certificate.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        self.0.files.client_ca.is_some()
    }

    /// When the certificate in use expires, if that can be told.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.identity.load().expires
    }

    /// Which files it is made of.
    #[must_use]
    pub fn files(&self) -> &TlsFiles {
        &self.0.files
    }

    /// What the next connection begins with.
    pub(super) fn config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        let identity = self.0.identity.load();
        Arc::clone(match protocol {
            Protocol::Grpc => &identity.grpc,
            Protocol::Http => &identity.http,
        })
    }

    /// Takes up what the files hold now. Whether that is something new.
    fn renew(&self) -> Result<bool, TlsError> {
        let contents = self.0.files.read()?;
        let digest = contents.digest();
        // Files that change while they are read are looked at another time: a certificate and another one's key are no pair.
        if self.0.identity.load().is_still_good(digest) || digest != self.0.files.read()?.digest() {
            return Ok(false);
        }
        self.0.identity.store(Arc::new(Identity::of(&self.0.files, &contents)?));
        Ok(true)
    }
}

impl Identity {
    /// Whether it is what files of this digest come to now.
    fn is_still_good(&self, digest: [u8; 32]) -> bool {
        self.digest == digest && self.authorities_until.is_none_or(|until| until > Timestamp::now())
    }

    fn of(files: &TlsFiles, contents: &Contents) -> Result<Self, TlsError> {
        let chain = certificates(&contents.cert).map_err(|problem| files.bad_cert(problem))?;
        let expires = expiry(&chain).map_err(|problem| files.bad_cert(problem))?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| files.bad_key("holds no private key in PEM that can be read without a password"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| files.bad_cert(error.to_string()))?;
        let (config, authorities_until) = match &contents.client_ca {
            Some(authorities) => {
                let (verifier, until) =
                    verifier(authorities).map_err(|problem| files.bad_client_ca(problem))?;
                (config.with_client_cert_verifier(verifier), until)
            }
            None => (config.with_no_client_auth(), None),
        };
        let mut config = config.with_single_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => files.bad_key("is not the key of the certificate"),
            rustls::Error::InvalidCertificate(_) => files.bad_cert(error.to_string()),
            other => files.bad_key(other.to_string()),
        })?;
        // A resumed session would skip the look at the client's certificate, which may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let speaking = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        let (grpc, http) = (speaking(b"h2"), speaking(b"http/1.1"));
        Ok(Self { grpc, http, expires, authorities_until, digest: contents.digest() })
    }
}

/// When the first of these certificates expires, if that can be told, and nothing says that no client accepts it now.
fn expiry(chain: &[CertificateDer<'_>]) -> Result<Option<Timestamp>, String> {
    let Some(certificate) = chain.first() else { return Ok(None) };
    if leaf::is_not_for_servers(certificate) {
        return Err("the certificate says that it is not for servers (extended key usage)".to_owned());
    }
    let Some(leaf::Validity { from, until }) = leaf::validity(certificate) else { return Ok(None) };
    let now = Timestamp::now();
    if until <= now {
        return Err(format!("the certificate has expired, on {until}"));
    }
    if from > now {
        return Err(format!("the certificate is not valid before {from}"));
    }
    Ok(Some(until))
}

/// The certificates of a PEM file, of which there must be one at least.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("is no PEM file: {error}"))?;
    if all.is_empty() {
        return Err("holds no certificate in PEM".to_owned());
    }
    Ok(all)
}

/// Demands a certificate that one of these authorities has signed, and tells when the first of them expires. What TLS
/// itself does not look at: one that has expired vouches for nobody.
fn verifier(authorities: &[u8]) -> Result<(Arc<dyn ClientCertVerifier>, Option<Timestamp>), String> {
    let (mut roots, mut first, now) = (RootCertStore::empty(), None, Timestamp::now());
    for authority in certificates(authorities)? {
        let until = leaf::validity(&authority).map(|validity| validity.until);
        if let Some(until) = until.filter(|until| *until <= now) {
            tracing::warn!(%until, "an authority of clients' certificates has expired: it is left out");
            continue;
        }
        first = first.into_iter().chain(until).min();
        roots.add(authority).map_err(|error| format!("holds what is no authority: {error}"))?;
    }
    if roots.is_empty() {
        return Err("holds only authorities that have expired".to_owned());
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
    verifier.build().map(|verifier| (verifier, first)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    fn authority(until: i32) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(until, 3, 14);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn an_authority_that_has_expired_vouches_for_nobody() {
        let several = [authority(2001), authority(3003), authority(3002)].concat();
        let (verifier, until) = verifier(several.as_bytes()).unwrap();
        assert_eq!(verifier.root_hint_subjects().len(), 2);
        assert_eq!(until.map(|until| until.to_string()), Some("3002-03-14T00:00:00Z".to_owned()));
    }

    #[test]
    fn where_all_authorities_have_expired_there_is_no_tls_at_all() {
        let refused = verifier(authority(2001).as_bytes()).err();
        assert_eq!(refused.as_deref(), Some("holds only authorities that have expired"));
    }
}
