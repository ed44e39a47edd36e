//! A quick hash for the tables that the program brings along.
//!
//! Come here before you key a table by words from outside: this hash is for tables of ours alone, where nobody can
//! choose keys that collide.

use std::hash::{BuildHasherDefault, Hasher};

/// How tables of ours hash their short keys.
pub(super) type TableHasher = BuildHasherDefault<StableHasher>;

/// FNV-1a.
#[derive(Default)]
pub(super) struct StableHasher(u64);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}
