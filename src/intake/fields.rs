//! Where cells come from: one row of whatever format, looked up by [`Column`].
//!
//! Come here for the limits on cells and rows. What a cell means is in `values` and `records`.

use std::marker::PhantomData;

use super::column::{COLUMN_COUNT, Column};
use super::fault::{FieldFault, RejectReason};

/// Longest cell in bytes; a longer one rejects its row.
pub const CELL_BYTES_MAX: usize = 64 * 1024;

/// Longest row in bytes; of a longer one no more than this is held in memory.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;

/// Most cells in a row or header.
pub(super) const CELLS_MAX: usize = 4096;

/// One record as texts.
pub(super) trait FieldSource {
    /// The trimmed text of a column; empty when the column or the value is not there.
    fn get(&self, column: Column) -> &str;
}

/// Without blanks and control characters at either end. The latter become blanks when a text is kept, and what is kept
/// must not begin or end with one: read again it would be another text.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control())
}

/// A record whose fields are looked up by name: the way in for records that come from elsewhere than a file.
pub(super) struct ByName<'t, G> {
    get: G,
    texts: PhantomData<&'t str>,
}

impl<'t, G: Fn(&str) -> Option<&'t str>> ByName<'t, G> {
    pub(super) fn new(get: G) -> Self {
        Self { get, texts: PhantomData }
    }
}

impl<'t, G: Fn(&str) -> Option<&'t str>> FieldSource for ByName<'t, G> {
    fn get(&self, column: Column) -> &str {
        (self.get)(column.name()).map_or("", trimmed)
    }
}

/// For each column its position in the row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Positions([u16; COLUMN_COUNT]);

/// The position of a column that is not there.
const ABSENT: u16 = u16::MAX;

impl Positions {
    pub(super) fn none() -> Self {
        Self([ABSENT; COLUMN_COUNT])
    }

    pub(super) fn get(&self, column: Column) -> Option<usize> {
        let position = self.0[column as usize];
        (position != ABSENT).then_some(usize::from(position))
    }

    pub(super) fn set(&mut self, column: Column, position: usize) {
        self.0[column as usize] = u16::try_from(position).unwrap_or(ABSENT);
    }

    /// The column at a position, where it is one of the contract.
    pub(super) fn column_at(&self, position: usize) -> Option<Column> {
        Column::ALL.iter().copied().find(|column| self.get(*column) == Some(position))
    }
}

/// A row as one text with the ends of its cells.
pub(super) struct Cells<'r> {
    pub(super) text: &'r str,
    pub(super) ends: &'r [usize],
    pub(super) positions: &'r Positions,
}

impl Cells<'_> {
    fn cell(&self, position: usize) -> &str {
        let start = if position == 0 { 0 } else { self.ends.get(position - 1).copied().unwrap_or(0) };
        let end = self.ends.get(position).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or("")
    }
}

impl FieldSource for Cells<'_> {
    fn get(&self, column: Column) -> &str {
        self.positions.get(column).map_or("", |position| trimmed(self.cell(position)))
    }
}

/// Cells gathered one by one, for formats that name the field with every value. Reused from row to row.
pub(super) struct Gathered {
    text: String,
    ranges: [Option<(u32, u32)>; COLUMN_COUNT],
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self { text: String::new(), ranges: [None; COLUMN_COUNT] }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ranges = [None; COLUMN_COUNT];
    }

    /// Where the next value is written; call [`Gathered::set`] after writing.
    pub(super) fn text_mut(&mut self) -> &mut String {
        &mut self.text
    }

    pub(super) fn position(&self) -> usize {
        self.text.len()
    }

    /// Takes what was written since `start` as the value of the column.
    pub(super) fn set(&mut self, column: Column, start: usize) {
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.text.len())) {
            self.ranges[column as usize] = Some((start, end));
        }
    }

    /// What to tell when a cell is beyond the limit of all cells.
    pub(super) fn too_long(&self) -> Option<FieldFault> {
        let column = Column::ALL.iter().copied().find(|column| self.get(*column).len() > CELL_BYTES_MAX)?;
        let value = self.get(column);
        let detail = format!("{} bytes in a cell, at most {CELL_BYTES_MAX} are taken", value.len());
        Some(FieldFault::new(column.name(), value, RejectReason::FieldTooLong, detail))
    }

    pub(super) fn is_set(&self, column: Column) -> bool {
        self.ranges[column as usize].is_some()
    }
}

impl FieldSource for Gathered {
    fn get(&self, column: Column) -> &str {
        self.ranges[column as usize]
            .and_then(|(start, end)| self.text.get(start as usize..end as usize))
            .map_or("", trimmed)
    }
}

#[cfg(test)]
mod tests {
    use crate::intake::{RejectReason, order_from_fields};

    fn order_line<'t>(buyer_name: &'t str, serial_numbers: &'t str) -> impl Fn(&str) -> Option<&'t str> {
        move |column| {
            Some(match column {
                "order_id" => "A-1",
                "line_no" | "quantity" => "1",
                "order_date" => "2025-03-01",
                "buyer_name" => buyer_name,
                "buyer_country" => "KZ",
                "description" => "Controllers",
                "unit" => "PCE",
                "serial_numbers" => serial_numbers,
                _ => return None,
            })
        }
    }

    /// The smallest cases of a bug: a control character at the end became a blank that the next reading took away, so that
    /// a record sent back was another one; and alone it passed for a value.
    #[test]
    fn control_characters_at_the_ends_are_as_good_as_blanks() {
        let line = order_from_fields(order_line(" \u{1}Primer\u{2}LLP\u{1} ", "S1\u{0};\u{1};S2")).unwrap();
        assert_eq!(line.buyer.name, "Primer LLP");
        assert_eq!(line.serial_numbers, ["S1", "S2"]);
        let faults = order_from_fields(order_line("\u{1}", "")).unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| (fault.column, fault.reason)).collect::<Vec<_>>(),
            [("buyer_name", RejectReason::MissingValue)]
        );
    }
}
