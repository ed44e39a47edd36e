//! Weighs one order line against one paper, given that the parties are the same: goods, quantity, value, weight, days.
//!
//! Pure. Who the parties are and what else competes for the paper comes later (`candidates`, `flow`).

use crate::flow::{Anchor, timing_bits};
use crate::goods::{self, Brands, GoodsEvidence};
use crate::model::{
    Amount, Bits, CaseOrder, CaseShipment, Day, DocumentKind, Evidence, EvidenceKind, GoodsForm, OrderLine,
    ShipmentLine, Unit, UnitDimension,
};

use super::policy::{Policy, ratio_bits};

/// What is weighed of an order line besides its goods.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderFacts {
    pub order_date: Day,
    pub ship_date: Option<Day>,
    pub quantity: Amount,
    pub unit: Unit,
    pub net_weight_kg: Option<Amount>,
    pub value_euro: Option<Amount>,
}

/// What is weighed of a paper besides its goods.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaperFacts {
    pub date: Day,
    pub quantity: Amount,
    pub unit: Unit,
    pub net_weight_kg: Option<Amount>,
    pub value_euro: Option<Amount>,
}

impl OrderFacts {
    pub(super) fn of(order: &CaseOrder) -> Self {
        let OrderLine { order_date, ship_date, quantity, unit, net_weight_kg, .. } = *order.line;
        Self { order_date, ship_date, quantity, unit, net_weight_kg, value_euro: order.value_euro }
    }
}

impl PaperFacts {
    pub(super) fn of(paper: &CaseShipment) -> Self {
        let ShipmentLine { date, quantity, unit, net_weight_kg, .. } = *paper.line;
        Self { date, quantity, unit, net_weight_kg, value_euro: paper.value_euro }
    }
}

/// What is known of the arrival of an order line where it should have arrived.
#[derive(Clone, Copy, Debug)]
pub(super) enum ArrivalState<'a> {
    /// This paper is its arrival.
    Seen(&'a ShipmentLine),
    /// None is held although arrivals usually are.
    Missing,
    /// Nothing can be said.
    Unknown,
}

/// One comparison with its weight. Values are put into words only for those who read them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub compared: Compared<'a>,
    pub bits: Bits,
}

/// What was compared, with both values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compared<'a> {
    Goods(GoodsEvidence<'a>),
    /// Ordered or transferred, as the word says, against the paper's.
    Quantity {
        ours: (Amount, Unit),
        word: &'static str,
        theirs: (Amount, Unit),
    },
    /// Euro per unit of the order.
    ValueDensity {
        ours: f64,
        theirs: f64,
        unit: Unit,
    },
    /// Kilograms per unit of the order.
    WeightPerPiece {
        ours: f64,
        theirs: f64,
        unit: Unit,
    },
    Timing {
        anchor: Anchor,
        ours: Day,
        theirs: Day,
    },
    SourceDeclaration {
        ours: &'a str,
        theirs: &'a str,
    },
    Arrival(&'static str),
    /// How many of the buyer's other order lines have an onward shipment like them, and how many there are.
    Prior(Option<(f64, f64)>),
    /// A transfer before the onward paper, and the days between them.
    Transfer {
        paper: &'a ShipmentLine,
        lag_days: i32,
    },
}

/// A weighed pair: readings in a fixed order, and the paper's quantity in the order's unit.
#[derive(Clone, Debug)]
pub(super) struct Weighed<'a> {
    pub readings: Vec<Reading<'a>>,
    pub amount: Option<Amount>,
}

impl Weighed<'_> {
    pub(super) fn bits(&self) -> Bits {
        self.readings.iter().map(|reading| reading.bits).sum()
    }
}

