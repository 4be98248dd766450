//! Signals that would end the process there and then, and have another meaning to a server or none.

use crate::decision_log::DecisionLog;
use std::future::pending;
use tokio::signal::unix::{SignalKind, signal};

/// From here on, no terminal that goes away ends the process.
pub fn outlive() {
    // A handler stays for as long as the process lives, whether anyone listens or not.
    if let Err(error) = signal(SignalKind::hangup()) {
        tracing::warn!(%error, "SIGHUP cannot be caught, and ends the process");
    }
}

/// Opens the decision log anew whenever the process gets SIGHUP, as those who have moved its file away ask for.
pub(super) async fn reopen_on_hangup(log: Option<DecisionLog>) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return pending().await };
    while hangups.recv().await.is_some() {
        match &log {
            Some(log) => log.reopen(),
            None => tracing::info!("SIGHUP means nothing here: there is no decision log to open anew"),
        }
    }
}
