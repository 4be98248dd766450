//! The thread that writes. Whatever fails is tried again: nothing that has a number is given up while the process lives.

use super::{
    queue::{Entry, Queue, Work},
    target::Target,
};
use crate::telemetry::told::Told;
use std::{
    io::{self, ErrorKind, Write as _},
    sync::Arc,
    thread,
    time::Duration,
};

/// How much is written at a time, about.
const PIECE: usize = 64 << 10;
/// Pauses between attempts to write.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    queue: Arc<Queue>,
    target: Target,
    /// What every line begins with, up to its number.
    beginning: String,
    told: Told,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, target: Target, boot: &str) -> Self {
        Self { queue, target, beginning: format!("{{\"boot\":\"{boot}\","), told: Told::default() }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut text = Vec::with_capacity(2 * PIECE);
        while let Some(work) = self.queue.next(PIECE) {
            self.look_after_file(work.reopen);
            text.clear();
            self.lay_out(&work, &mut text);
            self.write(&text);
            self.queue.done(&work);
        }
    }

    fn lay_out(&self, work: &Work, text: &mut Vec<u8>) {
        for entry in &work.entries {
            text.extend_from_slice(self.beginning.as_bytes());
            // Writing to memory does not fail.
            let _ = match entry {
                Entry::Record { number, body } => {
                    write!(text, "\"seq\":{number},").and_then(|()| text.write_all(body))
                }
                Entry::Gap { from, to } => {
                    let (now, dropped) = (jiff::Timestamp::now(), to - from + 1);
                    writeln!(
                        text,
                        "\"gap\":{{\"from\":{from},\"to\":{to},\"dropped\":{dropped}}},\"time\":\"{now:.6}\"}}"
                    )
                }
            };
        }
    }

    /// Writes all of it, however long that takes.
    fn write(&mut self, text: &[u8]) {
        let (mut at, mut pause) = (0, FIRST_PAUSE);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            match self.target.write(rest) {
                Ok(0) => self.tell(&io::Error::from(ErrorKind::WriteZero)),
                Ok(written) => {
                    at += written;
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.tell(&error),
            }
            thread::sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
            if self.look_after_file(self.queue.is_asked_to_reopen()) {
                // A line that the old file has a part of goes whole into the new one.
                at = start_of_line(text, at);
            }
        }
        if self.target.is_in_place() && self.told.is_over() {
            tracing::info!("the decision log can be written again");
        }
    }

    /// Opens the file anew if that is asked for, or another one is in its place. Says whether it did.
    fn look_after_file(&mut self, asked: bool) -> bool {
        match self.target.look_after(asked) {
            Ok(reopened) => reopened,
            Err(error) if self.target.is_deleted() => {
                self.tell(&error);
                false
            }
            Err(error) => {
                self.queue.failed();
                if self.told.is_due() {
                    tracing::error!(
                        %error,
                        "the decision log cannot be opened anew; the file that is open is written to until it can"
                    );
                }
                false
            }
        }
    }

    fn tell(&mut self, error: &io::Error) {
        self.queue.failed();
        if self.told.is_due() {
            tracing::error!(%error, "the decision log cannot be written; it is tried again until it can");
        }
    }
}

/// Where the line begins that this byte is in.
fn start_of_line(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_after_the_end_of_the_one_before() {
        let starts = [0, 1, 2, 3, 4, 5].map(|at| start_of_line(b"ab\ncd", at));
        assert_eq!(starts, [0, 0, 0, 3, 3, 3]);
    }
}
