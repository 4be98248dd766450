//! The decision log: one line of JSON for every decision, numbered without holes, written by a thread of its own behind a
//! bounded queue. What does not fit into the queue is left out, and the log says exactly what; or whoever asks waits until
//! the line is written, and gets no answer without.

mod queue;
pub mod record;
pub mod settings;
mod target;
mod writer;

use crate::telemetry::told::Told;
use queue::{Pushed, Queue};
use record::{Last, Record};
use settings::{DecisionLogSettings, WhenFull, Which};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use target::Target;
use tokio::{
    sync::watch,
    time::{Instant, interval, timeout_at},
};

/// How often it is looked whether the writer gets on, and how long it may be at one piece before that is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(2);

/// A decision that was not written in time, where nothing is to be answered unwritten; or one that came after the log's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decision could not be written to the decision log in time")]
pub struct Unwritten;

/// A running log. Clones are handles to the same one.
#[derive(Clone)]
pub struct DecisionLog {
    queue: Arc<Queue>,
    /// Becomes true, or loses its sender, when the thread that writes has ended.
    ended: watch::Receiver<bool>,
    settings: Arc<DecisionLogSettings>,
    calls: Arc<AtomicU64>,
    dice: Arc<AtomicU64>,
}

impl DecisionLog {
    /// Opens the log and starts the thread that writes it.
    ///
    /// # Errors
    /// The file cannot be opened, or there is no thread to be had.
    pub fn start(settings: &DecisionLogSettings) -> io::Result<Self> {
        let target = Target::open(&settings.destination)?;
        let seed = getrandom::u64().map_err(io::Error::other)?;
        let boot = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        let queue = Arc::new(Queue::new(settings.queue_bytes));
        let (tell_end, ended) = watch::channel(false);
        let writer = writer::Writer::new(Arc::clone(&queue), target, &boot);
        thread::Builder::new().name("decision-log".to_owned()).spawn(move || {
            writer.run();
            // Nobody may be left to hear it.
            let _ = tell_end.send(true);
        })?;
        let settings = Arc::new(settings.clone());
        Ok(Self { queue, ended, settings, calls: Arc::default(), dice: Arc::new(AtomicU64::new(seed)) })
    }

    /// The number of a call, to tell that several lines are of one.
    #[must_use]
    pub fn number_call(&self) -> u64 {
        self.calls.fetch_add(1, Relaxed) + 1
    }

    /// Lines of one call, which may take until then to be written.
    #[must_use]
    pub const fn lines(&self, until: Instant) -> Lines<'_> {
        Lines { log: self, until, last: None, any: false }
    }

    /// Opens the file anew, as those who have moved it away ask for.
    pub fn reopen(&self) {
        self.queue.ask_to_reopen();
    }

    /// Tells when nothing is written for long. Ends only with the thread that writes.
    pub async fn tend(self) {
        let mut ended = self.ended.clone();
        let (mut looks, told) = (interval(LOOK_EVERY), Told::default());
        loop {
            tokio::select! {
                _ = ended.wait_for(|ended| *ended) => return,
                _ = looks.tick() => self.tell_of_writer(&told),
            }
        }
    }

    /// Says when the writer hangs, which it cannot do itself: nothing has failed, and nothing goes on.
    fn tell_of_writer(&self, told: &Told) {
        let Counts { writing_for, queued_bytes, .. } = self.counts();
        if writing_for >= LONG {
            if told.is_due() {
                let seconds = writing_for.as_secs();
                tracing::error!(
                    seconds,
                    queued_bytes,
                    "the decision log is not written: records wait for what takes it in"
                );
            }
        } else if told.is_over() {
            tracing::info!("the decision log is being written again");
        }
    }

    /// Takes no more lines, so that nobody is told anything more that has one, and lets those that are queued be written
    /// for as long.
    pub async fn finish(&self, patience: Duration) {
        self.queue.close();
        let mut ended = self.ended.clone();
        let waited = tokio::time::timeout(patience, ended.wait_for(|ended| *ended)).await;
        if waited.is_err() {
            let (lost, last) = self.queue.waiting();
            tracing::error!(
                lost,
                last,
                "the decision log was cut off: lines that were still to be written are lost"
            );
        }
    }

    /// What the log has counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Whether a record is one of those that are wanted, by the settings and by chance.
    fn wants(&self, record: &Record<'_>) -> bool {
        match self.settings.which {
            Which::All => true,
            Which::Denials => !record.is_grant(),
            Which::Sampled(ratio) => self.roll() < ratio,
        }
    }

    /// A number from 0 up to 1, by splitmix64.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    fn roll(&self) -> f64 {
        let mut mixed = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a log has counted since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were written.
    pub written: u64,
    /// Records that did not fit into the queue.
    pub dropped: u64,
    /// Attempts to write, or to open the file anew, that failed.
    pub errors: u64,
    /// Bytes that wait to be written.
    pub queued_bytes: u64,
    /// How long the writer has been at what it is writing; zero if nothing.
    pub writing_for: Duration,
}

/// The lines of one call.
pub struct Lines<'l> {
    log: &'l DecisionLog,
    until: Instant,
    /// The number of the last line that is to be waited for.
    last: Option<u64>,
    /// Whether any were added.
    any: bool,
}

impl Lines<'_> {
    /// Adds a line, if it is one of those that are wanted.
    ///
    /// # Errors
    /// The log has ended; or the queue is full, and stays so for as long as the call may take. Where lines are dropped
    /// then, this is no error.
    pub async fn add(&mut self, mut record: Record<'_>) -> Result<(), Unwritten> {
        if !self.log.wants(&record) {
            return Ok(());
        }
        if let Which::Sampled(ratio) = self.log.settings.which {
            record.sample = Some(ratio);
        }
        let body = record::body(&record);
        match self.log.settings.when_full {
            WhenFull::Drop => self.log.queue.push_or_drop(body)?,
            WhenFull::Block => self.push(body).await?,
        }
        self.any = true;
        Ok(())
    }

    /// Adds a last line, if there are others. Nobody waits for it: if there is no room, a gap stands in its place.
    pub fn end(&self, last: &Last<'_>) {
        if self.any {
            // A log that has ended takes nothing more, and nothing more is answered then.
            let _ = self.log.queue.push_or_drop(record::body(last));
        }
    }

    async fn push(&mut self, mut body: Vec<u8>) -> Result<(), Unwritten> {
        // INVARIANT: listened to before the queue is tried, so that room made in between is not missed.
        let mut written = self.log.queue.written();
        loop {
            written.mark_unchanged();
            body = match self.log.queue.push(body) {
                Pushed::At(number) => {
                    self.last = Some(number);
                    return Ok(());
                }
                Pushed::Full(body) => body,
                Pushed::Closed => return Err(Unwritten),
            };
            let room = timeout_at(self.until, written.changed()).await;
            room.map_err(|_| Unwritten)?.map_err(|_| Unwritten)?;
        }
    }

    /// Waits until all of the lines are written, where nothing is to be answered unwritten.
    ///
    /// # Errors
    /// They are not, within the time that the call may take.
    pub async fn settle(&self) -> Result<(), Unwritten> {
        let Some(last) = self.last else { return Ok(()) };
        let mut written = self.log.queue.written();
        let waited = timeout_at(self.until, written.wait_for(|written| *written >= last)).await;
        waited.map_err(|_| Unwritten)?.map(drop).map_err(|_| Unwritten)
    }
}
