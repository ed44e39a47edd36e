//! The store: records, findings, alerts and the audit trail in one redb file. redb lives only here.
//!
//! Come here to write (`Store::accept`, `Store::commit_judgements`, `Store::review`) and to read (`Store::snapshot`).
//! A write is answered when it is on the disk and not before; a snapshot never changes under its reader.
//! What records mean, how they are judged and who is told are other rooms.

mod backing;
mod backup;
mod batch;
mod changes;
mod check;
mod codec;
mod creation;
mod draft;
mod error;
mod handle;
#[doc(hidden)]
pub mod hostile;
mod jobs;
mod judgement;
mod migration;
mod opened;
mod read_only;
mod review;
mod snapshot;
mod subscriptions;
mod tables;
mod tenant_view;
mod trail;
mod untouched;
mod waiting;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{BackupError, build, write_rows};
pub use batch::{
    AcceptBatch, AcceptOutcome, CompanyKey, NAME_BYTES_MAX, RAW_BYTES_MAX, RECORD_BYTES_MAX, RECORDS_PER_BATCH_MAX,
    RawInput, RecordOutcome,
};
pub use check::{CheckReport, check, compact};
pub use codec::{StoredFinding, stored_form};
pub use draft::REQUEST_DAYS;
pub use error::StoreError;
pub use handle::{QUEUE_KIBIBYTES_MAX, Store, StoreIdentity, StoreOptions};
pub use jobs::{JOB_LINES_MAX, JOBS_ENDED_MAX, JOBS_OPEN_MAX, JobStart, JobStep, UPLOADED_LINES_MAX, UploadOutcome};
pub use judgement::{AlertRule, CommitOutcome, FINDING_BYTES_MAX, FINDINGS_PER_COMMIT_MAX};
pub use read_only::ReadOnlyStore;
pub use review::{ACT_BYTES_MAX, LIFTED_PER_COMMIT_MAX, ReviewOutcome, ReviewRequest, ReviewRule};
pub use snapshot::{LoggedRecord, PAGE_ROWS_MAX, RecordScope, Snapshot, StoreCounts};
pub use subscriptions::{AckOutcome, SUBSCRIPTIONS_MAX};
pub use tables::FORMAT_VERSION;
pub use tenant_view::TenantView;
pub use writer::StoreClock;
