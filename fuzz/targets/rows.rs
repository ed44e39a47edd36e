//! Rows of CSV and JSON Lines in any encoding, read as orders, shipments and companies.
//!
//! Every row comes out exactly once, in the order of the file, as record or as reject; what is said of one stays short;
//! and how the bytes arrive changes nothing.

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use onward::intake::{Deduplicator, Format, IntakeError, Report, Source, read_companies, read_orders, read_shipments};
use onward::model::Day;

use super::{assert_short, choice};

/// What became of a source: everything that comes out, in a form that compares.
#[derive(PartialEq, Debug)]
pub struct Outcome {
    pub result: Result<(), IntakeError>,
    pub records: Vec<(u64, String)>,
    pub report: Report,
}

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    let whole = read(way, Cursor::new(bytes.to_vec()));
    check(&whole);
    let dripping = read(way, Drip { bytes, count: usize::from(way >> 5) + 1 });
    assert_eq!(whole, dripping, "how the bytes arrive makes a difference");
}

/// Reads a source in one of the ways.
pub fn read(way: u8, reader: impl Read + Send) -> Outcome {
    let mut seen = Deduplicator::new();
    let mut source = Source::from_reader("file", reader).with_today(Day::from_number(20_000));
    match (way >> 2) & 3 {
        0 => source = source.with_format(Format::Csv),
        1 => source = source.with_format(Format::JsonLines),
        _ => {}
    }
    if way & 16 != 0 {
        source = source.with_deduplicator(&mut seen);
    }
    let (mut records, mut report) = (Vec::new(), Report::new());
    let result = match way & 3 {
        0 | 3 => read_orders(source, &mut |line, row| records.push((row, format!("{line:?}"))), &mut report),
        1 => read_shipments(source, &mut |line, row| records.push((row, format!("{line:?}"))), &mut report),
        _ => read_companies(source, &mut |line, row| records.push((row, format!("{line:?}"))), &mut report),
    };
    Outcome { result, records, report }
}

/// Every row once, and short texts.
pub fn check(Outcome { result, records, report }: &Outcome) {
    if let Err(error) = result {
        assert_short(&error.to_string(), 16 * 1024);
    }
    let taken: BTreeSet<u64> = records.iter().map(|(row, _)| *row).collect();
    let refused: BTreeSet<u64> = report.rejects.iter().map(|reject| reject.row).collect();
    assert_eq!(taken.len(), records.len(), "a row came out twice");
    assert!(records.is_sorted_by_key(|(row, _)| *row), "rows came out of order");
    assert!(taken.is_disjoint(&refused), "a row is record and reject");
    assert!(taken.union(&refused).copied().eq(1..=report.rows), "a row is missing");
    assert_eq!((report.records, report.rejected_rows), (taken.len() as u64, refused.len() as u64));
    for reject in &report.rejects {
        assert!(reject.value.chars().count() <= 80, "a long value is shown");
        assert_short(&reject.detail, 1_024);
    }
    for warning in &report.warnings {
        assert_short(&warning.message, 16 * 1024);
    }
}

/// Gives a few bytes at a time.
struct Drip<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.count.min(buffer.len());
        (&mut self.bytes).take(count as u64).read(buffer)
    }
}
