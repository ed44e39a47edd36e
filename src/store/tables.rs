//! Every table of the store, with its key and its value.
//!
//! Come here before adding or changing a table. A changed key or value gets a new version suffix, a raised
//! [`FORMAT_VERSION`] and a migration; a new table needs neither.
//! "Value: postcard X" is the postcard encoding of that type. Scope 0 is shared by all tenants.

use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

use super::StoreError;
use crate::audit::AuditHash;

/// The newest file format that this program reads, and the one it writes.
pub const FORMAT_VERSION: u32 = 3;

/// Scope of shipments and companies that all tenants share.
pub(super) const SHARED_SCOPE: u32 = 0;

/// Key: one of the `META_` names. Value: see there.
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta.v1");
/// Value: little-endian u32, the format version of the file.
pub(super) const META_FORMAT: &str = "format";
/// Value: 16 bytes that name this store.
pub(super) const META_STORE_ID: &str = "store_id";
/// Value: 32 secret bytes that cursors are sealed with.
pub(super) const META_SECRET: &str = "secret";
/// Value: little-endian u64, the record sequence up to which everything was judged.
pub(super) const META_JUDGED_THROUGH: &str = "judged_through";

/// Key: tenant name. Value: its scope, from 1; it takes the tenant's place in all other keys.
pub(super) const TENANTS: TableDefinition<&str, u32> = TableDefinition::new("tenants.v1");
/// Key: scope. Value: tenant name.
pub(super) const TENANT_NAMES: TableDefinition<u32, &str> = TableDefinition::new("tenant_names.v1");

/// Key: record sequence, from 1 in order of acceptance. Value: scope (little-endian u32), then postcard `Record`.
///
/// The records lie here and not under their own keys, so that the bulk of the store only grows at its end.
pub(super) const RECORDS: TableDefinition<u64, &[u8]> = TableDefinition::new("records.v1");
/// Key: scope, order id, line. Value: record sequence.
pub(super) const ORDER_KEYS: TableDefinition<(u32, &str, u32), u64> = TableDefinition::new("order_keys.v1");
/// Key: scope, feed, place of the kind in `DocumentKind::ALL`, number, line. Value: record sequence.
pub(super) const SHIPMENT_KEYS: TableDefinition<ShipmentKey, u64> = TableDefinition::new("shipment_keys.v1");
/// Key: scope, country letters or nothing, identifier. Value: record sequence.
pub(super) const COMPANY_KEYS: TableDefinition<CompanyRowKey, u64> = TableDefinition::new("company_keys.v1");
/// Key: record sequence of a batch's first new record. Value: audit sequence of the batch. Files from before this table
/// have no rows for older records.
pub(super) const BATCHES: TableDefinition<u64, u64> = TableDefinition::new("batches.v1");
/// Key: audit sequence of the batch. Value: postcard `RawInput`, the batch as it came.
pub(super) const RAW_INPUTS: TableDefinition<u64, &[u8]> = TableDefinition::new("raw_inputs.v1");
/// Key: scope of the sender, request id. Value: postcard `RememberedRequest`.
pub(super) const REQUESTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("requests.v1");
/// Key: when to forget it (milliseconds since 1970), scope of the sender, request id. Value: nothing.
pub(super) const REQUEST_EXPIRY: TableDefinition<(u64, u32, &str), ()> = TableDefinition::new("request_expiry.v1");

/// Key: scope, order id, line. Value: revision (little-endian u32), then postcard `Finding`.
pub(super) const FINDINGS: TableDefinition<(u32, &str, u32), &[u8]> = TableDefinition::new("findings.v1");
/// Key: scope, order id, line, revision. Value: as in `FINDINGS`; judgements that were superseded.
pub(super) const FINDING_HISTORY: TableDefinition<(u32, &str, u32, u32), &[u8]> =
    TableDefinition::new("finding_history.v1");
/// Key: scope, order id, line, revision. Value: postcard `CauseRow`; when and why that revision was judged. Revisions from
/// before this table have no row.
pub(super) const FINDING_CAUSES: TableDefinition<(u32, &str, u32, u32), &[u8]> =
    TableDefinition::new("finding_causes.v1");
