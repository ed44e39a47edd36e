//! What can be wrong, and how it is told: rejects of rows, warnings on files, errors of whole files.
//!
//! Come here for the reasons and for the report that every read fills. Which input gets which reason is decided in
//! `values`, `records` and the readers of the formats.

use std::fmt;
use std::sync::Arc;

/// How many rejects a [`Report`] keeps unless told otherwise; those beyond are counted only.
pub const REJECTS_MAX: usize = 1_000_000;

/// How many characters of a value a reject shows.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// How many warnings a report keeps.
const WARNINGS_MAX: usize = 1_000;

/// Why a row or record is rejected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RejectReason {
    /// A needed value is not there.
    MissingValue,
    /// Not a day written as YYYY-MM-DD.
    BadDate,
    /// Not a number, ambiguous, or out of range.
    BadNumber,
    /// A quantity below zero.
    NegativeQuantity,
    /// A quantity of zero.
    ZeroQuantity,
    /// A weight or value below zero.
    NegativeAmount,
    /// A unit that no list of units has.
    UnknownUnit,
    /// A currency that no list of currencies has.
    UnknownCurrency,
    /// Not 2, 4, 6, 8, 10 or 14 digits.
    BadHsCode,
    /// Not a two-letter country code.
    BadCountry,
    /// A yes-or-no value that is neither.
    BadFlag,
    /// A kind of paper that the contract does not have.
    UnknownDocumentKind,
    /// Bytes that are no text in the file's encoding.
    BadEncoding,
    /// A cell or row beyond its limit.
    FieldTooLong,
    /// More cells than the header names.
    TooManyFields,
    /// Fewer cells than the header names.
    TooFewFields,
    /// Not a row at all: a quote that is never closed, no JSON object, a row cut off.
    BadRow,
    /// The file broke off: this row and all after it could not be read.
    UnreadableRest,
    /// The same key and content as an earlier row.
    Duplicate,
    /// The same key as an earlier row, but another content: the first is kept.
    Conflict,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::MissingValue,
        Self::BadDate,
        Self::BadNumber,
        Self::NegativeQuantity,
        Self::ZeroQuantity,
        Self::NegativeAmount,
        Self::UnknownUnit,
        Self::UnknownCurrency,
        Self::BadHsCode,
        Self::BadCountry,
        Self::BadFlag,
        Self::UnknownDocumentKind,
        Self::BadEncoding,
        Self::FieldTooLong,
        Self::TooManyFields,
        Self::TooFewFields,
        Self::BadRow,
        Self::UnreadableRest,
        Self::Duplicate,
        Self::Conflict,
    ];

    /// The stable word in files and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingValue => "missing_value",
            Self::BadDate => "bad_date",
            Self::BadNumber => "bad_number",
            Self::NegativeQuantity => "negative_quantity",
            Self::ZeroQuantity => "zero_quantity",
            Self::NegativeAmount => "negative_amount",
            Self::UnknownUnit => "unknown_unit",
            Self::UnknownCurrency => "unknown_currency",
            Self::BadHsCode => "bad_hs_code",
            Self::BadCountry => "bad_country",
            Self::BadFlag => "bad_flag",
            Self::UnknownDocumentKind => "unknown_document_kind",
            Self::BadEncoding => "bad_encoding",
            Self::FieldTooLong => "field_too_long",
            Self::TooManyFields => "too_many_fields",
            Self::TooFewFields => "too_few_fields",
            Self::BadRow => "bad_row",
            Self::UnreadableRest => "unreadable_rest",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One thing wrong with one record, wherever it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldFault {
    /// Column of the contract; empty when it is the row as a whole.
    pub column: &'static str,
    /// The value, shortened and with control characters escaped.
    pub value: String,
    /// Why.
    pub reason: RejectReason,
    /// What was expected, in one sentence.
    pub detail: String,
}

impl FieldFault {
    pub(super) fn new(column: &'static str, value: &str, reason: RejectReason, detail: impl Into<String>) -> Self {
        Self { column, value: shorten(value), reason, detail: detail.into() }
    }
}

/// One thing wrong with one row of a file. A row with three faults has three rejects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// Name of the file as the caller gave it.
    pub file: Arc<str>,
    /// Row, 1 = first data row. Empty lines do not count.
    pub row: u64,
    /// Physical line on which the row begins, from 1; `None` where the format has no lines.
    pub line: Option<u64>,
    /// Column of the contract; empty when it is the row as a whole.
    pub column: &'static str,
    /// The value, at most 80 characters, control characters escaped.
    pub value: String,
    /// Why.
    pub reason: RejectReason,
    /// What was expected, in one sentence.
    pub detail: String,
}

