//! Values to bytes and back.
//!
//! Come here for how a record, a finding or an entry lies in the file. What the bytes mean is `model` and `audit`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::model::{Finding, Record};

/// A finding as it is stored, with its place in the line of judgements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredFinding {
    /// Counts judgements with a new result, from 1.
    pub revision: u32,
    /// The judgement.
    pub finding: Finding,
}

/// A finding as it is stored, byte for byte; the audit trail holds the SHA-256 of these bytes.
pub fn stored_form(finding: &Finding) -> Result<Vec<u8>, StoreError> {
    encode(finding)
}

/// Bytes of one value.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|fault| StoreError::Damaged { what: format!("cannot be written: {fault}") })
}

/// The value of these bytes; `what` names it when the bytes are no such value.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, StoreError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(StoreError::Damaged { what: format!("{what} with bytes too many") }),
        Err(fault) => Err(StoreError::Damaged { what: format!("{what}: {fault}") }),
    }
}

/// A value with a number in front, which stays readable without the value.
pub(super) fn join(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + value.len());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// The number and the value that [`join`] joined.
pub(super) fn split<'bytes>(bytes: &'bytes [u8], what: &'static str) -> Result<(u32, &'bytes [u8]), StoreError> {
    let (number, value) =
        bytes.split_first_chunk::<4>().ok_or_else(|| StoreError::Damaged { what: format!("{what} cut off") })?;
    Ok((u32::from_le_bytes(*number), value))
}

/// Scope and record of one row of the record table.
pub(super) fn decode_record(bytes: &[u8]) -> Result<(u32, Record), StoreError> {
    let (scope, body) = split(bytes, "record")?;
    Ok((scope, decode(body, "record")?))
}

/// A row of the finding tables.
pub(super) fn decode_finding(bytes: &[u8]) -> Result<StoredFinding, StoreError> {
    let (revision, body) = split(bytes, "finding")?;
    Ok(StoredFinding { revision, finding: decode(body, "finding")? })
}

/// The same with the finding's bytes as they lie there.
pub(super) fn decode_finding_with_form(bytes: &[u8]) -> Result<(StoredFinding, Vec<u8>), StoreError> {
    let (_, body) = split(bytes, "finding")?;
    Ok((decode_finding(bytes)?, body.to_vec()))
}

/// A little-endian number of a fixed width.
pub(super) fn decode_number(bytes: &[u8], what: &'static str) -> Result<u64, StoreError> {
    let bytes: [u8; 8] = bytes.try_into().map_err(|_| StoreError::Damaged { what: what.to_owned() })?;
    Ok(u64::from_le_bytes(bytes))
}
