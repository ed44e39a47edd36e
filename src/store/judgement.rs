//! Committing judgements: finding, alert, alert event and audit entry together or not at all.
//!
//! Come here for what a new finding changes in the store. Whether it deserves an alert is the caller's rule, which
//! is asked inside the transaction, so that it always sees the alert as it is and never a stale one.

use std::sync::Arc;

use redb::ReadableTable;

use super::StoreError;
use super::batch::{NAME_BYTES_MAX, within};
use super::codec::{decode, encode, join, split, stored_form};
use super::draft::Draft;
use crate::audit::{AuditKind, digest};
use crate::model::{
    Alert, AlertAct, AlertChange, AlertDecision, AlertEvent, AlertEventKind, AlertId, Causes, Finding, Judgement,
    OrderKey,
};

/// Most findings in one commit.
pub const FINDINGS_PER_COMMIT_MAX: usize = 10_000;
/// Most bytes of one finding in its stored form.
pub const FINDING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a finding means for the alert of its order line, if there is one. Pure; runs in the writer's thread.
pub type AlertRule = Arc<dyn Fn(Option<&Alert>, &Finding) -> AlertDecision + Send + Sync>;

/// What a commit changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommitOutcome {
    /// Findings that are new or differ from the stored ones.
    pub findings_changed: usize,
    /// Findings that were there already, byte for byte.
    pub findings_unchanged: usize,
    /// Alert events that were added.
    pub alert_events: usize,
}

/// Findings ready to be written.
pub(super) struct EncodedJudgements {
    pub findings: Vec<(Judgement, Vec<u8>)>,
    pub judged_through: Option<u64>,
    pub rule: AlertRule,
}

impl EncodedJudgements {
    /// Checks the limits, sorts by key and encodes.
    pub fn of(
        findings: Vec<impl Into<Judgement>>,
        judged_through: Option<u64>,
        rule: AlertRule,
    ) -> Result<Self, StoreError> {
        if findings.len() > FINDINGS_PER_COMMIT_MAX {
            return Err(StoreError::TooMany { count: findings.len(), limit: FINDINGS_PER_COMMIT_MAX });
        }
        let mut encoded = Vec::with_capacity(findings.len());
        for (index, judgement) in findings.into_iter().enumerate() {
            let judgement: Judgement = judgement.into();
            let finding = &judgement.finding;
            within("tenant", index, finding.tenant.len(), NAME_BYTES_MAX)?;
            within("order id", index, finding.order.order_id.len(), NAME_BYTES_MAX)?;
            let bytes = stored_form(finding)?;
            within("finding", index, bytes.len(), FINDING_BYTES_MAX)?;
            encoded.push((judgement, bytes));
        }
        // Stable: of two judgements on one line the later one stays the later one.
        encoded.sort_by(|(Judgement { finding: one, .. }, _), (Judgement { finding: other, .. }, _)| {
            (&one.tenant, &one.order).cmp(&(&other.tenant, &other.order))
        });
        Ok(Self { findings: encoded, judged_through, rule })
    }

    /// About how much memory it takes while it waits.
    pub fn bytes(&self) -> usize {
        self.findings.iter().map(|(_, bytes)| bytes.len() * 2 + 256).sum()
    }
}

