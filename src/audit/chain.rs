//! Appending to the chain of entries, and finding the first place where a chain is broken.
//!
//! Come here for `verify`. A chain proves that nothing before a known head was changed; it does not prove who wrote
//! it, and it cannot see that entries after the last known head are missing: compare heads for that.

use super::{AuditDraft, AuditEntry, AuditHash};

/// The end of a chain: all that is needed to append to it or to verify what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AuditHead {
    /// Sequence of the last entry; 0 when there is none.
    pub sequence: u64,
    /// Its hash; zeros when there is none.
    pub hash: AuditHash,
}

/// The first place where a chain is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuditFault {
    /// An entry is missing, doubled or out of order.
    #[error("audit entry {expected} was expected, found {found}")]
    Sequence {
        /// The sequence that should be here.
        expected: u64,
        /// The sequence that is here.
        found: u64,
    },
    /// An entry does not name the hash of the entry before.
    #[error("audit entry {sequence} does not continue the entry before it")]
    Previous {
        /// The entry.
        sequence: u64,
    },
    /// An entry's content does not have its hash.
    #[error("audit entry {sequence} was changed after it was written")]
    Content {
        /// The entry.
        sequence: u64,
    },
}

impl AuditHead {
    /// The head after this entry.
    pub fn of(entry: &AuditEntry) -> Self {
        Self { sequence: entry.sequence, hash: entry.hash }
    }

    /// Gives a draft its place in the chain and moves the head to it.
    pub fn append(&mut self, draft: AuditDraft) -> AuditEntry {
        let mut entry = AuditEntry {
            sequence: self.sequence + 1,
            at_unix_millis: draft.at_unix_millis,
            kind: draft.kind,
            tenant: draft.tenant,
            subject: draft.subject,
            detail_hash: draft.detail_hash,
            previous: self.hash,
            hash: AuditHash::default(),
        };
        entry.hash = entry.expected_hash();
        *self = Self::of(&entry);
        entry
    }
}

/// Verifies a whole chain from its first entry; finds the first fault.
pub fn verify<'entries>(entries: impl IntoIterator<Item = &'entries AuditEntry>) -> Result<AuditHead, AuditFault> {
    verify_from(AuditHead::default(), entries)
}

/// Verifies the entries that follow a known head, so that a long chain can be verified page by page.
pub fn verify_from<'entries>(
    head: AuditHead,
    entries: impl IntoIterator<Item = &'entries AuditEntry>,
) -> Result<AuditHead, AuditFault> {
    entries.into_iter().try_fold(head, |head, entry| {
        let expected = head.sequence + 1;
        let sequence = entry.sequence;
        if sequence != expected {
            return Err(AuditFault::Sequence { expected, found: sequence });
        }
        if entry.previous != head.hash {
            return Err(AuditFault::Previous { sequence });
        }
        if entry.hash != entry.expected_hash() {
            return Err(AuditFault::Content { sequence });
        }
        Ok(AuditHead::of(entry))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AuditFault, AuditHead, verify, verify_from};
    use crate::audit::{AuditDraft, AuditEntry, AuditKind, digest};

    fn chain(length: u64) -> Vec<AuditEntry> {
        let mut head = AuditHead::default();
        let kinds = [AuditKind::BatchAccepted, AuditKind::CaseJudged, AuditKind::AlertRaised];
        (0..length)
            .map(|number| {
                head.append(AuditDraft {
                    at_unix_millis: 1_000 + number,
                    kind: kinds[number as usize % 3],
                    tenant: "steppe".to_owned(),
                    subject: format!("order/{number}"),
                    detail_hash: digest(&number.to_le_bytes()),
                })
            })
            .collect()
    }

    #[test]
    fn a_chain_verifies_whole_and_page_by_page() {
        let entries = chain(10);
        let whole = verify(&entries).unwrap();
        let paged = entries.chunks(3).try_fold(AuditHead::default(), verify_from).unwrap();
        assert_eq!((whole.sequence, whole), (10, paged));
        assert_eq!(verify(&[]), Ok(AuditHead::default()));
    }

    #[test]
    fn missing_doubled_and_swapped_entries_are_named() {
        let entries = chain(5);
        let without_first: Vec<_> = entries[1..].to_vec();
        assert_eq!(verify(&without_first), Err(AuditFault::Sequence { expected: 1, found: 2 }));
        let mut doubled = entries.clone();
        doubled.insert(2, entries[1].clone());
        assert_eq!(verify(&doubled), Err(AuditFault::Sequence { expected: 3, found: 2 }));
        let mut swapped = entries.clone();
        swapped.swap(2, 3);
        assert_eq!(verify(&swapped), Err(AuditFault::Sequence { expected: 3, found: 4 }));
    }

    #[test]
    fn an_entry_that_was_rewritten_with_its_hash_breaks_the_next_one() {
        let mut entries = chain(5);
        entries[2].subject = "order/other".to_owned();
        entries[2].hash = entries[2].expected_hash();
        assert_eq!(verify(&entries), Err(AuditFault::Previous { sequence: 4 }));
    }

    #[test]
    fn a_rewritten_past_has_another_head() {
        let entries = chain(5);
        let head = verify(&entries).unwrap();
        for index in 0..entries.len() {
            let mut rewritten = entries.clone();
            rewritten[index].subject.push('x');
            let mut previous = if index == 0 { [0; 32] } else { entries[index - 1].hash };
            for entry in &mut rewritten[index..] {
                entry.previous = previous;
                entry.hash = entry.expected_hash();
                previous = entry.hash;
            }
            assert_ne!(verify(&rewritten).unwrap(), head, "entry {index}");
        }
    }

    #[test]
    fn text_cannot_move_between_fields() {
        let mut entry = chain(1).remove(0);
        (entry.tenant, entry.subject) = ("ab".to_owned(), "c".to_owned());
        let before = entry.expected_hash();
        (entry.tenant, entry.subject) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(before, entry.expected_hash());
    }

    proptest! {
        #[test]
        fn any_change_of_one_field_is_found(length in 1u64..12, at in any::<prop::sample::Index>(), field in 0..6, flip in 0usize..32) {
            let mut entries = chain(length);
            let index = at.index(entries.len());
            let entry = &mut entries[index];
            match field {
                0 => entry.at_unix_millis ^= 1 << flip,
                1 => entry.kind = AuditKind::AlertClosed,
                2 => entry.tenant.push('x'),
                3 => entry.subject.clear(),
                4 => entry.detail_hash[flip] ^= 1,
                _ => entry.hash[flip] ^= 1,
            }
            prop_assert_eq!(verify(&entries), Err(AuditFault::Content { sequence: index as u64 + 1 }));
        }
    }
}
