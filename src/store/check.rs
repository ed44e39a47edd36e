//! Whether a store that nobody has open is what was written: its pages, its rows, its trail, and how they agree.
//!
//! Come here for what `onward check` finds, and for making a file smaller. A check changes not a byte of the file. It
//! names tables, places and numbers, never what a customer sent. What it cannot see stands in `docs/reliability.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{
    CompactionError, Database, DatabaseError, Key, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, TableHandle, Value,
};
use serde::de::DeserializeOwned;

use super::batch::{RawInput, RecordKey};
use super::changes::{CauseRow, ChangeRow};
use super::codec::{decode, decode_finding, decode_record, split};
use super::draft::RememberedRequest;
use super::jobs::{RememberedJob, Upload};
use super::review::RememberedReview;
use super::snapshot::{PAGE_ROWS_MAX, Snapshot};
use super::tables::{self, META_SECRET, META_STORE_ID, TableVisitor, visit_every_table};
use super::untouched::Untouched;
use super::{StoreError, creation};
use crate::audit::{AuditEntry, AuditHash, AuditHead, AuditKind, Frontier, Subtree, digest, verify_from};
use crate::model::{
    Alert, AlertEvent, AlertSettings, EvidenceMarks, JobLine, JobResult, OrderKey, ScreeningJob, Subscription,
};

/// Most faults that are told in words; the others are counted.
const FAULTS_TOLD_MAX: usize = 20;

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckReport {
    /// How many rows each table has, in the order in which they are listed.
    pub row_counts: Vec<(String, u64)>,
    /// The end of the trail, as far as it is whole.
    pub head: AuditHead,
    /// The first faults, in words.
    pub faults: Vec<String>,
    /// How many faults there are.
    pub fault_count: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, text: String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_TOLD_MAX {
            self.faults.push(text);
        }
    }
}

/// Checks a store that no service has open, also one whose service was killed. An error where it cannot be looked at
/// at all.
pub fn check(path: &Path) -> Result<CheckReport, StoreError> {
    let file = File::open(path).map_err(|fault| StoreError::from_io(&fault))?;
    // Only to see that nobody has it open.
    let opened = guarded(|| Ok(Database::builder().open_read_only(path)));
    if let Some(Ok(Err(DatabaseError::DatabaseAlreadyOpen))) = opened {
        return Err(StoreError::AlreadyOpen);
    }
    drop(opened);
    let untouched = Untouched::new(file).map_err(|fault| StoreError::from_io(&fault))?;
    let mut report = CheckReport::default();
    let Some(opened) = guarded(|| Ok(Database::builder().create_with_backend(untouched)?)) else {
        return Err(StoreError::Damaged { what: "the database breaks off while it is opened".to_owned() });
    };
    let mut database = opened?;
    match guarded(|| Ok(database.check_integrity()?)) {
        Some(Ok(true)) => {}
        Some(Ok(false)) => report.fault("pages are damaged; the database fell back to what it could repair".to_owned()),
        Some(Err(fault)) => return Err(fault),
        None => return Err(StoreError::Damaged { what: "the database breaks off while it is checked".to_owned() }),
    }
    let identity = guarded(|| creation::prepare(&database, None));
    identity.unwrap_or_else(|| Err(StoreError::Damaged { what: "meta".to_owned() }))?;
    check_rows(&Snapshot::new(database.begin_read()?), &mut report);
    Ok(report)
}

/// Makes a store file that no service has open as small as it can be; its length in bytes before and after.
pub fn compact(path: &Path) -> Result<(u64, u64), StoreError> {
    let length = || std::fs::metadata(path).map(|metadata| metadata.len()).map_err(|fault| StoreError::from_io(&fault));
    let before = length()?;
    let mut database = Database::builder().open(path)?;
    creation::prepare(&database, None)?;
    let compacted = |fault| match fault {
        CompactionError::Storage(fault) => StoreError::from(fault),
        other => StoreError::Broken { cause: other.to_string() },
    };
    while database.compact().map_err(compacted)? {}
    database.close()?;
    Ok((before, length()?))
}

