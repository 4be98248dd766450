//! Clients that speak TLS, by tonic and by hand.

use super::certificates::Pair;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use std::{io, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Whom servers' certificates are for.
pub(crate) const SERVER_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A connection of a gRPC client that believes this authority.
pub(crate) async fn call(
    url: &str,
    authority: &str,
    identity: Option<&Pair>,
) -> Result<Channel, tonic::transport::Error> {
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    if let Some(pair) = identity {
        config = config.identity(Identity::from_pem(&pair.cert, &pair.key));
    }
    Endpoint::from_shared(url.to_owned())?.tls_config(config)?.connect().await
}

/// A connection by hand, on which this protocol is offered.
pub(crate) async fn handshake(
    address: &str,
    authority: &str,
    name: &str,
    protocol: &[u8],
) -> io::Result<TlsStream<TcpStream>> {
    connect(address, authority, name, protocol, &[&TLS13, &TLS12]).await
}

/// The same by a client that knows nothing newer than TLS 1.2.
pub(crate) async fn tls12(address: &str, authority: &str) -> io::Result<TlsStream<TcpStream>> {
    connect(address, authority, "localhost", b"h2", &[&TLS12]).await
}

/// The certificate that a server shows.
pub(crate) async fn shown(address: &str, authority: &str) -> io::Result<Vec<u8>> {
    let stream = handshake(address, authority, "localhost", b"h2").await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

async fn connect(
    address: &str,
    authority: &str,
    name: &str,
    protocol: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
