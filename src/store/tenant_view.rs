//! Reading what one tenant may see: its own orders, findings, alerts and audit entries, and the shared papers.
//!
//! Come here for every read on behalf of a client; those of the trail and its tree are in `trail`. "Absent" and "somebody else's" look the same from here, because
//! the scope is part of every key. Reads over all tenants are in `snapshot`.

use std::iter::Peekable;
use std::ops::Bound;

use redb::AccessGuard;

use super::StoreError;
use super::batch::{CompanyKey, kind_code};
use super::codec::{StoredFinding, decode, decode_finding, decode_finding_with_form, decode_record};
use super::snapshot::{PAGE_ROWS_MAX, Snapshot};
use super::tables::{self, CompanyRowKey, SHARED_SCOPE, ShipmentKey};
use crate::model::{
    Alert, AlertEvent, AlertId, AlertSettings, Company, DocumentKey, JobId, JobLine, JobResult, OrderKey, OrderLine,
    Record, ScreeningJob, ShipmentLine, Subscription,
};

/// What one tenant may see of a snapshot. A read that forgets whose it is does not compile:
///
/// ```
/// # use onward::{model::OrderKey, store::{Snapshot, StoreError}};
/// fn read(snapshot: &Snapshot, key: &OrderKey) -> Result<bool, StoreError> {
///     Ok(snapshot.tenant("acme")?.order(key)?.is_some())
/// }
/// ```
///
/// ```compile_fail,E0599
/// # use onward::{model::OrderKey, store::{Snapshot, StoreError}};
/// fn read(snapshot: &Snapshot, key: &OrderKey) -> Result<bool, StoreError> {
///     Ok(snapshot.order(key)?.is_some())
/// }
/// ```
pub struct TenantView<'snapshot> {
    pub(super) snapshot: &'snapshot Snapshot,
    /// `None` for a tenant that never sent anything.
    pub(super) scope: Option<u32>,
}

impl<'snapshot> TenantView<'snapshot> {
    pub(super) fn new(snapshot: &'snapshot Snapshot, scope: Option<u32>) -> Self {
        Self { snapshot, scope }
    }

    /// One order line.
    pub fn order(&self, key: &OrderKey) -> Result<Option<OrderLine>, StoreError> {
        let sequence = self.order_sequence(key)?;
        sequence.map(|sequence| self.record(sequence).and_then(into_order)).transpose()
    }

