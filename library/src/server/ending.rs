//! The end of a server in good order: callers first, then what they were answered from, then what is known of it.

use super::tasks::Tasks;
use crate::{decision_log::DecisionLog, engine::Engine, telemetry::traces::Tracer};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long writes in progress get to end, and the store to be closed, when calls have taken all the time there was.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// How long the decision log gets for its last lines when calls have taken all the time there was.
const LAST_LINES: Duration = Duration::from_millis(200);

/// What is to be brought to its end.
pub(super) struct Ending {
    pub(super) tasks: Tasks,
    pub(super) engine: Engine,
    pub(super) tracer: Option<Tracer>,
    pub(super) log: Option<DecisionLog>,
}

impl Ending {
    /// Lets calls in flight end, and then all else, within so long. It may be given up at any point for
    /// [`at_once`](Self::at_once).
    pub(super) async fn in_order(&mut self, drain: Duration) {
        let deadline = Instant::now() + drain;
        // Calls that last, such as watches, must not take the time in which the store is closed.
        let calls_end = deadline - LAST_WRITES.min(drain / 4);
        let all_ended = timeout_at(calls_end, self.tasks.listeners_ended()).await.is_ok();
        // Whoever is still served is told nothing more, and nobody follows the store any more: it is about to be closed, and the
        // decision log after it.
        self.tasks.cut().await;
        let is_finished = timeout_at(deadline, self.finish_store()).await.is_ok();
        self.finish_log(deadline.saturating_duration_since(Instant::now())).await;
        if is_finished && all_ended {
            tracing::info!("stopped");
        } else {
            tracing::warn!("stopped at the drain's deadline; some connections were cut");
        }
    }

    /// Cuts everything off but the decision log's last lines.
    pub(super) async fn at_once(&mut self) {
        self.tasks.cut().await;
        self.finish_log(Duration::ZERO).await;
    }

    async fn finish_store(&self) {
        self.engine.finish().await;
        if let Some(tracer) = &self.tracer {
            tracer.finish().await;
        }
    }

    /// Lets the decision log be written to its end.
    async fn finish_log(&self, left: Duration) {
        if let Some(log) = &self.log {
            log.finish(left.max(LAST_LINES)).await;
        }
    }
}