impl Draft<'_> {
    /// Takes up all findings of one commit.
    pub fn judge(&mut self, judgements: &EncodedJudgements) -> Result<CommitOutcome, StoreError> {
        let mut outcome = CommitOutcome::default();
        // First, so that no finding meets a silence that is over.
        outcome.alert_events += self.lift_expired(&judgements.rule)?;
        for (Judgement { finding, causes }, bytes) in &judgements.findings {
            let scope = self.tables.scope_of(&finding.tenant)?;
            if self.put_finding(scope, finding, bytes, causes)? {
                outcome.findings_changed += 1;
            } else {
                outcome.findings_unchanged += 1;
            }
            // Also for an unchanged finding: the rule itself may have changed since.
            if self.put_alert(scope, finding, &judgements.rule)? {
                outcome.alert_events += 1;
            }
        }
        if let Some(sequence) = judgements.judged_through {
            self.judged_through(sequence)?;
        }
        Ok(outcome)
    }

    /// Whether the finding was new.
    fn put_finding(
        &mut self,
        scope: u32,
        finding: &Finding,
        bytes: &[u8],
        causes: &Causes,
    ) -> Result<bool, StoreError> {
        let OrderKey { order_id, line_no } = &finding.order;
        let key = (scope, order_id.as_str(), *line_no);
        let before = match self.tables.findings.get(key)? {
            Some(row) => {
                let (revision, body) = split(row.value(), "finding")?;
                if body == bytes {
                    return Ok(false);
                }
                Some((revision, row.value().to_vec()))
            }
            None => None,
        };
        let revision = before.as_ref().map_or(1, |(revision, _)| revision + 1);
        if let Some((revision, row)) = before {
            self.tables.finding_history.insert((scope, order_id.as_str(), *line_no, revision), row.as_slice())?;
        }
        self.tables.findings.insert(key, join(revision, bytes).as_slice())?;
        let subject = format!("order/{order_id}/{line_no}");
        let place = self.audit(scope, AuditKind::CaseJudged, finding.tenant.clone(), subject, digest(bytes))?;
        self.put_change(scope, &finding.order, revision, place, causes)?;
        Ok(true)
    }

    /// Whether an event was added.
    fn put_alert(&mut self, scope: u32, finding: &Finding, rule: &AlertRule) -> Result<bool, StoreError> {
        let before = self.alert_of(scope, &finding.order)?;
        let AlertDecision::Change(mut update) = rule(before.as_ref(), finding) else {
            return Ok(false);
        };
        let alert = match before {
            // Event sequences are never reused, so the first event's number can name the alert.
            None => {
                update.kind = AlertEventKind::Raised;
                let id = AlertId(self.event_sequence_next(scope)?);
                Alert::raised(id, finding, update.fingerprint, self.at_millis)
            }
            Some(before) => {
                if update.kind == AlertEventKind::Raised {
                    update.kind = AlertEventKind::Reopened;
                }
                self.forget_expiry(scope, &before)?;
                before.changed(&update, finding, self.at_millis)
            }
        };
        self.put_event(scope, update.kind, alert, update.changes, None)?;
        Ok(true)
    }

    /// The alert as it is now, the event that tells of it and its entry in the trail; the event.
    pub(super) fn put_event(
        &mut self,
        scope: u32,
        kind: AlertEventKind,
        alert: Alert,
        changes: Vec<AlertChange>,
        act: Option<AlertAct>,
    ) -> Result<AlertEvent, StoreError> {
        let sequence = self.event_sequence_next(scope)?;
        let event = AlertEvent { sequence, at_millis: self.at_millis, kind, alert, changes, act };
        let alert = &event.alert;
        let OrderKey { order_id, line_no } = &alert.order;
        self.tables.alerts.insert((scope, alert.id.0), encode(alert)?.as_slice())?;
        if alert.revision == 1 {
            self.tables.alert_by_order.insert((scope, order_id.as_str(), *line_no), alert.id.0)?;
        }
        if let Some(suppression) = &alert.suppression {
            self.tables.suppression_expiry.insert((suppression.expires_at_millis, scope, alert.id.0), ())?;
        }
        let bytes = encode(&event)?;
        self.tables.alert_events.insert((scope, sequence), bytes.as_slice())?;
        self.tables.events_by_alert.insert((scope, alert.id.0, sequence), ())?;
        self.events_last.insert(scope, sequence);
        let audit_kind = match kind {
            AlertEventKind::Raised | AlertEventKind::Reopened => AuditKind::AlertRaised,
            AlertEventKind::Updated | AlertEventKind::Lowered => AuditKind::AlertUpdated,
            AlertEventKind::Closed => AuditKind::AlertClosed,
            AlertEventKind::Reviewed
            | AlertEventKind::Proposed
            | AlertEventKind::Commented
            | AlertEventKind::Suppressed => AuditKind::AlertReviewed,
        };
        self.audit(scope, audit_kind, alert.tenant.clone(), format!("alert/{}", alert.id), digest(&bytes))?;
        Ok(event)
    }

    /// An alert by its id; one that an index names must be there.
    pub(super) fn alert(&self, scope: u32, id: u64) -> Result<Option<Alert>, StoreError> {
        self.tables.alerts.get((scope, id))?.map(|row| decode(row.value(), "alert")).transpose()
    }

    fn alert_of(&self, scope: u32, order: &OrderKey) -> Result<Option<Alert>, StoreError> {
        let Some(id) = self.tables.alert_by_order.get((scope, order.order_id.as_str(), order.line_no))? else {
            return Ok(None);
        };
        let found = self.alert(scope, id.value())?;
        found.map(Some).ok_or_else(|| StoreError::Damaged { what: format!("alert {} is missing", id.value()) })
    }

    /// The number of the next event of a scope.
    pub(super) fn event_sequence_next(&self, scope: u32) -> Result<u64, StoreError> {
        let last = match self.events_last.get(&scope) {
            Some(last) => *last,
            None => match self.tables.alert_events.range((scope, 0)..=(scope, u64::MAX))?.next_back() {
                Some(row) => row?.0.value().1,
                None => 0,
            },
        };
        Ok(last + 1)
    }
}