    /// Order lines after a key, by key.
    pub fn orders(&self, after: Option<&OrderKey>, limit: usize) -> Result<Vec<OrderLine>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::ORDER_KEYS)?;
        let rows = table.range(orders_after(scope, after))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| self.record(row?.1.value()).and_then(into_order)).collect()
    }

    /// One shipment line: the tenant's own where it has one of that key, else the shared one.
    pub fn shipment(&self, key: &DocumentKey) -> Result<Option<ShipmentLine>, StoreError> {
        let sequence = self.shipment_sequence(key)?;
        sequence.map(|sequence| self.record(sequence).and_then(into_shipment)).transpose()
    }

    /// Shipment lines after a key: by feed, kind, number and line.
    pub fn shipments(&self, after: Option<&DocumentKey>, limit: usize) -> Result<Vec<ShipmentLine>, StoreError> {
        let table = self.snapshot.table(tables::SHIPMENT_KEYS)?;
        let rows = |scope: u32| -> Result<_, StoreError> {
            let first = (scope, "", 0, "", 0);
            let start = start(first, after.map(|key| shipment_key(scope, key)));
            Ok(table.range((start, Bound::Excluded((scope + 1, "", 0, "", 0))))?.map(own_shipment_row))
        };
        let own = self.scope.map(rows).transpose()?;
        let merged = Merge { own: own.into_iter().flatten().peekable(), shared: rows(SHARED_SCOPE)?.peekable() };
        let page = merged.take(limit.min(PAGE_ROWS_MAX));
        page.map(|sequence| self.record(sequence?).and_then(into_shipment)).collect()
    }

    /// One company row: the tenant's own where it has one of that key, else the shared one.
    pub fn company(&self, key: &CompanyKey) -> Result<Option<Company>, StoreError> {
        let sequence = self.company_sequence(key)?;
        sequence.map(|sequence| self.record(sequence).and_then(into_company)).transpose()
    }

    /// Company rows after a key: by country and identifier.
    pub fn companies(&self, after: Option<&CompanyKey>, limit: usize) -> Result<Vec<Company>, StoreError> {
        let table = self.snapshot.table(tables::COMPANY_KEYS)?;
        let rows = |scope: u32| -> Result<_, StoreError> {
            let after = after.map(CompanyKey::parts).map(|(country, identifier)| (scope, country, identifier));
            let start = start((scope, "", ""), after);
            Ok(table.range((start, Bound::Excluded((scope + 1, "", ""))))?.map(own_company_row))
        };
        let own = self.scope.map(rows).transpose()?;
        let merged = Merge { own: own.into_iter().flatten().peekable(), shared: rows(SHARED_SCOPE)?.peekable() };
        let page = merged.take(limit.min(PAGE_ROWS_MAX));
        page.map(|sequence| self.record(sequence?).and_then(into_company)).collect()
    }

    /// The current finding on an order line.
    pub fn finding(&self, key: &OrderKey) -> Result<Option<StoredFinding>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::FINDINGS)?;
        let row = table.get((scope, key.order_id.as_str(), key.line_no))?;
        row.map(|row| decode_finding(row.value())).transpose()
    }

    /// The same with the bytes that lie there, whose hash the audit trail has.
    pub fn finding_with_form(&self, key: &OrderKey) -> Result<Option<(StoredFinding, Vec<u8>)>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::FINDINGS)?;
        let row = table.get((scope, key.order_id.as_str(), key.line_no))?;
        row.map(|row| decode_finding_with_form(row.value())).transpose()
    }

    /// Current findings after a key, by key.
    pub fn findings(&self, after: Option<&OrderKey>, limit: usize) -> Result<Vec<StoredFinding>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::FINDINGS)?;
        let rows = table.range(orders_after(scope, after))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode_finding(row?.1.value())).collect()
    }

    /// Superseded findings on an order line, the oldest first, at most [`PAGE_ROWS_MAX`].
    pub fn finding_history(&self, key: &OrderKey) -> Result<Vec<StoredFinding>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::FINDING_HISTORY)?;
        let of = |revision: u32| (scope, key.order_id.as_str(), key.line_no, revision);
        let rows = table.range(of(0)..=of(u32::MAX))?.take(PAGE_ROWS_MAX);
        rows.map(|row| decode_finding(row?.1.value())).collect()
    }

    /// One alert.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::ALERTS)?;
        table.get((scope, id.0))?.map(|row| decode(row.value(), "alert")).transpose()
    }

    /// The alert on an order line, in whatever state.
    pub fn alert_of_order(&self, key: &OrderKey) -> Result<Option<Alert>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let table = self.snapshot.table(tables::ALERT_BY_ORDER)?;
        let id = table.get((scope, key.order_id.as_str(), key.line_no))?.map(|id| AlertId(id.value()));
        id.map_or(Ok(None), |id| self.alert(id))
    }

    /// Alerts after an id, the oldest first.
    pub fn alerts(&self, after: Option<AlertId>, limit: usize) -> Result<Vec<Alert>, StoreError> {
        let after = after.map_or(0, |id| id.0);
        let (Some(scope), Some(first)) = (self.scope, after.checked_add(1)) else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::ALERTS)?;
        let rows = table.range((scope, first)..=(scope, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "alert")).collect()
    }

    /// Alert events after a place in the tenant's stream.
    pub fn alert_events(&self, after_sequence: u64, limit: usize) -> Result<Vec<AlertEvent>, StoreError> {
        let (Some(scope), Some(first)) = (self.scope, after_sequence.checked_add(1)) else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::ALERT_EVENTS)?;
        let rows = table.range((scope, first)..=(scope, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "alert event")).collect()
    }

    /// Events of one alert after a place in the tenant's stream: its history.
    pub fn events_of_alert(
        &self,
        id: AlertId,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<AlertEvent>, StoreError> {
        let (Some(scope), Some(first)) = (self.scope, after_sequence.checked_add(1)) else { return Ok(Vec::new()) };
        let places = self.snapshot.table(tables::EVENTS_BY_ALERT)?;
        let events = self.snapshot.table(tables::ALERT_EVENTS)?;
        let mut page = Vec::new();
        for place in places.range((scope, id.0, first)..=(scope, id.0, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX)) {
            let sequence = place?.0.value().2;
            let event = events.get((scope, sequence))?;
            let event = event.ok_or_else(|| StoreError::Damaged { what: format!("alert event {sequence}") })?;
            page.push(decode(event.value(), "alert event")?);
        }
        Ok(page)
    }

    /// How the tenant wants alerts to be worked on.
    pub fn alert_settings(&self) -> Result<AlertSettings, StoreError> {
        let Some(scope) = self.scope else { return Ok(AlertSettings::default()) };
        let row = self.snapshot.table(tables::ALERT_SETTINGS)?.get(scope)?;
        row.map_or(Ok(AlertSettings::default()), |row| decode(row.value(), "alert settings"))
    }

    /// A named subscription.
    pub fn subscription(&self, name: &str) -> Result<Option<Subscription>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let row = self.snapshot.table(tables::SUBSCRIPTIONS)?.get((scope, name))?;
        row.map(|row| decode(row.value(), "subscription")).transpose()
    }

    /// Named subscriptions after a name, in their order.
    pub fn subscriptions(&self, after: Option<&str>, limit: usize) -> Result<Vec<Subscription>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::SUBSCRIPTIONS)?;
        let range = (start((scope, ""), after.map(|name| (scope, name))), Bound::Excluded((scope + 1, "")));
        let rows = table.range::<(u32, &str)>(range)?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "subscription")).collect()
    }

    /// The first place in the tenant's stream of alert events that is still held; 1 when there is none.
    pub fn oldest_event_sequence(&self) -> Result<u64, StoreError> {
        let Some(scope) = self.scope else { return Ok(1) };
        let table = self.snapshot.table(tables::ALERT_EVENTS)?;
        let first = table.range((scope, 0)..=(scope, u64::MAX))?.next();
        Ok(first.transpose()?.map_or(1, |(key, _)| key.value().1))
    }

    /// The last place in the tenant's stream of alert events; 0 when there is none.
    pub fn newest_event_sequence(&self) -> Result<u64, StoreError> {
        let Some(scope) = self.scope else { return Ok(0) };
        let table = self.snapshot.table(tables::ALERT_EVENTS)?;
        let last = table.range((scope, 0)..=(scope, u64::MAX))?.next_back();
        Ok(last.transpose()?.map_or(0, |(key, _)| key.value().1))
    }

    /// One screening job.
    pub fn screening_job(&self, id: JobId) -> Result<Option<ScreeningJob>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let row = self.snapshot.table(tables::JOBS)?.get((scope, id.0))?;
        row.map(|row| decode(row.value(), "job")).transpose()
    }

    /// Screening jobs before an id, the newest first.
    pub fn screening_jobs(&self, before: Option<JobId>, limit: usize) -> Result<Vec<ScreeningJob>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let end = before.map_or(Bound::Included((scope, u64::MAX)), |id| Bound::Excluded((scope, id.0)));
        let table = self.snapshot.table(tables::JOBS)?;
        let rows = table.range::<(u32, u64)>((Bound::Included((scope, 0)), end))?.rev().take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "job")).collect()
    }

    /// Results of a screening job after a line, in order.
    pub fn job_results(&self, id: JobId, after_line: u64, limit: usize) -> Result<Vec<JobResult>, StoreError> {
        let (Some(scope), Some(first)) = (self.scope, after_line.checked_add(1)) else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::JOB_RESULTS)?;
        let rows = table.range((scope, id.0, first)..=(scope, id.0, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "job result")).collect()
    }

    /// Lines that came with a screening job after a line, in order; those that have their result are gone.
    pub fn job_lines(&self, id: JobId, after_line: u64, limit: usize) -> Result<Vec<JobLine>, StoreError> {
        let (Some(scope), Some(first)) = (self.scope, after_line.checked_add(1)) else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::JOB_LINES)?;
        let rows = table.range((scope, id.0, first)..=(scope, id.0, u64::MAX))?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "job line")).collect()
    }

    /// Order lines after a key, by key, with their places in the record log.
    pub fn orders_with_sequence(
        &self,
        after: Option<&OrderKey>,
        limit: usize,
    ) -> Result<Vec<(u64, OrderLine)>, StoreError> {
        let Some(scope) = self.scope else { return Ok(Vec::new()) };
        let table = self.snapshot.table(tables::ORDER_KEYS)?;
        let rows = table.range(orders_after(scope, after))?.take(limit.min(PAGE_ROWS_MAX));
        let rows = rows.map(|row| {
            let sequence = row?.1.value();
            Ok((sequence, self.record(sequence).and_then(into_order)?))
        });
        rows.collect()
    }

    /// The place in the trail of the batch that brought an order line; `None` where the store did not note it yet.
    pub fn batch_of_order(&self, key: &OrderKey) -> Result<Option<u64>, StoreError> {
        self.order_sequence(key)?.map_or(Ok(None), |record| self.batch_of(record))
    }

    /// The same for a shipment line; `None` also where another tenant sent it.
    pub fn batch_of_shipment(&self, key: &DocumentKey) -> Result<Option<u64>, StoreError> {
        self.shipment_sequence(key)?.map_or(Ok(None), |record| self.batch_of(record))
    }

    /// The same for a company row; `None` also where another tenant sent it.
    pub fn batch_of_company(&self, key: &CompanyKey) -> Result<Option<u64>, StoreError> {
        self.company_sequence(key)?.map_or(Ok(None), |record| self.batch_of(record))
    }

    fn batch_of(&self, record: u64) -> Result<Option<u64>, StoreError> {
        // The records of a batch lie together, so that it is the last one to begin at or before the record.
        let Some(batch) = self.snapshot.table(tables::BATCHES)?.range(..=record)?.next_back() else { return Ok(None) };
        let entry = batch?.1.value();
        Ok(self.leaf_of(entry)?.map(|_| entry))
    }

    fn order_sequence(&self, key: &OrderKey) -> Result<Option<u64>, StoreError> {
        let Some(scope) = self.scope else { return Ok(None) };
        let keys = self.snapshot.table(tables::ORDER_KEYS)?;
        Ok(keys.get((scope, key.order_id.as_str(), key.line_no))?.map(|sequence| sequence.value()))
    }

    fn shipment_sequence(&self, key: &DocumentKey) -> Result<Option<u64>, StoreError> {
        let table = self.snapshot.table(tables::SHIPMENT_KEYS)?;
        for scope in self.scope.into_iter().chain([SHARED_SCOPE]) {
            if let Some(sequence) = table.get(shipment_key(scope, key))? {
                return Ok(Some(sequence.value()));
            }
        }
        Ok(None)
    }

    fn company_sequence(&self, key: &CompanyKey) -> Result<Option<u64>, StoreError> {
        let table = self.snapshot.table(tables::COMPANY_KEYS)?;
        let (country, identifier) = key.parts();
        for scope in self.scope.into_iter().chain([SHARED_SCOPE]) {
            if let Some(sequence) = table.get((scope, country, identifier))? {
                return Ok(Some(sequence.value()));
            }
        }
        Ok(None)
    }

    pub(super) fn record(&self, sequence: u64) -> Result<Record, StoreError> {
        let row = self.snapshot.table(tables::RECORDS)?.get(sequence)?;
        let row = row.ok_or_else(|| StoreError::Damaged { what: format!("record {sequence} is missing") })?;
        let (scope, record) = decode_record(row.value())?;
        // The key said so already; a second look costs nothing and keeps a damaged index from leaking.
        if scope == SHARED_SCOPE || Some(scope) == self.scope {
            Ok(record)
        } else {
            Err(StoreError::Damaged { what: format!("record {sequence} is out of scope") })
        }
    }
}

