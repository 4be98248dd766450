//! One connection: calls go out as far as the server's limits allow, answers come in and are checked.

use super::{
    Address,
    frames::{
        ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
        WINDOW_UPDATE, put, put_window_update,
    },
    headers::Headers,
    input::Input,
    settings::{Limits, USUAL_WINDOW, acknowledge, greeting},
    socket::Socket,
    streams::Streams,
};
use crate::work::Work;
use mio::{Registry, Token};
use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    mem,
    time::{Duration, Instant},
};

/// After so much, the server is told that it may go on.
const REFRESH: u32 = 1 << 29;
/// How long a server may take to greet.
const PATIENCE: Duration = Duration::from_secs(5);

/// A call that has ended.
pub(crate) struct Finished {
    pub(crate) due: u64,
    pub(crate) right: bool,
}

pub(crate) struct Connection<'a> {
    work: &'a Work,
    socket: Socket,
    headers: Headers,
    input: Input,
    out: Vec<u8>,
    written: usize,
    limits: Limits,
    /// How much more the server takes on the connection.
    window: i64,
    /// How much has come in since the server was last told to go on.
    received: u32,
    streams: Streams,
    /// Calls beyond what the server takes at once: which, and when due.
    waiting: VecDeque<(usize, u64)>,
    /// Streams whose request is not all out.
    unsent: VecDeque<u32>,
    finished: Vec<Finished>,
    greeted: bool,
}

impl<'a> Connection<'a> {
    /// Connects, and waits until the server has told its limits.
    pub(crate) fn open(address: &Address, work: &'a Work) -> io::Result<Self> {
        let mut connection = Self {
            work,
            socket: Socket::connect(address)?,
            headers: Headers::new(work.path, "localhost", Limits::USUAL.table),
            input: Input::new(),
            out: greeting(),
            written: 0,
            limits: Limits::USUAL,
            window: i64::from(USUAL_WINDOW),
            received: 0,
            streams: Streams::new(),
            waiting: VecDeque::new(),
            unsent: VecDeque::new(),
            finished: Vec::new(),
            greeted: false,
        };
        connection.greet()?;
        connection.headers = Headers::new(work.path, "localhost", connection.limits.table);
        Ok(connection)
    }

    fn greet(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while !self.greeted {
            self.flush()?;
            self.receive()?;
            if begun.elapsed() > PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        self.flush()
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token)
    }

    /// Begins a call, or queues it behind those that the server takes at once.
    pub(crate) fn submit(&mut self, call: usize, due: u64) {
        if self.streams.running() < self.limits.streams {
            self.begin(call, due);
        } else {
            self.waiting.push_back((call, due));
        }
    }

    fn begin(&mut self, call: usize, due: u64) {
        let id = self.streams.begin(call, due, self.limits.window);
        put(&mut self.out, HEADERS, END_HEADERS, id, self.headers.next());
        if !self.send_request(id) {
            self.unsent.push_back(id);
        }
    }

    /// Sends as much of a request as the server takes; `true` when there is nothing left of it.
    fn send_request(&mut self, id: u32) -> bool {
        let Some(stream) = self.streams.get(id) else { return true };
        let request = &self.work.calls[stream.call].request;
        loop {
            let open = self.window.min(stream.window).max(0);
            let left = request.len() - stream.sent;
            let size = left.min(self.limits.frame).min(usize::try_from(open).unwrap());
            let last = size == left;
            if size == 0 && !last {
                return false;
            }
            let data = &request[stream.sent..stream.sent + size];
            put(&mut self.out, DATA, if last { END_STREAM } else { 0 }, id, data);
            stream.sent += size;
            stream.window -= size as i64;
            self.window -= size as i64;
            if last {
                return true;
            }
        }
    }

    /// Goes on with requests that the windows had no room for.
    fn resume(&mut self) {
        for _ in 0..self.unsent.len() {
            let Some(id) = self.unsent.pop_front() else { return };
            if !self.send_request(id) {
                self.unsent.push_back(id);
            }
        }
    }

    /// Writes as much as the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Takes in everything that has come.
    pub(crate) fn receive(&mut self) -> io::Result<()> {
        loop {
            let more = self.input.fill(&mut self.socket)?;
            let mut input = mem::take(&mut self.input);
            let mut rest = input.unread();
            let mut outcome = Ok(());
            while let Some((frame, after)) = Frame::split(rest) {
                outcome = outcome.and(self.handle(&frame));
                rest = after;
            }
            let left = rest.len();
            input.keep(left);
            self.input = input;
            outcome?;
            if !more {
                return Ok(());
            }
        }
    }

    fn handle(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        match frame.kind {
            DATA => self.on_data(frame),
            HEADERS if frame.has(END_STREAM) => self.on_end(frame.stream),
            RST_STREAM => self.on_end(frame.stream),
            SETTINGS if !frame.has(ACK) => self.on_settings(frame.payload),
            PING if !frame.has(ACK) => put(&mut self.out, PING, ACK, 0, frame.payload),
            WINDOW_UPDATE => self.on_window(frame),
            GOAWAY => return Err(io::Error::other("the server has sent GOAWAY")),
            _ => {}
        }
        Ok(())
    }

    fn on_data(&mut self, frame: &Frame<'_>) {
        self.received += u32::try_from(frame.payload.len()).unwrap();
        if self.received > REFRESH {
            put_window_update(&mut self.out, 0, mem::take(&mut self.received));
        }
        if let Some(stream) = self.streams.get(frame.stream) {
            stream.answer.take(frame.data(), &self.work.calls[stream.call].expected);
        }
        if frame.has(END_STREAM) {
            self.on_end(frame.stream);
        }
    }

    /// Only what a stream brought before its end counts; a second end finds nothing.
    fn on_end(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        let right = stream.answer.is_right(&self.work.calls[stream.call].expected);
        self.finished.push(Finished { due: stream.due, right });
        self.streams.end(id);
        if let Some((call, due)) = self.waiting.pop_front() {
            self.begin(call, due);
        }
    }

    fn on_settings(&mut self, payload: &[u8]) {
        let before = self.limits.window;
        self.limits.learn(payload);
        self.streams.widen(self.limits.window - before);
        acknowledge(&mut self.out);
        self.greeted = true;
        self.resume();
    }

    fn on_window(&mut self, frame: &Frame<'_>) {
        let more = i64::from(frame.number());
        match self.streams.get(frame.stream) {
            Some(stream) => stream.window += more,
            None if frame.stream == 0 => self.window += more,
            None => return,
        }
        self.resume();
    }

    /// Swaps the calls that have ended since with an empty list.
    pub(crate) fn take_finished(&mut self, into: &mut Vec<Finished>) {
        into.clear();
        mem::swap(&mut self.finished, into);
    }

    /// Calls that have not ended, begun or not.
    pub(crate) fn unfinished(&self) -> usize {
        self.streams.running() + self.waiting.len()
    }
}
