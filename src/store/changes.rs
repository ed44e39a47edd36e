//! When and why findings were judged, kept beside their revisions, and reading how each differs from the one before.
//!
//! Come here for what a tenant may ask about changed findings. The differences are made when they are read; why a line was
//! judged is found out by whoever judges, and written in the transaction of the finding it explains.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::codec::{StoredFinding, decode, decode_finding, decode_record, encode};
use super::draft::Draft;
use super::snapshot::PAGE_ROWS_MAX;
use super::tables::{self, SHARED_SCOPE};
use super::tenant_view::TenantView;
use crate::model::{
    Cause, CauseKind, Causes, FindingChange, FindingDifference, NamedCause, OrderKey, Record, RecordName,
};

/// When and why a revision was judged.
#[derive(Serialize, Deserialize)]
pub(super) struct CauseRow {
    /// Its entry in the audit trail.
    place: u64,
    at_millis: u64,
    causes: Causes,
}

/// A finding that replaced another one.
#[derive(Serialize, Deserialize)]
pub(super) struct ChangeRow {
    at_millis: u64,
    order: OrderKey,
    revision: u32,
}

impl Draft<'_> {
    /// Notes when and why a revision was judged. First findings change nothing, so that they are in no list of changes.
    pub fn put_change(
        &mut self,
        scope: u32,
        order: &OrderKey,
        revision: u32,
        place: u64,
        causes: &Causes,
    ) -> Result<(), StoreError> {
        let at_millis = self.at_millis;
        let row = encode(&CauseRow { place, at_millis, causes: causes.clone() })?;
        let key = (scope, order.order_id.as_str(), order.line_no, revision);
        self.tables.finding_causes.insert(key, row.as_slice())?;
        if revision > 1 {
            let row = encode(&ChangeRow { at_millis, order: order.clone(), revision })?;
            self.tables.finding_changes.insert((scope, place), row.as_slice())?;
        }
        Ok(())
    }
}

impl TenantView<'_> {
    /// Revisions of the finding on an order line after one, the oldest first; none where there is no finding.
    pub fn changes_of_order(
        &self,
        key: &OrderKey,
        after_revision: u32,
        limit: usize,
    ) -> Result<Vec<FindingChange>, StoreError> {
        let Some(newest) = self.finding(key)? else { return Ok(Vec::new()) };
        let mut before = match after_revision {
            0 => None,
            revision => self.revision(key, revision)?,
        };
        let mut page = Vec::new();
        for revision in (after_revision.saturating_add(1)..=newest.revision).take(limit.min(PAGE_ROWS_MAX)) {
            let stored = match revision == newest.revision {
                true => newest.clone(),
                false => self.kept_revision(key, revision)?,
            };
            page.push(self.change(before.as_ref(), &stored)?);
            before = Some(stored);
        }
        Ok(page)
    }

    /// Findings of the tenant that replaced another one, after a place in the audit trail and not before a time, in the
    /// order in which they did. First findings are left out.
    pub fn changes(&self, after_place: u64, start_millis: u64, limit: usize) -> Result<Vec<FindingChange>, StoreError> {
        let (Some(scope), Some(first)) = (self.scope, after_place.checked_add(1)) else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::FINDING_CHANGES)?;
        let first = first.max(self.first_change_since(scope, start_millis)?);
        let mut page = Vec::new();
        for row in table.range((scope, first)..=(scope, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX)) {
            let ChangeRow { order, revision, .. } = decode(row?.1.value(), "finding change")?;
            let before = self.kept_revision(&order, revision.saturating_sub(1))?;
            page.push(self.change(Some(&before), &self.kept_revision(&order, revision)?)?);
        }
        Ok(page)
    }

    /// The place of the first change that was not made before a time, found by halving: times grow with places.
    fn first_change_since(&self, scope: u32, start_millis: u64) -> Result<u64, StoreError> {
        if start_millis == 0 {
            return Ok(0);
        }
        let table = self.snapshot.table(tables::FINDING_CHANGES)?;
        let last = table.range((scope, 0)..=(scope, u64::MAX))?.next_back().transpose()?;
        let (mut low, mut high) = (0, last.map_or(0, |(key, _)| key.value().1) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match table.range((scope, middle)..(scope, high))?.next().transpose()? {
                Some((key, row)) if decode::<ChangeRow>(row.value(), "finding change")?.at_millis < start_millis => {
                    low = key.value().1 + 1;
                }
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn change(&self, before: Option<&StoredFinding>, stored: &StoredFinding) -> Result<FindingChange, StoreError> {
        let StoredFinding { revision, finding } = stored;
        let row = self.cause_row(&finding.order, *revision)?;
        let causes = row.as_ref().map(|row| row.causes.clone()).unwrap_or_default();
        let mut named: Vec<NamedCause> = Vec::new();
        for cause in &causes.causes {
            let cause = self.name(cause)?;
            if !named.contains(&cause) {
                named.push(cause);
            }
        }
        Ok(FindingChange {
            order: finding.order.clone(),
            revision: *revision,
            place: row.as_ref().map_or(0, |row| row.place),
            judged_at_millis: row.as_ref().map(|row| row.at_millis),
            causes: named,
            has_more_causes: causes.has_more,
            difference: FindingDifference::between(before.map(|stored| &stored.finding), finding),
        })
    }

    /// What a record is called. One that the tenant may not see is never written down as its cause; should it be, it is
    /// told as any other change that the tenant has no part in.
    fn name(&self, cause: &Cause) -> Result<NamedCause, StoreError> {
        let Some(sequence) = cause.record else { return Ok(NamedCause { kind: cause.kind, record: None }) };
        let row = self.snapshot.table(tables::RECORDS)?.get(sequence)?;
        let row = row.ok_or_else(|| StoreError::Damaged { what: format!("record {sequence} is missing") })?;
        let (scope, record) = decode_record(row.value())?;
        if scope != SHARED_SCOPE && Some(scope) != self.scope {
            return Ok(NamedCause { kind: CauseKind::OtherHoldings, record: None });
        }
        let record = match record {
            Record::Order(line) => RecordName::Order(line.key),
            Record::Shipment(line) => RecordName::Shipment(line.key),
            Record::Company(company) => RecordName::Company(company.country, company.identifier),
        };
        Ok(NamedCause { kind: cause.kind, record: Some(record) })
    }

    fn cause_row(&self, key: &OrderKey, revision: u32) -> Result<Option<CauseRow>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::FINDING_CAUSES)?;
        let row = table.get((scope, key.order_id.as_str(), key.line_no, revision))?;
        row.map(|row| decode(row.value(), "cause of a finding")).transpose()
    }

    /// One revision of the finding on an order line, superseded or not.
    fn revision(&self, key: &OrderKey, revision: u32) -> Result<Option<StoredFinding>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::FINDING_HISTORY)?;
        if let Some(row) = table.get((scope, key.order_id.as_str(), key.line_no, revision))? {
            return decode_finding(row.value()).map(Some);
        }
        Ok(self.finding(key)?.filter(|stored| stored.revision == revision))
    }

    fn kept_revision(&self, key: &OrderKey, revision: u32) -> Result<StoredFinding, StoreError> {
        let found = self.revision(key, revision)?;
        found.ok_or_else(|| StoreError::Damaged { what: format!("revision {revision} of a finding is missing") })
    }
}