/// Key without scope, and record sequence, of one index row.
type OwnRow<K> = Result<(K, u64), StoreError>;

/// Two sorted ranges as one; where both have a key, the tenant's own row hides the shared one.
struct Merge<K, Own: Iterator<Item = OwnRow<K>>, Shared: Iterator<Item = OwnRow<K>>> {
    own: Peekable<Own>,
    shared: Peekable<Shared>,
}

impl<K: Ord, Own: Iterator<Item = OwnRow<K>>, Shared: Iterator<Item = OwnRow<K>>> Iterator for Merge<K, Own, Shared> {
    type Item = Result<u64, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match (self.own.peek(), self.shared.peek()) {
            (Some(Ok((own, _))), Some(Ok((shared, _)))) => {
                if own == shared {
                    self.shared.next();
                    self.own.next()
                } else if own < shared {
                    self.own.next()
                } else {
                    self.shared.next()
                }
            }
            (Some(_), _) => self.own.next(),
            (None, _) => self.shared.next(),
        };
        row.map(|row| row.map(|(_, sequence)| sequence))
    }
}

/// Feed, kind, number and line, in the order of the table.
type SortableShipment = (String, u8, String, u32);

fn shipment_key(scope: u32, key: &DocumentKey) -> (u32, &str, u8, &str, u32) {
    (scope, key.feed.as_str(), kind_code(key.kind), key.number.as_str(), key.line_no)
}