impl Reading<'_> {
    /// The reading in words.
    pub(super) fn evidence(&self) -> Evidence {
        let (kind, ours, theirs) = match self.compared {
            Compared::Goods(GoodsEvidence { feature, ours, theirs }) => {
                (feature.kind(), ours.to_owned(), theirs.to_owned())
            }
            Compared::Quantity { ours, word, theirs } => {
                (EvidenceKind::Quantity, format!("{} {} {word}", ours.0, ours.1), format!("{} {}", theirs.0, theirs.1))
            }
            Compared::ValueDensity { ours, theirs, unit } => {
                (EvidenceKind::ValueDensity, format!("{ours:.2} EUR per {unit}"), format!("{theirs:.2} EUR per {unit}"))
            }
            Compared::WeightPerPiece { ours, theirs, unit } => {
                (EvidenceKind::WeightPerPiece, format!("{ours:.4} kg per {unit}"), format!("{theirs:.4} kg per {unit}"))
            }
            Compared::Timing { anchor, ours, theirs } => {
                let word = match anchor {
                    Anchor::Arrival => "arrived",
                    Anchor::Despatch => "left the exporter",
                };
                let theirs = format!("{theirs}, {} days later", theirs.days_since(ours));
                (EvidenceKind::Timing, format!("{word} {ours}"), theirs)
            }
            Compared::SourceDeclaration { ours, theirs } => {
                (EvidenceKind::SourceDeclaration, ours.to_owned(), theirs.to_owned())
            }
            Compared::Arrival(theirs) => (EvidenceKind::Arrival, String::new(), theirs.to_owned()),
            Compared::Prior(None) => (EvidenceKind::Prior, "no record of this buyer".to_owned(), String::new()),
            Compared::Prior(Some((others, lines))) => {
                let ours = format!(
                    "{others:.1} of {lines:.0} other order lines of this buyer have an onward shipment like them"
                );
                (EvidenceKind::Prior, ours, String::new())
            }
            Compared::Transfer { paper, lag_days } => (
                EvidenceKind::Transfer,
                format!("{} {} of {}", paper.key.kind, paper.key.number, paper.date),
                format!("{lag_days} days before this paper"),
            ),
        };
        Evidence { kind, ours, theirs, bits: self.bits }
    }
}

/// An order line and a paper side by side.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub order: OrderFacts,
    pub order_goods: &'a GoodsForm,
    pub paper: PaperFacts,
    pub paper_goods: &'a GoodsForm,
}

impl<'a> Pair<'a> {
    pub(super) fn of(order: &'a CaseOrder, paper: &'a CaseShipment) -> Self {
        Self {
            order: OrderFacts::of(order),
            order_goods: &order.goods,
            paper: PaperFacts::of(paper),
            paper_goods: &paper.goods,
        }
    }

