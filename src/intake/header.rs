//! From the headers of a file to the position of every column.
//!
//! Come here for what a missing, repeated or unknown column does to a file.

use super::column::{Column, ColumnMap, Content, Meaning};
use super::fault::{IntakeError, shorten};
use super::fields::Positions;

/// How many headers a message names.
const NAMED_MAX: usize = 50;

/// The headers of a file, understood.
pub(super) struct Header {
    pub(super) positions: Positions,
    /// Number of headers, known or not.
    pub(super) count: usize,
    /// A sentence on columns that are left out, if any.
    pub(super) warning: Option<String>,
}

impl Header {
    pub(super) fn has(&self, column: Column) -> bool {
        self.positions.get(column).is_some()
    }
}

/// Understands the headers of a file.
///
/// # Errors
/// Needed columns are missing, or two headers mean the same column.
pub(super) fn understand(
    file: &str,
    content: Content,
    map: &ColumnMap,
    headers: &[&str],
) -> Result<Header, IntakeError> {
    let mut positions = Positions::none();
    let mut unknown = Vec::new();
    for (position, header) in headers.iter().enumerate() {
        match map.meaning(content, header) {
            Meaning::Known(column) => {
                if let Some(first) = positions.get(column) {
                    let headers = format!("{} and {}", shorten(headers[first]), shorten(header));
                    return Err(IntakeError::RepeatedColumn { file: file.to_owned(), column: column.name(), headers });
                }
                positions.set(column, position);
            }
            Meaning::Unknown if !header.trim().is_empty() => unknown.push(*header),
            Meaning::Unknown | Meaning::LeftOut => {}
        }
    }
    let missing = missing(content, &positions);
    if !missing.is_empty() {
        let found = if headers.is_empty() { "nothing".to_owned() } else { named(headers) };
        return Err(IntakeError::MissingColumns { file: file.to_owned(), missing: missing.join(", "), found });
    }
    Ok(Header { positions, count: headers.len(), warning: unknown_warning(&unknown) })
}

/// A sentence on columns that nobody knows.
pub(super) fn unknown_warning(unknown: &[&str]) -> Option<String> {
    (!unknown.is_empty()).then(|| format!("columns that are not known and are left out: {}", named(unknown)))
}

/// How many of the headers mean something to us.
pub(super) fn known_count(content: Content, map: &ColumnMap, headers: &[&str]) -> usize {
    headers.iter().filter(|header| map.meaning(content, header) != Meaning::Unknown).count()
}

fn missing(content: Content, positions: &Positions) -> Vec<String> {
    let is_missing = |column: &&Column| positions.get(**column).is_none();
    let mut missing: Vec<_> =
        content.needed().iter().filter(is_missing).map(|column| column.name().to_owned()).collect();
    let ways = content.needed_one_of();
    if !ways.is_empty() && ways.iter().all(|column| is_missing(&column)) {
        let names: Vec<_> = ways.iter().map(|column| column.name()).collect();
        missing.push(format!("one of {}", names.join(" or ")));
    }
    missing
}

fn named(headers: &[&str]) -> String {
    let mut names: Vec<_> = headers.iter().take(NAMED_MAX).map(|header| shorten(header.trim())).collect();
    if headers.len() > NAMED_MAX {
        names.push(format!("and {} more", headers.len() - NAMED_MAX));
    }
    names.join(", ")
}
