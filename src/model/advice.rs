//! What to do with an order before it ships.

use serde::{Deserialize, Serialize};

use super::{Bits, Finding, Probability};

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RecommendedAction {
    /// Nothing speaks against shipping.
    Release,
    /// A person should look before it ships.
    Review,
    /// It should not ship before a person has cleared it.
    Hold,
}

impl RecommendedAction {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Review => "review",
            Self::Hold => "hold",
        }
    }
}

/// Where a reason comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AdviceReasonKind {
    /// The tenant's other order lines of this buyer, and what became of them.
    BuyersRecord,
    /// What the buyer sent on, whoever sold it.
    BuyersShipments,
    /// What the firms that the buyer delivered to sent on.
    RelatedFirms,
    /// A red flag of the catalogue.
    RedFlag,
    /// An onward paper that may carry the goods already.
    Finding,
}

/// One reason, with what it adds to or takes from the odds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdviceReason {
    /// Where it comes from.
    pub kind: AdviceReasonKind,
    /// The values behind it.
    pub text: String,
    /// Its weight. Those of buyer, firms and flags add up to the odds.
    pub bits: Bits,
}

/// What to do with an order line, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Advice {
    /// What to do.
    pub action: RecommendedAction,
    /// How probable it is that goods of this order will go on, by what is known of those who would send them.
    pub risk: Probability,
    /// Why.
    pub reasons: Vec<AdviceReason>,
    /// The finding that the order line would get.
    pub finding: Finding,
}
