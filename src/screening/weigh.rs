//! Weighs one order line against one paper, given that the parties are the same: goods, quantity, value, weight, days.
//!
//! Pure. Who the parties are and what else competes for the paper comes later (`candidates`, `flow`).

use crate::goods::{self, Brands, GoodsEvidence};
use crate::model::{
    Amount, Bits, CaseOrder, CaseShipment, Day, DocumentKind, Evidence, EvidenceKind, GoodsForm, OrderLine,
    ShipmentLine, Unit, UnitDimension,
};

use super::policy::Policy;
use super::weights::{Amounts, Leg, Place, Trace, Weights};

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
    /// From the day on which something happened.
    Timing {
        since: Since,
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
    /// A transfer before the onward paper, and the days since the transfer before it, where there is one.
    Transfer {
        paper: &'a ShipmentLine,
        lag_days: Option<i32>,
    },
}

/// From when days are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Since {
    /// The arrival of the order line in the ostensible destination.
    Arrival,
    /// The day it left the exporter.
    Despatch,
    /// The transfer before.
    Transfer,
}

/// What was read of a pair, in a fixed order, and the paper's quantity in the order's unit.
#[derive(Clone, Debug)]
pub(super) struct Weighed<'a> {
    pub readings: Vec<Reading<'a>>,
    /// Where the readings stand in the table of weights.
    pub places: Vec<Place>,
    pub amount: Option<Amount>,
}

impl<'a> Weighed<'a> {
    pub(super) fn bits(&self) -> Bits {
        self.readings.iter().map(|reading| reading.bits).sum()
    }

