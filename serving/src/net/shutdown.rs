//! How whatever serves learns of the end.

use tokio::sync::watch;

/// Resolves when the server has begun to stop, or is gone.
pub async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and the server with it.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
