//! The judgement's numbers in one place, with a version: from where something is worth a look, and the limits.
//!
//! What each comparison counts is in the table of `weights`, whose version is part of this one, as are those of the
//! comparers of names and goods (`resolve`, `goods`). Where each number comes from is said at the number.

use std::sync::Arc;

use crate::flow::FlowPolicy;
use crate::model::{Day, Level, Probability};
use crate::normalize::Rates;

use super::weights::Weights;

/// Version of the engine: the way of thinking, not the numbers.
pub const ENGINE_VERSION: &str = concat!("onward-", env!("CARGO_PKG_VERSION"));

/// All numbers of the judgement.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Changes with every number that is not a weight.
    pub version: &'static str,
    /// What each comparison counts.
    pub weights: Arc<Weights>,
    /// Rates by which values meet; where one is missing, values are not compared.
    pub rates: Arc<Rates>,
    /// Share of order lines that go on where nothing is known of the buyer. Assumption between the 2 to 5 % of buyers
    /// and 10 to 25 % of priority goods that the published figures suggest.
    pub base_share: f64,
    /// How many order lines of record the base share is worth. Estimated.
    pub base_share_lines: f64,
    /// Days before the order date that an onward paper may bear and still be looked at: clocks and corrections.
    pub days_before_order_max: i32,
    /// Days after the order date beyond which goods are no longer followed. Goods that were built for longer than 120 days
    /// are followed as if they had been ordered 120 days before their despatch.
    pub days_after_order_max: i32,
    /// The same after a transfer inside the ostensible destination.
    pub days_after_transfer_max: i32,
    /// Days from despatch to arrival beyond which an arrival is not the order's.
    pub transit_days_max: i32,
    /// Shares of a mention below this are not followed.
    pub share_min: f64,
    /// Papers looked at for one order line, those nearest in time to when goods usually go on.
    pub papers_per_order_max: usize,
    /// Pairs of order line and paper looked at for all order lines of a buyer or case together: where there are many order
    /// lines, fewer papers are looked at for each.
    pub pairs_max: usize,
    /// Papers looked at for one order line however many order lines there are.
    pub papers_per_order_min: usize,
    /// Pairs of order line and following paper at one transfer up to which each is weighed before a case is cut; where there
    /// are more, all that are alike belong to the case. Bounds the time for one transfer to some
    /// hundredths of a second.
    pub pairs_per_transfer_max: usize,
    /// Links of one order line that compete for papers, the likeliest.
    pub links_per_order_max: usize,
    /// Order lines and papers in one case.
    pub records_per_case_max: usize,
    /// Links below this probability are not part of a finding.
    pub shown_probability_min: f64,
    /// Transfers whose trail weighs less are not followed further, in bits.
    pub transfer_bits_min: f64,
    /// Links that weigh less are dropped before they compete, in bits.
    pub link_bits_min: f64,
    /// Quantities counted in different dimensions are equal within this share. Assumption: printed weights are rounded
    /// and include some packing.
    pub weighed_tolerance: f64,
    /// A missing arrival says something only where at least this share of arrivals is seen, in per cent. Assumption.
    pub arrivals_seen_percent_min: u32,
    /// Share of the prior that remains on an order line for onward shipments that no paper shows. Assumption.
    pub unseen_share: f64,
    /// The same for an order line that should have arrived and was never seen to. Assumption.
    pub unseen_share_missing_arrival: f64,
    /// Value assumed for ranking where an order line has none, in euro. Assumption.
    pub value_unknown_euro: f64,
    /// Score from which a finding is low, medium and high.
    pub level_scores: [f64; 3],
    /// Attribution.
    pub flow: FlowPolicy,
}

/// The other order lines of a buyer.
#[derive(Clone, Copy, Debug)]
pub(super) struct OthersOfBuyer {
    /// How many of them have an onward shipment like them, as a sum of probabilities.
    pub echoed_lines: f64,
    pub lines: f64,
    /// The share of order lines that go on, which follows.
    pub share: f64,
}

