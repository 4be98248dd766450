//! The tasks of a server, all held in one place: none dies unseen.

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::task::JoinSet;

/// The tasks that are running.
#[derive(Default)]
pub(super) struct Tasks {
    background: JoinSet<&'static str>,
    followers: JoinSet<&'static str>,
    listeners: JoinSet<&'static str>,
}

impl Tasks {
    /// Holds a task that never ends by itself.
    pub(super) fn hold(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(named(name, task.boxed()));
    }

    /// Holds a task that keeps in step with the store or with what fills it, and never ends by itself.
    pub(super) fn follow(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.followers.spawn(named(name, task.boxed()));
    }

    /// Holds a task that ends when the server is told to stop.
    pub(super) fn serve(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.listeners.spawn(named(name, task.boxed()));
    }

    /// Waits for the first task that ends: before the server is told to stop, none should. A panic is an end.
    pub(super) async fn first_end(&mut self) -> &'static str {
        let ended = tokio::select! {
            Some(ended) = self.background.join_next() => ended,
            Some(ended) = self.followers.join_next() => ended,
            Some(ended) = self.listeners.join_next() => ended,
        };
        ended.unwrap_or("a task that panicked")
    }

    /// Waits for all listeners to have ended.
    pub(super) async fn listeners_ended(&mut self) {
        while self.listeners.join_next().await.is_some() {}
    }

    /// Ends the listeners that are left, and every connection with them; then whatever follows for them, which must not
    /// outlive the store.
    pub(super) async fn cut(&mut self) {
        self.listeners.shutdown().await;
        self.followers.shutdown().await;
    }
}

/// A task that tells its name when it ends. Behind a pointer: what runs tasks is there once for all of one type.
async fn named(name: &'static str, task: BoxFuture<'static, ()>) -> &'static str {
    task.await;
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn the_first_task_that_ends_is_told_by_name() {
        let mut tasks = Tasks::default();
        tasks.follow("follower", ready(()));
        tasks.serve("listener", pending());
        assert_eq!(tasks.first_end().await, "follower");
        let mut tasks = Tasks::default();
        tasks.follow("follower", pending());
        tasks.serve("listener", ready(()));
        assert_eq!(tasks.first_end().await, "listener");
    }

    #[tokio::test]
    async fn whatever_follows_is_gone_when_everything_is_cut() {
        let mut tasks = Tasks::default();
        let (held, lent) = (std::sync::Arc::new(()), std::sync::Arc::new(()));
        let (follows, serves) = (held.clone(), lent.clone());
        tasks.follow("follower", async move {
            pending::<()>().await;
            drop(follows);
        });
        tasks.serve("listener", async move {
            pending::<()>().await;
            drop(serves);
        });
        tasks.cut().await;
        assert_eq!([&held, &lent].map(std::sync::Arc::strong_count), [1, 1]);
    }

    #[tokio::test]
    async fn a_task_that_panics_has_ended() {
        for kind in 0..3 {
            let mut tasks = Tasks::default();
            tasks.hold("health", pending());
            let broken = async { assert_eq!(1, 2, "broken on purpose") };
            match kind {
                0 => tasks.serve("broken", broken),
                1 => tasks.follow("broken", broken),
                _ => tasks.hold("broken", broken),
            }
            assert_eq!(tasks.first_end().await, "a task that panicked");
        }
    }
}
