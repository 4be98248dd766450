//! The headers of a call (HPACK, RFC 7541): spelled out once on each connection, then only referred to, as gRPC
//! clients do.

const METHOD_POST: u8 = 0x83;
const SCHEME_HTTP: u8 = 0x86;
/// "The table may hold nothing".
const NO_TABLE: u8 = 0x20;
/// The first entry of the table that a connection builds; the newest is always first.
const NEWEST: u8 = 62;
/// The size of that table unless the peer says otherwise.
const USUAL_TABLE: u32 = 4_096;

pub(crate) struct Headers {
    first: Vec<u8>,
    later: Vec<u8>,
    asked: bool,
}

/// How a name is written: as a place in the static table, or out in full.
enum Name {
    Static(u8),
    Literal(&'static [u8]),
}

type Header<'a> = (Name, &'a [u8]);

impl Headers {
    /// Goes by the table that the peer is willing to keep: without one, everything is spelled out every time.
    pub(crate) fn new(path: &str, authority: &str, table: u32) -> Self {
        let headers: [Header<'_>; 5] = [
            (Name::Static(4), path.as_bytes()),
            (Name::Static(1), authority.as_bytes()),
            (Name::Literal(b"te"), b"trailers"),
            (Name::Static(31), b"application/grpc"),
            (Name::Static(58), b"grpc-bench/1.0"),
        ];
        if table < USUAL_TABLE { Self::spelled_out(&headers) } else { Self::referred_to(&headers) }
    }

    fn referred_to(headers: &[Header<'_>; 5]) -> Self {
        let mut first = vec![METHOD_POST, SCHEME_HTTP];
        let mut later = first.clone();
        for (age, header) in (0..5).rev().zip(headers) {
            spell(&mut first, header, true);
            later.push(0x80 | (NEWEST + age));
        }
        Self { first, later, asked: false }
    }

    fn spelled_out(headers: &[Header<'_>; 5]) -> Self {
        let mut later = vec![METHOD_POST, SCHEME_HTTP];
        headers.iter().for_each(|header| spell(&mut later, header, false));
        let first = [&[NO_TABLE], later.as_slice()].concat();
        Self { first, later, asked: false }
    }

    pub(crate) fn next(&mut self) -> &[u8] {
        if self.asked {
            return &self.later;
        }
        self.asked = true;
        &self.first
    }
}

/// Writes a header in full, to be kept in the table (6 bits for the name's place) or not (4 bits).
fn spell(out: &mut Vec<u8>, (name, value): &Header<'_>, kept: bool) {
    let (pattern, most) = if kept { (0x40, 0x3f) } else { (0x00, 0x0f) };
    match name {
        Name::Static(place) if *place < most => out.push(pattern | place),
        Name::Static(place) => out.extend_from_slice(&[pattern | most, place - most]),
        Name::Literal(name) => {
            out.push(pattern);
            text(out, name);
        }
    }
    text(out, value);
}

/// Without Huffman coding, and shorter than 127 bytes.
fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(u8::try_from(text.len()).unwrap());
    out.extend_from_slice(text);
}
