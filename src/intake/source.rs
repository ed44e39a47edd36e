//! Opening what a customer sent: length, compression, encoding, format.
//!
//! Come here for what happens before the first row. The content decides, not the file's name.
//! The name is shown in rejects and warnings and used for nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::column::ColumnMap;
use super::duplicates::Deduplicator;
use super::encoding::{self, Decoding};
use super::fault::{IntakeError, shorten};
use super::window::Window;
use crate::model::Day;

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// A header, then a row a line; comma, semicolon or tab.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// Apache Parquet; needs the feature `parquet`.
    Parquet,
}

/// Something to read records from, and how.
pub struct Source<'a> {
    pub(super) label: Arc<str>,
    input: Input<'a>,
    format: Option<Format>,
    progress: Option<Arc<AtomicU64>>,
    pub(super) column_map: Option<&'a ColumnMap>,
    pub(super) deduplicator: Option<&'a mut Deduplicator>,
    pub(super) today: Option<Day>,
}

enum Input<'a> {
    /// A file, with its length at opening where it is a regular file.
    File(File, Option<u64>),
    Stream(Box<dyn Read + Send + 'a>),
}

impl<'a> Source<'a> {
    /// Opens a file. It is read to the length it has now: what is appended later is left out, with a warning.
    ///
    /// # Errors
    /// [`IntakeError::CannotOpen`].
    pub fn open(path: &Path) -> Result<Self, IntakeError> {
        let label = shorten(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        let fail = |detail: String| IntakeError::CannotOpen { file: label.clone(), detail };
        let file = File::open(path).map_err(|error| fail(error.to_string()))?;
        let metadata = file.metadata().map_err(|error| fail(error.to_string()))?;
        if metadata.is_dir() {
            return Err(fail("it is a directory".to_owned()));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self::new(&label, Input::File(file, length)))
    }

    /// Takes any stream of bytes; `label` is the name shown in rejects.
    pub fn from_reader(label: &str, reader: impl Read + Send + 'a) -> Self {
        Self::new(label, Input::Stream(Box::new(reader)))
    }

    fn new(label: &str, input: Input<'a>) -> Self {
        Self {
            label: label.into(),
            input,
            format: None,
            progress: None,
            column_map: None,
            deduplicator: None,
            today: None,
        }
    }

    /// Shows another name in rejects and warnings.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = label.into();
        self
    }

    /// Renames the customer's headers.
    #[must_use]
    pub fn with_column_map(mut self, map: &'a ColumnMap) -> Self {
        self.column_map = Some(map);
        self
    }

    /// States the format instead of looking at the content.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Rejects records that this deduplicator has seen before.
    #[must_use]
    pub fn with_deduplicator(mut self, deduplicator: &'a mut Deduplicator) -> Self {
        self.deduplicator = Some(deduplicator);
        self
    }

    /// Warns about dates after this day. There is no clock in this room.
    #[must_use]
    pub fn with_today(mut self, today: Day) -> Self {
        self.today = Some(today);
        self
    }

    /// Counts the bytes read of the file as it lies there, compressed or not: for a progress bar.
    #[must_use]
    pub fn with_progress(mut self, bytes: Arc<AtomicU64>) -> Self {
        self.progress = Some(bytes);
        self
    }

    /// Bytes to be read, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.input {
            Input::File(_, length) => *length,
            Input::Stream(_) => None,
        }
    }
}

/// A source whose beginning has been looked at.
pub(super) enum Begun<'a> {
    Text(Text<'a>),
    #[cfg(feature = "parquet")]
    Parquet(Whole),
}

/// Rows in UTF-8.
pub(super) struct Text<'a> {
    pub(super) format: Format,
    pub(super) window: Window<'a>,
    pub(super) warning: Option<&'static str>,
    pub(super) has_grown: Arc<AtomicBool>,
}

/// A file that is read in any order.
#[cfg(feature = "parquet")]
pub(super) enum Whole {
    File(File),
    Bytes(Vec<u8>),
}

