//! The judgement's numbers in one place, with a version: what counts how much, and from where something is worth a look.
//!
//! Weights of names and goods live beside their comparers (`resolve`, `goods`); their versions are part of this one.
//! Where each number comes from is said at the number: an assumption, or estimated, which here means read off the
//! distributions of simulated worlds by eye. No procedure reproduces them yet.

use crate::flow::FlowPolicy;
use crate::model::{Bits, Level};

/// Version of the engine: the way of thinking, not the numbers.
pub const ENGINE_VERSION: &str = concat!("onward-", env!("CARGO_PKG_VERSION"));

/// (ratio, bits): linear in the logarithm of the ratio between the points, flat outside.
pub type RatioCurve = &'static [(f64, f64)];

/// All numbers of the judgement.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Changes with every number.
    pub version: &'static str,
    /// Share of order lines that go on where nothing is known of the buyer. Assumption between the 2 to 5 % of buyers
    /// and 10 to 25 % of priority goods that the published figures suggest.
    pub base_share: f64,
    /// How many order lines of record the base share is worth. Estimated.
    pub base_share_lines: f64,
    /// Share of an intermediary's onward papers, alike in goods, that carry the goods of a given transfer. Estimated.
    pub hop_share: f64,
    /// Days before the order date that an onward paper may bear and still be looked at: clocks and corrections.
    pub days_before_order_max: i32,
    /// Days after the order date beyond which goods are no longer followed.
    pub days_after_order_max: i32,
    /// The same after a transfer inside the ostensible destination.
    pub days_after_transfer_max: i32,
    /// Days from despatch to arrival beyond which an arrival is not the order's.
    pub transit_days_max: i32,
    /// Shares of a mention below this are not followed.
    pub share_min: f64,
    /// Papers looked at for one order line, the earliest in its window.
    pub papers_per_order_max: usize,
    /// Order lines and papers in one case.
    pub records_per_case_max: usize,
    /// Links below this probability are not part of a finding.
    pub shown_probability_min: f64,
    /// Value on the onward paper over value on the order, per unit. Estimated; the mark-ups behind it are published
    /// (+25 to +75 % for controlled goods).
    pub value_ratio: RatioCurve,
    /// Net weight per unit, likewise. Estimated.
    pub weight_ratio: RatioCurve,
    /// Quantities are equal to the last piece. Estimated.
    pub quantity_echo: f64,
    /// The paper fits into the order. Estimated.
    pub quantity_fits: f64,
    /// The paper is somewhat larger than the order. Estimated.
    pub quantity_slightly_over: f64,
    /// The paper is much larger than the order; it may be a merged consignment. Estimated.
    pub quantity_over: f64,
    /// The onward paper names the import declaration under which this very order arrived.
    pub declaration_same: f64,
    /// It names another one.
    pub declaration_different: f64,
    /// A declaration of the true destination by the buyer's firm, and the order never arrived where it should have.
    pub false_transit: f64,
    /// Such a declaration although the order arrived.
    pub declared_but_arrived: f64,
    /// Goods that never arrived leave from inside: rare.
    pub left_without_arrival: f64,
    /// A missing arrival says something only where at least this share of arrivals is seen, in per cent. Assumption.
    pub arrivals_seen_percent_min: u32,
    /// Share of the prior that remains on an order line for onward shipments that no paper shows. Assumption.
    pub unseen_share: f64,
    /// The same for an order line that should have arrived and was never seen to. Assumption.
    pub unseen_share_missing_arrival: f64,
    /// Value assumed for ranking where an order line has none, in euro. Assumption.
    pub value_unknown_euro: f64,
    /// Added to every link's weight, in bits. Estimated with `temperature` so that probabilities are calibrated.
    pub offset_bits: f64,
    /// Steepness of the final curve: below one when the weights above overlap. Estimated.
    pub temperature: f64,
    /// Score from which a finding is low, medium and high.
    pub level_scores: [f64; 3],
    /// Attribution.
    pub flow: FlowPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "2026-11.1",
            base_share: 0.10,
            base_share_lines: 1.5,
            hop_share: 0.2,
            days_before_order_max: 10,
            days_after_order_max: 400,
            days_after_transfer_max: 240,
            transit_days_max: 75,
            share_min: 0.03,
            papers_per_order_max: 2_000,
            records_per_case_max: 200_000,
            shown_probability_min: 0.02,
            value_ratio: &[
                (0.2, -5.0),
                (0.6, -4.0),
                (0.85, -2.5),
                (1.0, -0.5),
                (1.1, 0.8),
                (1.3, 1.6),
                (1.7, 1.5),
                (2.0, 0.3),
                (2.6, -1.5),
                (5.0, -4.0),
            ],
            weight_ratio: &[
                (0.5, -5.0),
                (0.8, -3.5),
                (0.9, 0.0),
                (0.96, 0.6),
                (1.08, 0.6),
                (1.15, 0.0),
                (1.3, -3.0),
                (2.0, -5.0),
            ],
            quantity_echo: 3.0,
            quantity_fits: 0.6,
            quantity_slightly_over: -1.5,
            quantity_over: -3.0,
            declaration_same: 9.0,
            declaration_different: -4.0,
            false_transit: 2.5,
            declared_but_arrived: -1.0,
            left_without_arrival: -0.7,
            arrivals_seen_percent_min: 50,
            unseen_share: 0.02,
            unseen_share_missing_arrival: 0.1,
            value_unknown_euro: 1_000.0,
            offset_bits: 0.9,
            temperature: 1.0,
            level_scores: [0.1, 0.3, 0.5],
            flow: FlowPolicy::default(),
        }
    }
}

impl Policy {
    /// The version of everything that can change a judgement.
    pub fn full_version(&self) -> String {
        format!("{}+goods-{}+names-{}", self.version, crate::goods::WEIGHTS_VERSION, crate::resolve::WEIGHTS_VERSION)
    }

    /// The level of a score.
    pub fn level(&self, score: f64) -> Level {
        let [low, medium, high] = self.level_scores;
        match score {
            score if score >= high => Level::High,
            score if score >= medium => Level::Medium,
            score if score >= low => Level::Low,
            _ => Level::None,
        }
    }

    /// Prior weight of a link from the buyer's record on its other order lines.
    pub fn prior_bits(&self, echoed_lines: f64, order_lines: f64) -> Bits {
        let share = (echoed_lines + self.base_share * self.base_share_lines) / (order_lines + self.base_share_lines);
        let share = share.clamp(0.001, 0.95);
        Bits::from_f64((share / (1.0 - share)).log2() + self.offset_bits)
    }

    /// Prior weight of an intermediary's paper carrying the goods of one of its transfers.
    pub fn hop_prior_bits(&self) -> Bits {
        Bits::from_f64((self.hop_share / (1.0 - self.hop_share)).log2())
    }
}

/// The weight that a curve gives to a ratio.
pub fn ratio_bits(curve: RatioCurve, ratio: f64) -> Bits {
    let place = ratio.max(1e-9).ln();
    let after = curve.partition_point(|(point, _)| point.ln() <= place);
    let bits = match (after.checked_sub(1).and_then(|index| curve.get(index)), curve.get(after)) {
        (Some((low, low_bits)), Some((high, high_bits))) => {
            let share = (place - low.ln()) / (high.ln() - low.ln());
            low_bits + share * (high_bits - low_bits)
        }
        (Some((_, bits)), None) | (None, Some((_, bits))) => *bits,
        (None, None) => 0.0,
    };
    Bits::from_f64(bits)
}
