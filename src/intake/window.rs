//! A sliding window over a stream of bytes: what is read but not yet used up.
//!
//! Come here for buffering. The window grows only as far as its user asks for, and its users have limits.

use std::io::{self, Read};

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes read and not yet used up.
pub(super) struct Window<'a> {
    reader: Box<dyn Read + Send + 'a>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
    /// Once reading failed it stays failed: some decompressors would go on with garbage.
    failure: Option<(io::ErrorKind, String)>,
}

impl<'a> Window<'a> {
    pub(super) fn new(reader: Box<dyn Read + Send + 'a>) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, end: 0, is_at_end: false, failure: None }
    }

    /// What is there.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Uses up bytes from the front.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Reads more behind what is there; says how many bytes, zero at the end of the stream.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        if self.is_at_end {
            return Ok(0);
        }
        if let Some((kind, text)) = &self.failure {
            return Err(io::Error::new(*kind, text.clone()));
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + CHUNK_BYTES {
            self.buffer.resize(self.end + CHUNK_BYTES, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    self.is_at_end = count == 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some((error.kind(), error.to_string()));
                    return Err(error);
                }
            }
        }
    }

    /// Reads until at least this many bytes are there or the stream ends.
    pub(super) fn fill_to(&mut self, count: usize) -> io::Result<()> {
        while self.data().len() < count && self.fill()? > 0 {}
        Ok(())
    }

    /// Uses up line ends at the front and says how many lines they end; reads more as needed.
    pub(super) fn skip_line_ends(&mut self) -> io::Result<u64> {
        let mut lines = 0;
        loop {
            let data = self.data();
            let count = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_all = count == data.len();
            lines += count_lines(&data[..count]);
            self.consume(count);
            if !is_all || self.fill()? == 0 {
                return Ok(lines);
            }
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.data().is_empty() {
            self.fill()?;
        }
        let count = buffer.len().min(self.data().len());
        buffer[..count].copy_from_slice(&self.data()[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// How many lines end in these bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    // In pieces whose count fits a byte, which the compiler turns into vector instructions.
    let in_piece = |piece: &[u8]| piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(255).map(|piece| u64::from(in_piece(piece))).sum()
}
