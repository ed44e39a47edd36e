//! What the engine concludes on one order line, with every reason it had.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Country, Day, DocumentKey, OrderKey, Unit};

/// Weight of evidence: a base-two logarithm of a likelihood ratio, in thousandths of a bit.
/// Integers, so that a sum does not depend on its order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Bits(pub i32);

impl Bits {
    /// From a number of bits, rounded to a thousandth.
    pub fn from_f64(bits: f64) -> Self {
        Self((bits.clamp(-1000.0, 1000.0) * 1000.0).round() as i32)
    }

    /// As a number of bits.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl std::iter::Sum for Bits {
    fn sum<I: Iterator<Item = Self>>(iterator: I) -> Self {
        Self(iterator.fold(0, |sum, bits| i32::saturating_add(sum, bits.0)))
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:+.1}", self.to_f64())
    }
}

/// A probability in millionths. Never shown as certainty: comparers stay below one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Probability(u32);

impl Probability {
    /// Impossible, as far as can be seen.
    pub const ZERO: Self = Self(0);
    /// Certain; only for sums of shares.
    pub const ONE: Self = Self(1_000_000);

    /// From a number between zero and one; others are clamped, not-a-number gives zero.
    pub fn from_f64(probability: f64) -> Self {
        Self((probability.clamp(0.0, 1.0) * 1e6).round() as u32)
    }

    /// As a number between zero and one.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// In millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.4}", self.to_f64())
    }
}

/// What was compared. The names are part of the file and wire contracts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// How common such a link is before anything is compared.
    Prior,
    /// Identifiers of the parties.
    Identifier,
    /// Names of the parties.
    Name,
    /// Legal forms.
    LegalForm,
    /// Addresses.
    Address,
    /// Telephones.
    Phone,
    /// Directors.
    Director,
    /// E-mail domains.
    EmailDomain,
    /// A register row stands between the two papers.
    Register,
    /// Serial numbers or marking codes.
    SerialNumber,
    /// The import declaration that the onward paper names.
    SourceDeclaration,
    /// Lot numbers.
    LotNumber,
    /// Part numbers.
    PartNumber,
    /// GTINs.
    Gtin,
    /// Brands.
    Brand,
    /// Tariff codes.
    HsCode,
    /// Descriptions.
    Description,
    /// Value per piece or kilogram.
    ValueDensity,
    /// Net weight per piece.
    WeightPerPiece,
    /// Quantities: an echo, a fit, an excess.
    Quantity,
    /// Days between order or arrival and the onward paper.
    Timing,
    /// The arrival in the ostensible destination, seen or missing.
    Arrival,
    /// A transfer inside the ostensible destination.
    Transfer,
    /// Another order or another supply explains the same goods.
    Competition,
}

impl EvidenceKind {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Identifier => "identifier",
            Self::Name => "name",
            Self::LegalForm => "legal_form",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Director => "director",
            Self::EmailDomain => "email_domain",
            Self::Register => "register",
            Self::SerialNumber => "serial_number",
            Self::SourceDeclaration => "source_declaration",
            Self::LotNumber => "lot_number",
            Self::PartNumber => "part_number",
            Self::Gtin => "gtin",
            Self::Brand => "brand",
            Self::HsCode => "hs_code",
            Self::Description => "description",
            Self::ValueDensity => "value_density",
            Self::WeightPerPiece => "weight_per_piece",
            Self::Quantity => "quantity",
            Self::Timing => "timing",
            Self::Arrival => "arrival",
            Self::Transfer => "transfer",
            Self::Competition => "competition",
        }
    }
}

/// One reason: what was compared, both values as the papers have them, and how many bits it adds or takes away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// What was compared.
    pub kind: EvidenceKind,
    /// The value on our side: the order, or the company register.
    pub ours: String,
    /// The value on the other paper.
    pub theirs: String,
    /// Its weight.
    pub bits: Bits,
}

impl Evidence {
    /// `kind: ours ~ theirs (+bits)`, as reports print it.
    pub fn sentence(&self) -> String {
        match (self.ours.is_empty(), self.theirs.is_empty()) {
            (true, true) => format!("{} ({})", self.kind.as_str(), self.bits),
            (false, true) => format!("{}: {} ({})", self.kind.as_str(), self.ours, self.bits),
            (true, false) => format!("{}: {} ({})", self.kind.as_str(), self.theirs, self.bits),
            (false, false) => format!("{}: {} ~ {} ({})", self.kind.as_str(), self.ours, self.theirs, self.bits),
        }
    }
}