    /// Goods, quantity against what was ordered, value, weight and days; neither prior nor identity.
    pub(super) fn weigh(&self, arrival: ArrivalState<'_>, brands: &'a Brands, policy: &Policy) -> Weighed<'a> {
        let mut weighed = self.weigh_hop(self.order.quantity, "ordered", brands, policy);
        weighed.readings.push(timing_reading(&self.order, self.paper.date, arrival));
        weighed
    }

    /// The same for a later paper of a trail: goods, value and weight against the order line, quantity against what was
    /// transferred. Days and prior are the caller's.
    pub(super) fn weigh_hop(
        &self,
        scale: Amount,
        word: &'static str,
        brands: &'a Brands,
        policy: &Policy,
    ) -> Weighed<'a> {
        let amount = in_order_unit(&self.order, &self.paper);
        let mut readings = Vec::with_capacity(10);
        readings.extend(
            goods::compare(self.order_goods, self.paper_goods, brands)
                .into_iter()
                .map(|found| Reading { compared: Compared::Goods(found), bits: goods::weight(found.feature) }),
        );
        readings.extend(amount.map(|amount| self.quantity_reading(amount, scale, word, policy)));
        readings.extend(amount.and_then(|amount| self.value_reading(amount, policy)));
        readings.extend(self.weight_reading(policy));
        Weighed { readings, amount }
    }

    fn quantity_reading(&self, amount: Amount, scale: Amount, word: &'static str, policy: &Policy) -> Reading<'a> {
        let counted = self.order.unit.in_base().0 == self.paper.unit.in_base().0;
        let ratio = amount.to_f64() / scale.to_f64();
        let tolerance = if counted { 0.001 } else { policy.flow.quantity_tolerance };
        let bits = match ratio {
            ratio if (ratio - 1.0).abs() <= tolerance && counted => policy.quantity_echo,
            ratio if (ratio - 1.0).abs() <= tolerance => policy.quantity_echo / 2.0,
            ratio if ratio < 1.0 => policy.quantity_fits,
            ratio if ratio <= 1.25 => policy.quantity_slightly_over,
            _ => policy.quantity_over,
        };
        let (ours, theirs) = ((scale, self.order.unit), (self.paper.quantity, self.paper.unit));
        Reading { compared: Compared::Quantity { ours, word, theirs }, bits: Bits::from_f64(bits) }
    }

    fn value_reading(&self, amount: Amount, policy: &Policy) -> Option<Reading<'a>> {
        let ours = self.order.value_euro?.to_f64() / self.order.quantity.to_f64();
        let theirs = self.paper.value_euro?.to_f64() / amount.to_f64();
        if ours <= 0.0 || theirs <= 0.0 {
            return None;
        }
        let bits = ratio_bits(policy.value_ratio, theirs / ours);
        Some(Reading { compared: Compared::ValueDensity { ours, theirs, unit: self.order.unit }, bits })
    }

    /// Net weight per counted unit. Weights of a few grams are printed with two digits, so rounding is forgiven first.
    fn weight_reading(&self, policy: &Policy) -> Option<Reading<'a>> {
        const PRINTED_TO_KG: f64 = 0.006;
        let count = |unit: Unit| matches!(unit.in_base().0, UnitDimension::Count);
        if !count(self.order.unit) || !count(self.paper.unit) {
            return None;
        }
        let ours = self.order.net_weight_kg?.to_f64() / self.order.quantity.to_f64();
        let pieces = in_order_unit(&self.order, &self.paper)?.to_f64();
        let theirs_kg = self.paper.net_weight_kg?.to_f64();
        let expected_kg = ours * pieces;
        if expected_kg <= 0.0 || theirs_kg <= 0.0 {
            return None;
        }
        let slack = PRINTED_TO_KG + PRINTED_TO_KG * pieces / self.order.quantity.to_f64();
        let ratio = if (theirs_kg - expected_kg).abs() <= slack { 1.0 } else { theirs_kg / expected_kg };
        let theirs = theirs_kg / pieces;
        let bits = ratio_bits(policy.weight_ratio, ratio);
        Some(Reading { compared: Compared::WeightPerPiece { ours, theirs, unit: self.order.unit }, bits })
    }
}

/// A paper's quantity in the order's unit: directly, within one dimension, or through net weight per unit.
pub(super) fn in_order_unit(order: &OrderFacts, paper: &PaperFacts) -> Option<Amount> {
    if order.unit == paper.unit {
        return Some(paper.quantity);
    }
    let (order_dimension, order_numerator, order_denominator) = order.unit.in_base();
    let (paper_dimension, paper_numerator, paper_denominator) = paper.unit.in_base();
    if order_dimension == paper_dimension && order_dimension != UnitDimension::Package {
        let scaled =
            i128::from(paper.quantity.millionths()) * i128::from(paper_numerator) * i128::from(order_denominator)
                / (i128::from(paper_denominator) * i128::from(order_numerator));
        return i64::try_from(scaled).ok().map(Amount::from_millionths);
    }
    let paper_kg = mass_kg(paper.quantity, paper.unit).or(paper.net_weight_kg.map(Amount::to_f64))?;
    if order_dimension == UnitDimension::Mass {
        return Some(Amount::from_f64_rounded(paper_kg * order_denominator as f64 / order_numerator as f64));
    }
    let unit_kg = order.net_weight_kg?.to_f64() / order.quantity.to_f64();
    (unit_kg > 0.0).then(|| Amount::from_f64_rounded((paper_kg / unit_kg).round().max(1.0)))
}

fn mass_kg(quantity: Amount, unit: Unit) -> Option<f64> {
    let (dimension, numerator, denominator) = unit.in_base();
    (dimension == UnitDimension::Mass).then(|| quantity.to_f64() * numerator as f64 / denominator as f64)
}