impl OthersOfBuyer {
    /// The odds of that share, in bits.
    pub(super) fn odds(&self) -> f64 {
        (self.share / (1.0 - self.share)).log2()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "2026-11.3",
            weights: Arc::new(Weights::embedded().clone()),
            rates: Arc::new(Rates::embedded().clone()),
            base_share: 0.10,
            base_share_lines: 1.5,
            days_before_order_max: 10,
            days_after_order_max: 400,
            days_after_transfer_max: 240,
            transit_days_max: 75,
            share_min: 0.03,
            papers_per_order_max: 2_000,
            pairs_max: 2_000_000,
            papers_per_order_min: 20,
            pairs_per_transfer_max: 20_000,
            links_per_order_max: 400,
            records_per_case_max: 2_000_000,
            shown_probability_min: 0.02,
            transfer_bits_min: -9.0,
            link_bits_min: -9.0,
            weighed_tolerance: 0.06,
            arrivals_seen_percent_min: 50,
            unseen_share: 0.02,
            unseen_share_missing_arrival: 0.1,
            value_unknown_euro: 1_000.0,
            level_scores: [0.1, 0.3, 0.5],
            flow: FlowPolicy::default(),
        }
    }
}

impl Policy {
    /// The version of everything that can change a judgement.
    pub fn full_version(&self) -> String {
        let (weights, names) = (self.weights.version(), crate::resolve::WEIGHTS_VERSION);
        format!("{}+weights-{weights}+goods-{}+names-{names}", self.version, crate::goods::WEIGHTS_VERSION)
    }

    /// Papers looked at for one order line among so many.
    pub fn papers_per_order(&self, order_count: usize) -> usize {
        (self.pairs_max / order_count.max(1)).clamp(self.papers_per_order_min, self.papers_per_order_max)
    }

    /// Days by which order lines are filed that a paper of this day may carry.
    pub(super) fn orders_of_paper(&self, day: Day) -> (Day, Day) {
        (day.plus_days(-self.days_after_order_max), day.plus_days(self.days_before_order_max))
    }

    /// The same from the other side: days of papers that may carry an order line filed by this day.
    pub(super) fn papers_of_order(&self, day: Day) -> (Day, Day) {
        (day.plus_days(-self.days_before_order_max), day.plus_days(self.days_after_order_max))
    }

    /// Days on which a firm may send on what it received by a transfer of this day.
    pub(super) fn after_transfer(&self, day: Day) -> (Day, Day) {
        (day, day.plus_days(self.days_after_transfer_max))
    }

    /// The same from the other side: days of transfers by which the goods of a paper of this day may have come.
    pub(super) fn before_paper(&self, day: Day) -> (Day, Day) {
        (day.plus_days(-self.days_after_transfer_max), day)
    }

    /// Links followed for one order line among so many.
    pub fn links_per_order(&self, order_count: usize) -> usize {
        self.papers_per_order(order_count).min(self.links_per_order_max)
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

    /// What a buyer's record says of one of its order lines, whose own likelihood to have an onward shipment like it does not
    /// count.
    pub(super) fn others_of_buyer(&self, echoed_millionths: u64, line_count: u32, own: Probability) -> OthersOfBuyer {
        let echoed_lines = (echoed_millionths as f64 / 1e6 - own.to_f64()).max(0.0);
        let lines = f64::from(line_count.saturating_sub(1));
        OthersOfBuyer { echoed_lines, lines, share: self.record_share(echoed_lines.min(lines), lines) }
    }

    /// Share of a buyer's order lines that go on, from its record on the other ones.
    pub fn record_share(&self, echoed_lines: f64, order_lines: f64) -> f64 {
        let share = (echoed_lines + self.base_share * self.base_share_lines) / (order_lines + self.base_share_lines);
        share.clamp(0.001, 0.95)
    }
}
