//! The table of weights: what each comparison of an order line with a paper is worth, in bits.
//!
//! Come here for which weights there are, and how a ratio or a number of days finds its place among them. Their values
//! are in `data/weights.tsv`, written by `onward calibrate`. What is compared is `weigh`; who wins is `flow`.

use std::sync::LazyLock;

use crate::goods::{self, Feature};
use crate::model::{Bits, LikenessRecord};

/// Between whom a paper moves the goods of an order line: the same comparison says different things on different legs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Leg {
    /// From the buyer over the border.
    Direct,
    /// Inside the ostensible destination, from the buyer or from a firm that had them from the buyer.
    Transfer,
    /// From the last firm inside over the border.
    After,
}

/// Where a reading stands in the table: at one weight, or between it and the next one of its curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    index: u16,
    next_share: f32,
}

/// A curve: weights at these points, linear between them, flat outside.
#[derive(Clone, Copy)]
struct Curve {
    name: &'static str,
    /// Points in rising order.
    points: &'static [f64],
    /// Bits assumed at the points before anything is counted.
    assumed: &'static [f64],
}

/// How a paper's quantity compares with what was ordered or transferred.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Amounts {
    /// Equal to the last piece.
    Equal,
    /// More than half of it.
    Most,
    /// More than a tenth.
    Some,
    /// Less.
    Little,
    /// Up to a quarter more.
    SlightlyOver,
    /// Still more: perhaps a merged consignment.
    Over,
    /// Equal within the tolerance, counted in another dimension.
    WeighedEqual,
    /// Less, counted in another dimension.
    WeighedLess,
    /// More, counted in another dimension.
    WeighedOver,
    /// No common unit was found.
    Unknown,
}

const AMOUNTS: [(Amounts, &str, f64); 10] = [
    (Amounts::Equal, "equal", 3.0),
    (Amounts::Most, "most", 0.6),
    (Amounts::Some, "some", 0.6),
    (Amounts::Little, "little", 0.0),
    (Amounts::SlightlyOver, "slightly_over", -1.5),
    (Amounts::Over, "over", -3.0),
    (Amounts::WeighedEqual, "weighed_equal", 1.5),
    (Amounts::WeighedLess, "weighed_less", 0.6),
    (Amounts::WeighedOver, "weighed_over", -2.0),
    (Amounts::Unknown, "unknown", 0.0),
];

/// What papers and arrivals say of one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trace {
    /// The onward paper names the import declaration under which this order line arrived.
    DeclarationSame,
    /// It names another one.
    DeclarationDifferent,
    /// Declared in the true destination, and never seen to arrive where it should have.
    FalseTransit,
    /// Declared in the true destination although it arrived.
    DeclaredButArrived,
    /// Left from inside without an arrival where arrivals are usually seen.
    LeftWithoutArrival,
}

const TRACES: [(Trace, &str, f64); 5] = [
    (Trace::DeclarationSame, "declaration_same", 9.0),
    (Trace::DeclarationDifferent, "declaration_different", -4.0),
    (Trace::FalseTransit, "false_transit", 2.5),
    (Trace::DeclaredButArrived, "declared_but_arrived", -1.0),
    (Trace::LeftWithoutArrival, "left_without_arrival", -0.7),
];