/// Key: scope, audit sequence of the judgement. Value: postcard `ChangeRow`; findings that replaced another one, in the
/// order in which they did.
pub(super) const FINDING_CHANGES: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("finding_changes.v1");
/// Key: scope, alert id. Value: postcard `Alert`.
pub(super) const ALERTS: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("alerts.v2");
/// As `ALERTS` in format 1: before people worked on alerts. Read by the migration only.
pub(super) const ALERTS_V1: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("alerts.v1");
/// Key: scope, order id, line. Value: alert id.
pub(super) const ALERT_BY_ORDER: TableDefinition<(u32, &str, u32), u64> = TableDefinition::new("alert_by_order.v1");
/// Key: scope, event sequence, from 1 without gaps for each tenant. Value: postcard `AlertEvent`.
pub(super) const ALERT_EVENTS: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("alert_events.v2");
/// As `ALERT_EVENTS` in format 1. Read by the migration only.
pub(super) const ALERT_EVENTS_V1: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("alert_events.v1");
/// Key: scope, alert id, event sequence. Value: nothing; the history of one alert.
pub(super) const EVENTS_BY_ALERT: TableDefinition<(u32, u64, u64), ()> = TableDefinition::new("events_by_alert.v1");
/// Key: when it ends (milliseconds since 1970), scope, alert id. Value: nothing; alerts that are silenced.
pub(super) const SUPPRESSION_EXPIRY: TableDefinition<(u64, u32, u64), ()> =
    TableDefinition::new("suppression_expiry.v1");
/// Key: scope, request id. Value: postcard `RememberedReview`; apart from `REQUESTS`, so that the ids of batches and
/// of reviews do not meet.
pub(super) const REVIEW_REQUESTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("review_requests.v1");
/// Key: when to forget it (milliseconds since 1970), scope, request id. Value: nothing.
pub(super) const REVIEW_REQUEST_EXPIRY: TableDefinition<(u64, u32, &str), ()> =
    TableDefinition::new("review_request_expiry.v1");
/// Key: scope. Value: postcard `AlertSettings`.
pub(super) const ALERT_SETTINGS: TableDefinition<u32, &[u8]> = TableDefinition::new("alert_settings.v1");
/// Key: scope, name. Value: postcard `Subscription`.
pub(super) const SUBSCRIPTIONS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("subscriptions.v1");

/// Key: scope, job id. Value: postcard `ScreeningJob`. The newest job of a scope is never removed, so that no id is
/// used twice.
pub(super) const JOBS: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("jobs.v1");
/// Key: scope, request id. Value: postcard `RememberedJob`; goes with the job.
pub(super) const JOB_REQUESTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("job_requests.v1");
/// Key: scope, job id. Value: nothing; jobs that are running.
pub(super) const JOBS_RUNNING: TableDefinition<(u32, u64), ()> = TableDefinition::new("jobs_running.v1");
/// Key: scope, job id. Value: postcard `Upload`; jobs whose lines are still coming, and jobs that are gone but for
/// their lines and results, which are removed a few at a time.
pub(super) const JOB_UPLOADS: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("job_uploads.v1");
/// Key: scope, job id, line from 1. Value: postcard `JobLine`; lines that came with a job and have no result yet.
pub(super) const JOB_LINES: TableDefinition<(u32, u64, u64), &[u8]> = TableDefinition::new("job_lines.v1");
/// Key: scope, job id, line from 1. Value: postcard `JobResult`.
pub(super) const JOB_RESULTS: TableDefinition<(u32, u64, u64), &[u8]> = TableDefinition::new("job_results.v1");

/// Key: audit sequence, from 1 without gaps. Value: postcard `AuditEntry`.
pub(super) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit.v1");
/// Key: scope, leaf from 0 without gaps. Value: audit sequence; the entries of one tenant, as leaves of its tree.
pub(super) const AUDIT_LEAVES: TableDefinition<(u32, u64), u64> = TableDefinition::new("audit_leaves.v1");
/// Key: scope, level from 1, index from 0. Value: the hash of that node of the tenant's tree; complete ones only. Those
/// of level 0 follow from the entries.
pub(super) const AUDIT_NODES: TableDefinition<AuditNodeKey, &AuditHash> = TableDefinition::new("audit_nodes.v1");
/// Key: scope, audit sequence. Value: nothing; what `AUDIT_LEAVES` was up to format 2. Read by the migration only.
pub(super) const AUDIT_BY_TENANT: TableDefinition<(u32, u64), ()> = TableDefinition::new("audit_by_tenant.v1");

