//! What comes of judging a recorded case again.

use super::Finding;

/// How the finding of now and the stored one compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReplayOutcome {
    /// The same case gave the same bytes.
    SameBytes,
    /// The same case gave other bytes: a fault. What is stored was changed, or the judge is not what it was.
    OtherBytes,
    /// The case is another one by now, and waits to be judged: nothing can be said yet.
    CaseChanged,
    /// The case is another one by now, and nothing waits to be judged: a fault. What is stored was changed, or a
    /// judgement was missed.
    Overdue,
    /// The case has more records than are judged on demand.
    CaseTooLarge,
}

impl ReplayOutcome {
    /// The stable word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameBytes => "same_bytes",
            Self::OtherBytes => "other_bytes",
            Self::CaseChanged => "case_changed",
            Self::Overdue => "overdue",
            Self::CaseTooLarge => "case_too_large",
        }
    }

    /// Whether somebody must look into it.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::OtherBytes | Self::Overdue)
    }
}

/// A finding as it is stored beside what the judge says now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// How they compare.
    pub outcome: ReplayOutcome,
    /// SHA-256 of the finding in its stored form: what the audit trail says of it.
    pub stored_hash: [u8; 32],
    /// SHA-256 of the case that was judged then, as the stored finding names it.
    pub stored_case_hash: [u8; 32],
    /// SHA-256 of the case as it is now; `None` where it was not gathered.
    pub case_hash: Option<[u8; 32]>,
    /// The finding as judged now, and SHA-256 of its stored form; `None` where the case was not judged.
    pub judged: Option<(Box<Finding>, [u8; 32])>,
}
