//! Weighs one order line against one paper, given that the parties are the same: goods, quantity, value, weight, days.
//!
//! Pure. Who the parties are and what else competes for the paper comes later (`candidates`, `flow`).

use crate::flow::{Anchor, timing_bits};
use crate::goods::{self, Brands};
use crate::model::{
    Amount, Bits, CaseOrder, CaseShipment, Day, Evidence, EvidenceKind, OrderLine, ShipmentLine, Unit, UnitDimension,
};

use super::policy::{Policy, ratio_bits};

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

/// A weighed pair: evidence in a fixed order, and the paper's quantity in the order's unit.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub evidence: Vec<Evidence>,
    pub amount: Option<Amount>,
}

impl Weighed {
    pub(super) fn bits(&self) -> Bits {
        self.evidence.iter().map(|evidence| evidence.bits).sum()
    }
}

/// Everything but prior and identity.
pub(super) fn weigh(
    order: &CaseOrder,
    paper: &CaseShipment,
    arrival: ArrivalState<'_>,
    brands: &Brands,
    policy: &Policy,
) -> Weighed {
    let mut evidence = goods_evidence(order, paper, brands);
    let amount = in_order_unit(&order.line, &paper.line);
    let ordered = order.line.quantity;
    evidence.extend(quantity_evidence(&order.line, &paper.line, amount, ordered, "ordered", policy));
    evidence.extend(value_evidence(order, paper, amount, policy));
    evidence.extend(weight_evidence(&order.line, &paper.line, policy));
    evidence.push(timing_evidence(&order.line, paper.line.date, arrival));
    evidence.extend(declaration_evidence(&paper.line, arrival, policy));
    Weighed { evidence, amount }
}

/// The same for a later paper of a trail: goods, value and weight against the order line, quantity against what was
/// transferred. Days and prior are the caller's.
pub(super) fn weigh_hop(
    order: &CaseOrder,
    transferred: Option<Amount>,
    paper: &CaseShipment,
    brands: &Brands,
    policy: &Policy,
) -> Weighed {
    let mut evidence = goods_evidence(order, paper, brands);
    let amount = in_order_unit(&order.line, &paper.line);
    let scale = transferred.unwrap_or(order.line.quantity);
    evidence.extend(quantity_evidence(&order.line, &paper.line, amount, scale, "transferred", policy));
    evidence.extend(value_evidence(order, paper, amount, policy));
    evidence.extend(weight_evidence(&order.line, &paper.line, policy));
    Weighed { evidence, amount }
}

/// Goods of an order line against goods of a paper, as evidence with its weights.
pub(super) fn goods_evidence(order: &CaseOrder, paper: &CaseShipment, brands: &Brands) -> Vec<Evidence> {
    goods::compare(&order.goods, &paper.goods, brands)
        .into_iter()
        .map(|row| Evidence { kind: row.kind, ours: row.ours, theirs: row.theirs, bits: goods::weight(row.feature) })
        .collect()
}

