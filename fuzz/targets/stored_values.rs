//! Bytes as the values of the store: an error or a value, and a value that was written again is read as the same.

use onward::store::hostile::VALUES;

use super::{assert_settled, assert_short, choice};

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    let (_, value) = VALUES[usize::from(way) % VALUES.len()];
    match value(bytes) {
        Ok(written) => assert_settled(value, &written),
        Err(error) => assert_short(&error.to_string(), 1_024),
    }
}
