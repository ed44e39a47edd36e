//! The words of the trade as types: what every other room speaks. No I/O, no clock, no policy.
//!
//! Come here to learn what an order line, a shipment line, a case or a finding is.
//! How they are read (`intake`), compared (`resolve`, `goods`) or judged (`screening`) is elsewhere.

mod advice;
mod alert;
mod amount;
mod case;
mod cause;
mod change;
mod condition;
mod day;
mod finding;
mod goods;
mod identifier;
mod job;
mod marks;
mod party;
mod record;
mod replay;
mod review;
mod unit;

pub use advice::{Advice, AdviceReason, AdviceReasonKind, RecommendedAction};
pub use alert::{
    Alert, AlertAct, AlertAspect, AlertChange, AlertDecision, AlertEvent, AlertEventKind, AlertId, AlertState,
    AlertUpdate, Proposal, Suppression,
};
pub use amount::{Amount, AmountError};
pub use case::{
    ArrivalCoverage, Case, CaseLimits, CaseOrder, CaseShipment, Corridor, EntityShare, EntityView, LikenessRecord,
    ShipmentRole,
};
pub use cause::{CAUSE_RECORDS_MAX, Cause, CauseKind, Causes, Judgement, NamedCause, RecordName};
pub use change::{FindingChange, FindingDifference, FindingFacts, LinkDifference, LinkFacts, LinkName, Sides};
pub use condition::StoreCondition;
pub use day::Day;
pub use finding::{
    Bits, Evidence, EvidenceKind, Finding, FindingKind, IndicatorOutcome, IndicatorResult, Level, Link, Probability,
    RejectedAlternative,
};
pub use goods::{GoodsForm, HsCode};
pub use identifier::{Identifier, IdentifierKind, Validity};
pub use job::{JobCounts, JobId, JobLine, JobOutcome, JobResult, JobSource, JobState, LineFault, ScreeningJob};
pub use marks::{EvidenceFacts, EvidenceMarks, MARKS_MAX};
pub use party::{Address, Country, LegalForm, MentionForm, NameForm};
pub use record::{Company, DocumentKey, DocumentKind, OrderKey, OrderLine, Party, Record, ShipmentLine};
pub use replay::{Replay, ReplayOutcome};
pub use review::{
    AlertSettings, ReviewAct, ReviewDecision, ReviewReason, ReviewRefusal, ReviewStep, Reviewed, Subscription,
};
pub use unit::{Unit, UnitDimension};
