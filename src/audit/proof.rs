//! What shows that an entry is part of a tenant's trail, and that a trail goes on from where it was seen before.
//!
//! Come here for the tree over a tenant's entries: a leaf is the hash of one entry, in the order of the trail. Entries
//! of other tenants are not in it, so that a proof shows nothing of them. How trees work is `tree`.

use super::tree::{ProofFault, TreeHead, leaf_hash, verify_consistency, verify_inclusion};
use super::{AuditEntry, AuditHash, hex};

/// How far a tenant's trail has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checkpoint {
    /// The last entry, if there is any.
    pub newest: Option<AuditEntry>,
    /// The tree over all of them.
    pub tree: TreeHead,
}

/// An entry with its place in the tree and the way to the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryProof {
    /// The entry.
    pub entry: AuditEntry,
    /// Which of the tenant's entries it is, from 0.
    pub leaf: u64,
    /// The tree that it is proven against.
    pub tree: TreeHead,
    /// From the leaf's neighbour up to the root's child.
    pub hashes: Vec<AuditHash>,
}

/// That a tree goes on from an older one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyProof {
    /// The tree.
    pub tree: TreeHead,
    /// The way from the older tree to both roots.
    pub hashes: Vec<AuditHash>,
}

impl AuditEntry {
    /// The hash of the entry as a leaf of its tenant's tree.
    pub fn leaf_hash(&self) -> AuditHash {
        leaf_hash(&self.hash)
    }
}

impl EntryProof {
    /// Checks that the entry has its hash, and that the hash is in the tree at its place.
    pub fn verify(&self) -> Result<(), ProofFault> {
        if self.entry.hash != self.entry.expected_hash() {
            return Err(ProofFault::Entry { sequence: self.entry.sequence });
        }
        verify_inclusion(self.leaf, self.entry.leaf_hash(), &self.tree, &self.hashes)
    }

    /// The proof as one JSON object without a line break: the form in which proofs are handed on.
    pub fn json(&self) -> String {
        // The entry in the very form in which trails are copied.
        let hashes: Vec<String> = self.hashes.iter().map(|hash| format!("\"{}\"", hex(hash))).collect();
        format!(
            r#"{{"entry":{},"leaf_index":{},"tree_size":{},"root_hash":"{}","hashes":[{}]}}"#,
            self.entry.json(),
            self.leaf,
            self.tree.size,
            hex(&self.tree.root),
            hashes.join(","),
        )
    }
}

impl ConsistencyProof {
    /// Checks that the older tree, as it was seen then, is the beginning of this one.
    pub fn verify(&self, old: &TreeHead) -> Result<(), ProofFault> {
        verify_consistency(old, &self.tree, &self.hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryProof, ProofFault};
    use crate::audit::{AuditDraft, AuditHead, AuditKind, Frontier, digest};

    /// What a stranger is told to check by hand is what comes out here.
    #[test]
    fn the_example_of_the_document_is_a_proof_of_ours() {
        let mut chain = AuditHead::default();
        let mut entry = |at_unix_millis, kind, tenant: &str, subject: &str, detail: &[u8]| {
            let (tenant, subject, detail_hash) = (tenant.to_owned(), subject.to_owned(), digest(detail));
            chain.append(AuditDraft { at_unix_millis, kind, tenant, subject, detail_hash })
        };
        let start = 1_767_225_600_000;
        let first = entry(start + 1, AuditKind::BatchAccepted, "acme", "batch/orders-1", b"orders");
        entry(start + 2, AuditKind::BatchAccepted, "beryl", "batch/b-1", b"others");
        let second = entry(start + 3, AuditKind::CaseJudged, "acme", "order/A-1001/1", b"finding");
        let third = entry(start + 4, AuditKind::AlertRaised, "acme", "alert/1", b"event");
        let mut frontier = Frontier::default();
        for entry in [&first, &second, &third] {
            frontier.push(entry.leaf_hash(), |_, _| Ok::<_, ()>(())).unwrap();
        }
        let hashes = vec![first.leaf_hash(), third.leaf_hash()];
        let proof = EntryProof { entry: second, leaf: 1, tree: frontier.head(), hashes };
        assert_eq!(proof.verify(), Ok(()));
        let document = include_str!("../../docs/auditing.md");
        assert!(document.contains(&format!("```json\n{}\n```\n", proof.json())), "{}", proof.json());
        for kind in AuditKind::ALL {
            assert!(document.contains(&format!("{} `{}`", kind.code(), kind.as_str())), "{kind:?}");
        }
        // The program in the document is the one that is handed out.
        let program = document.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert!(include_str!("../../examples/python/check_proof.py").contains(program), "{program}");
    }

    #[test]
    fn a_proof_covers_every_field_of_its_entry() {
        let mut chain = AuditHead::default();
        let mut frontier = Frontier::default();
        let entry = chain.append(AuditDraft {
            at_unix_millis: 7,
            kind: AuditKind::CaseJudged,
            tenant: "steppe".to_owned(),
            subject: "order/A-1/1".to_owned(),
            detail_hash: digest(b"finding"),
        });
        frontier.push(entry.leaf_hash(), |_, _| Ok::<_, ()>(())).unwrap();
        let proof = EntryProof { entry, leaf: 0, tree: frontier.head(), hashes: Vec::new() };
        assert_eq!(proof.verify(), Ok(()));
        let json: serde_json::Value = serde_json::from_str(&proof.json()).unwrap();
        assert_eq!((json["entry"]["subject"].as_str(), json["tree_size"].as_u64()), (Some("order/A-1/1"), Some(1)));

        let mut forged = proof.clone();
        forged.entry.tenant = "taiga".to_owned();
        assert_eq!(forged.verify(), Err(ProofFault::Entry { sequence: 1 }));
        forged.entry.hash = forged.entry.expected_hash();
        assert_eq!(forged.verify(), Err(ProofFault::Root));
    }
}