/// Value per unit on the paper over value per unit on the order. The mark-ups behind the assumption are published
/// (+25 to +75 % for controlled goods, Bank of Finland BOFIT).
const VALUE: Curve = Curve {
    name: "value_ratio",
    points: &[0.2, 0.6, 0.85, 0.95, 1.0, 1.05, 1.12, 1.3, 1.7, 2.1, 3.0, 6.0],
    assumed: &[-5.0, -4.0, -2.5, -1.5, -0.5, 0.2, 0.8, 1.6, 1.5, 0.0, -2.0, -4.0],
};
/// Net weight per unit, likewise.
const WEIGHT: Curve = Curve {
    name: "weight_ratio",
    points: &[0.5, 0.8, 0.9, 0.96, 1.0, 1.05, 1.1, 1.2, 1.4, 2.0],
    assumed: &[-5.0, -3.5, 0.0, 0.6, 0.6, 0.6, 0.4, -1.0, -3.5, -5.0],
};
/// Days from the order line's arrival to the paper.
const AFTER_ARRIVAL: Curve = Curve {
    name: "days_after_arrival",
    points: &[-30.0, -3.0, 0.0, 3.0, 8.0, 20.0, 35.0, 55.0, 80.0, 120.0, 200.0, 400.0],
    assumed: &[-9.0, -7.0, -1.0, 0.9, 1.6, 1.6, 0.9, 0.0, -1.2, -2.6, -4.0, -6.0],
};
/// Days from despatch to the paper, where no arrival is known.
const AFTER_DESPATCH: Curve = Curve {
    name: "days_after_despatch",
    points: &[-30.0, 2.0, 7.0, 13.0, 20.0, 40.0, 60.0, 80.0, 120.0, 200.0, 400.0],
    assumed: &[-9.0, -5.0, -1.0, 0.3, 1.0, 1.3, 0.6, -0.5, -2.2, -4.0, -6.0],
};
/// Days from the transfer before to the paper.
const AFTER_TRANSFER: Curve = Curve {
    name: "days_after_transfer",
    points: &[-5.0, 0.0, 3.0, 10.0, 25.0, 45.0, 70.0, 120.0, 240.0],
    assumed: &[-9.0, -0.5, 0.9, 1.4, 1.2, 0.3, -1.0, -2.8, -5.0],
};
const LEG_CURVES: [Curve; 5] = [VALUE, WEIGHT, AFTER_ARRIVAL, AFTER_DESPATCH, AFTER_TRANSFER];

/// Odds, in bits, that the buyer's record gives: how many of its other order lines have an onward shipment like them.
const RECORD: Curve = Curve {
    name: "buyers_record",
    points: &[-6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.5, 3.0],
    assumed: &[-6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.5, 3.0],
};

/// How many in a hundred of the tenant's order lines that have a paper like them have one that is likely theirs.
const LIKENESS: Curve = Curve {
    name: "likely_percent",
    points: &[1.0, 4.0, 7.0, 12.0, 18.0, 25.0, 50.0],
    assumed: &[-1.0, -0.6, -0.3, 0.0, 0.2, 0.4, 0.8],
};

/// Firms between buyer and border that are followed.
pub(super) const FIRMS_BETWEEN_MAX: usize = 2;
const WAYS: [&str; FIRMS_BETWEEN_MAX + 1] = ["direct", "through_one_firm", "through_two_firms"];
/// What is assumed of a way besides the buyer's record.
const WAYS_ASSUMED: [f64; FIRMS_BETWEEN_MAX + 1] = [0.9, -2.0, -4.0];

const LEGS: [(Leg, &str); 3] = [(Leg::Direct, "direct"), (Leg::Transfer, "transfer"), (Leg::After, "after")];

/// One row of the table: its name and what is assumed before anything is counted.
#[derive(Clone, PartialEq, Debug)]
pub struct WeightRow {
    /// Stable name, from the general to the special: `direct.value_ratio.1.3`.
    pub name: String,
    /// Bits assumed.
    pub assumed: f64,
}

/// All rows in the order of the table.
static ROWS: LazyLock<Vec<WeightRow>> = LazyLock::new(rows);

