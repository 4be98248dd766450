//! Calls looked at when their connection has had its turn: nearly all answers are there at once, and a task for each would cost
//! more than a look.

use hyper::rt::Executor;
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Waker},
};

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls of a connection that have begun in its turn.
#[derive(Default)]
pub(super) struct Begun(Arc<Mutex<Vec<Call>>>);

/// Where calls begin. Each of them has one, so that it must not hold what they are kept in.
#[derive(Clone)]
pub(super) struct Begin(Weak<Mutex<Vec<Call>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begin {
    fn execute(&self, call: F) {
        match self.0.upgrade() {
            Some(begun) => lock(&begun).push(Box::pin(call)),
            None => drop(tokio::spawn(call)),
        }
    }
}

impl Begun {
    /// Where they begin.
    pub(super) fn begin(&self) -> Begin {
        Begin(Arc::downgrade(&self.0))
    }

    /// Looks at each call once, in the order in which they came, and makes tasks of those that go on. The calls are handed over in
    /// a list that is empty, and is left so.
    pub(super) fn look(&self, at: &mut Vec<Call>) {
        mem::swap(at, &mut *lock(&self.0));
        for mut call in at.drain(..) {
            if is_pending(&mut call) {
                tokio::spawn(call);
            }
        }
    }
}

fn lock(calls: &Mutex<Vec<Call>>) -> MutexGuard<'_, Vec<Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the call goes on. One that panics has ended, as it would have as a task, and its connection has not. Whoever is to wake
/// it finds nobody: the task that it becomes looks again by itself.
fn is_pending(call: &mut Call) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context).is_pending())).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::Poll,
    };
    use tokio::task::yield_now;

    fn tasks() -> usize {
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    }

    /// Looks at calls that have just begun, and tells how many have ended at each moment.
    fn look(calls: Vec<Call>) -> Arc<AtomicUsize> {
        let (begun, ended) = (Begun::default(), Arc::new(AtomicUsize::new(0)));
        for call in calls {
            let ended = Arc::clone(&ended);
            begun.begin().execute(async move {
                call.await;
                ended.fetch_add(1, Relaxed);
            });
        }
        assert_eq!(ended.load(Relaxed), 0, "looked at too early");
        begun.look(&mut Vec::new());
        ended
    }

    async fn until(ended: &AtomicUsize, all: usize) {
        while ended.load(Relaxed) < all {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_is_there_at_once_becomes_no_task() {
        let ended = look(vec![Box::pin(async {}), Box::pin(async {})]);
        assert_eq!((ended.load(Relaxed), tasks()), (2, 0));
    }

    #[tokio::test]
    async fn what_waits_becomes_a_task_and_holds_up_nobody() {
        let ended = look(vec![Box::pin(yield_now()), Box::pin(async {})]);
        assert_eq!((ended.load(Relaxed), tasks()), (1, 1));
        until(&ended, 2).await;
    }

    #[tokio::test]
    async fn whoever_is_woken_before_there_is_a_task_is_looked_at_again() {
        let mut looks = 0;
        let woken_at_once = poll_fn(move |context: &mut Context<'_>| {
            looks += 1;
            context.waker().wake_by_ref();
            if looks == 1 { Poll::Pending } else { Poll::Ready(()) }
        });
        until(&look(vec![Box::pin(woken_at_once)]), 1).await;
    }

    #[tokio::test]
    async fn calls_that_nobody_looks_at_any_more_are_not_kept() {
        let (begun, held) = (Begun::default(), Arc::new(()));
        let (begin, holds) = (begun.begin(), Arc::clone(&held));
        begun.begin().execute(async move { drop((begin, holds)) });
        assert_eq!(Arc::strong_count(&held), 2);
        drop(begun);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn a_call_that_panics_ends_alone() {
        let ended = look(vec![Box::pin(async { panic!("on purpose") }), Box::pin(async {})]);
        assert_eq!((ended.load(Relaxed), tasks()), (1, 0));
    }
}
