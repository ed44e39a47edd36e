//! Reading: one consistent state of the store, for ever the same while it is held.
//!
//! Come here for what can be asked of the whole store: the log, the audit trail, counts.
//! What belongs to a tenant is only reached through [`TenantView`], so no read can forget whose it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, Value};

use super::StoreError;
use super::codec::{decode, decode_number, decode_record};
use super::jobs::Upload;
use super::tables::{self, SHARED_SCOPE};
use super::tenant_view::TenantView;
use crate::audit::AuditEntry;
use crate::model::{JobId, Record};

/// Most rows of one page; larger limits are cut to it.
pub const PAGE_ROWS_MAX: usize = 10_000;

/// One consistent state. Cheap to take; long-held ones keep old pages from being reused.
pub struct Snapshot {
    transaction: ReadTransaction,
}

/// Who may see a record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecordScope {
    /// All tenants.
    Shared,
    /// This one.
    Tenant(Arc<str>),
}

/// A record of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedRecord {
    /// Its place, from 1.
    pub sequence: u64,
    /// Who may see it.
    pub scope: RecordScope,
    /// The record.
    pub record: Record,
}

/// How much there is, over all tenants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreCounts {
    /// Order lines.
    pub orders: u64,
    /// Shipment lines.
    pub shipments: u64,
    /// Company rows.
    pub companies: u64,
    /// Findings, superseded ones not counted.
    pub findings: u64,
    /// Alerts in any state.
    pub alerts: u64,
    /// Audit entries.
    pub audit_entries: u64,
}

impl Snapshot {
    pub(super) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    /// What this tenant may see. A tenant that never sent anything sees an empty store.
    pub fn tenant(&self, tenant: &str) -> Result<TenantView<'_>, StoreError> {
        let scope = self.table(tables::TENANTS)?.get(tenant)?.map(|scope| scope.value());
        Ok(TenantView::new(self, scope))
    }

    /// Records after a place in the log, in the order in which they were accepted. For rebuilding what is held in
    /// memory: an empty page means that the end is reached.
    pub fn records_since(&self, after_sequence: u64, limit: usize) -> Result<Vec<LoggedRecord>, StoreError> {
        let Some(first) = after_sequence.checked_add(1) else { return Ok(Vec::new()) };
        let names = self.table(tables::TENANT_NAMES)?;
        let mut known: BTreeMap<u32, RecordScope> = BTreeMap::from([(SHARED_SCOPE, RecordScope::Shared)]);
        let mut page = Vec::new();
        for row in self.table(tables::RECORDS)?.range(first..)?.take(limit.min(PAGE_ROWS_MAX)) {
            let (sequence, bytes) = row?;
            let (number, record) = decode_record(bytes.value())?;
            let scope = match known.get(&number) {
                Some(scope) => scope.clone(),
                None => {
                    let name = names.get(number)?.ok_or_else(|| StoreError::Damaged { what: "tenant".to_owned() })?;
                    let scope = RecordScope::Tenant(Arc::from(name.value()));
                    known.insert(number, scope.clone());
                    scope
                }
            };
            page.push(LoggedRecord { sequence: sequence.value(), scope, record });
        }
        Ok(page)
    }

    /// The last place in the log; 0 when it is empty.
    pub fn newest_record_sequence(&self) -> Result<u64, StoreError> {
        Ok(self.table(tables::RECORDS)?.last()?.map_or(0, |(sequence, _)| sequence.value()))
    }

    /// The place in the log up to which everything was judged; 0 at first.
    pub fn judged_through(&self) -> Result<u64, StoreError> {
        match self.table(tables::META)?.get(tables::META_JUDGED_THROUGH)? {
            Some(bytes) => decode_number(bytes.value(), tables::META_JUDGED_THROUGH),
            None => Ok(0),
        }
    }

    /// Entries of the audit trail after a place in it, for the operator; tenants see theirs in their view.
    pub fn audit_entries(&self, after_sequence: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let Some(first) = after_sequence.checked_add(1) else { return Ok(Vec::new()) };
        let table = self.table(tables::AUDIT)?;
        let rows = table.range(first..)?.take(limit.min(PAGE_ROWS_MAX));
        rows.map(|row| decode(row?.1.value(), "audit entry")).collect()
    }

    /// How much there is.
    pub fn counts(&self) -> Result<StoreCounts, StoreError> {
        Ok(StoreCounts {
            orders: self.table(tables::ORDER_KEYS)?.len()?,
            shipments: self.table(tables::SHIPMENT_KEYS)?.len()?,
            companies: self.table(tables::COMPANY_KEYS)?.len()?,
            findings: self.table(tables::FINDINGS)?.len()?,
            alerts: self.table(tables::ALERTS)?.len()?,
            audit_entries: self.table(tables::AUDIT)?.len()?,
        })
    }

    /// Screening jobs that are running, of all tenants, for the service that works on them: tenant and job.
    pub fn running_jobs(&self) -> Result<Vec<(String, JobId)>, StoreError> {
        let names = self.table(tables::TENANT_NAMES)?;
        let mut jobs = Vec::new();
        for row in self.table(tables::JOBS_RUNNING)?.iter()?.take(PAGE_ROWS_MAX) {
            let (scope, id) = row?.0.value();
            let name = names.get(scope)?.ok_or_else(|| StoreError::Damaged { what: "tenant".to_owned() })?;
            jobs.push((name.value().to_owned(), JobId(id)));
        }
        Ok(jobs)
    }

    /// Whether lines or results of jobs that are gone are still there, of any tenant.
    pub fn has_remains_of_jobs(&self) -> Result<bool, StoreError> {
        for row in self.table(tables::JOB_UPLOADS)?.iter()? {
            if decode::<Upload>(row?.1.value(), "upload")?.is_gone {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names of all tenants, for the operator.
    pub fn tenants(&self) -> Result<Vec<String>, StoreError> {
        self.table(tables::TENANTS)?.iter()?.map(|row| Ok(row?.0.value().to_owned())).collect()
    }

    pub(super) fn table<K: Key, V: Value>(
        &self,
        definition: TableDefinition<'_, K, V>,
    ) -> Result<ReadOnlyTable<K, V>, StoreError> {
        Ok(self.transaction.open_table(definition)?)
    }
}