/// What the work comes to; `None` where the database broke off in the middle of it.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Option<Result<T, StoreError>> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn check_rows(snapshot: &Snapshot, report: &mut CheckReport) {
    let visited = visit_every_table(&mut RowCheck { snapshot, report });
    if let Err(fault) = visited {
        report.fault(fault.to_string());
    }
    type Agreement = fn(&Snapshot, &mut CheckReport) -> Result<(), StoreError>;
    let agreements: [(&str, Agreement); 5] = [
        ("the trail", trail_is_whole),
        ("findings and the trail", findings_agree_with_the_trail),
        ("records and their keys", records_agree_with_their_keys),
        ("alerts and their events", alerts_agree_with_their_events),
        ("tenants and their numbers", tenants_agree_with_their_numbers),
    ];
    for (what, agreement) in agreements {
        match guarded(|| agreement(snapshot, report)) {
            Some(Ok(())) => {}
            Some(Err(fault)) => report.fault(format!("{what}: {fault}")),
            None => report.fault(format!("{what}: a row breaks off in the middle")),
        }
    }
}

/// Reads every row of every table.
struct RowCheck<'a> {
    snapshot: &'a Snapshot,
    report: &'a mut CheckReport,
}

impl TableVisitor for RowCheck<'_> {
    fn visit<K: Key, V: Value>(&mut self, definition: TableDefinition<'static, K, V>) -> Result<(), StoreError> {
        let name = definition.name();
        let (mut row_count, mut faults) = (0, Vec::new());
        let walked = guarded(|| {
            for row in self.snapshot.table(definition)?.iter()? {
                let (key, value) = row?;
                row_count += 1;
                // Texts are only looked at when they are taken out.
                drop(K::as_bytes(&key.value()));
                if let Err(fault) = check_value(name, V::as_bytes(&value.value()).as_ref()) {
                    faults.push(format!("{name}, row {row_count}: {fault}"));
                }
            }
            Ok(())
        });
        faults.into_iter().for_each(|fault| self.report.fault(fault));
        match walked {
            Some(Ok(())) => {}
            Some(Err(fault)) => self.report.fault(format!("{name}, after row {row_count}: {fault}")),
            None => self.report.fault(format!("{name}, row {row_count}: breaks off in the middle")),
        }
        self.report.row_counts.push((name.to_owned(), row_count));
        Ok(())
    }
}

/// Whether these bytes are a value of the table. Every table stands here; a test holds that.
fn check_value(table: &str, bytes: &[u8]) -> Result<(), StoreError> {
    fn is<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), StoreError> {
        decode::<T>(bytes, "value").map(drop)
    }
    match table {
        "records.v1" => decode_record(bytes).map(drop),
        "findings.v1" | "finding_history.v1" => decode_finding(bytes).map(drop),
        "finding_causes.v1" => is::<CauseRow>(bytes),
        "finding_changes.v1" => is::<ChangeRow>(bytes),
        "raw_inputs.v1" => is::<RawInput>(bytes),
        "requests.v1" => is::<RememberedRequest>(bytes),
        "review_requests.v1" => is::<RememberedReview>(bytes),
        "alerts.v2" => is::<Alert>(bytes),
        "alert_events.v2" => is::<AlertEvent>(bytes),
        "alert_settings.v1" => is::<AlertSettings>(bytes),
        "subscriptions.v1" => is::<Subscription>(bytes),
        "jobs.v1" => is::<ScreeningJob>(bytes),
        "job_requests.v1" => is::<RememberedJob>(bytes),
        "job_uploads.v1" => is::<Upload>(bytes),
        "job_lines.v1" => is::<JobLine>(bytes),
        "job_results.v1" => is::<JobResult>(bytes),
        "audit.v1" => is::<AuditEntry>(bytes),
        // Numbers, texts and nothing: the database has read them already. Of `meta.v1` opening reads what there is.
        "meta.v1"
        | "tenants.v1"
        | "tenant_names.v1"
        | "order_keys.v1"
        | "shipment_keys.v1"
        | "company_keys.v1"
        | "batches.v1"
        | "request_expiry.v1"
        | "alert_by_order.v1"
        | "events_by_alert.v1"
        | "suppression_expiry.v1"
        | "review_request_expiry.v1"
        | "jobs_running.v1"
        | "audit_leaves.v1"
        | "audit_nodes.v1" => Ok(()),
        _ => Err(StoreError::Damaged { what: "a table that is not checked".to_owned() }),
    }
}