fn rows() -> Vec<WeightRow> {
    let mut rows = Vec::with_capacity(400);
    let mut push = |name: String, assumed: f64| rows.push(WeightRow { name, assumed: rounded(assumed) });
    for (leg, leg_name) in LEGS {
        // A transfer is weighed with the paper that follows it, which speaks of the same goods again.
        let share = if leg == Leg::Transfer { 0.4 } else { 1.0 };
        for feature in Feature::all() {
            push(format!("{leg_name}.goods.{}", feature.as_str()), goods::weight(feature).to_f64() * share);
        }
        for (_, name, assumed) in AMOUNTS {
            push(format!("{leg_name}.quantity.{name}"), assumed * share);
        }
        for curve in LEG_CURVES {
            for (point, assumed) in curve.points.iter().zip(curve.assumed) {
                push(format!("{leg_name}.{}.{point}", curve.name), assumed * share);
            }
        }
    }
    for (_, name, assumed) in TRACES {
        push(format!("trace.{name}"), assumed);
    }
    for (way, name) in WAYS.iter().enumerate() {
        push(format!("way.{name}"), WAYS_ASSUMED[way]);
        for (point, assumed) in RECORD.points.iter().zip(RECORD.assumed) {
            push(format!("way.{name}.{}.{point}", RECORD.name), *assumed);
        }
    }
    for (point, assumed) in LIKENESS.points.iter().zip(LIKENESS.assumed) {
        push(format!("tenant.{}.{point}", LIKENESS.name), *assumed);
    }
    rows
}

const GOODS_COUNT: usize = Feature::COUNT;

const fn curve_places(curves: &[Curve]) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < curves.len() {
        sum += curves[index].points.len();
        index += 1;
    }
    sum
}

const LEG_PLACES: usize = GOODS_COUNT + AMOUNTS.len() + curve_places(&LEG_CURVES);
const TRACES_START: usize = LEG_PLACES * LEGS.len();
const WAYS_START: usize = TRACES_START + TRACES.len();
const WAY_PLACES: usize = 1 + RECORD.points.len();
const TENANT_START: usize = WAYS_START + WAY_PLACES * WAYS.len();

impl Leg {
    const fn start(self) -> usize {
        LEG_PLACES * self as usize
    }

    /// The place of a goods feature.
    pub(super) const fn goods(self, feature: Feature) -> Place {
        Place::at(self.start() + feature as usize)
    }

    /// The place of a comparison of quantities.
    pub(super) const fn amounts(self, amounts: Amounts) -> Place {
        Place::at(self.start() + GOODS_COUNT + amounts as usize)
    }

    fn curve(self, number: usize, value: f64) -> Place {
        let before = curve_places(&LEG_CURVES[..number]);
        Place::on(self.start() + GOODS_COUNT + AMOUNTS.len() + before, LEG_CURVES[number].points, value)
    }

    /// The place of a ratio of values per unit; ratios are interpolated by their logarithms.
    pub(super) fn value_ratio(self, ratio: f64) -> Place {
        self.curve(0, ratio)
    }

    /// The place of a ratio of weights per unit.
    pub(super) fn weight_ratio(self, ratio: f64) -> Place {
        self.curve(1, ratio)
    }

    /// The place of days since the order line arrived.
    pub(super) fn days_after_arrival(self, days: i32) -> Place {
        self.curve(2, f64::from(days))
    }

    /// The place of days since the order line left the exporter.
    pub(super) fn days_after_despatch(self, days: i32) -> Place {
        self.curve(3, f64::from(days))
    }

    /// The place of days since the transfer before.
    pub(super) fn days_after_transfer(self, days: i32) -> Place {
        self.curve(4, f64::from(days))
    }
}

impl Place {
    const fn at(index: usize) -> Self {
        Self { index: index as u16, next_share: 0.0 }
    }

    /// Between the two points of a curve that enclose a value.
    fn on(start: usize, points: &[f64], value: f64) -> Self {
        let after = points.partition_point(|point| *point <= value);
        if after == 0 || after == points.len() {
            return Self::at(start + after.saturating_sub(1));
        }
        let (low, high) = (points[after - 1], points[after]);
        let next_share = ((value - low) / (high - low)) as f32;
        Self { index: (start + after - 1) as u16, next_share }
    }

    /// The place of what papers and arrivals say of one another.
    pub(super) const fn trace(trace: Trace) -> Self {
        Self::at(TRACES_START + trace as usize)
    }

