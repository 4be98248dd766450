//! What the two ends tell each other about their limits.

use super::frames::{ACK, PREFACE, SETTINGS, put, put_window_update};

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

/// The window of every connection and stream before anyone says otherwise.
pub(crate) const USUAL_WINDOW: u32 = 65_535;
/// What we let the server send on a stream.
const OUR_STREAM_WINDOW: u32 = 1 << 24;
/// What we let the server send on the connection: as much as there can be.
const OUR_WINDOW: u32 = 0x7fff_ffff;

/// What the server has told.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) table: u32,
    pub(crate) streams: usize,
    pub(crate) window: i64,
    pub(crate) frame: usize,
}

impl Limits {
    pub(crate) const USUAL: Self =
        Self { table: 4_096, streams: usize::MAX, window: USUAL_WINDOW as i64, frame: 16_384 };

    pub(crate) fn learn(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let key = u16::from_be_bytes([setting[0], setting[1]]);
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            match key {
                HEADER_TABLE_SIZE => self.table = value,
                MAX_CONCURRENT_STREAMS => self.streams = value as usize,
                INITIAL_WINDOW_SIZE => self.window = i64::from(value),
                MAX_FRAME_SIZE => self.frame = value as usize,
                _ => {}
            }
        }
    }
}

/// All that a client says first.
pub(crate) fn greeting() -> Vec<u8> {
    let mut settings = Vec::new();
    for (key, value) in [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, OUR_STREAM_WINDOW)] {
        settings.extend_from_slice(&key.to_be_bytes());
        settings.extend_from_slice(&value.to_be_bytes());
    }
    let mut out = PREFACE.to_vec();
    put(&mut out, SETTINGS, 0, 0, &settings);
    put_window_update(&mut out, 0, OUR_WINDOW - USUAL_WINDOW);
    out
}

pub(crate) fn acknowledge(out: &mut Vec<u8>) {
    put(out, SETTINGS, ACK, 0, &[]);
}
