//! From older file formats to the present one, in the transaction that opens a store for writing.
//!
//! Come here when a stored value changes: its old form is written down here and nowhere else, and a file of the old
//! format is turned into one of the new format, whole or not at all.

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::codec::{decode, decode_finding, encode};
use super::tables::{ALERT_EVENTS_V1, ALERTS_V1, AUDIT_BY_TENANT, Tables};
use super::trail;
use crate::audit::Frontier;
use crate::model::{
    Alert, AlertEvent, AlertEventKind, AlertId, AlertState, Amount, EvidenceMarks, FindingKind, Level, OrderKey,
    Probability, Unit,
};

/// An alert in format 1.
#[derive(Serialize, Deserialize)]
pub(super) struct AlertV1 {
    pub id: AlertId,
    pub tenant: String,
    pub order: OrderKey,
    pub state: AlertState,
    pub revision: u32,
    pub raised_at_millis: u64,
    pub changed_at_millis: u64,
    pub kind: FindingKind,
    pub level: Level,
    pub score: Probability,
    pub priority: Amount,
    pub attributed: Amount,
    pub unit: Unit,
    pub summary: String,
    pub case_hash: [u8; 32],
    pub fingerprint: [u8; 32],
}

/// An alert event in format 1.
#[derive(Serialize, Deserialize)]
pub(super) struct AlertEventV1 {
    pub sequence: u64,
    pub at_millis: u64,
    pub kind: AlertEventKind,
    pub alert: AlertV1,
}

impl AlertV1 {
    fn with_marks(self, marks: EvidenceMarks) -> Alert {
        Alert {
            id: self.id,
            tenant: self.tenant,
            order: self.order,
            state: self.state,
            revision: self.revision,
            raised_at_millis: self.raised_at_millis,
            changed_at_millis: self.changed_at_millis,
            kind: self.kind,
            level: self.level,
            score: self.score,
            priority: self.priority,
            attributed: self.attributed,
            unit: self.unit,
            summary: self.summary,
            case_hash: self.case_hash,
            fingerprint: self.fingerprint,
            assignee: String::new(),
            proposal: None,
            suppression: None,
            marks,
        }
    }
}

/// Format 1 to 2: alerts and their events know who works on them and what changed.
pub(super) fn alerts_to_format_2(transaction: &WriteTransaction, tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let old = transaction.open_table(ALERTS_V1)?;
    for row in old.iter()? {
        let (key, value) = row?;
        let alert: AlertV1 = decode(value.value(), "alert of format 1")?;
        // What the person sees now is what later evidence is compared with.
        let marks = marks_of(tables, key.value().0, &alert.order)?;
        tables.alerts.insert(key.value(), encode(&alert.with_marks(marks))?.as_slice())?;
    }
    drop(old);
    let old = transaction.open_table(ALERT_EVENTS_V1)?;
    for row in old.iter()? {
        let (key, value) = row?;
        let AlertEventV1 { sequence, at_millis, kind, alert } = decode(value.value(), "alert event of format 1")?;
        tables.events_by_alert.insert((key.value().0, alert.id.0, sequence), ())?;
        // The findings of then are not read again: nobody compares with an event.
        let alert = alert.with_marks(EvidenceMarks::default());
        let event = AlertEvent { sequence, at_millis, kind, alert, changes: Vec::new(), act: None };
        tables.alert_events.insert(key.value(), encode(&event)?.as_slice())?;
    }
    drop(old);
    transaction.delete_table(ALERTS_V1)?;
    transaction.delete_table(ALERT_EVENTS_V1)?;
    Ok(())
}

/// Format 2 to 3: the entries of each tenant are the leaves of a tree. Goes over the trail once, tenant by tenant, and
/// holds one hash for each level of one tree.
pub(super) fn trails_to_format_3(transaction: &WriteTransaction, tables: &mut Tables<'_>) -> Result<(), StoreError> {
    let old = transaction.open_table(AUDIT_BY_TENANT)?;
    let (mut of, mut tree) = (None, Frontier::default());
    for row in old.iter()? {
        let (scope, sequence) = row?.0.value();
        if of.replace(scope) != Some(scope) {
            tree = Frontier::default();
        }
        let entry = trail::entry(&tables.audit, sequence)?;
        trail::grow(&mut tables.audit_leaves, &mut tables.audit_nodes, scope, &mut tree, &entry)?;
    }
    drop(old);
    let (leaves, entries) = (tables.audit_leaves.len()?, tables.audit.len()?);
    if leaves != entries {
        return Err(StoreError::Damaged { what: format!("{entries} audit entries, {leaves} of them with a tenant") });
    }
    transaction.delete_table(AUDIT_BY_TENANT)?;
    Ok(())
}

fn marks_of(tables: &Tables<'_>, scope: u32, order: &OrderKey) -> Result<EvidenceMarks, StoreError> {
    let row = tables.findings.get((scope, order.order_id.as_str(), order.line_no))?;
    let finding = row.map(|row| decode_finding(row.value())).transpose()?;
    Ok(finding.map(|stored| EvidenceMarks::of(&stored.finding)).unwrap_or_default())
}