/// Something about a file as a whole that a person should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Name of the file as the caller gave it.
    pub file: Arc<str>,
    /// What, in one sentence.
    pub message: String,
}

/// What became of all rows of one or several files: `rows == records + rejected_rows`, always.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Data rows seen, without empty lines.
    pub rows: u64,
    /// Rows that went in.
    pub records: u64,
    /// Rows that did not.
    pub rejected_rows: u64,
    /// Why they did not, in the order of the file; at most the report's limit.
    pub rejects: Vec<Reject>,
    /// Rejects beyond the limit: counted, not kept.
    pub rejects_dropped: u64,
    /// Warnings in the order they came up.
    pub warnings: Vec<Warning>,
    rejects_max: usize,
}

/// Why a file as a whole gives no records. Texts carry the file's name as the caller gave it, never a path of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IntakeError {
    /// It cannot be opened.
    #[error("{file}: cannot be opened: {detail}")]
    CannotOpen {
        /// Name of the file.
        file: String,
        /// What the system says.
        detail: String,
    },
    /// It was opened, but not even its beginning can be read.
    #[error("{file}: cannot be read: {detail}")]
    CannotRead {
        /// Name of the file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// It is of a format that this build does not read.
    #[error("{file}: {detail}")]
    UnsupportedFormat {
        /// Name of the file.
        file: String,
        /// Which, and what to do.
        detail: String,
    },
    /// Needed columns are missing.
    #[error("{file}: needed columns are missing: {missing}; found: {found}")]
    MissingColumns {
        /// Name of the file.
        file: String,
        /// Which ones, separated by commas.
        missing: String,
        /// Headers found, shortened.
        found: String,
    },
    /// Two headers mean the same column.
    #[error("{file}: column {column} is there twice: {headers}")]
    RepeatedColumn {
        /// Name of the file.
        file: String,
        /// Column of the contract.
        column: &'static str,
        /// Both headers.
        headers: String,
    },
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// An empty report that keeps [`REJECTS_MAX`] rejects.
    pub fn new() -> Self {
        Self::with_rejects_max(REJECTS_MAX)
    }

    /// An empty report that keeps this many rejects and counts the others.
    pub fn with_rejects_max(rejects_max: usize) -> Self {
        Self {
            rows: 0,
            records: 0,
            rejected_rows: 0,
            rejects: Vec::new(),
            rejects_dropped: 0,
            warnings: Vec::new(),
            rejects_max,
        }
    }

    /// Rejects in all, kept or not.
    pub fn reject_count(&self) -> u64 {
        self.rejects.len() as u64 + self.rejects_dropped
    }

    pub(super) fn reject(&mut self, reject: Reject) {
        if self.rejects.len() < self.rejects_max {
            self.rejects.push(reject);
        } else {
            self.rejects_dropped += 1;
        }
    }

    pub(super) fn warn(&mut self, file: &Arc<str>, message: String) {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(Warning { file: Arc::clone(file), message });
        }
    }
}

/// A value as rejects show it: at most 80 characters, with control, direction and zero-width characters escaped, so
/// that it can do no harm on a terminal or in a table.
pub(super) fn shorten(value: &str) -> String {
    let mut shown = String::new();
    for character in value.chars().take(SHOWN_CHARACTERS_MAX + 1) {
        if is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    if let Some((cut, _)) = shown.char_indices().nth(SHOWN_CHARACTERS_MAX - 1)
        && shown[cut..].chars().nth(1).is_some()
    {
        shown.truncate(cut);
        shown.push('…');
    }
    shown
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{RejectReason, shorten};

    #[test]
    fn shown_values_are_short_and_harmless() {
        assert_eq!(shorten("plain «текст»"), "plain «текст»");
        assert_eq!(shorten("a\tb\u{1b}[31m"), "a\\u{9}b\\u{1b}[31m");
        assert_eq!(shorten("\u{202e}abc"), "\\u{202e}abc");
        assert_eq!(shorten(&"я".repeat(80)), "я".repeat(80));
        assert_eq!(shorten(&"я".repeat(81)), format!("{}…", "я".repeat(79)));
        assert_eq!(shorten(&"\0".repeat(1_000_000)).chars().count(), 80);
    }

    #[test]
    fn reasons_have_distinct_words() {
        let mut words: Vec<_> = RejectReason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), RejectReason::ALL.len());
    }
}
