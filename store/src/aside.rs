//! Work that takes long without ever waiting: done on threads of its own, so that it holds up nobody who asks, writes or
//! watches meanwhile.

/// Does the work on a thread of its own, and gives what it makes. Whoever gives up waiting leaves the work behind.
///
/// # Errors
/// The work panicked, or the process is ending.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CutShort> {
    tokio::task::spawn_blocking(work).await.map_err(|_| CutShort)
}

/// Work that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("the work was cut short; see the server's log")]
pub struct CutShort;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};

    #[tokio::test]
    async fn others_go_on_while_it_works_even_where_one_thread_runs_them_all() {
        let (others, work) = mpsc::channel();
        let working = tokio::spawn(aside(move || work.recv_timeout(Duration::from_secs(60))));
        tokio::task::yield_now().await;
        others.send("went on").unwrap();
        assert_eq!(working.await.unwrap().unwrap(), Ok("went on"));
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_no_end() {
        let cut = aside(|| panic!("on purpose")).await;
        assert!(cut.unwrap_err().to_string().contains("cut short"));
    }
}
