//! What one write transaction is about to commit: records, request ids and audit entries with their trees.
//!
//! Come here for how a batch is accepted. Judgements are `judgement`; grouping and committing is `writer`.
//! New records are kept back until [`Draft::finish`], so that every table is filled in the order of its keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::batch::{AcceptOutcome, EncodedBatch, EncodedRecord, RecordKey, RecordOutcome};
use super::codec::{decode, decode_number, encode, join, split};
use super::tables::{META_JUDGED_THROUGH, SHARED_SCOPE, Tables};
use super::trail::{self, Trail};
use crate::audit::{AuditDraft, AuditEntry, AuditHash, AuditHead, AuditKind, Frontier};

/// How long a request id is remembered.
pub const REQUEST_DAYS: u64 = 7;
/// How many forgotten request ids are removed with each new one: more than one, so that they never pile up.
const FORGET_PER_REQUEST_MAX: usize = 4;

/// An open write transaction and what is to be written at its end.
pub(super) struct Draft<'txn> {
    pub tables: Tables<'txn>,
    pub at_millis: u64,
    /// Whether there is anything to commit.
    pub is_changed: bool,
    /// Last alert event of each scope touched so far.
    pub events_last: BTreeMap<u32, u64>,
    audit_head: AuditHead,
    /// Where the trees of the scopes touched so far have come to.
    trees: BTreeMap<u32, Frontier>,
    sequence_first: u64,
    bodies: Vec<Vec<u8>>,
    keys: BTreeMap<(u32, RecordKey), u64>,
}

/// What the store remembers of an accepted request.
#[derive(Serialize, Deserialize)]
pub(super) struct RememberedRequest {
    content_hash: [u8; 32],
    runs: Vec<OutcomeRun>,
}

/// Neighbouring records with the same outcome; sequences count up inside a run.
#[derive(Serialize, Deserialize)]
struct OutcomeRun {
    first: RecordOutcome,
    count: u32,
}

impl<'txn> Draft<'txn> {
    /// Begins at the state that was committed last.
    pub fn begin(transaction: &'txn WriteTransaction, at_millis: u64) -> Result<Self, StoreError> {
        let tables = Tables::open(transaction)?;
        let audit_head = match tables.audit.last()? {
            Some((_, entry)) => AuditHead::of(&decode::<AuditEntry>(entry.value(), "audit entry")?),
            None => AuditHead::default(),
        };
        let sequence_first = tables.records.last()?.map_or(0, |(sequence, _)| sequence.value()) + 1;
        Ok(Self {
            tables,
            at_millis,
            is_changed: false,
            events_last: BTreeMap::new(),
            audit_head,
            trees: BTreeMap::new(),
            sequence_first,
            bodies: Vec::new(),
            keys: BTreeMap::new(),
        })
    }

    /// Accepts a batch. Refuses it before anything is written when its request id was used for something else.
    pub fn accept(&mut self, batch: EncodedBatch) -> Result<AcceptOutcome, StoreError> {
        if let Some(replayed) = self.remembered(&batch)? {
            return Ok(replayed);
        }
        self.is_changed = true;
        let scope = self.tables.scope_of(&batch.tenant)?;
        let shipment_scope = if batch.shared { SHARED_SCOPE } else { scope };
        let mut outcomes = Vec::with_capacity(batch.records.len());
        for record in batch.records {
            let scope = if record.key.is_order() { scope } else { shipment_scope };
            outcomes.push(self.accept_record(scope, record)?);
        }
        let sequence = self.audit(
            scope,
            AuditKind::BatchAccepted,
            batch.tenant,
            format!("batch/{}", batch.request_id),
            batch.content_hash,
        )?;
        let first_new = outcomes.iter().find_map(|outcome| match outcome {
            RecordOutcome::Stored { sequence } => Some(*sequence),
            RecordOutcome::Unchanged | RecordOutcome::Conflict => None,
        });
        if let Some(first) = first_new {
            self.tables.batches.insert(first, sequence)?;
        }
        if let Some(raw) = batch.raw
            && outcomes.iter().any(|outcome| *outcome != RecordOutcome::Unchanged)
        {
            self.tables.raw_inputs.insert(sequence, raw.as_slice())?;
        }
        if !batch.request_id.is_empty() {
            self.remember(scope, &batch.request_id, batch.content_hash, &outcomes)?;
        }
        Ok(AcceptOutcome { outcomes, replayed: false })
    }