    /// What stands before all comparisons: the way through so many firms, the buyer's record on it, in odds of this many
    /// bits, and how much likeness says at this tenant.
    pub(super) fn way(firms_between: usize, record_bits: f64, likeness: LikenessRecord) -> [Self; 3] {
        let start = WAYS_START + WAY_PLACES * firms_between.min(FIRMS_BETWEEN_MAX);
        let record = Self::on(start + 1, RECORD.points, record_bits);
        [Self::at(start), record, Self::on(TENANT_START, LIKENESS.points, f64::from(likeness.likely_percent))]
    }

    /// Weights by number with the share that each of them has.
    pub(super) fn shares(self) -> impl Iterator<Item = (usize, f64)> {
        let (index, next) = (usize::from(self.index), f64::from(self.next_share));
        [(index, 1.0 - next), (index + 1, next)].into_iter().filter(|(_, share)| *share > 0.0)
    }
}

/// To a thousandth of a bit, as the table has it.
fn rounded(bits: f64) -> f64 {
    (bits * 1000.0).round() / 1000.0
}

/// The values of the table.
#[derive(Clone, PartialEq, Debug)]
pub struct Weights {
    bits: Vec<f64>,
    version: String,
}

static EMBEDDED: LazyLock<Weights> =
    LazyLock::new(|| Weights::parse(include_str!("../../data/weights.tsv")).unwrap_or_else(|_| Weights::assumed()));

/// Why a text is no table of weights.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WeightsError {
    /// A row that is not `name`, `assumed`, `bits`, `links`, separated by tabs.
    #[error("line {0}: expected a name, what was assumed, bits and a count of links")]
    Row(usize),
    /// The rows are not those of this engine, in its order.
    #[error("the rows are not those of this version: {0} is missing or misplaced")]
    Rows(String),
}

impl Weights {
    /// What the program was built with.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// What is assumed before anything is counted.
    pub fn assumed() -> Self {
        Self::with_bits("assumed", &[])
    }

