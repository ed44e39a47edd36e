//! Has this record been seen before?
//!
//! Come here for what makes two records the same. Only hashes are held, so that memory stays at some fifty bytes a
//! record. Over the wire the store answers the same question; this is for files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Company, OrderLine, ShipmentLine};

/// Finds records that come twice, also across files. Equal key and equal content is a duplicate, equal key and other
/// content a conflict; in both cases the first record stands.
///
/// Contents are compared as read, so `621` and `621.0` are equal.
#[derive(Default, Debug)]
pub struct Deduplicator {
    /// Hash of the key to hash of the content.
    seen: HashMap<[u8; 16], [u8; 16]>,
    /// Reused from record to record.
    buffer: Vec<u8>,
}

/// What a record is in view of those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Novelty {
    /// Not seen before.
    New,
    /// Key and content were seen before.
    Duplicate,
    /// The key was seen before, with another content.
    Conflict,
}

impl Deduplicator {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many different keys were seen.
    pub fn key_count(&self) -> usize {
        self.seen.len()
    }

    /// Looks at an order line; its key is order number and line.
    pub fn order(&mut self, line: &OrderLine) -> Novelty {
        self.look("order", &line.key, line)
    }

    /// Looks at a shipment line; its key is feed, kind, number and line of the paper.
    pub fn shipment(&mut self, line: &ShipmentLine) -> Novelty {
        self.look("shipment", &line.key, line)
    }

    /// Looks at a company row; its key is country and identifier.
    pub fn company(&mut self, company: &Company) -> Novelty {
        self.look("company", &(&company.country, &company.identifier), company)
    }

    fn look(&mut self, kind: &str, key: &impl Serialize, content: &impl Serialize) -> Novelty {
        let (Some(key), Some(content)) = (self.hash(&(kind, key)), self.hash(content)) else {
            // Serialising records of ours into memory does not fail; if it did, nothing may be lost.
            return Novelty::New;
        };
        match self.seen.entry(key) {
            Entry::Vacant(place) => {
                place.insert(content);
                Novelty::New
            }
            Entry::Occupied(first) if *first.get() == content => Novelty::Duplicate,
            Entry::Occupied(_) => Novelty::Conflict,
        }
    }

    /// The first 128 bits of SHA-256: nobody can make two records collide in order to hide one.
    fn hash(&mut self, value: &impl Serialize) -> Option<[u8; 16]> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.buffer = postcard::to_extend(value, buffer).ok()?;
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(&self.buffer)[..16]);
        Some(half)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deduplicator, Novelty};
    use crate::model::{Company, Country};

    #[test]
    fn keys_and_contents_are_told_apart() {
        let company = Company { identifier: "1".to_owned(), name: "A".to_owned(), ..Company::default() };
        let renamed = Company { name: "B".to_owned(), ..company.clone() };
        let foreign = Company { country: Some(Country::KZ), ..company.clone() };
        let mut seen = Deduplicator::new();
        let novelty = [&company, &company, &renamed, &foreign, &renamed, &company].map(|row| seen.company(row));
        assert_eq!(
            novelty,
            [Novelty::New, Novelty::Duplicate, Novelty::Conflict, Novelty::New, Novelty::Conflict, Novelty::Duplicate]
        );
        assert_eq!(seen.key_count(), 2);
    }
}
