//! What people do with alerts: decisions, reasons, refusals, and how far a client has handled events.
//!
//! Come here for the words of reviewing. Which decision is allowed when is `alerts`; keeping them is `store`.

use serde::{Deserialize, Serialize};

use super::{Alert, AlertAct, AlertChange, AlertEventKind, AlertState};

/// What a person decides on an alert.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ReviewDecision {
    /// Nobody looks into it any more; a suppression ends.
    Open,
    /// Somebody looks into it.
    InReview,
    /// Somebody with more say must look.
    Escalated,
    /// The goods went on.
    Confirmed,
    /// The goods did not go on, or it does not matter.
    Dismissed,
    /// Nothing yet: a comment, or another assignee.
    Comment,
}

impl ReviewDecision {
    /// All decisions.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::InReview, Self::Escalated, Self::Confirmed, Self::Dismissed, Self::Comment];

    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InReview => "in_review",
            Self::Escalated => "escalated",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
            Self::Comment => "comment",
        }
    }

    /// The state that it leads to; none for a comment.
    pub const fn state(self) -> Option<AlertState> {
        match self {
            Self::Open => Some(AlertState::Open),
            Self::InReview => Some(AlertState::InReview),
            Self::Escalated => Some(AlertState::Escalated),
            Self::Confirmed => Some(AlertState::Confirmed),
            Self::Dismissed => Some(AlertState::Dismissed),
            Self::Comment => None,
        }
    }

    /// Whether it ends the work on an alert: it then needs a reason, and a second person where the tenant asks for it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Confirmed | Self::Dismissed)
    }
}

/// Why an alert was confirmed or dismissed, by a list that can be counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ReviewReason {
    /// The goods went on, as suspected.
    GoodsWentOn,
    /// The papers are about other goods.
    OtherGoods,
    /// The papers are about another firm.
    OtherParty,
    /// Another supply explains the onward shipment.
    OtherSupply,
    /// A licence or exemption covers it.
    Licensed,
    /// A record is wrong.
    RecordWrong,
    /// Something else; the comment says what.
    Other,
}

impl ReviewReason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::GoodsWentOn,
        Self::OtherGoods,
        Self::OtherParty,
        Self::OtherSupply,
        Self::Licensed,
        Self::RecordWrong,
        Self::Other,
    ];

    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoodsWentOn => "goods_went_on",
            Self::OtherGoods => "other_goods",
            Self::OtherParty => "other_party",
            Self::OtherSupply => "other_supply",
            Self::Licensed => "licensed",
            Self::RecordWrong => "record_wrong",
            Self::Other => "other",
        }
    }
}

/// What a person wants done with an alert. Two acts with the same bytes are the same act.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewAct {
    /// Revision of the alert that the person saw.
    pub revision: u32,
    /// Who, as the caller says.
    pub actor: String,
    /// Why, in words.
    pub comment: String,
    /// What.
    pub step: ReviewStep,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ReviewStep {
    /// A decision.
    Decide {
        /// Which.
        decision: ReviewDecision,
        /// Why, by the list; needed for final ones.
        reason: Option<ReviewReason>,
        /// Who looks into it from now on; `None` leaves it as it is, empty means nobody.
        assignee: Option<String>,
    },
    /// Silence until a time, in milliseconds since 1970. The comment is the reason.
    Suppress {
        /// Until when.
        expires_at_millis: u64,
    },
}

/// What came of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reviewed {
    /// What happened.
    pub kind: AlertEventKind,
    /// The alert after it.
    pub alert: Alert,
    /// What is different.
    pub changes: Vec<AlertChange>,
    /// For the history.
    pub act: AlertAct,
}

/// Why an act was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReviewRefusal {
    /// There is no such alert, or none of this tenant.
    NotFound,
    /// The alert has changed since the person saw it.
    Changed {
        /// Its revision now.
        revision: u32,
    },
    /// No way leads from one state to the other.
    NotAllowed {
        /// Where the alert stands.
        from: AlertState,
        /// Where it should go.
        to: AlertState,
    },
    /// The person who proposed a decision cannot approve it.
    SecondPersonNeeded,
    /// A suppression must end after now and within its longest time.
    ExpiryOutOfRange,
}

/// How a tenant wants alerts to be worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AlertSettings {
    /// Confirming and dismissing take two persons: one proposes, another approves.
    pub four_eyes: bool,
}

/// How far a named client has handled a tenant's alert events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subscription {
    /// Its name within the tenant.
    pub name: String,
    /// The last event that was handled; 0 before the first.
    pub sequence: u64,
    /// When it was acknowledged first, in milliseconds since 1970.
    pub created_at_millis: u64,
    /// When it was acknowledged last, in milliseconds since 1970.
    pub acked_at_millis: u64,
}
