//! Reads the files of records that a command was given, with progress, and collects what was refused.
//!
//! Come here for how several files become one list. What becomes of a row is `intake`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arguments::RecordFiles;
use super::exit::Failure;
use super::output::{Cell, Sheet};
use super::progress::Progress;
use crate::intake::{ColumnMap, Deduplicator, IntakeError, Reject, Report, Source};

/// Rows between two looks at the clock.
const ROWS_PER_PROGRESS: u64 = 4_096;

/// Reads files one after another; the same record twice, even in two files, is refused the second time.
pub(super) struct Reader<'a> {
    progress: &'a Progress,
    column_map: Option<ColumnMap>,
    deduplicator: Deduplicator,
    report: Report,
}

type Read<T> = fn(Source<'_>, &mut dyn FnMut(T, u64), &mut Report) -> Result<(), IntakeError>;

impl<'a> Reader<'a> {
    /// A reader for these files.
    pub(super) fn new(files: &RecordFiles, progress: &'a Progress) -> Result<Self, Failure> {
        let column_map = files.column_map.as_deref().map(read_column_map).transpose()?;
        Ok(Self { progress, column_map, deduplicator: Deduplicator::new(), report: Report::new() })
    }

    /// Reads all files of one kind, handing on each record as it comes.
    pub(super) fn read<T>(
        &mut self,
        what: &str,
        files: &[PathBuf],
        read: Read<T>,
        mut on_record: impl FnMut(T),
    ) -> Result<u64, Failure> {
        self.read_placed(what, files, read, |record, _, _| on_record(record))
    }

    /// As [`Reader::read`], with the file and row that each record came from.
    pub(super) fn read_placed<T>(
        &mut self,
        what: &str,
        files: &[PathBuf],
        read: Read<T>,
        mut on_record: impl FnMut(T, &Path, u64),
    ) -> Result<u64, Failure> {
        let before = self.report.records;
        for path in files {
            let bytes = Arc::new(AtomicU64::new(0));
            let mut source = Source::open(path)
                .map_err(|error| unreadable(&error))?
                .with_deduplicator(&mut self.deduplicator)
                .with_progress(Arc::clone(&bytes));
            if let Some(map) = &self.column_map {
                source = source.with_column_map(map);
            }
            let length = source.length().unwrap_or(0);
            let name = format!("reading {what}");
            let mut count = 0_u64;
            let mut hand_on = |record: T, row: u64| {
                count += 1;
                if count.is_multiple_of(ROWS_PER_PROGRESS) {
                    self.progress.at(&name, bytes.load(Ordering::Relaxed), length);
                }
                on_record(record, path, row);
            };
            read(source, &mut hand_on, &mut self.report).map_err(|error| unreadable(&error))?;
        }
        Ok(self.report.records - before)
    }

    /// Ends reading: says warnings and gives what was refused.
    pub(super) fn finish(self) -> Report {
        self.progress.finish();
        for warning in &self.report.warnings {
            self.progress.note(&format!("{}: {}", warning.file, warning.message));
        }
        self.report
    }
}

/// A row of `rejects.*`.
pub(super) fn reject_row(sheet: &mut Sheet, reject: &Reject) -> std::io::Result<()> {
    sheet.row(&[
        Cell::text(reject.file.as_ref()),
        Cell::number(reject.row),
        Cell::text(reject.column),
        Cell::text(reject.value.as_str()),
        Cell::text(reject.reason.as_str()),
        Cell::text(reject.detail.as_str()),
    ])
}

fn unreadable(error: &IntakeError) -> Failure {
    Failure::Unreadable(error.to_string())
}

fn read_column_map(path: &Path) -> Result<ColumnMap, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::Unreadable(format!("{}: {error}", path.display())))?;
    ColumnMap::parse(&text).map_err(|error| Failure::Unreadable(format!("{}: {error}", path.display())))
}
