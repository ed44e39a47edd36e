//! The audit trail: an append-only, hash-chained entry for everything that was accepted, judged or alerted, and a tree
//! over each tenant's entries.
//!
//! Come here to append to a chain or to verify one, page by page, without a store; and to prove one entry, or that a
//! trail goes on from where it was seen, without showing any other entry.
//! Keeping entries and nodes of trees is `store`; what goes into entries is decided where it happens.

mod chain;
mod entry;
mod proof;
mod tree;

pub use chain::{AuditFault, AuditHead, verify, verify_from};
pub use entry::{AuditDraft, AuditEntry, AuditHash, AuditKind, digest, hex};
pub use proof::{Checkpoint, ConsistencyProof, EntryProof};
pub use tree::{
    Frontier, ProofFault, Subtree, TreeHead, consistency_proof, inclusion_proof, leaf_hash, verify_consistency,
    verify_inclusion,
};
