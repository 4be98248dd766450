//! Signals that would end the process there and then, and have another meaning to a server or none.

use crate::decision_log::DecisionLog;
use rustix::process::Signal;
use std::future::pending;
use tokio::signal::unix::{SignalKind, signal};

/// Each call of what is returned resolves when the process is asked to end once more: SIGTERM or SIGINT. Listens from here
/// on, not only from the first poll: once there is a handler, a signal that nobody listens to would be lost.
pub fn signalled() -> impl AsyncFnMut() {
    let mut signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move || {
        let (Ok(terminate), Ok(interrupt)) = &mut signals else {
            // Without handlers the signals end the process at once, which is an end as well.
            return pending().await;
        };
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "asked to stop");
    }
}

/// From here on, neither a terminal that goes away nor a file that may not grow ends the process: a write beyond a limit
/// of sizes fails as on a full disk, which is dealt with where it is written.
pub fn outlive() {
    for kind in [SignalKind::hangup(), SignalKind::from_raw(Signal::XFSZ.as_raw())] {
        // A handler stays for as long as the process lives, whether anyone listens or not.
        if let Err(error) = signal(kind) {
            tracing::warn!(signal = kind.as_raw_value(), %error, "a signal that ends the process cannot be caught");
        }
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
