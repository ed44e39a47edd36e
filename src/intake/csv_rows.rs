//! CSV: delimiter, header, rows. A row is bounded, and a bad one costs no other.
//!
//! Come here for quotes, line ends, cell counts and limits. The state machine is `csv_core`; around it this file keeps
//! the limits and finds its way back after a quote that is never closed.
//!
//! A row over several lines with the wrong number of cells, with text behind a closing quote, or with a quote still
//! open at the end of the file, is taken for a stray quote: its first line is rejected and reading goes on with the
//! next line. A row longer than [`ROW_BYTES_MAX`] is skipped to its end, whatever is in it.

use std::io;
use std::sync::atomic::Ordering;

use csv_core::ReadRecordResult;

use super::column::{Column, ColumnMap};
use super::fault::{FieldFault, IntakeError, RejectReason};
use super::fields::{CELL_BYTES_MAX, CELLS_MAX, Cells, ROW_BYTES_MAX};
use super::header::{self, Header};
use super::reading::{Readable, Sink};
use super::records::Note;
use super::source::Text;
use super::window::{Window, count_lines};

/// In order of preference where the header does not decide.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Reads all rows.
///
/// # Errors
/// The header cannot be read or lacks needed columns.
pub(super) fn read<T: Readable>(
    file: &str,
    text: Text<'_>,
    map: &ColumnMap,
    sink: &mut Sink<'_, T>,
) -> Result<(), IntakeError> {
    let cannot_read = |detail: String| IntakeError::CannotRead { file: file.to_owned(), detail };
    let mut window = text.window;
    let lines_before = window.skip_line_ends().map_err(|error| cannot_read(error.to_string()))?;
    let delimiter = delimiter(&mut window, |headers| header::known_count(T::CONTENT, map, headers));
    let mut rows = Rows::new(window, delimiter, lines_before + 1);
    let first = loop {
        match rows.next() {
            Ok(Step::Row { .. }) if rows.is_blank() => {}
            first => break first,
        }
    };
    let header = match first {
        Ok(Step::End) => return Ok(()),
        Ok(Step::Row { .. }) => {
            let headers = rows.headers().ok_or_else(|| cannot_read("its header is not text".to_owned()))?;
            header::understand(file, T::CONTENT, map, &headers)?
        }
        Ok(Step::TooLong { .. }) => return Err(cannot_read("its header is too long to be one".to_owned())),
        Err(error) => return Err(cannot_read(error.to_string())),
    };
    if let Some(warning) = &header.warning {
        sink.warn(warning.as_str());
    }
    let has_line_no = header.has(Column::LineNo);
    loop {
        match rows.next() {
            Ok(Step::End) => return Ok(()),
            Ok(Step::Row { .. }) if rows.is_blank() => {}
            Ok(step @ (Step::Row { .. } | Step::TooLong { .. })) => {
                let line = Some(rows.line);
                let is_cut = text.has_grown.load(Ordering::Relaxed);
                let is_whole = matches!(step, Step::Row { .. });
                match rows.fault(step, &header, is_cut).map_or_else(|| rows.cells(&header), Err) {
                    Ok(cells) => sink.take(&cells, line, has_line_no),
                    Err(fault) => sink.refuse(line, fault),
                }
                // Also of a row that was refused: it may be many, joined by two quotes that happen to fit.
                if is_whole && rows.inner_line_end().is_some() {
                    sink.note(Note::SeveralLines);
                }
            }
            Err(error) => {
                sink.break_off(Some(rows.line), &error.to_string());
                return Ok(());
            }
        }
    }
}

