//! Certificates for tests: authorities, and what they sign.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Whoever signs.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Named after its key: two of one name would be taken for each other.
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, format!("{:x?}", &key.public_key_raw()[..8]));
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server of these names.
    pub(crate) fn server(&self, names: &[&str]) -> Pair {
        self.sign(params(names))
    }

    /// The same, and no longer good.
    pub(crate) fn expired_server(&self, names: &[&str]) -> Pair {
        self.sign(expired(params(names)))
    }

    /// The same, and not good yet.
    pub(crate) fn future_server(&self, names: &[&str]) -> Pair {
        let mut params = params(names);
        (params.not_before, params.not_after) = (date_time_ymd(3001, 1, 1), date_time_ymd(3002, 2, 2));
        self.sign(params)
    }

    pub(crate) fn client(&self) -> Pair {
        self.sign(for_clients(params(&["client"])))
    }

    pub(crate) fn expired_client(&self) -> Pair {
        self.sign(expired(for_clients(params(&["client"]))))
    }

    fn sign(&self, params: CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let cert: Certificate = params.signed_by(&key, &self.0).unwrap();
        Pair { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec() }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(Vec::from_iter(names.iter().map(|name| (*name).to_owned()))).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn for_clients(mut params: CertificateParams) -> CertificateParams {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 2, 2));
    params
}

impl Pair {
    /// Writes both beside each other, and returns where.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        let paths = ["crt", "key"].map(|end| folder.join(format!("{name}.{end}")));
        fs::write(&paths[0], &self.cert).unwrap();
        fs::write(&paths[1], &self.key).unwrap();
        paths
    }
}
