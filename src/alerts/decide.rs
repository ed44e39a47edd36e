//! What a new finding means for the alert of its order line.
//!
//! Come here to change when an alert is raised, lowered or closed. Pure: the same alert and the same finding give the
//! same decision. The store asks it inside its transaction; numbers, times and states are filled in there.

use std::sync::Arc;

use crate::audit::digest;
use crate::model::{
    Alert, AlertDecision, AlertEventKind, AlertState, Amount, DocumentKey, Finding, FindingKind, Level, Probability,
};
use crate::store::AlertRule;

/// From where on a finding is worth somebody's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlertPolicy {
    /// Findings of this level or above become alerts.
    pub level_min: Level,
    /// So do findings with this score or above, whatever their level.
    pub score_min: Option<Probability>,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self { level_min: Level::Medium, score_min: None }
    }
}

impl AlertPolicy {
    fn is_crossed_by(&self, finding: &Finding) -> bool {
        finding.level >= self.level_min || self.score_min.is_some_and(|least| finding.score >= least)
    }
}

/// The rule of a policy, as the store takes it.
pub fn rule(policy: AlertPolicy) -> AlertRule {
    Arc::new(move |previous, finding| decide(previous, finding, &policy))
}

/// What this finding means for the alert of its order line.
pub fn decide(previous: Option<&Alert>, finding: &Finding, policy: &AlertPolicy) -> AlertDecision {
    let is_crossed = policy.is_crossed_by(finding);
    let fingerprint = fingerprint(finding);
    let kind = match (previous.map(|alert| (alert, alert.state)), is_crossed) {
        (None, false) | (Some((_, AlertState::Closed)), false) => return AlertDecision::Keep,
        (None, true) => AlertEventKind::Raised,
        (Some((_, AlertState::Closed)), true) => AlertEventKind::Reopened,
        (Some((_, AlertState::Open)), false) => AlertEventKind::Closed,
        (Some((alert, AlertState::Open)), true) => match compare(alert, finding, &fingerprint) {
            Some(kind) => kind,
            None => return AlertDecision::Keep,
        },
    };
    AlertDecision::Change { kind, fingerprint }
}

/// How an open alert changes, or nothing when a person would see the same.
fn compare(alert: &Alert, finding: &Finding, fingerprint: &[u8; 32]) -> Option<AlertEventKind> {
    if (finding.level, finding.priority) < (alert.level, alert.priority) {
        return Some(AlertEventKind::Lowered);
    }
    let before = (alert.kind, alert.level, alert.score, alert.priority, alert.attributed, &alert.summary);
    let after = (finding.kind, finding.level, finding.score, finding.priority, finding.attributed, &finding.summary);
    (before != after || alert.fingerprint != *fingerprint).then_some(AlertEventKind::Updated)
}

/// Hash of the evidence as a person would compare it: the papers, the way and the quantities, but no weights.
fn fingerprint(finding: &Finding) -> [u8; 32] {
    type Trail<'finding> = (&'finding DocumentKey, &'finding [DocumentKey], Amount);
    let mut trails: Vec<Trail<'_>> =
        finding.links.iter().map(|link| (&link.onward, link.path.as_slice(), link.quantity)).collect();
    // Links are ranked by probability, which may shift without any new fact.
    trails.sort();
    let content: (FindingKind, Amount, Vec<Trail<'_>>) = (finding.kind, finding.attributed, trails);
    // Such plain values cannot fail to be written; were it so, the hash of nothing only makes an update of it.
    digest(&postcard::to_stdvec(&content).unwrap_or_default())
}