/// The delimiter with which the first line names the most known columns, or else the most columns.
fn delimiter(window: &mut Window<'_>, known_count: impl Fn(&[&str]) -> usize) -> u8 {
    while !window.data().contains(&b'\n') && window.data().len() < ROW_BYTES_MAX {
        if !window.fill().is_ok_and(|count| count > 0) {
            break;
        }
    }
    let line = window.data().split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = &line[..line.len().min(ROW_BYTES_MAX)];
    let score = |delimiter: u8| {
        let mut rows = Rows::new(Window::new(Box::new(line)), delimiter, 1);
        let is_row = matches!(rows.next(), Ok(Step::Row { .. }));
        let headers = rows.headers().filter(|_| is_row).unwrap_or_default();
        (known_count(&headers), headers.len())
    };
    // `max_by_key` takes the last of equals.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

/// What came next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// A row; `is_open` when the file ended inside quotes.
    Row { is_open: bool },
    /// A row beyond a limit, skipped to its end.
    TooLong { is_open: bool },
    /// No more rows.
    End,
}

/// The rows of a stream, one at a time.
struct Rows<'a> {
    window: Window<'a>,
    delimiter: u8,
    machine: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    text_length: usize,
    cell_count: usize,
    /// Bytes of the current row in the window, its line end included.
    row_bytes: usize,
    /// Physical line on which the current row begins.
    line: u64,
    /// Lines of the current row that have left the window already.
    lines_skipped: u64,
}

impl<'a> Rows<'a> {
    fn new(window: Window<'a>, delimiter: u8, line: u64) -> Self {
        let machine = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // Two more than a row may have: one tells that there are too many, one is for the end of the last row.
        let ends = vec![0; CELLS_MAX + 2];
        Self {
            window,
            delimiter,
            machine,
            text: Vec::new(),
            ends,
            text_length: 0,
            cell_count: 0,
            row_bytes: 0,
            line,
            lines_skipped: 0,
        }
    }

    /// Goes to the next row.
    fn next(&mut self) -> io::Result<Step> {
        self.line += self.line_count();
        self.lines_skipped = 0;
        self.window.consume(self.row_bytes);
        (self.row_bytes, self.text_length, self.cell_count) = (0, 0, 0);
        self.line += self.window.skip_line_ends()?;
        loop {
            if self.row_bytes == self.window.data().len() && self.window.fill()? == 0 {
                return Ok(self.finish().map_or(Step::End, |is_open| Step::Row { is_open }));
            }
            let input = &self.window.data()[self.row_bytes..];
            if self.text.len() < self.text_length + input.len() + 1 {
                self.text.resize(self.text_length + input.len() + 1, 0);
            }
            let (result, read, written, ended) = self.machine.read_record(
                input,
                &mut self.text[self.text_length..],
                &mut self.ends[self.cell_count..=CELLS_MAX],
            );
            self.row_bytes += read;
            self.text_length += written;
            self.cell_count += ended;
            let is_row = result == ReadRecordResult::Record;
            if is_row && self.row_bytes > ROW_BYTES_MAX {
                return Ok(Step::TooLong { is_open: false });
            } else if is_row {
                return Ok(Step::Row { is_open: false });
            } else if self.row_bytes > ROW_BYTES_MAX || result == ReadRecordResult::OutputEndsFull {
                return self.skip();
            }
        }
    }

    /// Skips the rest of a row that is too long to be held. What was read of it stays for the message.
    fn skip(&mut self) -> io::Result<Step> {
        const PIECE_BYTES: usize = 4096;
        let (mut text, mut ends) = ([0; PIECE_BYTES], [0; PIECE_BYTES]);
        loop {
            self.lines_skipped += count_lines(&self.window.data()[..self.row_bytes]);
            self.window.consume(self.row_bytes);
            self.row_bytes = 0;
            if self.window.data().is_empty() && self.window.fill()? == 0 {
                let cell_count = self.cell_count;
                let is_open = self.finish() == Some(true);
                self.cell_count = cell_count;
                return Ok(Step::TooLong { is_open });
            }
            let input = self.window.data();
            let piece = &input[..input.len().min(PIECE_BYTES)];
            let (result, read, ..) = self.machine.read_record(piece, &mut text, &mut ends);
            self.row_bytes = read;
            if result == ReadRecordResult::Record {
                return Ok(Step::TooLong { is_open: false });
            }
        }
    }