fn own_shipment_row(
    row: redb::Result<(AccessGuard<'_, ShipmentKey>, AccessGuard<'_, u64>)>,
) -> OwnRow<SortableShipment> {
    let (key, sequence) = row?;
    let (_, feed, kind, number, line_no) = key.value();
    Ok(((feed.to_owned(), kind, number.to_owned(), line_no), sequence.value()))
}

fn own_company_row(
    row: redb::Result<(AccessGuard<'_, CompanyRowKey>, AccessGuard<'_, u64>)>,
) -> OwnRow<(String, String)> {
    let (key, sequence) = row?;
    let (_, country, identifier) = key.value();
    Ok(((country.to_owned(), identifier.to_owned()), sequence.value()))
}

/// Where a page begins: after the given key, or at the first one.
fn start<K>(first: K, after: Option<K>) -> Bound<K> {
    after.map_or(Bound::Included(first), Bound::Excluded)
}

/// A scope, an order id and a line.
type ScopedOrder<'key> = (u32, &'key str, u32);

/// The order lines of a scope after a key.
fn orders_after(scope: u32, after: Option<&OrderKey>) -> (Bound<ScopedOrder<'_>>, Bound<ScopedOrder<'_>>) {
    let after = after.map(|key| (scope, key.order_id.as_str(), key.line_no));
    (start((scope, "", 0), after), Bound::Excluded((scope + 1, "", 0)))
}

fn into_order(record: Record) -> Result<OrderLine, StoreError> {
    if let Record::Order(line) = record { Ok(*line) } else { Err(wrong_kind()) }
}

fn into_shipment(record: Record) -> Result<ShipmentLine, StoreError> {
    if let Record::Shipment(line) = record { Ok(*line) } else { Err(wrong_kind()) }
}

fn into_company(record: Record) -> Result<Company, StoreError> {
    if let Record::Company(company) = record { Ok(*company) } else { Err(wrong_kind()) }
}

fn wrong_kind() -> StoreError {
    StoreError::Damaged { what: "an index leads to another kind of record".to_owned() }
}
