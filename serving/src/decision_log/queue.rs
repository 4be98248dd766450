//! What waits to be written: in order, numbered, and never more than so many bytes.

use super::{Counts, Unwritten};
use std::{
    collections::VecDeque,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// What an entry takes beside its text, roughly.
const ENTRY_BYTES: usize = 64;

/// Between those who decide and the thread that writes.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something to do for the writer.
    news: Condvar,
    /// The number up to which everything is written or accounted for.
    written: watch::Sender<u64>,
    most_bytes: usize,
    records: AtomicU64,
    dropped: AtomicU64,
    errors: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The last number given.
    last: u64,
    entries: VecDeque<Entry>,
    /// What the entries take, and those that are being written.
    bytes: usize,
    reopen: bool,
    closed: bool,
    /// Since when the writer is at its piece of work, if it has one.
    writing_since: Option<Instant>,
}

/// One line to come.
///
/// INVARIANT: the numbers of entries follow each other without holes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A record.
    Record { number: u64, body: Vec<u8> },
    /// Records that were left out, by their first and last numbers.
    Gap { from: u64, to: u64 },
}

/// What became of a record.
pub(super) enum Pushed {
    /// It waits under this number.
    At(u64),
    /// There is no room for it; it is given back.
    Full(Vec<u8>),
    /// The log has ended.
    Closed,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) entries: Vec<Entry>,
    /// What the entries take until they are written.
    pub(super) bytes: usize,
    /// The file is to be opened anew first.
    pub(super) reopen: bool,
}

impl Queue {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            news: Condvar::new(),
            written: watch::Sender::new(0),
            most_bytes,
            records: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record, if there is room. One that is larger than the whole queue finds room when nothing else waits.
    pub(super) fn push(&self, body: Vec<u8>) -> Pushed {
        self.push_to(&mut self.state(), body)
    }

    fn push_to(&self, state: &mut State, body: Vec<u8>) -> Pushed {
        if state.closed {
            return Pushed::Closed;
        }
        let bytes = body.len() + ENTRY_BYTES;
        if state.bytes > 0 && state.bytes + bytes > self.most_bytes {
            return Pushed::Full(body);
        }
        state.last += 1;
        let number = state.last;
        state.bytes += bytes;
        self.add(state, Entry::Record { number, body });
        Pushed::At(number)
    }

    /// Takes a record, or leaves it out and takes down that it was. Of gaps there is one between two records at most.
    ///
    /// # Errors
    /// The log has ended: nothing can be taken down any more.
    pub(super) fn push_or_drop(&self, body: Vec<u8>) -> Result<(), Unwritten> {
        // INVARIANT: held until the gap is there: a log that ends in between would never write it.
        let mut state = self.state();
        match self.push_to(&mut state, body) {
            Pushed::At(_) => return Ok(()),
            Pushed::Closed => return Err(Unwritten),
            Pushed::Full(_) => {}
        }
        self.dropped.fetch_add(1, Relaxed);
        state.last += 1;
        let number = state.last;
        if let Some(Entry::Gap { to, .. }) = state.entries.back_mut() {
            *to = number;
        } else {
            self.add(&mut state, Entry::Gap { from: number, to: number });
        }
        Ok(())
    }

    fn add(&self, state: &mut State, entry: Entry) {
        // A writer that is at work looks again by itself.
        if state.entries.is_empty() {
            self.news.notify_one();
        }
        state.entries.push_back(entry);
    }

    /// Waits for something to do: entries of about so many bytes. `None` when the log has ended and all is written.
    pub(super) fn next(&self, about_bytes: usize) -> Option<Work> {
        let idle = |state: &mut State| state.entries.is_empty() && !state.reopen && !state.closed;
        let mut state = self.news.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        let reopen = std::mem::take(&mut state.reopen);
        let mut work = Work { entries: Vec::new(), bytes: 0, reopen };
        while work.bytes < about_bytes {
            let Some(entry) = state.entries.pop_front() else { break };
            if let Entry::Record { body, .. } = &entry {
                work.bytes += body.len() + ENTRY_BYTES;
            }
            work.entries.push(entry);
        }
        state.writing_since = (!work.entries.is_empty()).then(Instant::now);
        (reopen || !work.entries.is_empty()).then_some(work)
    }

    /// The entries of a piece of work are written.
    pub(super) fn done(&self, work: &Work) {
        let mut state = self.state();
        state.bytes -= work.bytes;
        state.writing_since = None;
        drop(state);
        let records = work.entries.iter().filter(|entry| matches!(entry, Entry::Record { .. })).count();
        self.records.fetch_add(records as u64, Relaxed);
        if let Some(Entry::Record { number: to, .. } | Entry::Gap { to, .. }) = work.entries.last() {
            self.written.send_replace(*to);
        }
    }

    /// An attempt to write failed.
    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    /// Hears of what is written.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    pub(super) fn ask_to_reopen(&self) {
        self.state().reopen = true;
        self.news.notify_one();
    }

    /// Whether the writer was asked to open the file anew since it last looked.
    pub(super) fn is_asked_to_reopen(&self) -> bool {
        std::mem::take(&mut self.state().reopen)
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.news.notify_one();
    }

    /// How many numbers were given that are not accounted for, and the last of them.
    pub(super) fn waiting(&self) -> (u64, u64) {
        let last = self.state().last;
        (last - *self.written.borrow(), last)
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            written: self.records.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            errors: self.errors.load(Relaxed),
            queued_bytes: state.bytes as u64,
            writing_for: state.writing_since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Vec<u8> {
        vec![b'x'; 100]
    }

    fn record(number: u64) -> Entry {
        Entry::Record { number, body: body() }
    }

    #[test]
    fn what_is_left_out_is_accounted_for_in_its_place() {
        let queue = Queue::new(2 * (100 + ENTRY_BYTES));
        for _ in 0..5 {
            queue.push_or_drop(body()).unwrap();
        }
        let work = queue.next(1 << 20).unwrap();
        assert_eq!(work.entries, [record(1), record(2), Entry::Gap { from: 3, to: 5 }]);
        queue.push_or_drop(body()).unwrap();
        queue.done(&work);
        assert_eq!(*queue.written().borrow(), 5);
        queue.push_or_drop(body()).unwrap();
        let work = queue.next(1 << 20).unwrap();
        assert_eq!(
            work.entries,
            [Entry::Gap { from: 6, to: 6 }, record(7)],
            "what is being written takes room"
        );
        queue.done(&work);
        let counts = queue.counts();
        assert_eq!((counts.written, counts.dropped, counts.queued_bytes), (3, 4, 0));
    }

    #[test]
    fn a_record_larger_than_the_queue_goes_alone_and_a_closed_queue_takes_none() {
        let queue = Queue::new(10);
        assert!(matches!(queue.push(body()), Pushed::At(1)));
        assert!(matches!(queue.push(body()), Pushed::Full(_)));
        queue.close();
        assert!(matches!(queue.push(body()), Pushed::Closed));
        assert_eq!(queue.push_or_drop(body()), Err(Unwritten), "nobody would write down that it is left out");
        assert_eq!(queue.waiting(), (1, 1));
        let work = queue.next(1).unwrap();
        queue.done(&work);
        assert!(queue.next(1).is_none() && queue.waiting() == (0, 1));
    }
}