    /// Ends the last row: `None` when there is none, else whether it ends inside quotes.
    fn finish(&mut self) -> Option<bool> {
        // A line end ends a row unless it stands inside quotes; the end of the input ends every row.
        for (input, is_open) in [(&b"\n"[..], false), (b"", true)] {
            let mut ends = [0; 2];
            let (result, _, _, ended) = self.machine.read_record(input, &mut [0; 8], &mut ends);
            for end in &ends[..ended] {
                self.ends[self.cell_count] = *end;
                self.cell_count += 1;
            }
            if result == ReadRecordResult::Record {
                self.text_length = self.ends[self.cell_count - 1].min(self.text_length);
                self.ends[self.cell_count - 1] = self.text_length;
                return Some(is_open);
            }
        }
        None
    }

    /// Lines that end in the current row.
    fn line_count(&self) -> u64 {
        self.lines_skipped + count_lines(&self.window.data()[..self.row_bytes])
    }

    /// A row of nothing but blanks and delimiters counts as an empty line.
    fn is_blank(&self) -> bool {
        self.text[..self.text_length].iter().all(u8::is_ascii_whitespace)
    }

    /// What is wrong with the row as a whole. After a stray quote it also goes back to the next line.
    fn fault(&mut self, step: Step, header: &Header, is_file_cut: bool) -> Option<FieldFault> {
        let is_open = match step {
            Step::TooLong { is_open } => return Some(self.too_long(is_open, header)),
            Step::Row { is_open } => is_open,
            Step::End => return None,
        };
        let raw = &self.window.data()[..self.row_bytes];
        let is_cut = is_file_cut && !raw.ends_with(b"\n") && !raw.ends_with(b"\r");
        let counted = self.count_fault(header);
        if let Some(at) = self.inner_line_end()
            && (is_open || is_cut || counted.is_some() || has_stray_quote(raw, self.delimiter))
        {
            self.row_bytes = at + 1;
            self.machine.reset();
            let detail = "a quote is opened that is not closed where the cell should end; reading went on with the \
                          next line";
            return Some(self.row_fault(RejectReason::BadRow, detail.to_owned()));
        }
        if is_cut {
            Some(self.row_fault(RejectReason::BadRow, "cut off: the file was still being written".to_owned()))
        } else if is_open {
            Some(self.row_fault(RejectReason::BadRow, "a quote is opened and never closed".to_owned()))
        } else {
            counted.or_else(|| self.cell_fault(header))
        }
    }

    /// Where the first line of the row ends, when the row goes over several.
    fn inner_line_end(&self) -> Option<usize> {
        self.window.data()[..self.row_bytes].trim_ascii_end().iter().position(|byte| *byte == b'\n')
    }

    fn count_fault(&self, header: &Header) -> Option<FieldFault> {
        let (there, wanted) = (self.cell_count, header.count);
        if there < wanted {
            let detail = format!("{there} cells, the header names {wanted}");
            return Some(self.row_fault(RejectReason::TooFewFields, detail));
        }
        // Spreadsheets write empty cells behind the last column.
        let surplus = &self.text[self.cell_start(wanted)..self.text_length];
        let is_too_many = there > wanted && !surplus.iter().all(u8::is_ascii_whitespace);
        is_too_many
            .then(|| self.row_fault(RejectReason::TooManyFields, format!("{there} cells, the header names {wanted}")))
    }

    fn cell_fault(&self, header: &Header) -> Option<FieldFault> {
        if self.text_length <= CELL_BYTES_MAX {
            return None;
        }
        let position = self.longest_cell();
        let length = self.cell(position).len();
        (length > CELL_BYTES_MAX).then(|| {
            let detail = format!("{length} bytes in a cell, at most {CELL_BYTES_MAX} are taken");
            self.long_fault(position, header, RejectReason::FieldTooLong, detail)
        })
    }

