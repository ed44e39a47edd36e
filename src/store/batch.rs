//! A batch of records on its way in: its limits, its keys, its bytes and the hash of its content.
//!
//! Come here for what a caller hands to `accept` and gets back. All of this happens before the writer is involved,
//! in the caller's own thread. Whether a record is sensible is `intake`'s question.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::codec::encode;
use crate::model::{Company, Country, DocumentKey, DocumentKind, OrderKey, Record};

/// Most records in one batch.
pub const RECORDS_PER_BATCH_MAX: usize = 10_000;
/// Most bytes of one record in its stored form.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of a tenant name, a request id or a text in a record's key.
pub const NAME_BYTES_MAX: usize = 512;
/// Most bytes of the raw input of one batch.
pub const RAW_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The bytes that a batch came as.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RawInput {
    /// What the bytes are, as a media type or a file name.
    pub label: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Records that a tenant sends in one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AcceptBatch {
    /// Who sends. Orders always belong to the sender.
    pub tenant: String,
    /// Names the request, so that sending it again changes nothing; empty when it may not be sent again.
    pub request_id: String,
    /// The records, at most [`RECORDS_PER_BATCH_MAX`].
    pub records: Vec<Record>,
    /// Whether shipments and companies become visible to all tenants, or stay private to the sender.
    pub shared: bool,
    /// The bytes they were read from, kept when at least one record was new.
    pub raw: Option<RawInput>,
}

/// What became of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordOutcome {
    /// It is new and durable. The number counts the records of all tenants: it is not for clients' eyes.
    Stored {
        /// Its place in the record log.
        sequence: u64,
    },
    /// The same record was there before.
    Unchanged,
    /// Another record with the same key was there before; that one is kept.
    Conflict,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcceptOutcome {
    /// One for each record, in their order.
    pub outcomes: Vec<RecordOutcome>,
    /// The request was accepted before; the outcomes are those of then.
    pub replayed: bool,
}

/// Names a company row: country and identifier, or its name where the register gives no identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CompanyKey {
    /// Country letters, empty when unknown.
    country: String,
    /// Identifier, or `~` and the name.
    identifier: String,
}

/// Under which key a record lies within its scope. The order of the fields is that of the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum RecordKey {
    Order { order_id: String, line_no: u32 },
    Shipment { feed: String, kind: u8, number: String, line_no: u32 },
    Company { country: String, identifier: String },
}

/// A record ready to be written.
#[derive(Clone, Debug)]
pub(super) struct EncodedRecord {
    pub key: RecordKey,
    pub body: Vec<u8>,
}

/// A batch ready to be written.
#[derive(Clone, Debug)]
pub(super) struct EncodedBatch {
    pub tenant: String,
    pub request_id: String,
    pub shared: bool,
    pub records: Vec<EncodedRecord>,
    pub raw: Option<Vec<u8>>,
    pub content_hash: [u8; 32],
}

impl CompanyKey {
    /// By the words of the register.
    pub fn new(country: Option<Country>, identifier: &str) -> Self {
        Self {
            country: country.map(|country| country.as_str().to_owned()).unwrap_or_default(),
            identifier: identifier.to_owned(),
        }
    }

    /// The key of a row.
    pub fn of(company: &Company) -> Self {
        if company.identifier.is_empty() {
            return Self::new(company.country, &format!("~{}", company.name));
        }
        Self::new(company.country, &company.identifier)
    }

    pub(super) fn parts(&self) -> (&str, &str) {
        (&self.country, &self.identifier)
    }
}

impl RecordKey {
    /// The key of a record.
    pub fn of(record: &Record) -> Self {
        match record {
            Record::Order(line) => Self::of_order(&line.key),
            Record::Shipment(line) => Self::of_shipment(&line.key),
            Record::Company(company) => {
                let CompanyKey { country, identifier } = CompanyKey::of(company);
                Self::Company { country, identifier }
            }
        }
    }

    fn of_order(key: &OrderKey) -> Self {
        Self::Order { order_id: key.order_id.clone(), line_no: key.line_no }
    }

    fn of_shipment(key: &DocumentKey) -> Self {
        Self::Shipment {
            feed: key.feed.clone(),
            kind: kind_code(key.kind),
            number: key.number.clone(),
            line_no: key.line_no,
        }
    }

    /// The longest text in the key.
    fn text_bytes_max(&self) -> usize {
        match self {
            Self::Order { order_id, .. } => order_id.len(),
            Self::Shipment { feed, number, .. } => feed.len().max(number.len()),
            Self::Company { country, identifier } => country.len().max(identifier.len()),
        }
    }

    /// Orders are never shared.
    pub fn is_order(&self) -> bool {
        matches!(self, Self::Order { .. })
    }
}

impl EncodedBatch {
    /// Checks the limits, then encodes and hashes.
    pub fn of(batch: AcceptBatch) -> Result<Self, StoreError> {
        if batch.records.len() > RECORDS_PER_BATCH_MAX {
            return Err(StoreError::TooMany { count: batch.records.len(), limit: RECORDS_PER_BATCH_MAX });
        }
        within("tenant", 0, batch.tenant.len(), NAME_BYTES_MAX)?;
        within("request id", 0, batch.request_id.len(), NAME_BYTES_MAX)?;
        within("raw input", 0, batch.raw.as_ref().map_or(0, |raw| raw.bytes.len()), RAW_BYTES_MAX)?;
        let mut records = Vec::with_capacity(batch.records.len());
        for (index, record) in batch.records.iter().enumerate() {
            let key = RecordKey::of(record);
            within("record key", index, key.text_bytes_max(), NAME_BYTES_MAX)?;
            let body = encode(record)?;
            within("record", index, body.len(), RECORD_BYTES_MAX)?;
            records.push(EncodedRecord { key, body });
        }
        Ok(Self {
            content_hash: content_hash(batch.shared, &records),
            tenant: batch.tenant,
            request_id: batch.request_id,
            shared: batch.shared,
            records,
            raw: batch.raw.as_ref().map(encode).transpose()?,
        })
    }

    /// About how much memory it takes while it waits.
    pub fn bytes(&self) -> usize {
        let records: usize = self.records.iter().map(|record| record.body.len() + 128).sum();
        records + self.raw.as_ref().map_or(0, Vec::len)
    }
}

/// The place of a kind in the contract, by which it is stored.
pub(super) fn kind_code(kind: DocumentKind) -> u8 {
    DocumentKind::ALL.iter().position(|other| *other == kind).unwrap_or(DocumentKind::ALL.len()) as u8
}

/// Refuses what is longer than its limit.
pub(super) fn within(what: &'static str, index: usize, bytes: usize, limit: usize) -> Result<(), StoreError> {
    if bytes > limit { Err(StoreError::TooLong { what, index, bytes, limit }) } else { Ok(()) }
}

fn content_hash(shared: bool, records: &[EncodedRecord]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"onward batch 1\0");
    hasher.update([u8::from(shared)]);
    for record in records {
        hasher.update((record.body.len() as u64).to_le_bytes());
        hasher.update(&record.body);
    }
    hasher.finalize().into()
}
