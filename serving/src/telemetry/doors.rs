//! What listeners turn away before any call, and how long the certificate that they show is still good.

use super::told::Told;
use jiff::Timestamp;
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

/// Stands for a certificate that there is not, or whose end is not known.
const NO_END: i64 = i64::MAX;

/// What is counted at the doors of a server.
#[derive(Debug)]
pub struct Doors {
    peers: AtomicU64,
    handshakes: AtomicU64,
    reloads: AtomicU64,
    key_reloads: AtomicU64,
    /// In seconds since 1970.
    certificate_ends: AtomicI64,
    told_of_peers: Told,
    told_of_handshakes: Told,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            peers: AtomicU64::default(),
            handshakes: AtomicU64::default(),
            reloads: AtomicU64::default(),
            key_reloads: AtomicU64::default(),
            certificate_ends: AtomicI64::new(NO_END),
            told_of_peers: Told::default(),
            told_of_handshakes: Told::default(),
        }
    }
}

impl Doors {
    /// A process of a user who may not connect to Unix sockets has tried to; without an id if that cannot be told.
    pub fn peer_refused(&self, uid: Option<u32>) {
        self.peers.fetch_add(1, Relaxed);
        if self.told_of_peers.is_due() {
            tracing::warn!(uid, "refused on a Unix socket: not one of `socket_uids` (told once a minute)");
        }
    }

    /// A connection did not become a TLS connection in time, or its client showed no good certificate.
    pub fn handshake_failed(&self, peer: &str, problem: &str) {
        self.handshakes.fetch_add(1, Relaxed);
        if self.told_of_handshakes.is_due() {
            tracing::warn!(peer, problem, "a TLS handshake failed (told once a minute)");
        } else {
            tracing::debug!(peer, problem, "a TLS handshake failed");
        }
    }

    /// A look at the TLS files found nothing that can be used.
    pub fn reload_failed(&self) {
        self.reloads.fetch_add(1, Relaxed);
    }

    /// A look at the file of callers' keys found none that can be used.
    pub fn caller_keys_not_reloaded(&self) {
        self.key_reloads.fetch_add(1, Relaxed);
    }

    /// The certificate that is shown from now on ends then.
    pub fn certificate_expires(&self, at: Option<Timestamp>) {
        self.certificate_ends.store(at.map_or(NO_END, Timestamp::as_second), Relaxed);
    }
}

/// Tells the counts when metrics are asked for.
pub(super) fn tell(doors: &Arc<Doors>, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    for (name, help, count) in [
        ("socket_peers_refused", "Connections refused on Unix sockets for their user", &doors.peers),
        ("tls_handshakes_failed", "Connections that did not become TLS connections", &doors.handshakes),
        ("tls_reload_failures", "Looks at the TLS files that found no good pair", &doors.reloads),
        (
            "caller_key_reload_failures",
            "Looks at the caller key file that found no good keys",
            &doors.key_reloads,
        ),
    ] {
        let counter = ConstCounter::new(count.load(Relaxed));
        counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
    }
    let ends = doors.certificate_ends.load(Relaxed);
    if ends == NO_END {
        return Ok(());
    }
    let left = ConstGauge::new(ends.saturating_sub(Timestamp::now().as_second()));
    let help = "How long the TLS certificate in use is still good; negative once it has expired";
    left.encode(encoder.encode_descriptor("tls_certificate_seconds_left", help, None, left.metric_type())?)
}
