//! The end of a server: what asks for it, and how tasks learn of it.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Resolves when the process is asked to end: SIGTERM or SIGINT.
pub async fn signalled() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process at once, which is an end as well.
        return std::future::pending().await;
    };
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "asked to stop");
}

/// Resolves when the server has begun to stop, or is gone.
pub(super) async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and the server with it.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
