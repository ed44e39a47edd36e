//! Reading a whole source: picks the reader of its format, hands on records, fills the report.
//!
//! Come here for the entry points and for what happens to a row after it was read: duplicates, counts, notes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::column::{Column, ColumnMap, Content};
use super::duplicates::{Deduplicator, Novelty};
use super::fault::{FieldFault, IntakeError, Reject, RejectReason, Report};
use super::fields::FieldSource;
use super::records::{self, Note, Notes};
use super::source::{Begun, Format, Source, begin};
use super::{csv_rows, json_lines};
use crate::model::{Company, OrderLine, ShipmentLine};

/// Reads order lines; `on_record` gets each with its row.
///
/// # Errors
/// The file gives no records at all: see [`IntakeError`]. Bad rows are no error, they are in the report.
pub fn read_orders(
    source: Source<'_>,
    on_record: &mut dyn FnMut(OrderLine, u64),
    report: &mut Report,
) -> Result<(), IntakeError> {
    read(source, on_record, report)
}

/// Reads shipment lines; `on_record` gets each with its row.
///
/// # Errors
/// The file gives no records at all: see [`IntakeError`]. Bad rows are no error, they are in the report.
pub fn read_shipments(
    source: Source<'_>,
    on_record: &mut dyn FnMut(ShipmentLine, u64),
    report: &mut Report,
) -> Result<(), IntakeError> {
    read(source, on_record, report)
}

/// Reads company rows; `on_record` gets each with its row.
///
/// # Errors
/// The file gives no records at all: see [`IntakeError`]. Bad rows are no error, they are in the report.
pub fn read_companies(
    source: Source<'_>,
    on_record: &mut dyn FnMut(Company, u64),
    report: &mut Report,
) -> Result<(), IntakeError> {
    read(source, on_record, report)
}

/// A record that files hold.
pub(super) trait Readable: Sized {
    const CONTENT: Content;

    fn parse(fields: &impl FieldSource, has_line_no: bool, notes: &mut Notes) -> Result<Self, Vec<FieldFault>>;

    fn novelty(&self, deduplicator: &mut Deduplicator) -> Novelty;

    /// Column and value that name the record, for rejects of repeated ones.
    fn name(&self) -> (Column, String);
}

impl Readable for OrderLine {
    const CONTENT: Content = Content::Orders;

    fn parse(fields: &impl FieldSource, has_line_no: bool, notes: &mut Notes) -> Result<Self, Vec<FieldFault>> {
        records::order(fields, has_line_no, notes)
    }

    fn novelty(&self, deduplicator: &mut Deduplicator) -> Novelty {
        deduplicator.order(self)
    }

    fn name(&self) -> (Column, String) {
        (Column::OrderId, format!("{} line {}", self.key.order_id, self.key.line_no))
    }
}

impl Readable for ShipmentLine {
    const CONTENT: Content = Content::Shipments;

    fn parse(fields: &impl FieldSource, has_line_no: bool, notes: &mut Notes) -> Result<Self, Vec<FieldFault>> {
        records::shipment(fields, has_line_no, notes)
    }

    fn novelty(&self, deduplicator: &mut Deduplicator) -> Novelty {
        deduplicator.shipment(self)
    }

    fn name(&self) -> (Column, String) {
        (Column::DocumentNumber, format!("{} {} line {}", self.key.kind, self.key.number, self.key.line_no))
    }
}

impl Readable for Company {
    const CONTENT: Content = Content::Companies;

    fn parse(fields: &impl FieldSource, _has_line_no: bool, notes: &mut Notes) -> Result<Self, Vec<FieldFault>> {
        records::company(fields, notes)
    }

    fn novelty(&self, deduplicator: &mut Deduplicator) -> Novelty {
        deduplicator.company(self)
    }

    fn name(&self) -> (Column, String) {
        (Column::Id, self.identifier.clone())
    }
}

/// Where the readers of the formats deliver their rows.
pub(super) struct Sink<'s, T> {
    file: Arc<str>,
    on_record: &'s mut dyn FnMut(T, u64),
    report: &'s mut Report,
    deduplicator: Option<&'s mut Deduplicator>,
    notes: Notes,
    row: u64,
}

