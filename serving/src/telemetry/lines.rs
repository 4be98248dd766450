//! Log lines on their way out: written by a thread of their own behind a bounded queue, so that nobody who has something
//! to say ever waits for whoever reads it. A pipe that is read no more would otherwise stop the whole server, its end
//! included.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of lines may wait.
const MOST_BYTES: usize = 1 << 20;
/// How long the last lines of a process may take. Only where nobody takes them in do they take any time at all.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where log lines go. Clones are handles to the same queue.
#[derive(Clone)]
pub struct Lines(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    /// Something to write.
    news: Condvar,
    /// Everything is written.
    idle: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// What the waiting lines take.
    bytes: usize,
    is_writing: bool,
    /// Lines for which there was no room since that was last told.
    untold: u64,
}

impl Lines {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self(Arc::new(Queue {
            state: Mutex::default(),
            news: Condvar::new(),
            idle: Condvar::new(),
            dropped: AtomicU64::new(0),
        }));
        let writer = lines.clone();
        thread::Builder::new().name("log-lines".to_owned()).spawn(move || writer.write_to(out))?;
        Ok(lines)
    }

    /// Takes a text to be written, or drops and counts it. Never waits.
    pub fn push(&self, text: &[u8]) {
        let mut state = self.0.state();
        // One that is larger than the whole queue finds room when nothing else waits.
        if state.bytes > 0 && state.bytes + text.len() > MOST_BYTES {
            state.untold += 1;
            self.0.dropped.fetch_add(1, Relaxed);
            return;
        }
        state.bytes += text.len();
        state.waiting.push_back(text.to_vec());
        self.0.news.notify_one();
    }

    /// How many lines were dropped: for want of room, or because they could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Waits until everything is written, for a second at most.
    fn finish(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // Whoever waits here is about to end: what is still not written is lost, and there is nobody to tell.
        drop(self.0.idle.wait_timeout_while(self.0.state(), LAST_LINES, is_busy));
    }

    fn write_to(&self, mut out: impl Write) {
        loop {
            // One at a time: what shares a pipe with others is not torn, as long as it is not long.
            let line = self.0.next();
            if out.write_all(&line).and_then(|()| out.flush()).is_err() {
                self.0.dropped.fetch_add(1, Relaxed);
            }
            let lost = self.0.written();
            if lost > 0 {
                tracing::warn!(lost, "log lines were dropped: nobody had taken in those before them");
            }
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a line to write.
    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.bytes -= line.len();
                state.is_writing = true;
                return line;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A line is written. How many were dropped is to be told when those that were there before them are out.
    fn written(&self) -> u64 {
        let mut state = self.state();
        state.is_writing = false;
        if !state.waiting.is_empty() {
            return 0;
        }
        self.idle.notify_all();
        std::mem::take(&mut state.untold)
    }
}

/// Lets the last lines be written when it is dropped, by a panic as well.
pub struct LastLines(Lines);

impl LastLines {
    /// The last of these.
    #[must_use]
    pub const fn of(lines: Lines) -> Self {
        Self(lines)
    }

    /// Where the lines before them go.
    #[must_use]
    pub const fn lines(&self) -> &Lines {
        &self.0
    }
}

impl Drop for LastLines {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// One event's line, which is handed over whole.
pub struct Line<'l>(&'l Lines);

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.push(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Line<'l>;

    fn make_writer(&'l self) -> Line<'l> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes a line only when it is told to, and says what it has taken.
    struct Slow(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            self.1.send(text.to_vec()).map_err(io::Error::other)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Lines, Sender<()>, Receiver<Vec<u8>>) {
        let ((take, taken), (say, said)) = (channel(), channel());
        (Lines::start(Slow(taken, say)).unwrap(), take, said)
    }

    #[test]
    fn lines_come_out_in_order_and_none_is_left_at_the_end() {
        let (lines, take, said) = slow();
        let all: Vec<_> = (0..100).map(|n| format!("line {n}\n").into_bytes()).collect();
        for line in &all {
            lines.push(line);
            take.send(()).unwrap();
        }
        lines.finish();
        assert_eq!(said.try_iter().collect::<Vec<_>>(), all);
        assert_eq!(lines.dropped(), 0);
    }

    #[test]
    fn while_nobody_takes_them_in_lines_are_dropped_and_counted_and_nobody_waits() {
        let (lines, take, said) = slow();
        let (line, most) = (vec![b'x'; 1 << 10], MOST_BYTES >> 10);
        // The first may be with the writer already, who then has made room for another one.
        let pushed = most + 11;
        (0..pushed).for_each(|_| lines.push(&line));
        let dropped = lines.dropped();
        assert!((10..=11).contains(&dropped), "{dropped}");
        // Nothing moves, and yet this ends.
        lines.finish();
        for _ in 0..pushed as u64 - dropped {
            take.send(()).unwrap();
            assert_eq!(said.recv().unwrap(), line);
        }
        lines.finish();
        assert_eq!(lines.dropped(), dropped);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_the_next_line_is_tried() {
        let (lines, take, said) = slow();
        drop(said);
        for _ in 0..3 {
            lines.push(b"line\n");
            take.send(()).unwrap();
        }
        lines.finish();
        assert_eq!(lines.dropped(), 3);
    }
}
