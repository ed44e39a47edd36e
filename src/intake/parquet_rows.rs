//! Parquet: columns named as in the contract, of any plain type.
//!
//! Come here for what types become: texts and whole numbers as they are, decimals and floating numbers as decimals,
//! dates and timestamps as their day, lists as lists, nothing as nothing. Structures inside rows are refused.
//! A damaged file breaks off where the damage is; the rows before it are in.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::column::{Column, ColumnMap};
use super::fault::{FieldFault, IntakeError, RejectReason};
use super::fields::Gathered;
use super::header::{self, Header};
use super::reading::{Readable, Sink};
use super::source::Whole;
use crate::model::Day;

/// Reads all rows.
///
/// # Errors
/// It is no Parquet file, or lacks needed columns.
pub(super) fn read<T: Readable>(
    file: &str,
    whole: Whole,
    map: &ColumnMap,
    sink: &mut Sink<'_, T>,
) -> Result<(), IntakeError> {
    let cannot_read = |detail: String| IntakeError::CannotRead { file: file.to_owned(), detail };
    let reader = guarded(|| -> parquet::errors::Result<Box<dyn FileReader>> {
        Ok(match whole {
            Whole::File(file) => Box::new(SerializedFileReader::new(file)?),
            Whole::Bytes(bytes) => Box::new(SerializedFileReader::new(Bytes::from(bytes))?),
        })
    })
    .map_err(cannot_read)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let headers: Vec<_> = schema.root_schema().get_fields().iter().map(|field| field.name()).collect();
    let header = header::understand(file, T::CONTENT, map, &headers)?;
    if let Some(warning) = &header.warning {
        sink.warn(warning.as_str());
    }
    let mut rows = match guarded(|| reader.get_row_iter(None)) {
        Ok(rows) => rows,
        Err(detail) => return Err(cannot_read(detail)),
    };
    let mut gathered = Gathered::new();
    loop {
        match guarded(|| rows.next().transpose()) {
            Ok(None) => return Ok(()),
            Ok(Some(row)) => match gather(&row, &header, &mut gathered) {
                Ok(()) => sink.take(&gathered, None, header.has(Column::LineNo)),
                Err(fault) => sink.refuse(None, fault),
            },
            Err(detail) => {
                sink.break_off(None, &detail);
                return Ok(());
            }
        }
    }
}

/// Damaged files make the library fail in both ways, and no file may end the service.
fn guarded<R>(action: impl FnOnce() -> parquet::errors::Result<R>) -> Result<R, String> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the file is damaged".to_owned()),
    }
}

fn gather(row: &Row, header: &Header, gathered: &mut Gathered) -> Result<(), FieldFault> {
    gathered.clear();
    for (position, (_, field)) in row.get_column_iter().enumerate() {
        let Some(column) = header.positions.column_at(position) else { continue };
        let start = gathered.position();
        write_field(field, column.is_list(), gathered.text_mut())
            .map_err(|(reason, detail)| FieldFault::new(column.name(), &field.to_string(), reason, detail))?;
        gathered.set(column, start);
    }
    gathered.too_long().map_or(Ok(()), Err)
}

/// Writes a value as the text of a cell.
fn write_field(field: &Field, may_be_list: bool, text: &mut String) -> Result<(), (RejectReason, &'static str)> {
    /// From here on a floating number does not tell neighbouring whole numbers apart.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    const INEXACT: (RejectReason, &str) =
        (RejectReason::BadNumber, "a floating number too long to be exact; store it as a text or decimal");
    // Writing into a String does not fail.
    let _ = match field {
        Field::Null => Ok(()),
        Field::Str(value) => text.write_str(value),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(value) => text.write_str(value),
            Err(_) => return Err((RejectReason::BadEncoding, "bytes that are no UTF-8")),
        },
        Field::Float(value) if f64::from(*value).abs() >= EXACT_MAX => return Err(INEXACT),
        Field::Double(value) if value.abs() >= EXACT_MAX => return Err(INEXACT),
        Field::Float(value) => write!(text, "{value}"),
        Field::Double(value) => write!(text, "{value}"),
        Field::Date(days) => write!(text, "{}", Day::from_number(*days)),
        Field::TimestampMillis(millis) => write!(text, "{}", day_of(*millis, 86_400_000)),
        Field::TimestampMicros(micros) => write!(text, "{}", day_of(*micros, 86_400_000_000)),
        Field::ListInternal(list) if may_be_list => {
            for element in list.elements() {
                let start = text.len();
                write_field(element, false, text)?;
                if text[start..].contains(';') {
                    return Err((RejectReason::BadRow, "an entry of a list contains `;`, which separates entries"));
                }
                text.push(';');
            }
            Ok(())
        }
        Field::Group(_) | Field::MapInternal(_) | Field::ListInternal(_) => {
            return Err((RejectReason::BadRow, "expected a plain value"));
        }
        other => write!(text, "{other}"),
    };
    Ok(())
}

fn day_of(count: i64, per_day: i64) -> Day {
    // What is out of range becomes a day that is refused as one.
    Day::from_number(i32::try_from(count.div_euclid(per_day)).unwrap_or(i32::MAX))
}