impl<T: Readable> Sink<'_, T> {
    /// Takes a row with as many cells as it should have: a record or a reject.
    pub(super) fn take(&mut self, fields: &impl FieldSource, line: Option<u64>, has_line_no: bool) {
        self.row += 1;
        self.report.rows += 1;
        self.notes.row = self.row;
        let record = match T::parse(fields, has_line_no, &mut self.notes) {
            Ok(record) => record,
            Err(faults) => return self.reject(line, faults),
        };
        let novelty = self.deduplicator.as_deref_mut().map_or(Novelty::New, |seen| record.novelty(seen));
        let (reason, detail) = match novelty {
            Novelty::New => {
                self.report.records += 1;
                return (self.on_record)(record, self.row);
            }
            Novelty::Duplicate => (RejectReason::Duplicate, "the same as an earlier row"),
            Novelty::Conflict => {
                (RejectReason::Conflict, "an earlier row has the same key and another content; the first is kept")
            }
        };
        let (column, value) = record.name();
        self.reject(line, vec![FieldFault::new(column.name(), &value, reason, detail)]);
    }

    /// Takes a row that is none.
    pub(super) fn refuse(&mut self, line: Option<u64>, fault: FieldFault) {
        self.row += 1;
        self.report.rows += 1;
        self.notes.row = self.row;
        self.reject(line, vec![fault]);
    }

    /// Takes note that the source broke off: this row and all after it are not there.
    pub(super) fn break_off(&mut self, line: Option<u64>, detail: &str) {
        self.refuse(line, FieldFault::new("", "", RejectReason::UnreadableRest, detail));
        let message = format!("broke off in row {}, the rest could not be read: {detail}", self.row);
        self.warn(message);
    }

    pub(super) fn warn(&mut self, message: impl Into<String>) {
        self.report.warn(&self.file, message.into());
    }

    /// Notes something on the row that was taken or refused last.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.take(note);
    }

    fn reject(&mut self, line: Option<u64>, faults: Vec<FieldFault>) {
        self.report.rejected_rows += 1;
        for FieldFault { column, value, reason, detail } in faults {
            let file = Arc::clone(&self.file);
            self.report.reject(Reject { file, row: self.row, line, column, value, reason, detail });
        }
    }

    /// Tells once a file what was noted on its rows.
    fn tell_notes(&mut self) {
        let has_commas = self.notes.taken(Note::DecimalComma).0 > 0;
        for note in Note::ALL {
            let (count, first_row) = self.notes.taken(note);
            if count > 0 && (note != Note::DoubtfulPoint || has_commas) {
                let message = format!("{} ({count} times, first in row {first_row})", note.text());
                self.warn(message);
            }
        }
        if self.row == 0 {
            self.warn("has no rows");
        }
    }
}

fn read<T: Readable>(
    mut source: Source<'_>,
    on_record: &mut dyn FnMut(T, u64),
    report: &mut Report,
) -> Result<(), IntakeError> {
    let begun = begin(&mut source)?;
    let Source { label, column_map, deduplicator, today, .. } = source;
    let no_map = ColumnMap::default();
    let map = column_map.unwrap_or(&no_map);
    let mut sink = Sink { file: Arc::clone(&label), on_record, report, deduplicator, notes: Notes::new(today), row: 0 };
    match begun {
        Begun::Text(text) => {
            if let Some(warning) = text.warning {
                sink.warn(warning);
            }
            let has_grown = Arc::clone(&text.has_grown);
            match text.format {
                Format::JsonLines => json_lines::read(text, map, &mut sink),
                Format::Csv | Format::Parquet => csv_rows::read(&label, text, map, &mut sink)?,
            }
            if has_grown.load(Ordering::Relaxed) {
                sink.warn("grew while it was read: what was appended after opening is left out");
            }
        }
        #[cfg(feature = "parquet")]
        Begun::Parquet(whole) => super::parquet_rows::read(&label, whole, map, &mut sink)?,
    }
    sink.tell_notes();
    Ok(())
}