    /// Every row in the order of the table.
    pub fn rows() -> &'static [WeightRow] {
        &ROWS
    }

    /// These bits in the order of [`Weights::rows`]; those that are missing are what is assumed.
    pub fn with_bits(version: &str, bits: &[f64]) -> Self {
        let rows = ROWS.iter().enumerate();
        let bits = rows.map(|(index, row)| rounded(bits.get(index).copied().unwrap_or(row.assumed))).collect();
        Self { bits, version: version.to_owned() }
    }

    /// Reads a table as `onward calibrate` writes it: comments after `#`, one of them `# version: …`.
    pub fn parse(text: &str) -> Result<Self, WeightsError> {
        let version = text.lines().find_map(|line| line.strip_prefix("# version: ")).unwrap_or("unnamed").to_owned();
        let mut bits = Vec::with_capacity(ROWS.len());
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
        for (number, line) in lines {
            let mut columns = line.split('\t');
            let (Some(name), Some(_), Some(value)) = (columns.next(), columns.next(), columns.next()) else {
                return Err(WeightsError::Row(number + 1));
            };
            if ROWS.get(bits.len()).is_none_or(|row| row.name != name) {
                return Err(WeightsError::Rows(name.to_owned()));
            }
            // `nan` and `inf` are numbers to the parser, and no finding could be ordered by them.
            let value = value.parse().ok().filter(|bits: &f64| bits.is_finite());
            bits.push(value.ok_or(WeightsError::Row(number + 1))?);
        }
        match ROWS.get(bits.len()) {
            Some(missing) => Err(WeightsError::Rows(missing.name.clone())),
            None => Ok(Self { bits, version }),
        }
    }

    /// Names this table among others.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Bits in the order of [`Weights::rows`].
    pub fn bits(&self) -> &[f64] {
        &self.bits
    }

    /// What a place is worth.
    pub(super) fn at(&self, place: Place) -> Bits {
        Bits::from_f64(place.shares().map(|(index, share)| share * self.bits.get(index).copied().unwrap_or(0.0)).sum())
    }

    /// The most that stands before all comparisons for a way through so many firms, with a buyer's record of odds up to
    /// `record_bits` and whatever likeness says at the tenant.
    pub(super) fn way_most(&self, firms_between: usize, record_bits: f64) -> Bits {
        let none = LikenessRecord { likely_percent: 0 };
        let odds = RECORD.points.iter().copied().filter(|bits| *bits < record_bits).chain([record_bits]);
        let ways = odds.map(|odds| {
            let [way, record, _] = Place::way(firms_between, odds, none);
            self.at(way).0 + self.at(record).0
        });
        let tenants = LIKENESS.points.iter().map(|percent| Place::on(TENANT_START, LIKENESS.points, *percent));
        let most = |bits: Option<i32>| bits.unwrap_or_default();
        Bits(most(ways.max()) + most(tenants.map(|place| self.at(place).0).max()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Amounts, LIKENESS, Leg, Place, TENANT_START, Trace, Weights, WeightsError};
    use crate::goods::Feature;
    use crate::model::LikenessRecord;

    fn name(place: Place) -> &'static str {
        &Weights::rows()[usize::from(place.index)].name
    }

    #[test]
    fn places_have_the_names_of_what_they_are_for() {
        assert_eq!(name(Leg::Direct.goods(Feature::SerialShared)), "direct.goods.serial_shared");
        assert_eq!(name(Leg::After.goods(Feature::SizeDifferent)), "after.goods.size_different");
        assert_eq!(name(Leg::Transfer.amounts(Amounts::Unknown)), "transfer.quantity.unknown");
        assert_eq!(name(Leg::Direct.value_ratio(0.1)), "direct.value_ratio.0.2");
        assert_eq!(name(Leg::After.weight_ratio(9.0)), "after.weight_ratio.2");
        assert_eq!(name(Leg::Direct.days_after_arrival(-3)), "direct.days_after_arrival.-3");
        assert_eq!(name(Leg::Direct.days_after_despatch(500)), "direct.days_after_despatch.400");
        assert_eq!(name(Leg::After.days_after_transfer(10)), "after.days_after_transfer.10");
        assert_eq!(name(Place::trace(Trace::LeftWithoutArrival)), "trace.left_without_arrival");
        let likeness = LikenessRecord { likely_percent: 12 };
        let places = ["way.through_two_firms", "way.through_two_firms.buyers_record.3", "tenant.likely_percent.12"];
        assert_eq!(Place::way(2, 5.0, likeness).map(name), places);
        assert_eq!(Weights::rows().len(), TENANT_START + LIKENESS.points.len());
    }

    #[test]
    fn a_curve_is_linear_between_its_points_and_flat_outside() {
        let weights = Weights::assumed();
        let at = |days: i32| weights.at(Leg::Direct.days_after_arrival(days)).to_f64();
        assert_eq!((at(0), at(3), at(8)), (-1.0, 0.9, 1.6));
        assert!((at(4) - 1.04).abs() < 0.001, "{}", at(4));
        assert_eq!((at(-400), at(4_000)), (-9.0, -6.0));
    }

    #[test]
    fn a_table_of_another_engine_is_refused() {
        let rows: Vec<String> =
            Weights::rows().iter().map(|row| format!("{}\t0\t{}\t3", row.name, row.assumed)).collect();
        let text = format!("# version: t\n{}\n", rows.join("\n"));
        let read = Weights::parse(&text);
        assert_eq!(read, Ok(Weights { version: "t".to_owned(), ..Weights::with_bits("t", Weights::assumed().bits()) }));
        let short = rows[..rows.len() - 1].join("\n");
        assert!(matches!(Weights::parse(&short), Err(WeightsError::Rows(_))));
        assert_eq!(Weights::parse("direct.goods.serial_shared\t1"), Err(WeightsError::Row(1)));
        for no_number in ["nan", "inf", "-infinity", "1e999"] {
            let table = format!("direct.goods.serial_shared\t1\t{no_number}");
            assert_eq!(Weights::parse(&table), Err(WeightsError::Row(1)), "{no_number}");
        }
    }

    #[test]
    fn the_embedded_table_fits_this_engine() {
        assert_ne!(Weights::embedded().version(), "assumed");
    }
}
