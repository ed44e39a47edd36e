//! HTTP/2 by hand: frames as an attacker writes them, and the attacks that are made of them.
//!
//! Come here for what is on the wire in an attack. The tests in `floods` carry them out to see what becomes of them, and
//! `benches/floods` to measure what an honest client notices.

#![allow(dead_code, reason = "the tests and the measurement each use a part")]

/// What a client begins with, and its settings: none of its own.
pub const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// How many bytes an attack sends at a time, about.
const CHUNK_BYTES: usize = 16 * 1024;
/// Empty parts of a header that never ends, at a time.
const CONTINUATIONS: usize = 1_000;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_HEADERS: u8 = 4;

/// What a client may send without end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attack {
    /// Asks to be answered, again and again.
    Pings,
    /// Changes its mind about settings, each of which must be acknowledged.
    Settings,
    /// Says which stream is more important.
    Priorities,
    /// Gives room for one byte more.
    Windows,
    /// Begins calls and takes each back at once.
    Resets,
    /// A header in parts, none of which is the last.
    Continuations,
    /// Parts of a message with nothing in them.
    EmptyData,
    /// Frames of a kind that does not exist, which must be passed over.
    Unknown,
}

impl Attack {
    pub const ALL: [Self; 8] = [
        Self::Pings,
        Self::Settings,
        Self::Priorities,
        Self::Windows,
        Self::Resets,
        Self::Continuations,
        Self::EmptyData,
        Self::Unknown,
    ];

    /// What comes after the opening, before the flood.
    pub fn beginning(self) -> Vec<u8> {
        match self {
            Self::EmptyData => headers(1, END_HEADERS),
            _ => Vec::new(),
        }
    }

    /// The next piece of the flood; `stream` is the last number that was used for a call.
    pub fn more(self, stream: &mut u32) -> Vec<u8> {
        let again = |frame: Vec<u8>| frame.repeat(CHUNK_BYTES / frame.len());
        match self {
            Self::Pings => again(frame(PING, 0, 0, b"12345678")),
            Self::Settings => again(frame(SETTINGS, 0, 0, &[])),
            Self::Priorities => again(frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 1])),
            Self::Windows => again(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
            Self::Resets => {
                let mut bytes = Vec::with_capacity(CHUNK_BYTES);
                while bytes.len() < CHUNK_BYTES {
                    *stream += 2;
                    bytes.extend(headers(*stream, END_HEADERS));
                    bytes.extend(frame(RESET, 0, *stream, &[0, 0, 0, 8]));
                }
                bytes
            }
            Self::Continuations => {
                *stream += 2;
                let mut bytes = headers(*stream, 0);
                bytes.extend(frame(CONTINUATION, 0, *stream, &[]).repeat(CONTINUATIONS));
                bytes
            }
            Self::EmptyData => again(frame(DATA, 0, 1, &[])),
            Self::Unknown => again(frame(0xfa, 0, 0, &[])),
        }
    }
}

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The head of a call that sends records.
pub fn headers(stream: u32, flags: u8) -> Vec<u8> {
    // `:method POST` and `:scheme http` have numbers in the table of HPACK, the rest is spelt out.
    let mut block = vec![0x83, 0x86];
    let numbered: [(&[u8], &str); 3] =
        [(&[0x04], "/onward.v1.OrderService/IngestOrders"), (&[0x01], "onward"), (&[0x0f, 0x10], "application/grpc")];
    for (name, value) in numbered {
        block.extend(name);
        text(&mut block, value);
    }
    for (name, value) in [("te", "trailers"), ("onward-tenant", "flood")] {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    frame(HEADERS, flags, stream, &block)
}

fn text(block: &mut Vec<u8>, text: &str) {
    block.push(text.len() as u8);
    block.extend(text.bytes());
}
