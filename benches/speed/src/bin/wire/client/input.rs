//! What has been read and not yet understood.

use super::socket::Socket;
use std::io::{self, ErrorKind};

const SIZE: usize = 256 << 10;
/// A frame at its usual limit always fits behind what is left.
const ROOM: usize = 32 << 10;

#[derive(Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; SIZE], start: 0, end: 0 }
    }

    /// Reads once; `false` when there was less than there was room for, which is to say: all of it.
    pub(crate) fn fill(&mut self, socket: &mut Socket) -> io::Result<bool> {
        self.make_room();
        let room = self.bytes.len() - self.end;
        loop {
            match socket.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.end += read;
                    return Ok(read == room);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.bytes.len() - self.end < ROOM {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// All but the last `left` bytes have been understood.
    pub(crate) fn keep(&mut self, left: usize) {
        self.start = self.end - left;
    }
}
