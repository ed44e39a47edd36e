//! Formats to (records, rejects): what customers send, read row by row.
//!
//! Come here to learn what becomes of a file, a row or a cell that is not as the contract wants it.
//! Every row ends as one record or as a rejected row with file, row, column, value and reason.
//! Only a file that cannot be opened or read at all, or lacks needed columns, fails as a whole ([`IntakeError`]).
//! Memory does not grow with the file, apart from the rejects (limited) and the hashes of a [`Deduplicator`].
//!
//! Not here: folding names or goods (`normalize`), storing (`store`), writing files (`cli`), the wire (`api`).
//!
//! The way of a row: `source` (open, length, compression) -> `encoding` (to UTF-8) -> `csv_rows`, `json_lines` or
//! `parquet_rows` (cells by [`Column`]) -> `records` (typed, all faults at once) -> `reading` (duplicates, report).

mod column;
mod countries;
mod csv_rows;
mod duplicates;
mod encoding;
mod fault;
mod fields;
mod header;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod reading;
mod records;
mod source;
#[cfg(test)]
mod tests;
mod values;
mod window;

pub use column::{Column, ColumnMap, ColumnMapError, Content};
pub use duplicates::{Deduplicator, Novelty};
pub use fault::{FieldFault, IntakeError, REJECTS_MAX, Reject, RejectReason, Report, Warning};
pub use fields::{CELL_BYTES_MAX, ROW_BYTES_MAX};
pub use reading::{read_companies, read_orders, read_shipments};
pub use records::{company_from_fields, order_from_fields, shipment_from_fields};
pub use source::{Format, Source};
