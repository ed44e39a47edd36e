//! Alerts: findings that crossed a threshold, as work items, and the events a client watches.
//!
//! Come here for what an alert is and how a finding changes one.
//! Whether a finding crosses the threshold is policy (`alerts`); keeping them is `store`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Finding, FindingKind, Level, OrderKey, Probability, Unit};

/// Names an alert within its tenant; never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AlertId(pub u64);

impl AlertId {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        plain.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Where an alert stands. States that people set (in review, confirmed, dismissed) will be appended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AlertState {
    /// The finding is above the threshold and nobody has decided.
    Open,
    /// The finding fell below the threshold by itself.
    Closed,
}

impl AlertState {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// What happened to an alert.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AlertEventKind {
    /// A finding crossed the threshold for the first time.
    Raised,
    /// The finding changed and is no less urgent than before.
    Updated,
    /// The finding became less urgent but stays above the threshold.
    Lowered,
    /// The finding fell below the threshold.
    Closed,
    /// The finding of a closed alert crossed the threshold again.
    Reopened,
}

impl AlertEventKind {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Lowered => "lowered",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
        }
    }

    /// The state an alert has after such an event.
    pub const fn state_after(self) -> AlertState {
        match self {
            Self::Closed => AlertState::Closed,
            Self::Raised | Self::Updated | Self::Lowered | Self::Reopened => AlertState::Open,
        }
    }
}

/// What a new finding means for the alert of its order line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlertDecision {
    /// No alert, or none that changes.
    Keep,
    /// The alert is created or changed, and an event tells of it.
    Change {
        /// What happens.
        kind: AlertEventKind,
        /// Hash of the evidence as a person would compare it: papers, path, quantities.
        fingerprint: [u8; 32],
    },
}

/// A finding that crossed its tenant's threshold, as a work item. There is at most one for an order line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// Its name.
    pub id: AlertId,
    /// Whose order.
    pub tenant: String,
    /// Which order line.
    pub order: OrderKey,
    /// Where it stands.
    pub state: AlertState,
    /// Counts changes from 1; guards against lost updates.
    pub revision: u32,
    /// When it was raised, in milliseconds since 1970.
    pub raised_at_millis: u64,
    /// When it last changed, in milliseconds since 1970.
    pub changed_at_millis: u64,
    /// Nature of the finding.
    pub kind: FindingKind,
    /// Urgency of the finding.
    pub level: Level,
    /// Score of the finding.
    pub score: Probability,
    /// Priority of the finding; ranks a queue.
    pub priority: Amount,
    /// Most likely quantity that went on.
    pub attributed: Amount,
    /// Unit of `attributed`.
    pub unit: Unit,
    /// One sentence for a person in a hurry.
    pub summary: String,
    /// Case that the finding was judged on.
    pub case_hash: [u8; 32],
    /// Hash of the evidence, see [`AlertDecision::Change`].
    pub fingerprint: [u8; 32],
}

impl Alert {
    /// A new alert for a finding.
    pub fn raised(id: AlertId, finding: &Finding, fingerprint: [u8; 32], at_millis: u64) -> Self {
        Self {
            id,
            tenant: finding.tenant.clone(),
            order: finding.order.clone(),
            state: AlertState::Open,
            revision: 1,
            raised_at_millis: at_millis,
            changed_at_millis: at_millis,
            kind: finding.kind,
            level: finding.level,
            score: finding.score,
            priority: finding.priority,
            attributed: finding.attributed,
            unit: finding.unit,
            summary: finding.summary.clone(),
            case_hash: finding.case_hash,
            fingerprint,
        }
    }

    /// This alert after an event that a new finding caused.
    #[must_use]
    pub fn changed(&self, kind: AlertEventKind, finding: &Finding, fingerprint: [u8; 32], at_millis: u64) -> Self {
        Self {
            state: kind.state_after(),
            revision: self.revision.saturating_add(1),
            raised_at_millis: self.raised_at_millis,
            ..Self::raised(self.id, finding, fingerprint, at_millis)
        }
    }
}

/// One step in the life of an alert, as clients watch it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertEvent {
    /// Position in the tenant's stream: from 1, without gaps, never reused.
    pub sequence: u64,
    /// When it was committed, in milliseconds since 1970.
    pub at_millis: u64,
    /// What happened.
    pub kind: AlertEventKind,
    /// The alert after it.
    pub alert: Alert,
}