/// Looks at the beginning: compression, encoding, format.
pub(super) fn begin<'a>(source: &mut Source<'a>) -> Result<Begun<'a>, IntakeError> {
    let file = source.label.to_string();
    let cannot_read = |error: io::Error| IntakeError::CannotRead { file: file.clone(), detail: error.to_string() };
    let unsupported = |detail: &str| IntakeError::UnsupportedFormat { file: file.clone(), detail: detail.to_owned() };
    let has_grown = Arc::new(AtomicBool::new(false));
    let progress = source.progress.clone();
    let input = std::mem::replace(&mut source.input, Input::Stream(Box::new(io::empty())));
    #[cfg(feature = "parquet")]
    let mut second_handle = None;
    let reader: Box<dyn Read + Send + 'a> = match input {
        Input::File(handle, length) => {
            #[cfg(feature = "parquet")]
            {
                second_handle = handle.try_clone().ok().filter(|_| length.is_some());
            }
            let left = length.unwrap_or(u64::MAX);
            Box::new(Bounded { file: handle, left, has_grown: Arc::clone(&has_grown), is_probed: false })
        }
        Input::Stream(reader) => reader,
    };
    let mut raw = Window::new(Box::new(Counted { reader, progress }));
    if let Err(error) = raw.fill_to(8)
        && raw.data().is_empty()
    {
        return Err(cannot_read(error));
    }
    if raw.data().starts_with(b"PAR1") {
        #[cfg(feature = "parquet")]
        return whole(raw, second_handle).map(Begun::Parquet).map_err(cannot_read);
        #[cfg(not(feature = "parquet"))]
        return Err(unsupported(NO_PARQUET));
    }
    if source.format == Some(Format::Parquet) || file.ends_with(".parquet") {
        return Err(IntakeError::CannotRead { file, detail: "not a Parquet file".to_owned() });
    }
    let is_compressed = is_gzip(raw.data()) || is_zstd(raw.data());
    let mut window = decompress(raw).map_err(cannot_read)?;
    if let Err(error) = window.fill_to(encoding::SAMPLE_BYTES)
        && window.data().is_empty()
    {
        return Err(cannot_read(error));
    }
    if let Some(detail) = refused_magic(window.data(), is_compressed) {
        return Err(unsupported(detail));
    }
    let guess = encoding::guess(window.data());
    let mut first_line = window.data().iter().take(BINARY_SAMPLE_BYTES).take_while(|byte| **byte != b'\n');
    if first_line.any(|byte| *byte == 0) && guess.mark_bytes != 2 {
        return Err(unsupported("it is no text, or UTF-16 without a byte-order mark"));
    }
    window.consume(guess.mark_bytes);
    if let Some(encoding) = guess.encoding {
        window = Window::new(Box::new(Decoding::new(window, encoding)));
        // A failure here comes up again with the first row.
        let _ = window.fill_to(1);
    }
    let first = window.data().iter().find(|byte| !byte.is_ascii_whitespace());
    let format = source.format.unwrap_or(if first == Some(&b'{') { Format::JsonLines } else { Format::Csv });
    if format == Format::JsonLines && first == Some(&b'[') || first == Some(&b'[') && file.contains(".json") {
        return Err(unsupported("it is one JSON array; write one JSON object a line"));
    }
    Ok(Begun::Text(Text { format, window, warning: guess.warning, has_grown }))
}

/// Where, up to the end of the first line, a zero byte means that a file is no text; further on it spoils no row.
const BINARY_SAMPLE_BYTES: usize = 512;

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn is_zstd(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Takes gzip (also of several members) and Zstandard as what is in them.
fn decompress(raw: Window<'_>) -> io::Result<Window<'_>> {
    /// Base-two logarithm of the largest Zstandard window taken: 128 MiB of memory.
    const ZSTD_WINDOW_LOG_MAX: u32 = 27;
    if is_gzip(raw.data()) {
        Ok(Window::new(Box::new(flate2::read::MultiGzDecoder::new(raw))))
    } else if is_zstd(raw.data()) {
        let mut decoder = zstd::stream::read::Decoder::new(raw)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        Ok(Window::new(Box::new(decoder)))
    } else {
        Ok(raw)
    }
}

/// What we know, do not read, and would make nonsense of as text.
fn refused_magic(bytes: &[u8], is_compressed: bool) -> Option<&'static str> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        Some("it is an Excel workbook or a zip file; save it as CSV")
    } else if is_compressed && (is_gzip(bytes) || is_zstd(bytes)) {
        Some("it is compressed twice; decompress it once")
    } else if is_compressed && bytes.starts_with(b"PAR1") {
        Some("it is a compressed Parquet file; decompress it")
    } else {
        None
    }
}

#[cfg(not(feature = "parquet"))]
const NO_PARQUET: &str = "it is a Parquet file, and this build of Onward reads none (feature `parquet`)";

/// A Parquet file is read from its end, so a stream has to be held in memory first, up to a limit.
#[cfg(feature = "parquet")]
fn whole(mut raw: Window<'_>, second_handle: Option<File>) -> io::Result<Whole> {
    const STREAM_BYTES_MAX: u64 = 256 * 1024 * 1024;
    if let Some(handle) = second_handle {
        return Ok(Whole::File(handle));
    }
    let mut bytes = Vec::new();
    let mut limited = (&mut raw).take(STREAM_BYTES_MAX + 1);
    limited.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > STREAM_BYTES_MAX {
        return Err(io::Error::other("Parquet from a stream is taken up to 256 MiB; give it as a file"));
    }
    Ok(Whole::Bytes(bytes))
}

/// Reads a file to the length it had at opening, then looks whether there is more.
struct Bounded {
    file: File,
    left: u64,
    has_grown: Arc<AtomicBool>,
    is_probed: bool,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            if !self.is_probed {
                self.is_probed = true;
                let has_grown = self.file.read(&mut [0])? > 0;
                self.has_grown.store(has_grown, Ordering::Relaxed);
            }
            return Ok(0);
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..wanted])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Counts what is read.
struct Counted<'a> {
    reader: Box<dyn Read + Send + 'a>,
    progress: Option<Arc<AtomicU64>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.fetch_add(count as u64, Ordering::Relaxed);
        }
        Ok(count)
    }
}
