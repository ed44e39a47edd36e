//! The audit trail: an append-only, hash-chained entry for everything that was accepted, judged or alerted.
//!
//! Come here to append to a chain or to verify one, page by page, without a store.
//! Keeping entries is `store`; what goes into them is decided where it happens.

mod chain;
mod entry;

pub use chain::{AuditFault, AuditHead, verify, verify_from};
pub use entry::{AuditDraft, AuditEntry, AuditHash, AuditKind, digest};
