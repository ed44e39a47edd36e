//! Parquet files, where the build reads them; otherwise that they are refused.
//!
//! The library fails in both ways on damaged files, and `intake` turns both into a reject or an error: every row that was
//! announced comes out once.

use std::io::Cursor;

use super::choice;
use super::rows::{check, read};

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    let mut file = bytes.to_vec();
    if !file.starts_with(b"PAR1") {
        file.splice(0..0, *b"PAR1");
    }
    check(&read(way, Cursor::new(file)));
}
