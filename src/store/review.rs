//! What people do with alerts: acts, history and trail in one transaction; silences that end by the clock; settings.
//!
//! Come here for what a review changes in the store. What is allowed is the caller's rule, which is asked inside the
//! transaction, so that it sees the alert as it is: of two persons who decide at the same time one is refused.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::batch::{NAME_BYTES_MAX, within};
use super::codec::{decode, decode_finding, encode};
use super::draft::{Draft, REQUEST_DAYS};
use super::judgement::AlertRule;
use crate::audit::{AuditHash, AuditKind, digest};
use crate::model::{
    Alert, AlertAspect, AlertChange, AlertDecision, AlertEvent, AlertEventKind, AlertId, AlertSettings, AlertState,
    AlertUpdate, Finding, ReviewAct, ReviewRefusal, Reviewed,
};

/// Most bytes of what a person says in one act, names included.
pub const ACT_BYTES_MAX: usize = 16 * 1024;
/// Most silences that end in one transaction; the rest ends in the next ones.
pub const LIFTED_PER_COMMIT_MAX: usize = 1_000;
/// How many forgotten request ids are removed with each new one: more than one, so that they never pile up.
const FORGET_PER_REQUEST_MAX: usize = 4;

/// What people may do. Pure; runs in the writer's thread. The last argument is the time in milliseconds since 1970.
pub type ReviewRule = fn(&Alert, &AlertSettings, &ReviewAct, u64) -> Result<Reviewed, ReviewRefusal>;

/// What a person wants done with which alert.
#[derive(Clone)]
pub struct ReviewRequest {
    /// Whose alert.
    pub tenant: String,
    /// Which.
    pub alert: AlertId,
    /// Names the request, so that sending it again changes nothing; empty when it may not be sent again.
    pub request_id: String,
    /// What.
    pub act: ReviewAct,
    /// What is allowed.
    pub rule: ReviewRule,
    /// What a finding means for an alert: the silence of this one may be over.
    pub alert_rule: AlertRule,
}

/// The event that an act made, or why it made none.
pub type ReviewOutcome = Result<AlertEvent, ReviewRefusal>;

/// What the store remembers of an act that was done.
#[derive(Serialize, Deserialize)]
pub(super) struct RememberedReview {
    content_hash: AuditHash,
    event_sequence: u64,
}

impl ReviewRequest {
    /// Checks the limits; the hash of what is asked for.
    pub(super) fn content_hash(&self) -> Result<AuditHash, StoreError> {
        within("tenant", 0, self.tenant.len(), NAME_BYTES_MAX)?;
        within("request id", 0, self.request_id.len(), NAME_BYTES_MAX)?;
        let content = encode(&(self.alert, &self.act))?;
        within("review", 0, content.len(), ACT_BYTES_MAX)?;
        Ok(digest(&content))
    }
}