    pub(super) fn read(&mut self, compared: Compared<'a>, place: Place, weights: &Weights) {
        self.places.push(place);
        self.readings.push(Reading { compared, bits: weights.at(place) });
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
            Compared::Timing { since, ours, theirs } => {
                let word = match since {
                    Since::Arrival => "arrived",
                    Since::Despatch => "left the exporter",
                    Since::Transfer => "transferred",
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
                lag_days.map_or(String::new(), |days| format!("{days} days after the transfer before")),
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

    /// Goods, quantity, value and weight, as they count on this leg; neither days nor prior nor identity. `scale` is what
    /// was ordered, or what was transferred before, as the word says.
    pub(super) fn weigh(
        &self,
        leg: Leg,
        (scale, word): (Amount, &'static str),
        brands: &'a Brands,
        policy: &Policy,
    ) -> Weighed<'a> {
        let weights = &policy.weights;
        let amount = in_order_unit(&self.order, &self.paper);
        let mut weighed = Weighed { readings: Vec::with_capacity(12), places: Vec::with_capacity(12), amount };
        goods::visit(self.order_goods, self.paper_goods, brands, &mut |found| {
            weighed.read(Compared::Goods(found), leg.goods(found.feature), weights);
        });
        let (ours, theirs) = ((scale, self.order.unit), (self.paper.quantity, self.paper.unit));
        let amounts = amount.map_or(Amounts::Unknown, |amount| self.amounts(amount, scale, policy));
        weighed.read(Compared::Quantity { ours, word, theirs }, leg.amounts(amounts), weights);
        if let Some((ours, theirs)) = amount.and_then(|amount| self.values_per_unit(amount)) {
            let compared = Compared::ValueDensity { ours, theirs, unit: self.order.unit };
            weighed.read(compared, leg.value_ratio(theirs / ours), weights);
        }
        if let Some((ours, theirs, ratio)) = self.weights_per_piece() {
            let compared = Compared::WeightPerPiece { ours, theirs, unit: self.order.unit };
            weighed.read(compared, leg.weight_ratio(ratio), weights);
        }
        weighed
    }

    fn amounts(&self, amount: Amount, scale: Amount, policy: &Policy) -> Amounts {
        let ratio = amount.to_f64() / scale.to_f64();
        if self.order.unit.in_base().0 != self.paper.unit.in_base().0 {
            return match ratio {
                ratio if (ratio - 1.0).abs() <= policy.weighed_tolerance => Amounts::WeighedEqual,
                ratio if ratio < 1.0 => Amounts::WeighedLess,
                _ => Amounts::WeighedOver,
            };
        }
        match ratio {
            ratio if (ratio - 1.0).abs() <= 0.001 => Amounts::Equal,
            ratio if ratio >= 1.25 => Amounts::Over,
            ratio if ratio > 1.0 => Amounts::SlightlyOver,
            ratio if ratio > 0.5 => Amounts::Most,
            ratio if ratio > 0.1 => Amounts::Some,
            _ => Amounts::Little,
        }
    }

    /// Euro per unit of the order, on the order and on the paper.
    fn values_per_unit(&self, amount: Amount) -> Option<(f64, f64)> {
        let ours = self.order.value_euro?.to_f64() / self.order.quantity.to_f64();
        let theirs = self.paper.value_euro?.to_f64() / amount.to_f64();
        (ours > 0.0 && theirs > 0.0).then_some((ours, theirs))
    }

    /// Net weight per counted unit, on the order and on the paper, and their ratio. Weights of a few grams are printed
    /// with two digits, so rounding is forgiven first.
    fn weights_per_piece(&self) -> Option<(f64, f64, f64)> {
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
        Some((ours, theirs_kg / pieces, ratio))
    }
}

impl<'a> Weighed<'a> {
    /// Adds the days from the arrival of the order line to the paper, or else from its despatch.
    pub(super) fn read_days(
        &mut self,
        leg: Leg,
        order: &OrderFacts,
        paper_day: Day,
        arrival: ArrivalState<'_>,
        weights: &Weights,
    ) {
        let (since, ours, place): (_, _, fn(Leg, i32) -> Place) = match arrival {
            ArrivalState::Seen(paper) => (Since::Arrival, paper.date, Leg::days_after_arrival),
            ArrivalState::Missing | ArrivalState::Unknown => {
                (Since::Despatch, despatch_day(order), Leg::days_after_despatch)
            }
        };
        let place = place(leg, paper_day.days_since(ours));
        self.read(Compared::Timing { since, ours, theirs: paper_day }, place, weights);
    }

    /// Adds the days from the transfer before to the paper.
    pub(super) fn read_days_after(&mut self, leg: Leg, transferred: Day, paper_day: Day, weights: &Weights) {
        let place = leg.days_after_transfer(paper_day.days_since(transferred));
        self.read(Compared::Timing { since: Since::Transfer, ours: transferred, theirs: paper_day }, place, weights);
    }

    /// Adds what the import declaration that a paper names says against the arrival of the order line.
    pub(super) fn read_declaration(&mut self, paper: &'a ShipmentLine, arrival: ArrivalState<'a>, weights: &Weights) {
        let ArrivalState::Seen(arrived) = arrival else { return };
        if paper.source_declaration.is_empty() {
            return;
        }
        let ours = declaration_of_arrival(&arrived.source_declaration, &arrived.key.number);
        let theirs = &paper.source_declaration;
        let is_same = same_declaration(ours, theirs);
        let trace = if is_same { Trace::DeclarationSame } else { Trace::DeclarationDifferent };
        self.read(Compared::SourceDeclaration { ours, theirs }, Place::trace(trace), weights);
    }

    /// Adds what the kind of the buyer's paper says against the arrival of the order line.
    pub(super) fn read_arrival(&mut self, kind: DocumentKind, arrival: ArrivalState<'_>, weights: &Weights) {
        let (text, trace) = match (arrival, kind == DocumentKind::RuDeclaration) {
            (ArrivalState::Missing, true) => {
                ("declared in the true destination, never seen to arrive before", Trace::FalseTransit)
            }
            (ArrivalState::Seen(_), true) => {
                ("declared in the true destination although it arrived", Trace::DeclaredButArrived)
            }
            (ArrivalState::Missing, false) => ("left from inside without an arrival", Trace::LeftWithoutArrival),
            (ArrivalState::Seen(_) | ArrivalState::Unknown, false) | (ArrivalState::Unknown, true) => return,
        };
        self.read(Compared::Arrival(text), Place::trace(trace), weights);
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

/// Days from order to despatch beyond which a stated despatch is not believed: machine tools are built for up to two years,
/// and a slip in the year must not blind the search. Assumption.
const LEAD_DAYS_MAX: i32 = 1_100;
/// Days from order to despatch up to which goods are looked for from the order date on. Assumption.
const LEAD_DAYS_USUAL_MAX: i32 = 120;

/// The day from which the goods can have been on their way.
pub(super) fn despatch_day(order: &OrderFacts) -> Day {
    let believed = order.ship_date.filter(|day| day.days_since(order.order_date) <= LEAD_DAYS_MAX);
    believed.map_or(order.order_date.plus_days(3), |day| day.max(order.order_date))
}

/// The day around which an order line's papers are looked for, and by which it is filed: the order date, or a later day
/// where the goods were built for long.
pub(super) fn followed_from(order: &OrderFacts) -> Day {
    order.order_date.max(despatch_day(order).plus_days(-LEAD_DAYS_USUAL_MAX))
}

/// Days within which a paper may be the arrival of an order line.
pub(super) fn arrival_window(order: &OrderFacts, policy: &Policy) -> (Day, Day) {
    let from = despatch_day(order).plus_days(-2);
    (from, from.plus_days(policy.transit_days_max))
}

/// Days within which a paper may send the goods of an order line on.
pub(super) fn onward_window(order: &OrderFacts, policy: &Policy) -> (Day, Day) {
    let from = followed_from(order);
    (from.plus_days(-policy.days_before_order_max), from.plus_days(policy.days_after_order_max))
}

/// The declaration by which an arrival is known: the one it names, or its own number.
pub(super) fn declaration_of_arrival<'a>(source_declaration: &'a str, number: &'a str) -> &'a str {
    if source_declaration.is_empty() { number } else { source_declaration }
}

/// Declaration numbers agree when their digits do, an item number at the end of either left aside.
pub(super) fn same_declaration(left: &str, right: &str) -> bool {
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