/// Days from order to despatch beyond which a stated despatch is not believed: it bounds every search by order date.
const DESPATCH_DAYS_MAX: i32 = 300;

/// The day from which the goods can have been on their way.
pub(super) fn despatch_day(order: &OrderFacts) -> Day {
    let latest = order.order_date.plus_days(DESPATCH_DAYS_MAX);
    order.ship_date.map_or(order.order_date.plus_days(3), |day| day.clamp(order.order_date, latest))
}

/// Days within which a paper may be the arrival of an order line.
pub(super) fn arrival_window(order: &OrderFacts, policy: &Policy) -> (Day, Day) {
    let from = despatch_day(order).plus_days(-2);
    (from, from.plus_days(policy.transit_days_max))
}

/// Days within which a paper may send the goods of an order line on.
pub(super) fn onward_window(order: &OrderFacts, policy: &Policy) -> (Day, Day) {
    let from = order.order_date.plus_days(-policy.days_before_order_max);
    (from, order.order_date.plus_days(policy.days_after_order_max))
}

fn timing_reading<'a>(order: &OrderFacts, paper_day: Day, arrival: ArrivalState<'_>) -> Reading<'a> {
    let (anchor, ours) = match arrival {
        ArrivalState::Seen(paper) => (Anchor::Arrival, paper.date),
        _ => (Anchor::Despatch, despatch_day(order)),
    };
    let bits = timing_bits(anchor, paper_day.days_since(ours));
    Reading { compared: Compared::Timing { anchor, ours, theirs: paper_day }, bits }
}

/// What the import declaration that a paper names, and the paper's kind, say against the arrival of an order line.
pub(super) fn declaration_readings<'a>(
    paper: &'a ShipmentLine,
    arrival: ArrivalState<'a>,
    policy: &Policy,
) -> impl Iterator<Item = Reading<'a>> {
    let named = match arrival {
        ArrivalState::Seen(arrived) if !paper.source_declaration.is_empty() => Some(arrived),
        _ => None,
    };
    let source = named.map(|arrived| {
        let ours =
            if arrived.source_declaration.is_empty() { &arrived.key.number } else { &arrived.source_declaration };
        let same = same_declaration(ours, &paper.source_declaration);
        let bits = if same { policy.declaration_same } else { policy.declaration_different };
        let compared = Compared::SourceDeclaration { ours, theirs: &paper.source_declaration };
        Reading { compared, bits: Bits::from_f64(bits) }
    });
    let arrival = match (arrival, paper.key.kind == DocumentKind::RuDeclaration) {
        (ArrivalState::Missing, true) => {
            Some(("declared in the true destination, never seen to arrive before", policy.false_transit))
        }
        (ArrivalState::Seen(_), true) => {
            Some(("declared in the true destination although it arrived", policy.declared_but_arrived))
        }
        (ArrivalState::Missing, false) => Some(("left from inside without an arrival", policy.left_without_arrival)),
        (ArrivalState::Seen(_) | ArrivalState::Unknown, false) | (ArrivalState::Unknown, true) => None,
    };
    let arrival =
        arrival.map(|(theirs, bits)| Reading { compared: Compared::Arrival(theirs), bits: Bits::from_f64(bits) });
    source.into_iter().chain(arrival)
}

/// Declaration numbers agree when their digits do, an item number at the end of either left aside.
fn same_declaration(left: &str, right: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.split('/').take(3).map(|part| part.chars().filter(char::is_ascii_alphanumeric).collect()).collect()
    };
    let (left, right) = (parts(left), parts(right));
    left == right && left.iter().any(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::same_declaration;

    #[test]
    fn declaration_numbers_meet_with_and_without_item() {
        assert!(same_declaration("55302/271022/474964", "55302/271022/474964/003"));
        assert!(same_declaration(" 55302/271022/474964", "55302 / 271022 / 474964"));
        assert!(!same_declaration("55302/271022/474964", "55302/271022/474965"));
        assert!(!same_declaration("", ""));
    }
}