/// Hands on the whole trail, page by page.
fn each_entry(
    snapshot: &Snapshot,
    mut take: impl FnMut(&AuditEntry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut last = 0;
    loop {
        let page = snapshot.audit_entries(last, PAGE_ROWS_MAX)?;
        let Some(newest) = page.last() else { return Ok(()) };
        last = newest.sequence;
        page.iter().try_for_each(&mut take)?;
    }
}

/// The chain holds, every entry is a leaf of its tenant's tree, and the nodes of the trees are what their leaves make.
fn trail_is_whole(snapshot: &Snapshot, report: &mut CheckReport) -> Result<(), StoreError> {
    let tenants = snapshot.table(tables::TENANTS)?;
    let (leaves, nodes) = (snapshot.table(tables::AUDIT_LEAVES)?, snapshot.table(tables::AUDIT_NODES)?);
    let (mut head, mut is_broken) = (AuditHead::default(), false);
    let (mut trees, mut node_count) = (BTreeMap::<u32, Frontier>::new(), 0);
    each_entry(snapshot, |entry| {
        match verify_from(head, std::slice::from_ref(entry)) {
            Ok(next) if !is_broken => head = next,
            Ok(_) => {}
            Err(fault) if !is_broken => {
                is_broken = true;
                report.fault(fault.to_string());
            }
            Err(_) => {}
        }
        let Some(scope) = tenants.get(entry.tenant.as_str())?.map(|scope| scope.value()) else {
            report.fault(format!("audit entry {} is of no tenant", entry.sequence));
            return Ok(());
        };
        let tree = trees.entry(scope).or_default();
        if leaves.get((scope, tree.size()))?.map(|sequence| sequence.value()) != Some(entry.sequence) {
            report.fault(format!("audit entry {} is not found under its tenant", entry.sequence));
        }
        tree.push(entry.leaf_hash(), |Subtree { level, index }, hash| {
            node_count += 1;
            if nodes.get((scope, level, index))?.is_none_or(|kept| kept.value() != hash) {
                report.fault(format!("audit node {index} of level {level} is not what its entries make"));
            }
            Ok(())
        })
    })?;
    if leaves.len()? != snapshot.table(tables::AUDIT)?.len()? || nodes.len()? != node_count {
        report.fault("the trail and its trees by tenant have different numbers of rows".to_owned());
    }
    report.head = head;
    Ok(())
}

/// Every finding, superseded ones included, has the hash that the trail noted when it was judged.
fn findings_agree_with_the_trail(snapshot: &Snapshot, report: &mut CheckReport) -> Result<(), StoreError> {
    // By digest, so that what is kept for the look has one size; hash and place of each judgement, in order.
    let mut noted: BTreeMap<AuditHash, Vec<(AuditHash, u64)>> = BTreeMap::new();
    let name = |tenant: &str, subject: &str| digest(format!("{}\0{tenant}{subject}", tenant.len()).as_bytes());
    each_entry(snapshot, |entry| {
        if entry.kind == AuditKind::CaseJudged {
            let judgements = noted.entry(name(&entry.tenant, &entry.subject)).or_default();
            judgements.push((entry.detail_hash, entry.sequence));
        }
        Ok(())
    })?;
    let names = snapshot.table(tables::TENANT_NAMES)?;
    let mut seen = 0;
    let mut compare = |scope: u32, order_id: &str, line_no: u32, row: &[u8], is_newest: bool| {
        let (revision, body) = split(row, "finding")?;
        let tenant = names.get(scope)?.map(|tenant| tenant.value().to_owned()).unwrap_or_default();
        let judgements = noted.get(&name(&tenant, &format!("order/{order_id}/{line_no}")));
        let place = (revision as usize).checked_sub(1);
        let judgement = judgements.zip(place).and_then(|(judgements, place)| judgements.get(place));
        seen += 1;
        match judgement {
            None => report.fault(format!("a finding of revision {revision} is not in the trail")),
            Some((hash, sequence)) if digest(body) != *hash => {
                report.fault(format!("the finding of audit entry {sequence} is not what was judged"));
            }
            Some((_, sequence)) if is_newest && judgements.map(Vec::len) != Some(revision as usize) => {
                report.fault(format!("the finding of audit entry {sequence} is not the newest one"));
            }
            Some(_) => {}
        }
        decode_finding(row).map(|stored| stored.finding).map(|finding| {
            if finding.tenant != tenant || finding.order != (OrderKey { order_id: order_id.to_owned(), line_no }) {
                report.fault("a finding lies under the key of another order line".to_owned());
            }
        })
    };
    for row in snapshot.table(tables::FINDINGS)?.iter()? {
        let (key, value) = row?;
        let (scope, order_id, line_no) = key.value();
        compare(scope, order_id, line_no, value.value(), true)?;
    }
    for row in snapshot.table(tables::FINDING_HISTORY)?.iter()? {
        let (key, value) = row?;
        let (scope, order_id, line_no, _) = key.value();
        compare(scope, order_id, line_no, value.value(), false)?;
    }
    let noted_count: usize = noted.values().map(Vec::len).sum();
    if seen != noted_count {
        report.fault(format!("the trail tells of {noted_count} judgements, {seen} are there"));
    }
    Ok(())
}

fn records_agree_with_their_keys(snapshot: &Snapshot, report: &mut CheckReport) -> Result<(), StoreError> {
    let orders = snapshot.table(tables::ORDER_KEYS)?;
    let shipments = snapshot.table(tables::SHIPMENT_KEYS)?;
    let companies = snapshot.table(tables::COMPANY_KEYS)?;
    let mut count = 0;
    for row in snapshot.table(tables::RECORDS)?.iter()? {
        let (sequence, value) = row?;
        let sequence = sequence.value();
        count += 1;
        if sequence != count {
            report.fault(format!("record {sequence} comes where {count} was expected"));
            count = sequence;
        }
        let Ok((scope, record)) = decode_record(value.value()) else { continue };
        let place = match &RecordKey::of(&record) {
            RecordKey::Order { order_id, line_no } => orders.get((scope, order_id.as_str(), *line_no))?,
            RecordKey::Shipment { feed, kind, number, line_no } => {
                shipments.get((scope, feed.as_str(), *kind, number.as_str(), *line_no))?
            }
            RecordKey::Company { country, identifier } => {
                companies.get((scope, country.as_str(), identifier.as_str()))?
            }
        };
        if place.map(|place| place.value()) != Some(sequence) {
            report.fault(format!("record {sequence} is not found under its key"));
        }
    }
    if orders.len()? + shipments.len()? + companies.len()? != snapshot.table(tables::RECORDS)?.len()? {
        report.fault("records and their keys have different numbers of rows".to_owned());
    }
    if snapshot.judged_through()? > count {
        report.fault(format!("judged through record {}, but the last one is {count}", snapshot.judged_through()?));
    }
    Ok(())
}

/// An alert is what its last event says, events have no gaps, and the indexes lead to both.
fn alerts_agree_with_their_events(snapshot: &Snapshot, report: &mut CheckReport) -> Result<(), StoreError> {
    let alerts = snapshot.table(tables::ALERTS)?;
    let by_alert = snapshot.table(tables::EVENTS_BY_ALERT)?;
    let by_order = snapshot.table(tables::ALERT_BY_ORDER)?;
    let events = snapshot.table(tables::ALERT_EVENTS)?;
    let mut last: Option<(u32, u64)> = None;
    let mut known: BTreeSet<(u32, u64)> = BTreeSet::new();
    // From the last one back: the first event of an alert that is met is its newest.
    for row in events.iter()?.rev() {
        let (key, value) = row?;
        let (scope, sequence) = key.value();
        let expected = last.filter(|(of, _)| *of == scope).map(|(_, after)| after - 1);
        if last.is_some_and(|(of, after)| of != scope && after != 1) || expected.is_some_and(|at| at != sequence) {
            report.fault(format!("alert events have a gap at event {sequence}"));
        }
        last = Some((scope, sequence.max(1)));
        let event: AlertEvent = decode(value.value(), "alert event")?;
        if event.sequence != sequence || by_alert.get((scope, event.alert.id.0, sequence))?.is_none() {
            report.fault(format!("alert event {sequence} is not found under its alert"));
        }
        if !known.insert((scope, event.alert.id.0)) {
            continue;
        }
        // Marks are not kept in events of format 1.
        let unmarked = |alert: Alert| Alert { marks: EvidenceMarks::default(), ..alert };
        let held = alerts.get((scope, event.alert.id.0))?.map(|row| decode::<Alert>(row.value(), "alert"));
        if held.transpose()?.map(unmarked).as_ref() != Some(&unmarked(event.alert.clone())) {
            report.fault(format!("the alert of event {sequence} is not what the event says"));
        }
        let order = (scope, event.alert.order.order_id.as_str(), event.alert.order.line_no);
        if by_order.get(order)?.map(|id| id.value()) != Some(event.alert.id.0) {
            report.fault(format!("the alert of event {sequence} is not found under its order line"));
        }
    }
    if last.is_some_and(|(_, first)| first != 1) {
        report.fault("the first alert event is missing".to_owned());
    }
    let alert_count = known.len() as u64;
    if alerts.len()? != alert_count || by_order.len()? != alert_count || by_alert.len()? != events.len()? {
        report.fault("alerts, their events and their indexes have different numbers of rows".to_owned());
    }
    Ok(())
}

fn tenants_agree_with_their_numbers(snapshot: &Snapshot, report: &mut CheckReport) -> Result<(), StoreError> {
    let (tenants, names) = (snapshot.table(tables::TENANTS)?, snapshot.table(tables::TENANT_NAMES)?);
    for row in tenants.iter()? {
        let (name, scope) = row?;
        if names.get(scope.value())?.is_none_or(|found| found.value() != name.value()) {
            report.fault(format!("tenant {} has another name under its number", scope.value()));
        }
    }
    if tenants.len()? != names.len()? {
        report.fault("tenants and their numbers have different numbers of rows".to_owned());
    }
    let meta = snapshot.table(tables::META)?;
    for key in [META_STORE_ID, META_SECRET] {
        if meta.get(key)?.is_none() {
            report.fault(format!("meta value {key} is missing"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::{Key, TableDefinition, TableHandle, Value};

    use super::check_value;
    use crate::store::StoreError;
    use crate::store::tables::{TABLE_COUNT, TableVisitor, visit_every_table};

    struct Names(Vec<&'static str>);

    impl TableVisitor for Names {
        fn visit<K: Key, V: Value>(&mut self, definition: TableDefinition<'static, K, V>) -> Result<(), StoreError> {
            // The name of a constant lives as long as the program.
            self.0.push(Box::leak(definition.name().to_owned().into_boxed_str()));
            Ok(())
        }
    }

    #[test]
    fn every_table_is_copied_and_checked() {
        let mut names = Names(Vec::new());
        visit_every_table(&mut names).unwrap();
        assert_eq!(names.0.len(), TABLE_COUNT, "a table is missing in `visit_every_table`");
        let unchecked = |name: &&&str| {
            let fault = check_value(name, &[]).err().map(|fault| fault.to_string());
            fault.is_some_and(|fault| fault.contains("not checked"))
        };
        assert_eq!(names.0.iter().filter(unchecked).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