impl Draft<'_> {
    /// Does what a person asks for. Refuses it before anything is written when its request id was used for something
    /// else.
    pub fn review(&mut self, request: &ReviewRequest, content_hash: AuditHash) -> Result<ReviewOutcome, StoreError> {
        let Some(scope) = self.tables.tenants.get(request.tenant.as_str())?.map(|scope| scope.value()) else {
            return Ok(Err(ReviewRefusal::NotFound));
        };
        if let Some(event) = self.remembered_review(scope, &request.request_id, content_hash)? {
            return Ok(Ok(event));
        }
        self.lift_expired(&request.alert_rule)?;
        let Some(before) = self.alert(scope, request.alert.0)? else {
            return Ok(Err(ReviewRefusal::NotFound));
        };
        let settings = self.settings(scope)?;
        let reviewed = match (request.rule)(&before, &settings, &request.act, self.at_millis) {
            Ok(reviewed) => reviewed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.forget_expiry(scope, &before)?;
        let Reviewed { kind, alert, changes, act } = reviewed;
        let event = self.put_event(scope, kind, alert, changes, Some(act))?;
        if !request.request_id.is_empty() {
            self.remember_review(scope, &request.request_id, content_hash, event.sequence)?;
        }
        Ok(Ok(event))
    }

    /// Sets how a tenant wants alerts to be worked on.
    pub fn set_alert_settings(&mut self, tenant: &str, settings: AlertSettings) -> Result<(), StoreError> {
        let scope = self.tables.scope_of(tenant)?;
        if self.settings(scope)? != settings {
            let bytes = encode(&settings)?;
            self.tables.alert_settings.insert(scope, bytes.as_slice())?;
            let subject = "alert-settings".to_owned();
            self.audit(scope, AuditKind::AlertSettingsChanged, tenant.to_owned(), subject, digest(&bytes))?;
        }
        Ok(())
    }

    /// Ends the silences that are over by the time of this transaction; how many events that made.
    pub fn lift_expired(&mut self, rule: &AlertRule) -> Result<usize, StoreError> {
        let mut due = Vec::new();
        for row in self.tables.suppression_expiry.iter()?.take(LIFTED_PER_COMMIT_MAX) {
            let key = row?.0.value();
            if key.0 > self.at_millis {
                break;
            }
            due.push(key);
        }
        for (expires_at_millis, scope, id) in &due {
            self.tables.suppression_expiry.remove((*expires_at_millis, *scope, *id))?;
            let alert = self.alert(*scope, *id)?;
            let alert = alert.ok_or_else(|| StoreError::Damaged { what: format!("alert {id} is missing") })?;
            self.lift(*scope, &alert, rule)?;
        }
        Ok(due.len())
    }

    /// Forgets when the silence of an alert would end, before it ends otherwise.
    pub(super) fn forget_expiry(&mut self, scope: u32, alert: &Alert) -> Result<(), StoreError> {
        if let Some(suppression) = &alert.suppression {
            self.tables.suppression_expiry.remove((suppression.expires_at_millis, scope, alert.id.0))?;
        }
        Ok(())
    }

    /// The alert as the finding of now makes it: open again, or closed when the finding has fallen meanwhile.
    fn lift(&mut self, scope: u32, silent: &Alert, rule: &AlertRule) -> Result<(), StoreError> {
        let open = Alert { state: AlertState::Open, suppression: None, ..silent.clone() };
        let finding = self.finding_of(scope, &open)?;
        let mut update = match rule(Some(&open), &finding) {
            AlertDecision::Change(update) => *update,
            AlertDecision::Keep => AlertUpdate {
                kind: AlertEventKind::Reopened,
                fingerprint: open.fingerprint,
                changes: Vec::new(),
                is_material: false,
            },
        };
        if update.kind != AlertEventKind::Closed {
            update.kind = AlertEventKind::Reopened;
        }
        let alert = open.changed(&update, &finding, self.at_millis);
        let mut changes = update.changes;
        changes.retain(|change| change.aspect != AlertAspect::State);
        let author = silent.suppression.as_ref().map(|suppression| suppression.actor.clone()).unwrap_or_default();
        changes.extend([
            AlertChange {
                aspect: AlertAspect::State,
                before: silent.state.as_str().to_owned(),
                after: alert.state.as_str().to_owned(),
            },
            AlertChange {
                aspect: AlertAspect::Suppression,
                before: format!("by {author}"),
                after: "ended: its time is over".to_owned(),
            },
        ]);
        self.put_event(scope, update.kind, alert, changes, None)?;
        Ok(())
    }

    fn finding_of(&self, scope: u32, alert: &Alert) -> Result<Finding, StoreError> {
        let key = (scope, alert.order.order_id.as_str(), alert.order.line_no);
        let row = self.tables.findings.get(key)?;
        let row =
            row.ok_or_else(|| StoreError::Damaged { what: format!("finding of alert {} is missing", alert.id) })?;
        Ok(decode_finding(row.value())?.finding)
    }

    fn settings(&self, scope: u32) -> Result<AlertSettings, StoreError> {
        let row = self.tables.alert_settings.get(scope)?;
        row.map_or(Ok(AlertSettings::default()), |row| decode(row.value(), "alert settings"))
    }

    /// The event of then, where this act was done before.
    fn remembered_review(
        &self,
        scope: u32,
        request_id: &str,
        content_hash: AuditHash,
    ) -> Result<Option<AlertEvent>, StoreError> {
        let Some(row) = self.tables.review_requests.get((scope, request_id))? else { return Ok(None) };
        let remembered: RememberedReview = decode(row.value(), "review request")?;
        if remembered.content_hash != content_hash {
            return Err(StoreError::RequestIdReused);
        }
        let event = self.tables.alert_events.get((scope, remembered.event_sequence))?;
        event.map(|row| decode(row.value(), "alert event")).transpose()
    }

    fn remember_review(
        &mut self,
        scope: u32,
        request_id: &str,
        content_hash: AuditHash,
        event_sequence: u64,
    ) -> Result<(), StoreError> {
        let remembered = encode(&RememberedReview { content_hash, event_sequence })?;
        self.tables.review_requests.insert((scope, request_id), remembered.as_slice())?;
        let expires_millis = self.at_millis.saturating_add(REQUEST_DAYS * 24 * 3600 * 1000);
        self.tables.review_request_expiry.insert((expires_millis, scope, request_id), ())?;
        for _ in 0..FORGET_PER_REQUEST_MAX {
            let forgotten = match self.tables.review_request_expiry.first()? {
                Some((key, _)) if key.value().0 <= self.at_millis => {
                    let (expires_millis, scope, request_id) = key.value();
                    (expires_millis, scope, request_id.to_owned())
                }
                _ => break,
            };
            let (expires_millis, scope, request_id) = forgotten;
            self.tables.review_request_expiry.remove((expires_millis, scope, request_id.as_str()))?;
            self.tables.review_requests.remove((scope, request_id.as_str()))?;
        }
        Ok(())
    }
}
