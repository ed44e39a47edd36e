//! Compressed input, good and damaged.
//!
//! What is compressed reads as what is in it; where it breaks off, the rows before are the same, and the rest is a
//! reject. The engine's bound on memory holds bombs.

use std::io::{Cursor, Write};

use super::choice;
use super::rows::{check, read};

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    // As it came: a header of gzip or Zstandard, and whatever follows.
    check(&read(way, Cursor::new(bytes.to_vec())));
    let plain = read(way, Cursor::new(bytes.to_vec()));
    let Some(packed) = packed(way, bytes) else { return };
    let unpacked = read(way, Cursor::new(packed.clone()));
    let is_packed_already =
        [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd], b"PAR1"].iter().any(|magic| bytes.starts_with(magic));
    if !is_packed_already {
        assert_eq!(plain, unpacked, "compressed or not makes a difference");
    }
    let cut = packed.len() * usize::from(way) / 256;
    let broken = read(way, Cursor::new(packed[..cut].to_vec()));
    check(&broken);
    if unpacked.result.is_ok() && broken.result.is_ok() {
        assert!(broken.records.len() <= unpacked.records.len(), "what was cut off came out all the same");
    }
}

fn packed(way: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    if way & 32 == 0 {
        return zstd::encode_all(bytes, 1).ok();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
