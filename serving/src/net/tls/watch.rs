//! Looking at the files again and again: what is new and good is taken up, and what is not leaves the last good pair.

use super::{Tls, TlsError};
use crate::{aside::aside, telemetry::doors::Doors};
use jiff::Timestamp;
use std::sync::Arc;

/// Looks at the files for ever.
pub async fn watch(tls: Tls, doors: Arc<Doors>) {
    let mut told = Told::default();
    loop {
        tokio::time::sleep(tls.0.interval).await;
        let looking = tls.clone();
        // Files may lie on what is slow to read. A look that panicked is followed by another one.
        if let Ok(found) = aside(move || looking.renew()).await {
            told.tell(&tls, found, &doors);
        }
    }
}

/// What the log says already.
#[derive(Default)]
struct Told {
    problem: Option<TlsError>,
    expired: bool,
}

impl Told {
    fn tell(&mut self, tls: &Tls, found: Result<bool, TlsError>, doors: &Doors) {
        match found {
            Ok(true) => {
                doors.certificate_expires(tls.expires());
                *self = Self::default();
                announce(tls);
            }
            Ok(false) => self.problem = None,
            Err(problem) => {
                doors.reload_failed();
                if self.problem.as_ref() != Some(&problem) {
                    tracing::warn!(%problem, "the TLS files cannot be used: the last good ones stay in use");
                    self.problem = Some(problem);
                }
            }
        }
        let expired = tls.expires().is_some_and(|expires| expires <= Timestamp::now());
        if expired && !self.expired {
            tracing::error!("the TLS certificate has expired: clients refuse it until there is a new one");
        }
        self.expired = expired;
    }
}

/// Says which certificate is shown from now on.
pub fn announce(tls: &Tls) {
    let files = tls.files();
    let expires = tls.expires().map_or("unknown".to_owned(), |expires| expires.to_string());
    let client_certificates = tls.asks_for_certificates();
    let cert = files.cert.display();
    tracing::info!(%cert, expires, client_certificates, "TLS has a certificate");
    if files.key_is_open() {
        let key = files.key.display();
        tracing::warn!(%key, "everyone on this machine may read the TLS key: take the rights of others from the file");
    }
}
