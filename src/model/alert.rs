//! Alerts: findings that crossed a threshold, as work items, and the events a client watches.
//!
//! Come here for what an alert is and how a finding changes one. What people do with one is `review`.
//! Whether a finding crosses the threshold is policy (`alerts`); keeping them is `store`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Amount, EvidenceMarks, Finding, FindingKind, Level, OrderKey, Probability, ReviewDecision, ReviewReason, Unit,
};

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

/// Where an alert stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AlertState {
    /// The finding is above the threshold and nobody has decided.
    Open,
    /// The finding fell below the threshold by itself.
    Closed,
    /// Somebody looks into it.
    InReview,
    /// Somebody with more say must look.
    Escalated,
    /// A person decided that the goods went on.
    Confirmed,
    /// A person decided that the goods did not go on, or that it does not matter.
    Dismissed,
    /// A person silenced it until its evidence changes materially or a day is reached.
    Suppressed,
}

impl AlertState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Closed, Self::InReview, Self::Escalated, Self::Confirmed, Self::Dismissed, Self::Suppressed];

    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::InReview => "in_review",
            Self::Escalated => "escalated",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::Suppressed => "suppressed",
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
    /// The finding became less urgent; the alert stays where it is.
    Lowered,
    /// The finding fell below the threshold.
    Closed,
    /// It needs attention again: the finding of a closed alert crossed the threshold again, the evidence of a dismissed
    /// or suppressed one changed materially, or a suppression expired.
    Reopened,
    /// A person moved it to another state.
    Reviewed,
    /// A person proposed to confirm or dismiss it; another person must agree.
    Proposed,
    /// A person commented on it or gave it to somebody.
    Commented,
    /// A person silenced it.
    Suppressed,
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
            Self::Reviewed => "reviewed",
            Self::Proposed => "proposed",
            Self::Commented => "commented",
            Self::Suppressed => "suppressed",
        }
    }

    /// Whether a person did it.
    pub const fn is_of_person(self) -> bool {
        matches!(self, Self::Reviewed | Self::Proposed | Self::Commented | Self::Suppressed)
    }
}

/// A side of an alert that can change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AlertAspect {
    /// Score of the finding.
    Score,
    /// Urgency of the finding.
    Level,
    /// Nature of the finding.
    Kind,
    /// Most likely quantity that went on.
    Quantity,
    /// What the onward papers call the goods.
    Goods,
    /// Who sent and received the goods.
    Parties,
    /// Red flags that are up, those of goods and party lists among them.
    Flags,
    /// The papers on which the goods went on, and their way.
    Path,
    /// Where the alert stands.
    State,
    /// Who looks into it.
    Assignee,
    /// A decision that waits for a second person.
    Proposal,
    /// Whether it is silenced.
    Suppression,
}

impl AlertAspect {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Level => "level",
            Self::Kind => "kind",
            Self::Quantity => "quantity",
            Self::Goods => "goods",
            Self::Parties => "parties",
            Self::Flags => "flags",
            Self::Path => "path",
            Self::State => "state",
            Self::Assignee => "assignee",
            Self::Proposal => "proposal",
            Self::Suppression => "suppression",
        }
    }
}

/// What changed with an event, in words for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertChange {
    /// Which side.
    pub aspect: AlertAspect,
    /// How it was; for goods, parties, flags and path, how many there were. Empty when there was nothing.
    pub before: String,
    /// How it is; for goods, parties, flags and path, how many there are, and the first of those that are new.
    pub after: String,
}

/// What a person did with an alert: kept with its event, for the history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertAct {
    /// Who, as the caller says.
    pub actor: String,
    /// Why, by the list of reasons.
    pub reason: Option<ReviewReason>,
    /// Why, in words.
    pub comment: String,
}

/// A decision that waits for a second person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// To confirm or to dismiss.
    pub decision: ReviewDecision,
    /// Who proposes.
    pub actor: String,
    /// Why.
    pub reason: Option<ReviewReason>,
    /// Since when, in milliseconds since 1970.
    pub at_millis: u64,
}

/// Why and for how long an alert is silent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Suppression {
    /// Why, in words.
    pub reason: String,
    /// Who silenced it.
    pub actor: String,
    /// Since when, in milliseconds since 1970.
    pub at_millis: u64,
    /// Until when, in milliseconds since 1970.
    pub expires_at_millis: u64,
}

/// What a new finding means for the alert of its order line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlertDecision {
    /// No alert, or none that changes.
    Keep,
    /// The alert is created or changed, and an event tells of it.
    Change(Box<AlertUpdate>),
}

/// How a finding changes an alert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertUpdate {
    /// What happens.
    pub kind: AlertEventKind,
    /// Hash of the evidence as a person would compare it: papers, path, quantities.
    pub fingerprint: [u8; 32],
    /// What is different.
    pub changes: Vec<AlertChange>,
    /// Whether a decision made on the evidence before should be made again.
    pub is_material: bool,
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
    /// Hash of the evidence, see [`AlertUpdate::fingerprint`].
    pub fingerprint: [u8; 32],
    /// Who looks into it; empty for nobody.
    pub assignee: String,
    /// A decision that waits for a second person.
    pub proposal: Option<Proposal>,
    /// Why it is silent, while it is [`AlertState::Suppressed`].
    pub suppression: Option<Suppression>,
    /// The evidence by which later evidence is compared.
    pub marks: EvidenceMarks,
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
            assignee: String::new(),
            proposal: None,
            suppression: None,
            marks: EvidenceMarks::of(finding),
        }
    }

    /// This alert after an event that a new finding caused.
    #[must_use]
    pub fn changed(&self, update: &AlertUpdate, finding: &Finding, at_millis: u64) -> Self {
        let state = match update.kind {
            AlertEventKind::Closed => AlertState::Closed,
            AlertEventKind::Raised | AlertEventKind::Reopened => AlertState::Open,
            _ => self.state,
        };
        Self {
            state,
            revision: self.revision.saturating_add(1),
            raised_at_millis: self.raised_at_millis,
            assignee: self.assignee.clone(),
            // Whoever proposed a decision did so on other evidence.
            proposal: self.proposal.clone().filter(|_| state == self.state && !update.is_material),
            suppression: self.suppression.clone().filter(|_| state == AlertState::Suppressed),
            ..Self::raised(self.id, finding, update.fingerprint, at_millis)
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
    /// What is different; empty for a new alert.
    pub changes: Vec<AlertChange>,
    /// What a person did, where a person did it.
    pub act: Option<AlertAct>,
}
