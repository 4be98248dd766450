//! Callers who do not hear that the server ends: told to go, they go on asking on the same connections until those break.
//! No client of others' does that, so its frames are written by hand.

use super::raw::CHECK;
use prost::Message as _;
use rolegate::grpc::proto::CheckRequest;
use std::{
    io::{Read as _, Result, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
/// Of data and headers: that they are the last of their stream.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Asks one question after the other until the connection breaks, and counts the answers.
pub(crate) fn ask(address: &str, question: &CheckRequest, told: &Arc<AtomicU64>) -> JoinHandle<()> {
    let address = address.trim_start_matches("http://").to_owned();
    let (body, told) = (super::raw::framed(&question.encode_to_vec()), Arc::clone(told));
    std::thread::spawn(move || {
        let _broken = ask_until_cut(&address, &body, &told);
    })
}

fn ask_until_cut(address: &str, body: &[u8], told: &AtomicU64) -> Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
    socket.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    socket.write_all(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()))?;
    let headers = headers();
    for stream in (1..).step_by(2) {
        let mut call = frame(HEADERS, END_HEADERS, stream, &headers);
        call.extend(frame(DATA, END_STREAM, stream, body));
        socket.write_all(&call)?;
        while !hear(&mut socket, stream, told)? {}
    }
    Ok(())
}

/// Reads a frame. Whether it is the last of the answer.
fn hear(socket: &mut TcpStream, stream: u32, told: &AtomicU64) -> Result<bool> {
    let mut head = [0; 9];
    socket.read_exact(&mut head)?;
    let [a, b, c, kind, flags, of @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    socket.read_exact(&mut payload)?;
    match kind {
        SETTINGS if flags & ACK == 0 => socket.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
        DATA if !payload.is_empty() => {
            told.fetch_add(1, Relaxed);
        }
        // Pings are not answered, and whoever is told to go stays.
        _ => {}
    }
    Ok(u32::from_be_bytes(of) == stream && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Each spelled out, so that none needs a table.
fn headers() -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", CHECK),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