/// How many tables there are; opening a file with fewer creates the missing ones.
pub(super) const TABLE_COUNT: usize = 33;

/// Scope, level, index.
pub(super) type AuditNodeKey = (u32, u8, u64);

/// Scope, feed, kind, number, line.
pub(super) type ShipmentKey = (u32, &'static str, u8, &'static str, u32);

/// Scope, country, identifier.
pub(super) type CompanyRowKey = (u32, &'static str, &'static str);

/// What is done with every table, one after another.
pub(super) trait TableVisitor {
    fn visit<K: Key, V: Value>(&mut self, table: TableDefinition<'static, K, V>) -> Result<(), StoreError>;
}

/// Every table there is: what copies or checks a store goes by this list, and a test holds it against the file.
pub(super) fn visit_every_table(visitor: &mut impl TableVisitor) -> Result<(), StoreError> {
    visitor.visit(META)?;
    visitor.visit(TENANTS)?;
    visitor.visit(TENANT_NAMES)?;
    visitor.visit(RECORDS)?;
    visitor.visit(ORDER_KEYS)?;
    visitor.visit(SHIPMENT_KEYS)?;
    visitor.visit(COMPANY_KEYS)?;
    visitor.visit(BATCHES)?;
    visitor.visit(RAW_INPUTS)?;
    visitor.visit(REQUESTS)?;
    visitor.visit(REQUEST_EXPIRY)?;
    visitor.visit(FINDINGS)?;
    visitor.visit(FINDING_HISTORY)?;
    visitor.visit(FINDING_CAUSES)?;
    visitor.visit(FINDING_CHANGES)?;
    visitor.visit(ALERTS)?;
    visitor.visit(ALERT_BY_ORDER)?;
    visitor.visit(ALERT_EVENTS)?;
    visitor.visit(EVENTS_BY_ALERT)?;
    visitor.visit(SUPPRESSION_EXPIRY)?;
    visitor.visit(REVIEW_REQUESTS)?;
    visitor.visit(REVIEW_REQUEST_EXPIRY)?;
    visitor.visit(ALERT_SETTINGS)?;
    visitor.visit(SUBSCRIPTIONS)?;
    visitor.visit(JOBS)?;
    visitor.visit(JOB_REQUESTS)?;
    visitor.visit(JOBS_RUNNING)?;
    visitor.visit(JOB_UPLOADS)?;
    visitor.visit(JOB_LINES)?;
    visitor.visit(JOB_RESULTS)?;
    visitor.visit(AUDIT)?;
    visitor.visit(AUDIT_LEAVES)?;
    visitor.visit(AUDIT_NODES)
}

/// All tables, open for writing.
pub(super) struct Tables<'txn> {
    pub meta: Table<'txn, &'static str, &'static [u8]>,
    pub tenants: Table<'txn, &'static str, u32>,
    pub tenant_names: Table<'txn, u32, &'static str>,
    pub records: Table<'txn, u64, &'static [u8]>,
    pub order_keys: Table<'txn, (u32, &'static str, u32), u64>,
    pub shipment_keys: Table<'txn, ShipmentKey, u64>,
    pub company_keys: Table<'txn, CompanyRowKey, u64>,
    pub batches: Table<'txn, u64, u64>,
    pub raw_inputs: Table<'txn, u64, &'static [u8]>,
    pub requests: Table<'txn, (u32, &'static str), &'static [u8]>,
    pub request_expiry: Table<'txn, (u64, u32, &'static str), ()>,
    pub findings: Table<'txn, (u32, &'static str, u32), &'static [u8]>,
    pub finding_history: Table<'txn, (u32, &'static str, u32, u32), &'static [u8]>,
    pub finding_causes: Table<'txn, (u32, &'static str, u32, u32), &'static [u8]>,
    pub finding_changes: Table<'txn, (u32, u64), &'static [u8]>,
    pub alerts: Table<'txn, (u32, u64), &'static [u8]>,
    pub alert_by_order: Table<'txn, (u32, &'static str, u32), u64>,
    pub alert_events: Table<'txn, (u32, u64), &'static [u8]>,
    pub events_by_alert: Table<'txn, (u32, u64, u64), ()>,
    pub suppression_expiry: Table<'txn, (u64, u32, u64), ()>,
    pub review_requests: Table<'txn, (u32, &'static str), &'static [u8]>,
    pub review_request_expiry: Table<'txn, (u64, u32, &'static str), ()>,
    pub alert_settings: Table<'txn, u32, &'static [u8]>,
    pub subscriptions: Table<'txn, (u32, &'static str), &'static [u8]>,
    pub jobs: Table<'txn, (u32, u64), &'static [u8]>,
    pub job_requests: Table<'txn, (u32, &'static str), &'static [u8]>,
    pub jobs_running: Table<'txn, (u32, u64), ()>,
    pub job_uploads: Table<'txn, (u32, u64), &'static [u8]>,
    pub job_lines: Table<'txn, (u32, u64, u64), &'static [u8]>,
    pub job_results: Table<'txn, (u32, u64, u64), &'static [u8]>,
    pub audit: Table<'txn, u64, &'static [u8]>,
    pub audit_leaves: Table<'txn, (u32, u64), u64>,
    pub audit_nodes: Table<'txn, AuditNodeKey, &'static AuditHash>,
}

