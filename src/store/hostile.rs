//! Reading of stored values, for those who try to break it: `fuzz/` and the test of its corpora.
//!
//! Come here when a table gets another value. Hidden from the documentation and not behind a feature: so the suite and
//! the engine attack the same build that is shipped. Nothing in the product calls any of it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch::RawInput;
use super::codec::{decode, decode_finding, decode_record, encode, join};
use super::draft::RememberedRequest;
use super::migration::{AlertEventV1, AlertV1};
use super::{StoreError, stored_form};
use crate::audit::AuditEntry;
use crate::model::{Alert, AlertEvent, AlertSettings, JobLine, JobResult, ScreeningJob, Subscription};

/// Reads the bytes of one value and writes the value again; or says why not.
pub type Value = fn(&[u8]) -> Result<Vec<u8>, StoreError>;

/// Values of the tables, by what they are.
pub const VALUES: [(&str, Value); 14] = [
    ("record", |bytes| decode_record(bytes).and_then(|(scope, record)| Ok(join(scope, &encode(&record)?)))),
    ("finding", |bytes| {
        decode_finding(bytes).and_then(|stored| Ok(join(stored.revision, &stored_form(&stored.finding)?)))
    }),
    ("alert", again::<Alert>),
    ("alert event", again::<AlertEvent>),
    ("alert of format 1", again::<AlertV1>),
    ("alert event of format 1", again::<AlertEventV1>),
    ("alert settings", again::<AlertSettings>),
    ("subscription", again::<Subscription>),
    ("audit entry", again::<AuditEntry>),
    ("raw input", again::<RawInput>),
    ("request", again::<RememberedRequest>),
    ("job", again::<ScreeningJob>),
    ("job line", again::<JobLine>),
    ("job result", again::<JobResult>),
];

fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    encode(&decode::<T>(bytes, "value")?)
}