    fn too_long(&self, is_open: bool, header: &Header) -> FieldFault {
        let (first, last) = (self.line, self.line + self.line_count());
        let (reason, detail) = if is_open {
            let detail = format!("a quote is opened and never closed: lines {first} to {last} are lost");
            (RejectReason::BadRow, detail)
        } else if self.cell_count > CELLS_MAX {
            (RejectReason::TooManyFields, format!("more than {CELLS_MAX} cells"))
        } else {
            let detail = format!("a row of more than {ROW_BYTES_MAX} bytes, lines {first} to {last}");
            (RejectReason::FieldTooLong, detail)
        };
        // With too many cells none of them is to blame.
        let position = if reason == RejectReason::TooManyFields { CELLS_MAX } else { self.longest_cell() };
        self.long_fault(position, header, reason, detail)
    }

    fn long_fault(&self, position: usize, header: &Header, reason: RejectReason, detail: String) -> FieldFault {
        let column = header.positions.column_at(position).map_or("", Column::name);
        FieldFault::new(column, &lossy_beginning(self.cell(position)), reason, detail)
    }

    /// A fault of the row as a whole, showing its first line.
    fn row_fault(&self, reason: RejectReason, detail: String) -> FieldFault {
        let raw = &self.window.data()[..self.row_bytes];
        let line = raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
        FieldFault::new("", &lossy_beginning(line.trim_ascii_end()), reason, detail)
    }

    fn cell_start(&self, position: usize) -> usize {
        match position {
            0 => 0,
            _ => self.ends[..self.cell_count].get(position - 1).copied().unwrap_or(self.text_length),
        }
    }

    /// A cell; behind the last one what was read of an unfinished one.
    fn cell(&self, position: usize) -> &[u8] {
        &self.text[self.cell_start(position)..self.cell_start(position + 1)]
    }

    fn longest_cell(&self) -> usize {
        // The first of equals.
        (0..=self.cell_count).rev().max_by_key(|position| self.cell(*position).len()).unwrap_or(0)
    }

    /// The cells as text.
    fn cells<'r>(&'r self, header: &'r Header) -> Result<Cells<'r>, FieldFault> {
        let text = &self.text[..self.text_length];
        let ends = &self.ends[..self.cell_count];
        let not_text = |at: usize| {
            let position = ends.iter().position(|end| at < *end).unwrap_or(0);
            let detail = "bytes that are no text in the encoding of the file".to_owned();
            self.long_fault(position, header, RejectReason::BadEncoding, detail)
        };
        let text = std::str::from_utf8(text).map_err(|error| not_text(error.valid_up_to()))?;
        match ends.iter().find(|end| !text.is_char_boundary(**end)) {
            Some(end) => Err(not_text(end - 1)),
            None => Ok(Cells { text, ends, positions: &header.positions }),
        }
    }

    /// The cells of a header; `None` when it is not text.
    fn headers(&self) -> Option<Vec<&str>> {
        (0..self.cell_count).map(|position| std::str::from_utf8(self.cell(position)).ok()).collect()
    }
}

/// Whether a quoted cell goes on behind its closing quote, which no writer of CSV does: the quotes then belong to
/// the text, and a row that seems to go over several lines is several rows.
fn has_stray_quote(raw: &[u8], delimiter: u8) -> bool {
    let ends_cell = |byte: u8| byte == delimiter || matches!(byte, b'\r' | b'\n');
    let mut at = 0;
    while at < raw.len() {
        if raw[at] != b'"' {
            at += raw[at..].iter().position(|byte| ends_cell(*byte)).unwrap_or(raw.len() - at) + 1;
            continue;
        }
        at += 1;
        loop {
            at += raw[at..].iter().position(|byte| *byte == b'"').map_or(raw.len() - at, |quote| quote + 1);
            match raw.get(at) {
                Some(b'"') => at += 1,
                Some(byte) if !ends_cell(*byte) => return true,
                _ => break,
            }
        }
        at += 1;
    }
    false
}

/// Enough of some bytes for a message.
fn lossy_beginning(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 512;
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES_MAX)]).into_owned()
}
