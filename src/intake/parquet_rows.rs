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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::parser::parse_message_type;

    use super::super::{IntakeError, RejectReason, Report, Source, read_orders};
    use crate::model::OrderLine;

    const SCHEMA: &str = "message orders {
        required binary order_id (UTF8); required int64 line_no; required int32 order_date (DATE);
        required binary buyer_name (UTF8); required binary buyer_country (UTF8); required binary description (UTF8);
        required double quantity; required binary unit (UTF8); optional int64 ship_date (TIMESTAMP(MILLIS, true));
        required int32 value (DECIMAL(9, 2)); required binary colour (UTF8);
    }";

    fn write<T: DataType>(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[T::T], levels: Option<&[i16]>) {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<T>().write_batch(values, levels, None).unwrap();
        column.close().unwrap();
    }

    /// Three rows: a good one, one with a quantity of zero, one with an inexact quantity.
    fn file() -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let texts = |texts: [&str; 3]| texts.map(ByteArray::from);
        write::<ByteArrayType>(&mut group, &texts(["A1", "A2", "A3"]), None);
        write::<Int64Type>(&mut group, &[1, 2, 3], None);
        write::<Int32Type>(&mut group, &[19_787, 19_787, 19_787], None);
        write::<ByteArrayType>(&mut group, &texts(["ТОО «Айсберг-Тест»"; 3]), None);
        write::<ByteArrayType>(&mut group, &texts(["KZ"; 3]), None);
        write::<ByteArrayType>(&mut group, &texts(["Chips"; 3]), None);
        write::<DoubleType>(&mut group, &[2.5, 0.0, 1e17], None);
        write::<ByteArrayType>(&mut group, &texts(["PCE"; 3]), None);
        write::<Int64Type>(&mut group, &[19_788 * 86_400_000 + 5], Some(&[1, 0, 0]));
        write::<Int32Type>(&mut group, &[1050, 1, 1], None);
        write::<ByteArrayType>(&mut group, &texts(["red"; 3]), None);
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    fn orders(source: Source<'_>) -> (Vec<OrderLine>, Report, Option<IntakeError>) {
        let (mut records, mut report) = (Vec::new(), Report::new());
        let error = read_orders(source, &mut |record, _| records.push(record), &mut report).err();
        (records, report, error)
    }

    #[test]
    fn types_become_what_they_mean() {
        let bytes = file();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders.bin");
        std::fs::write(&path, &bytes).unwrap();
        let (records, report, error) = orders(Source::open(&path).unwrap());
        assert_eq!((records.len(), report.rows, error), (1, 3, None));
        let line = &records[0];
        let shown = (line.order_date.to_string(), line.ship_date.map(|day| day.to_string()));
        assert_eq!(shown, ("2024-03-05".to_owned(), Some("2024-03-06".to_owned())));
        let amounts = (line.quantity.to_string(), line.value.map(|value| value.to_string()));
        assert_eq!(amounts, ("2.5".to_owned(), Some("10.5".to_owned())));
        let rejects: Vec<_> = report.rejects.iter().map(|reject| (reject.row, reject.column, reject.reason)).collect();
        assert_eq!(rejects, [(2, "quantity", RejectReason::ZeroQuantity), (3, "quantity", RejectReason::BadNumber)]);
        assert_eq!(report.warnings[0].message, "columns that are not known and are left out: colour");
        let streamed = orders(Source::from_reader("orders.parquet", bytes.as_slice()));
        assert_eq!((streamed.0, streamed.1.rejects.len()), (records, 2));
    }

    #[test]
    fn damaged_files_end_in_an_error_or_a_reject() {
        let good = file();
        for at in (4..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            let (records, report, _) = orders(Source::from_reader("a.parquet", bytes.as_slice()));
            assert_eq!(report.rows, records.len() as u64 + report.rejected_rows);
        }
        let (_, _, error) = orders(Source::from_reader("a.parquet", &good[..good.len() / 2]));
        assert!(matches!(error, Some(IntakeError::CannotRead { .. })), "{error:?}");
    }
}