    /// Moves the mark up to which everything was judged; it never moves back.
    pub fn judged_through(&mut self, sequence: u64) -> Result<(), StoreError> {
        let before = match self.tables.meta.get(META_JUDGED_THROUGH)? {
            Some(bytes) => decode_number(bytes.value(), META_JUDGED_THROUGH)?,
            None => 0,
        };
        if sequence > before {
            self.tables.meta.insert(META_JUDGED_THROUGH, sequence.to_le_bytes().as_slice())?;
            self.is_changed = true;
        }
        Ok(())
    }

    /// The last place in the record log, with what this transaction adds.
    pub fn newest_record_sequence(&self) -> u64 {
        self.sequence_first + self.bodies.len() as u64 - 1
    }

    /// Appends to the audit trail and to the tree of its tenant; the place of the new entry.
    pub fn audit(
        &mut self,
        scope: u32,
        kind: AuditKind,
        tenant: String,
        subject: String,
        detail_hash: AuditHash,
    ) -> Result<u64, StoreError> {
        let draft = AuditDraft { at_unix_millis: self.at_millis, kind, tenant, subject, detail_hash };
        let entry = self.audit_head.append(draft);
        self.tables.audit.insert(entry.sequence, encode(&entry)?.as_slice())?;
        let tree = match self.trees.entry(scope) {
            Entry::Occupied(tree) => tree.into_mut(),
            Entry::Vacant(place) => place.insert(Trail::of(&self.tables, scope).frontier()?),
        };
        trail::grow(&mut self.tables.audit_leaves, &mut self.tables.audit_nodes, scope, tree, &entry)?;
        self.is_changed = true;
        Ok(entry.sequence)
    }

    /// Writes what was kept back, in the order of the keys.
    pub fn finish(mut self) -> Result<(), StoreError> {
        let mut scopes = vec![SHARED_SCOPE; self.bodies.len()];
        for ((scope, key), sequence) in &self.keys {
            scopes[(sequence - self.sequence_first) as usize] = *scope;
            match key {
                RecordKey::Order { order_id, line_no } => {
                    self.tables.order_keys.insert((*scope, order_id.as_str(), *line_no), *sequence)?;
                }
                RecordKey::Shipment { feed, kind, number, line_no } => {
                    let key = (*scope, feed.as_str(), *kind, number.as_str(), *line_no);
                    self.tables.shipment_keys.insert(key, *sequence)?;
                }
                RecordKey::Company { country, identifier } => {
                    self.tables.company_keys.insert((*scope, country.as_str(), identifier.as_str()), *sequence)?;
                }
            }
        }
        for (sequence, (scope, body)) in (self.sequence_first..).zip(scopes.into_iter().zip(&self.bodies)) {
            self.tables.records.insert(sequence, join(scope, body).as_slice())?;
        }
        Ok(())
    }

    fn accept_record(&mut self, scope: u32, record: EncodedRecord) -> Result<RecordOutcome, StoreError> {
        if let Some(sequence) = self.find(scope, &record.key)? {
            let is_same = self.has_body(sequence, &record.body)?;
            return Ok(if is_same { RecordOutcome::Unchanged } else { RecordOutcome::Conflict });
        }
        // What everybody shares already needs no private copy. Another content is kept: it hides the shared one.
        if scope != SHARED_SCOPE
            && !record.key.is_order()
            && let Some(sequence) = self.find(SHARED_SCOPE, &record.key)?
            && self.has_body(sequence, &record.body)?
        {
            return Ok(RecordOutcome::Unchanged);
        }
        let sequence = self.sequence_first + self.bodies.len() as u64;
        self.bodies.push(record.body);
        self.keys.insert((scope, record.key), sequence);
        Ok(RecordOutcome::Stored { sequence })
    }

    fn find(&self, scope: u32, key: &RecordKey) -> Result<Option<u64>, StoreError> {
        // The clone is cheap beside the look-up that follows it, and most transactions are small.
        if let Some(sequence) = self.keys.get(&(scope, key.clone())) {
            return Ok(Some(*sequence));
        }
        let found = match key {
            RecordKey::Order { order_id, line_no } => {
                self.tables.order_keys.get((scope, order_id.as_str(), *line_no))?
            }
            RecordKey::Shipment { feed, kind, number, line_no } => {
                self.tables.shipment_keys.get((scope, feed.as_str(), *kind, number.as_str(), *line_no))?
            }
            RecordKey::Company { country, identifier } => {
                self.tables.company_keys.get((scope, country.as_str(), identifier.as_str()))?
            }
        };
        Ok(found.map(|sequence| sequence.value()))
    }

