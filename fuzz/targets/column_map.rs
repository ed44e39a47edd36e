//! Column maps, and files whose headers they rename.
//!
//! A map is refused with its line and a short sentence, or it is taken; with it every row still comes out once.

use std::io::Cursor;

use onward::intake::{ColumnMap, Report, Source, read_orders};

use super::rows::{Outcome, check};
use super::{assert_short, texts};

pub fn run(data: &[u8]) {
    let [map, file] = texts(data);
    let map = match ColumnMap::parse(&map) {
        Ok(map) => map,
        Err(fault) => {
            assert!(fault.line >= 1 && fault.line <= map.lines().count() as u64, "no such line");
            return assert_short(&fault.to_string(), 1_024);
        }
    };
    let (mut records, mut report) = (Vec::new(), Report::new());
    let source = Source::from_reader("file", Cursor::new(file)).with_column_map(&map);
    let result = read_orders(source, &mut |line, row| records.push((row, format!("{line:?}"))), &mut report);
    check(&Outcome { result, records, report });
}
