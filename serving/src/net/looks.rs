//! Calls looked at when their connection has had its turn: nearly all answers are there at once, and a task for each would cost
//! more than a look.

use hyper::rt::Executor;
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Waker},
};
use tokio::task::coop::unconstrained;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls of a connection that have begun in its turn.
#[derive(Default)]
pub(super) struct Begun {
    calls: Arc<Mutex<Vec<Call>>>,
    /// Those that are being looked at. In between it is empty, and kept for the room that it has.
    looked_at: Vec<Call>,
}

/// Where calls begin. Each of them has one, so that it must not hold what they are kept in.
#[derive(Clone)]
pub(super) struct Begin(Weak<Mutex<Vec<Call>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begin {
    fn execute(&self, call: F) {
        match self.0.upgrade() {
            Some(calls) => lock(&calls).push(Box::pin(call)),
            None => drop(tokio::spawn(call)),
        }
    }
}

impl Begun {
    /// Where they begin.
    pub(super) fn begin(&self) -> Begin {
        Begin(Arc::downgrade(&self.calls))
    }

    /// Looks at each call once, in the order in which they came, and makes tasks of those that go on.
    pub(super) fn look(&mut self) {
        loop {
            mem::swap(&mut self.looked_at, &mut *lock(&self.calls));
            if self.looked_at.is_empty() {
                return;
            }
            // What begins in the meantime is looked at next: nobody says that the connection has another turn.
            self.looked_at.drain(..).for_each(look_at);
        }
    }
}

fn lock(calls: &Mutex<Vec<Call>>) -> MutexGuard<'_, Vec<Call>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at a call, and makes a task of it if it goes on. One that panics has ended, as it would have as a task, and its connection
/// has not.
fn look_at(mut call: Call) {
    let look = move || {
        // Whoever is to wake it finds nobody: the task that it becomes looks again by itself.
        let mut context = Context::from_waker(Waker::noop());
        // Each call may do what a task may before it must yield. Together they would soon have used up what their connection may,
        // and wait with turns in their hands that others wait for.
        if pin!(unconstrained(call.as_mut())).poll(&mut context).is_pending() {
            tokio::spawn(call);
        }
    };
    // What it says is in the log already.
    let _ = catch_unwind(AssertUnwindSafe(look));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::Poll,
    };
    use tokio::{
        sync::{Semaphore, oneshot},
        task::yield_now,
    };

    fn tasks() -> usize {
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    }

    /// Looks at calls that have just begun, and tells how many have ended at each moment.
    fn look(calls: Vec<Call>) -> Arc<AtomicUsize> {
        let (mut begun, ended) = (Begun::default(), Arc::new(AtomicUsize::new(0)));
        for call in calls {
            let ended = Arc::clone(&ended);
            begun.begin().execute(async move {
                call.await;
                ended.fetch_add(1, Relaxed);
            });
        }
        assert_eq!(ended.load(Relaxed), 0, "looked at too early");
        begun.look();
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
    async fn any_number_of_calls_take_their_turns_in_one_look() {
        // More than a task may have at a time.
        let (turns, calls) = (Arc::new(Semaphore::new(1)), 1_000);
        let call = move |_| -> Call {
            let turns = Arc::clone(&turns);
            Box::pin(async move { drop(turns.acquire().await) })
        };
        let ended = tokio::spawn(async move { look((0..calls).map(call).collect()).load(Relaxed) });
        assert_eq!((ended.await.unwrap(), tasks()), (calls, 0));
    }

    #[tokio::test]
    async fn what_begins_during_a_look_is_looked_at_too() {
        let (mut begun, (tell, told)) = (Begun::default(), oneshot::channel());
        let begin = begun.begin();
        begun.begin().execute(async move { begin.execute(async { tell.send(()).unwrap() }) });
        begun.look();
        assert_eq!((told.await, tasks()), (Ok(()), 0));
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
    async fn a_call_that_panics_when_it_is_looked_at_or_goes_ends_alone() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("on purpose");
            }
        }
        let goes = Panics;
        let ended = look(vec![
            Box::pin(async { panic!("on purpose") }),
            Box::pin(async move { drop(goes) }),
            Box::pin(async {}),
        ]);
        assert_eq!((ended.load(Relaxed), tasks()), (1, 0));
    }
}