    fn has_body(&self, sequence: u64, body: &[u8]) -> Result<bool, StoreError> {
        if sequence >= self.sequence_first {
            return Ok(self.bodies[(sequence - self.sequence_first) as usize] == body);
        }
        let stored = self.tables.records.get(sequence)?;
        let stored = stored.ok_or_else(|| StoreError::Damaged { what: format!("record {sequence} is missing") })?;
        Ok(split(stored.value(), "record")?.1 == body)
    }

    /// The outcome of then, where this request was accepted before.
    fn remembered(&self, batch: &EncodedBatch) -> Result<Option<AcceptOutcome>, StoreError> {
        if batch.request_id.is_empty() {
            return Ok(None);
        }
        let Some(scope) = self.tables.tenants.get(batch.tenant.as_str())?.map(|scope| scope.value()) else {
            return Ok(None);
        };
        let Some(row) = self.tables.requests.get((scope, batch.request_id.as_str()))? else {
            return Ok(None);
        };
        let request: RememberedRequest = decode(row.value(), "request")?;
        if request.content_hash != batch.content_hash {
            return Err(StoreError::RequestIdReused);
        }
        let outcomes = expand(&request.runs, batch.records.len());
        let outcomes = outcomes.ok_or_else(|| StoreError::Damaged { what: "outcomes of a request".to_owned() })?;
        Ok(Some(AcceptOutcome { outcomes, replayed: true }))
    }

    fn remember(
        &mut self,
        scope: u32,
        request_id: &str,
        content_hash: [u8; 32],
        outcomes: &[RecordOutcome],
    ) -> Result<(), StoreError> {
        let request = RememberedRequest { content_hash, runs: contract(outcomes) };
        self.tables.requests.insert((scope, request_id), encode(&request)?.as_slice())?;
        let expires_millis = self.at_millis.saturating_add(REQUEST_DAYS * 24 * 3600 * 1000);
        self.tables.request_expiry.insert((expires_millis, scope, request_id), ())?;
        for _ in 0..FORGET_PER_REQUEST_MAX {
            let forgotten = match self.tables.request_expiry.first()? {
                Some((key, _)) if key.value().0 <= self.at_millis => {
                    let (expires_millis, scope, request_id) = key.value();
                    (expires_millis, scope, request_id.to_owned())
                }
                _ => break,
            };
            let (expires_millis, scope, request_id) = forgotten;
            self.tables.request_expiry.remove((expires_millis, scope, request_id.as_str()))?;
            self.tables.requests.remove((scope, request_id.as_str()))?;
        }
        Ok(())
    }
}

/// Outcomes with equal neighbours folded: a batch of new records becomes one run.
fn contract(outcomes: &[RecordOutcome]) -> Vec<OutcomeRun> {
    let mut runs: Vec<OutcomeRun> = Vec::new();
    for outcome in outcomes {
        match runs.last_mut() {
            Some(run) if nth(run.first, run.count) == *outcome => run.count += 1,
            _ => runs.push(OutcomeRun { first: *outcome, count: 1 }),
        }
    }
    runs
}

/// The outcomes of so many records; nothing where the runs are of another number, which are not worked through then.
fn expand(runs: &[OutcomeRun], record_count: usize) -> Option<Vec<RecordOutcome>> {
    let counted: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
    (counted == record_count as u64)
        .then(|| runs.iter().flat_map(|run| (0..run.count).map(|index| nth(run.first, index))).collect())
}

fn nth(first: RecordOutcome, index: u32) -> RecordOutcome {
    match first {
        RecordOutcome::Stored { sequence } => RecordOutcome::Stored { sequence: sequence.saturating_add(index.into()) },
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::{OutcomeRun, contract, expand};
    use crate::store::RecordOutcome;

    #[test]
    fn runs_become_the_outcomes_they_were_made_of_and_no_other_number_of_them() {
        let stored = |sequence: u64| RecordOutcome::Stored { sequence };
        let outcomes = [stored(4), stored(5), RecordOutcome::Unchanged, RecordOutcome::Unchanged, stored(6), stored(9)];
        let runs = contract(&outcomes);
        assert_eq!(runs.iter().map(|run| run.count).collect::<Vec<_>>(), [2, 2, 1, 1]);
        assert_eq!(expand(&runs, 6).as_deref(), Some(&outcomes[..]));
        assert_eq!(expand(&runs, 5), None);

        // A damaged number is told, not worked through.
        let damaged = [OutcomeRun { first: stored(u64::MAX), count: u32::MAX }];
        assert_eq!(expand(&damaged, 2), None);
        let last = [OutcomeRun { first: stored(u64::MAX), count: 2 }];
        assert_eq!(expand(&last, 2).map(|outcomes| outcomes.len()), Some(2));
    }
}
