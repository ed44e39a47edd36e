//! The trail of one tenant: its entries in order, and the tree over them that proves single ones.
//!
//! Come here for how the tree grows with an entry, in the same transaction, and for reading proofs out of it. Leaves
//! are found by their entries and entries by their leaves, both in the one table of leaves: its values grow with its
//! keys. What a tree is stands in the room `audit`.

use redb::{ReadOnlyTable, ReadableTable, Table};

use super::StoreError;
use super::codec::decode;
use super::snapshot::PAGE_ROWS_MAX;
use super::tables::{self, AuditNodeKey, Tables};
use super::tenant_view::TenantView;
use crate::audit::{
    AuditEntry, AuditHash, Checkpoint, ConsistencyProof, EntryProof, Frontier, Subtree, TreeHead, consistency_proof,
    inclusion_proof,
};

/// The tables that the trail of a scope lies in, open for reading or for writing.
pub(super) struct Trail<'a, Entries, Leaves, Nodes> {
    entries: &'a Entries,
    leaves: &'a Leaves,
    nodes: &'a Nodes,
    scope: u32,
}

/// The trail of a snapshot.
type ReadTrail<'a> = Trail<
    'a,
    ReadOnlyTable<u64, &'static [u8]>,
    ReadOnlyTable<(u32, u64), u64>,
    ReadOnlyTable<AuditNodeKey, &'static AuditHash>,
>;

/// The trail of a transaction.
type WriteTrail<'a, 'txn> = Trail<
    'a,
    Table<'txn, u64, &'static [u8]>,
    Table<'txn, (u32, u64), u64>,
    Table<'txn, AuditNodeKey, &'static AuditHash>,
>;

/// One entry of the trail, which must be there.
pub(super) fn entry(entries: &impl ReadableTable<u64, &'static [u8]>, sequence: u64) -> Result<AuditEntry, StoreError> {
    let entry = entries.get(sequence)?;
    let entry = entry.ok_or_else(|| StoreError::Damaged { what: format!("audit entry {sequence}") })?;
    decode(entry.value(), "audit entry")
}

/// Adds an entry as the next leaf of its tenant's tree, with the nodes that are complete by it.
pub(super) fn grow(
    leaves: &mut Table<'_, (u32, u64), u64>,
    nodes: &mut Table<'_, AuditNodeKey, &'static AuditHash>,
    scope: u32,
    tree: &mut Frontier,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    leaves.insert((scope, tree.size()), entry.sequence)?;
    tree.push(entry.leaf_hash(), |place, hash| {
        nodes.insert((scope, place.level, place.index), hash)?;
        Ok(())
    })
}

impl<'a, 'txn> WriteTrail<'a, 'txn> {
    /// The trail of a scope as the transaction has it by now.
    pub fn of(tables: &'a Tables<'txn>, scope: u32) -> Self {
        Self { entries: &tables.audit, leaves: &tables.audit_leaves, nodes: &tables.audit_nodes, scope }
    }
}

