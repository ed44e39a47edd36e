//! Bytes to UTF-8: which encoding a file is in, and reading it as UTF-8.
//!
//! Come here to see how the encoding is decided: a byte-order mark decides; else valid UTF-8; else Windows-1251 where
//! the first megabyte looks like Cyrillic words in it; else UTF-8 with bad rows. What cannot be decoded becomes the
//! byte 0xFF, which is in no UTF-8 text, so that the row it stands in is rejected and no other.

use std::io::{self, Read};

use encoding_rs::{DecoderResult, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1251};

use super::window::Window;

/// How much of a file is looked at to decide.
pub(super) const SAMPLE_BYTES: usize = 1024 * 1024;

/// Stands for what cannot be decoded.
const UNDECODABLE: u8 = 0xff;

/// What a sample of a file says of its encoding.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Guess {
    /// `None` for UTF-8, which needs no decoding.
    pub(super) encoding: Option<&'static Encoding>,
    /// Length of the byte-order mark.
    pub(super) mark_bytes: usize,
    /// Told to the user when the encoding was not stated by the file itself.
    pub(super) warning: Option<&'static str>,
}

/// Decides on a sample from the beginning of a file.
pub(super) fn guess(sample: &[u8]) -> Guess {
    let (encoding, mark_bytes, warning) = match sample {
        [0xef, 0xbb, 0xbf, ..] => (None, 3, None),
        [0xff, 0xfe, ..] => (Some(UTF_16LE), 2, None),
        [0xfe, 0xff, ..] => (Some(UTF_16BE), 2, None),
        _ if is_cyrillic_1251(sample) => {
            (Some(WINDOWS_1251), 0, Some("is not UTF-8 and was read as Windows-1251, which it looks like"))
        }
        _ => (None, 0, None),
    };
    Guess { encoding, mark_bytes, warning }
}

/// Whether the bytes are no UTF-8, but Cyrillic words in Windows-1251: most bytes above ASCII are Cyrillic letters
/// beside other such letters. Western encodings have them one by one between Latin letters.
fn is_cyrillic_1251(sample: &[u8]) -> bool {
    let is_letter = |byte: &u8| matches!(byte, 0xc0..=0xff | 0xa8 | 0xb8 | 0xb2 | 0xb3);
    let (mut invalid, mut valid) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        invalid += chunk.invalid().len();
        valid += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
    }
    let high = sample.iter().filter(|byte| !byte.is_ascii()).count();
    let in_words = (0..sample.len())
        .filter(|at| {
            let beside = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
            is_letter(&sample[*at]) && beside.filter_map(|at| sample.get(at)).any(is_letter)
        })
        .count();
    invalid > valid && in_words * 10 >= high * 7
}

/// Reads a stream in another encoding as UTF-8.
pub(super) struct Decoding<'a> {
    window: Window<'a>,
    decoder: encoding_rs::Decoder,
    decoded: Vec<u8>,
    given: usize,
    is_done: bool,
}

impl<'a> Decoding<'a> {
    pub(super) fn new(window: Window<'a>, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { window, decoder, decoded: Vec::new(), given: 0, is_done: false }
    }

    /// Decodes what the window holds, or its next piece.
    fn decode_more(&mut self) -> io::Result<()> {
        const PIECE_BYTES: usize = 64 * 1024;
        self.decoded.clear();
        self.given = 0;
        let is_last = self.window.data().is_empty() && self.window.fill()? == 0;
        let piece = &self.window.data()[..self.window.data().len().min(PIECE_BYTES)];
        self.decoded.resize(piece.len() * 3 + 16, 0);
        let (mut read, mut written) = (0, 0);
        loop {
            let (result, read_now, written_now) =
                self.decoder.decode_to_utf8_without_replacement(&piece[read..], &mut self.decoded[written..], is_last);
            read += read_now;
            written += written_now;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => self.decoded.resize(self.decoded.len() * 2, 0),
                DecoderResult::Malformed(..) => {
                    if written == self.decoded.len() {
                        self.decoded.push(UNDECODABLE);
                    } else {
                        self.decoded[written] = UNDECODABLE;
                    }
                    written += 1;
                }
            }
        }
        self.decoded.truncate(written);
        self.window.consume(read);
        self.is_done = is_last;
        Ok(())
    }
}

impl Read for Decoding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() && !self.is_done {
            self.decode_more()?;
        }
        let count = buffer.len().min(self.decoded.len() - self.given);
        buffer[..count].copy_from_slice(&self.decoded[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1251};

    use super::super::window::Window;
    use super::{Decoding, guess};

    #[test]
    fn encodings_are_told_apart() {
        let russian = WINDOWS_1251.encode("ТОО «Отрар»,Насосы,Ё").0.into_owned();
        let cases: [(&str, &[u8], _, usize); 7] = [
            ("ascii", b"a,b", None, 0),
            ("utf-8", "ТОО «Отрар», Ұлы".as_bytes(), None, 0),
            ("utf-8 with mark", b"\xef\xbb\xbfa", None, 3),
            ("utf-16 le", b"\xff\xfea\0", Some(UTF_16LE), 2),
            ("utf-16 be", b"\xfe\xff\0a", Some(UTF_16BE), 2),
            ("windows-1251", &russian, Some(WINDOWS_1251), 0),
            ("western", b"M\xfcller GmbH, Stra\xdfe", None, 0),
        ];
        for (name, bytes, encoding, mark_bytes) in cases {
            let guess = guess(bytes);
            assert_eq!((guess.encoding, guess.mark_bytes), (encoding, mark_bytes), "{name}");
        }
        let mut mostly_utf8 = "ТОО «Отрар», Насосы и фильтры".as_bytes().to_vec();
        mostly_utf8.extend_from_slice(&russian[..6]);
        assert_eq!(guess(&mostly_utf8).encoding, None);
    }

    #[test]
    fn decoding_gives_utf8_and_marks_what_is_none() {
        let text = "Ұлы ТОО «Отрар» 𝄞\n".repeat(20_000);
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut decoded = Vec::new();
        Decoding::new(Window::new(Box::new(bytes.as_slice())), UTF_16LE).read_to_end(&mut decoded).unwrap();
        assert!(decoded == text.as_bytes());

        let lone_surrogate = [0x00, 0xd8, b'a', 0, b'b'];
        let mut decoded = Vec::new();
        Decoding::new(Window::new(Box::new(&lone_surrogate[..])), UTF_16LE).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, [0xff, b'a', 0xff]);
    }
}
