//! Bytes as the messages that are read by rules of ours, both what clients send and what servers answer.
//!
//! What is understood and written back is understood as the same; what is not is told in short.

use onward::api::hostile::{BODIES, FAULT_BYTES_MAX};

use super::{assert_settled, assert_short, choice};

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    let (_, body) = BODIES[usize::from(way) % BODIES.len()];
    match body(bytes) {
        Ok(written) => assert_settled(body, &written),
        Err(said) => assert_short(&said, FAULT_BYTES_MAX),
    }
}