impl<Entries, Leaves, Nodes> Trail<'_, Entries, Leaves, Nodes>
where
    Entries: ReadableTable<u64, &'static [u8]>,
    Leaves: ReadableTable<(u32, u64), u64>,
    Nodes: ReadableTable<AuditNodeKey, &'static AuditHash>,
{
    /// The end of the tree, to go on from.
    pub fn frontier(&self) -> Result<Frontier, StoreError> {
        Frontier::read(self.size()?, |place| self.node(place))
    }

    fn size(&self) -> Result<u64, StoreError> {
        let last = self.leaves.range((self.scope, 0)..=(self.scope, u64::MAX))?.next_back();
        Ok(last.transpose()?.map_or(0, |(key, _)| key.value().1 + 1))
    }

    /// The tree as it was when it had this size; nothing where it has not come so far.
    fn head(&self, size: Option<u64>) -> Result<Option<TreeHead>, StoreError> {
        let now = self.size()?;
        let size = size.unwrap_or(now);
        if size > now {
            return Ok(None);
        }
        Ok(Some(Frontier::read(size, |place| self.node(place))?.head()))
    }

    fn node(&self, place: Subtree) -> Result<AuditHash, StoreError> {
        let Subtree { level, index } = place;
        if level == 0 {
            return Ok(self.entry(index)?.leaf_hash());
        }
        let hash = self.nodes.get((self.scope, level, index))?.map(|hash| *hash.value());
        hash.ok_or_else(|| StoreError::Damaged { what: format!("audit node {index} of level {level}") })
    }

    fn sequence(&self, leaf: u64) -> Result<u64, StoreError> {
        let sequence = self.leaves.get((self.scope, leaf))?.map(|sequence| sequence.value());
        sequence.ok_or_else(|| StoreError::Damaged { what: format!("audit leaf {leaf}") })
    }

    fn entry(&self, leaf: u64) -> Result<AuditEntry, StoreError> {
        entry(self.entries, self.sequence(leaf)?)
    }

    /// How many of the entries lie at or before a place of the common trail.
    fn count_through(&self, sequence: u64) -> Result<u64, StoreError> {
        let (mut low, mut high) = (0, self.size()?);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.sequence(middle)? <= sequence {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Which leaf an entry is; nothing where it is another tenant's, or none at all.
    fn leaf_of(&self, sequence: u64) -> Result<Option<u64>, StoreError> {
        let Some(leaf) = self.count_through(sequence)?.checked_sub(1) else { return Ok(None) };
        Ok((self.sequence(leaf)? == sequence).then_some(leaf))
    }
}

impl TenantView<'_> {
    /// The tenant's entries of the audit trail after a place in it. The places have gaps: the trail is common.
    pub fn audit_entries(&self, after_sequence: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.trail(|trail| {
            let first = (trail.scope, trail.count_through(after_sequence)?);
            let rows = trail.leaves.range(first..=(trail.scope, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX));
            rows.map(|row| entry(trail.entries, row?.1.value())).collect()
        })
    }

    /// The tenant's last entry and its tree. The hash of the entry covers every entry before it, also those of others;
    /// the root of the tree covers the tenant's own.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.trail(|trail| {
            let tree = trail.frontier()?.head();
            let newest = tree.size.checked_sub(1).map(|leaf| trail.entry(leaf)).transpose()?;
            Ok(Checkpoint { newest, tree })
        })
    }

    /// An entry of the tenant with the proof that it is in its tree as that was at a size, or is now; nothing where
    /// there is no such entry, where it came later, or where the tree has not come so far.
    pub fn entry_proof(&self, sequence: u64, tree_size: Option<u64>) -> Result<Option<EntryProof>, StoreError> {
        self.trail(|trail| {
            let (Some(leaf), Some(tree)) = (trail.leaf_of(sequence)?, trail.head(tree_size)?) else { return Ok(None) };
            let Some(hashes) = inclusion_proof(leaf, tree.size, |place| trail.node(place))? else { return Ok(None) };
            Ok(Some(EntryProof { entry: trail.entry(leaf)?, leaf, tree, hashes }))
        })
    }

    /// The proof that the tenant's tree, as it was at a size or is now, goes on from an older size; nothing where it has
    /// not come so far, or the older one is empty or larger.
    pub fn consistency_proof(
        &self,
        old_size: u64,
        tree_size: Option<u64>,
    ) -> Result<Option<ConsistencyProof>, StoreError> {
        self.trail(|trail| {
            let Some(tree) = trail.head(tree_size)? else { return Ok(None) };
            let hashes = consistency_proof(old_size, tree.size, |place| trail.node(place))?;
            Ok(hashes.map(|hashes| ConsistencyProof { tree, hashes }))
        })
    }

    /// Which of the tenant's entries one is, from 0; nothing where it is another tenant's.
    pub(super) fn leaf_of(&self, sequence: u64) -> Result<Option<u64>, StoreError> {
        self.trail(|trail| trail.leaf_of(sequence))
    }

    fn trail<T: Default>(&self, read: impl FnOnce(ReadTrail<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let Some(scope) = self.scope else { return Ok(T::default()) };
        let entries = self.snapshot.table(tables::AUDIT)?;
        let leaves = self.snapshot.table(tables::AUDIT_LEAVES)?;
        let nodes = self.snapshot.table(tables::AUDIT_NODES)?;
        read(Trail { entries: &entries, leaves: &leaves, nodes: &nodes, scope })
    }
}