impl<'txn> Tables<'txn> {
    /// Opens every table and creates what is missing.
    pub fn open(transaction: &'txn WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            tenants: transaction.open_table(TENANTS)?,
            tenant_names: transaction.open_table(TENANT_NAMES)?,
            records: transaction.open_table(RECORDS)?,
            order_keys: transaction.open_table(ORDER_KEYS)?,
            shipment_keys: transaction.open_table(SHIPMENT_KEYS)?,
            company_keys: transaction.open_table(COMPANY_KEYS)?,
            batches: transaction.open_table(BATCHES)?,
            raw_inputs: transaction.open_table(RAW_INPUTS)?,
            requests: transaction.open_table(REQUESTS)?,
            request_expiry: transaction.open_table(REQUEST_EXPIRY)?,
            findings: transaction.open_table(FINDINGS)?,
            finding_history: transaction.open_table(FINDING_HISTORY)?,
            finding_causes: transaction.open_table(FINDING_CAUSES)?,
            finding_changes: transaction.open_table(FINDING_CHANGES)?,
            alerts: transaction.open_table(ALERTS)?,
            alert_by_order: transaction.open_table(ALERT_BY_ORDER)?,
            alert_events: transaction.open_table(ALERT_EVENTS)?,
            events_by_alert: transaction.open_table(EVENTS_BY_ALERT)?,
            suppression_expiry: transaction.open_table(SUPPRESSION_EXPIRY)?,
            review_requests: transaction.open_table(REVIEW_REQUESTS)?,
            review_request_expiry: transaction.open_table(REVIEW_REQUEST_EXPIRY)?,
            alert_settings: transaction.open_table(ALERT_SETTINGS)?,
            subscriptions: transaction.open_table(SUBSCRIPTIONS)?,
            jobs: transaction.open_table(JOBS)?,
            job_requests: transaction.open_table(JOB_REQUESTS)?,
            jobs_running: transaction.open_table(JOBS_RUNNING)?,
            job_uploads: transaction.open_table(JOB_UPLOADS)?,
            job_lines: transaction.open_table(JOB_LINES)?,
            job_results: transaction.open_table(JOB_RESULTS)?,
            audit: transaction.open_table(AUDIT)?,
            audit_leaves: transaction.open_table(AUDIT_LEAVES)?,
            audit_nodes: transaction.open_table(AUDIT_NODES)?,
        })
    }

    /// The tenant's scope; a new one where the tenant is new.
    pub fn scope_of(&mut self, tenant: &str) -> Result<u32, StoreError> {
        if let Some(scope) = self.tenants.get(tenant)? {
            return Ok(scope.value());
        }
        let scope = self.tenant_names.last()?.map_or(SHARED_SCOPE, |(last, _)| last.value()) + 1;
        self.tenants.insert(tenant, scope)?;
        self.tenant_names.insert(scope, tenant)?;
        Ok(scope)
    }
}
