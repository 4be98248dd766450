//! The end of a server: what asks for it, and how tasks learn of it.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Each call of what is returned resolves when the process is asked to end once more: SIGTERM or SIGINT. Listens from here
/// on, not only from the first poll: once there is a handler, a signal that nobody listens to would be lost.
pub fn signalled() -> impl AsyncFnMut() {
    let mut signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move || {
        let (Ok(terminate), Ok(interrupt)) = &mut signals else {
            // Without handlers the signals end the process at once, which is an end as well.
            return std::future::pending().await;
        };
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "asked to stop");
    }
}

/// Resolves when the server has begun to stop, or is gone.
pub(super) async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and the server with it.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