/// A paper's quantity in the order's unit: directly, within one dimension, or through net weight per unit.
pub(super) fn in_order_unit(order: &OrderLine, paper: &ShipmentLine) -> Option<Amount> {
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

fn quantity_evidence(
    order: &OrderLine,
    paper: &ShipmentLine,
    amount: Option<Amount>,
    scale: Amount,
    word: &str,
    policy: &Policy,
) -> Option<Evidence> {
    let amount = amount?;
    let counted = order.unit.in_base().0 == paper.unit.in_base().0;
    let ratio = amount.to_f64() / scale.to_f64();
    let tolerance = if counted { 0.001 } else { policy.flow.quantity_tolerance };
    let bits = match ratio {
        ratio if (ratio - 1.0).abs() <= tolerance && counted => policy.quantity_echo,
        ratio if (ratio - 1.0).abs() <= tolerance => policy.quantity_echo / 2.0,
        ratio if ratio < 1.0 => policy.quantity_fits,
        ratio if ratio <= 1.25 => policy.quantity_slightly_over,
        _ => policy.quantity_over,
    };
    Some(Evidence {
        kind: EvidenceKind::Quantity,
        ours: format!("{scale} {} {word}", order.unit),
        theirs: format!("{} {}", paper.quantity, paper.unit),
        bits: Bits::from_f64(bits),
    })
}

fn value_evidence(
    order: &CaseOrder,
    paper: &CaseShipment,
    amount: Option<Amount>,
    policy: &Policy,
) -> Option<Evidence> {
    let ours = order.value_euro?.to_f64() / order.line.quantity.to_f64();
    let theirs = paper.value_euro?.to_f64() / amount?.to_f64();
    if ours <= 0.0 || theirs <= 0.0 {
        return None;
    }
    Some(Evidence {
        kind: EvidenceKind::ValueDensity,
        ours: format!("{ours:.2} EUR per {}", order.line.unit),
        theirs: format!("{theirs:.2} EUR per {}", order.line.unit),
        bits: ratio_bits(policy.value_ratio, theirs / ours),
    })
}

/// Net weight per counted unit. Weights of a few grams are printed with two digits, so rounding is forgiven first.
fn weight_evidence(order: &OrderLine, paper: &ShipmentLine, policy: &Policy) -> Option<Evidence> {
    const PRINTED_TO_KG: f64 = 0.006;
    let count = |unit: Unit| matches!(unit.in_base().0, UnitDimension::Count);
    if !count(order.unit) || !count(paper.unit) {
        return None;
    }
    let ours = order.net_weight_kg?.to_f64() / order.quantity.to_f64();
    let pieces = in_order_unit(order, paper)?.to_f64();
    let theirs_kg = paper.net_weight_kg?.to_f64();
    let expected_kg = ours * pieces;
    if expected_kg <= 0.0 || theirs_kg <= 0.0 {
        return None;
    }
    let slack = PRINTED_TO_KG + PRINTED_TO_KG * pieces / order.quantity.to_f64();
    let ratio = if (theirs_kg - expected_kg).abs() <= slack { 1.0 } else { theirs_kg / expected_kg };
    Some(Evidence {
        kind: EvidenceKind::WeightPerPiece,
        ours: format!("{ours:.4} kg per {}", order.unit),
        theirs: format!("{:.4} kg per {}", theirs_kg / pieces, order.unit),
        bits: ratio_bits(policy.weight_ratio, ratio),
    })
}

/// Days from order to despatch beyond which a stated despatch is not believed: it bounds every search by order date.
const DESPATCH_DAYS_MAX: i32 = 300;

/// The day from which the goods can have been on their way.
pub(super) fn despatch_day(order: &OrderLine) -> Day {
    let latest = order.order_date.plus_days(DESPATCH_DAYS_MAX);
    order.ship_date.map_or(order.order_date.plus_days(3), |day| day.clamp(order.order_date, latest))
}

/// Days within which a paper may be the arrival of an order line.
pub(super) fn arrival_window(order: &OrderLine, policy: &Policy) -> (Day, Day) {
    let from = despatch_day(order).plus_days(-2);
    (from, from.plus_days(policy.transit_days_max))
}

/// Days within which a paper may send the goods of an order line on.
pub(super) fn onward_window(order: &OrderLine, policy: &Policy) -> (Day, Day) {
    let from = order.order_date.plus_days(-policy.days_before_order_max);
    (from, order.order_date.plus_days(policy.days_after_order_max))
}

fn timing_evidence(order: &OrderLine, paper_day: Day, arrival: ArrivalState<'_>) -> Evidence {
    let (anchor, day, word) = match arrival {
        ArrivalState::Seen(paper) => (Anchor::Arrival, paper.date, "arrived"),
        _ => (Anchor::Despatch, despatch_day(order), "left the exporter"),
    };
    let lag_days = paper_day.days_since(day);
    Evidence {
        kind: EvidenceKind::Timing,
        ours: format!("{word} {day}"),
        theirs: format!("{paper_day}, {lag_days} days later"),
        bits: timing_bits(anchor, lag_days),
    }
}

fn declaration_evidence(paper: &ShipmentLine, arrival: ArrivalState<'_>, policy: &Policy) -> Vec<Evidence> {
    use crate::model::DocumentKind::RuDeclaration;
    let mut evidence = Vec::new();
    if let ArrivalState::Seen(arrived) = arrival
        && !paper.source_declaration.is_empty()
    {
        let own = if arrived.source_declaration.is_empty() { &arrived.key.number } else { &arrived.source_declaration };
        let same = same_declaration(own, &paper.source_declaration);
        let bits = if same { policy.declaration_same } else { policy.declaration_different };
        evidence.push(Evidence {
            kind: EvidenceKind::SourceDeclaration,
            ours: own.clone(),
            theirs: paper.source_declaration.clone(),
            bits: Bits::from_f64(bits),
        });
    }
    let (theirs, bits) = match (arrival, paper.key.kind == RuDeclaration) {
        (ArrivalState::Missing, true) => {
            ("declared in the true destination, never seen to arrive before", policy.false_transit)
        }
        (ArrivalState::Seen(_), true) => {
            ("declared in the true destination although it arrived", policy.declared_but_arrived)
        }
        (ArrivalState::Missing, false) => ("left from inside without an arrival", policy.left_without_arrival),
        _ => return evidence,
    };
    evidence.push(Evidence {
        kind: EvidenceKind::Arrival,
        ours: String::new(),
        theirs: theirs.to_owned(),
        bits: Bits::from_f64(bits),
    });
    evidence
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