/// An order line connected with one onward shipment line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The paper on which the goods cross the border.
    pub onward: DocumentKey,
    /// Date of that paper.
    pub onward_date: Day,
    /// Receiver as that paper spells it.
    pub onward_consignee: String,
    /// Country of the receiver.
    pub onward_country: Option<Country>,
    /// Papers between arrival and border, oldest first; empty when the buyer itself sent the goods on.
    pub path: Vec<DocumentKey>,
    /// How much of the order line, in the order's unit.
    pub quantity: Amount,
    /// That unit.
    pub unit: Unit,
    /// Probability that at least part of these goods are the order's.
    pub probability: Probability,
    /// Reasons for and against; their bits add up to the probability's odds.
    pub evidence: Vec<Evidence>,
}

/// The best explanation that was not chosen for one of the links: it keeps the finding honest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RejectedAlternative {
    /// The onward paper in question.
    pub onward: DocumentKey,
    /// The order line that fits better or nearly as well; `None` stands for goods of another seller.
    pub instead: Option<OrderKey>,
    /// How much of the paper goes to the other explanation, in its own unit.
    pub quantity: Amount,
    /// The other explanation's weight against this one's; positive when it fits better.
    pub bits_ahead: Bits,
}

/// The nature of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum FindingKind {
    /// Nothing speaks for an onward shipment.
    NothingFound,
    /// The buyer itself sent goods on.
    OnwardShipment,
    /// The goods went on through another firm.
    ThroughIntermediary,
    /// Declared into the true destination without ever arriving in the ostensible one.
    FalseTransit,
    /// Should have arrived, was not seen to, and arrivals of that kind usually are.
    MissingArrival,
}

impl FindingKind {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingFound => "nothing_found",
            Self::OnwardShipment => "onward_shipment",
            Self::ThroughIntermediary => "through_intermediary",
            Self::FalseTransit => "false_transit",
            Self::MissingArrival => "missing_arrival",
        }
    }
}

/// How urgent a finding is for a person; thresholds are policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Level {
    /// Nothing to do.
    None,
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Suspected: look first.
    High,
}

impl Level {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whether a red flag is up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum IndicatorOutcome {
    /// The flag is up: a reason to look deeper, never a finding by itself.
    Raised,
    /// Checked; the flag is down.
    Clear,
    /// The data for it is not there.
    NotComputable,
}

/// One red flag on one order line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndicatorResult {
    /// Name in the catalogue of `indicators`.
    pub indicator: String,
    /// Up, down or not computable.
    pub outcome: IndicatorOutcome,
    /// The values it was computed from, or what is missing.
    pub detail: String,
}

impl Finding {
    /// The papers that it names.
    pub fn papers(&self) -> BTreeSet<&DocumentKey> {
        let links = self.links.iter().flat_map(|link| link.path.iter().chain([&link.onward]));
        links.chain(self.rejected.iter().map(|alternative| &alternative.onward)).collect()
    }

    /// The other order lines that it names.
    pub fn other_orders(&self) -> BTreeSet<&OrderKey> {
        self.rejected.iter().filter_map(|alternative| alternative.instead.as_ref()).collect()
    }
}

/// What the engine concludes on one order line. Every order line has one, also when nothing was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Whose order.
    pub tenant: String,
    /// Which order line.
    pub order: OrderKey,
    /// Calibrated probability that some of the line's goods went on.
    pub score: Probability,
    /// Urgency.
    pub level: Level,
    /// Expected diverted value in euro times severity of the goods. Ranks a queue; never saturates.
    pub priority: Amount,
    /// Most likely quantity that went on, in the order's unit.
    pub attributed: Amount,
    /// The least that any consistent story allows.
    pub attributed_low: Amount,
    /// The most that any consistent story allows.
    pub attributed_high: Amount,
    /// The order's unit.
    pub unit: Unit,
    /// Nature of the finding.
    pub kind: FindingKind,
    /// Links, the most probable first.
    pub links: Vec<Link>,
    /// Best explanations that were not chosen, for the links that have one.
    pub rejected: Vec<RejectedAlternative>,
    /// Red flags, in catalogue order.
    pub indicators: Vec<IndicatorResult>,
    /// One sentence for a person in a hurry.
    pub summary: String,
    /// What the engine gave up because of a limit; empty when it saw everything.
    pub limits_reached: Vec<String>,
    /// Version of the engine that judged.
    pub engine_version: String,
    /// Version of the policy it judged by.
    pub policy_version: String,
    /// SHA-256 of the case in its stored form.
    pub case_hash: [u8; 32],
}
