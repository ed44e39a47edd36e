//! A back-test as a whole: from outcomes to a report, and the report as a text table.
//!
//! The picture is in `chart`.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{
    CurvePoint, LinkOutcome, PartyDecision, PartyTruth, PrecisionRecall, QuantityOutcome, RankedOutcome,
    ReliabilityBin, average_precision, calibration_error_by_chance, expected_calibration_error, link_scores,
    party_pair_scores, precision_recall_curve, quantity_error, recall_at_alerts_per_day, reliability_bins,
    scored_pairs,
};
use crate::model::Day;

/// One order line: what was found and what is true.
#[derive(Clone, PartialEq, Debug)]
pub struct OrderOutcome {
    /// Order.
    pub order_id: String,
    /// Line of the order.
    pub line_no: u32,
    /// Day on which an alert would come up, where known.
    pub day: Option<Day>,
    /// Calibrated score between zero and one.
    pub score: f64,
    /// Rank among alerts.
    pub priority: f64,
    /// Quantities in the order's unit.
    pub quantity: QuantityOutcome,
}

/// Everything a back-test compares.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BacktestInput {
    /// Links found.
    pub found_links: Vec<LinkOutcome>,
    /// Links that are true.
    pub true_links: Vec<LinkOutcome>,
    /// Order lines.
    pub orders: Vec<OrderOutcome>,
    /// Identities decided; may be empty.
    pub party_decisions: Vec<PartyDecision>,
    /// Identities that are true; may be empty.
    pub party_truth: Vec<PartyTruth>,
    /// A link or line counts as found from this probability on.
    pub threshold: f64,
    /// A budget of alerts a day to report on beside the usual ones.
    pub alerts_per_day: Option<u32>,
}

/// Recall when a desk can look at so many alerts a day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BudgetRecall {
    /// Alerts a day.
    pub alerts_per_day: u32,
    /// Share of the true lines looked at.
    pub recall: f64,
}

/// What a back-test says.
#[derive(Clone, PartialEq, Debug)]
pub struct BacktestReport {
    /// Order lines compared.
    pub order_count: u64,
    /// Of which something went on.
    pub diverted_order_count: u64,
    /// See [`BacktestInput::threshold`].
    pub threshold: f64,
    /// Links as pairs of order and paper.
    pub links: PrecisionRecall,
    /// Order lines as suspected or not.
    pub orders: PrecisionRecall,
    /// Pairs of mentions; `None` without true identities.
    pub parties: Option<PrecisionRecall>,
    /// Quality of the ranking of lines by score.
    pub average_precision: Option<f64>,
    /// Mean distance of scores from frequencies.
    pub expected_calibration_error: f64,
    /// The same of the links that were found with any probability; `None` without links.
    pub links_calibration_error: Option<f64>,
    /// What the two errors would be by chance alone, were every score the true probability.
    pub calibration_error_by_chance: f64,
    /// The same of the links.
    pub links_calibration_error_by_chance: Option<f64>,
    /// Mean error of attributed quantities.
    pub quantity_error: Option<f64>,
    /// Recall under budgets; empty when the lines have no days.
    pub budgets: Vec<BudgetRecall>,
    /// Scores against frequencies.
    pub reliability: Vec<ReliabilityBin>,
    /// Precision against recall.
    pub curve: Vec<CurvePoint>,
}

const BIN_COUNT: usize = 10;
const BUDGETS: [u32; 5] = [1, 2, 5, 10, 20];

impl BacktestReport {
    /// Compares.
    pub fn of(input: &BacktestInput) -> Self {
        let scores: Vec<(f64, bool)> = input.orders.iter().map(|order| (order.score, is_diverted(order))).collect();
        let quantities: Vec<QuantityOutcome> = input.orders.iter().map(|order| order.quantity).collect();
        let ranked: Vec<RankedOutcome> = input
            .orders
            .iter()
            .filter(|order| order.score > 0.0 || is_diverted(order))
            .filter_map(|order| {
                let day = order.day?;
                Some(RankedOutcome { day, score: order.priority, is_diverted: is_diverted(order) })
            })
            .collect();
        let wanted: BTreeSet<u32> = BUDGETS.into_iter().chain(input.alerts_per_day).collect();
        let budgets = wanted.into_iter().filter_map(|alerts_per_day| {
            let recall = recall_at_alerts_per_day(&ranked, alerts_per_day)?;
            Some(BudgetRecall { alerts_per_day, recall })
        });
        let links = scored_pairs(&input.found_links, &input.true_links);
        let has_parties = !input.party_truth.is_empty();
        Self {
            order_count: input.orders.len() as u64,
            diverted_order_count: input.orders.iter().filter(|order| is_diverted(order)).count() as u64,
            threshold: input.threshold,
            links: link_scores(&input.found_links, &input.true_links, input.threshold),
            orders: order_scores(&scores, input.threshold),
            parties: has_parties
                .then(|| party_pair_scores(&input.party_decisions, &input.party_truth, input.threshold)),
            average_precision: average_precision(&scores),
            expected_calibration_error: expected_calibration_error(&scores, BIN_COUNT),
            links_calibration_error: (!links.is_empty()).then(|| expected_calibration_error(&links, BIN_COUNT)),
            calibration_error_by_chance: calibration_error_by_chance(&scores, BIN_COUNT),
            links_calibration_error_by_chance: (!links.is_empty())
                .then(|| calibration_error_by_chance(&links, BIN_COUNT)),
            quantity_error: quantity_error(&quantities),
            budgets: budgets.collect(),
            reliability: reliability_bins(&scores, BIN_COUNT),
            curve: precision_recall_curve(&scores),
        }
    }

    /// The report as lines of plain text, for a terminal.
    pub fn to_table(&self) -> String {
        let mut text = String::new();
        let lines = format!("{} order lines, {} of them diverted", self.order_count, self.diverted_order_count);
        line(&mut text, &format!("Back-test: {lines}; found from probability {:.2}", self.threshold));
        line(&mut text, "");
        line(&mut text, "                 precision  recall     F1    right   wrong  missed");
        for (name, scores) in
            [("links", Some(&self.links)), ("order lines", Some(&self.orders)), ("party pairs", self.parties.as_ref())]
        {
            if let Some(scores) = scores {
                line(&mut text, &precision_recall_row(name, scores));
            }
        }
        line(&mut text, "");
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        line(&mut text, &format!("average precision of the ranking    {}", shown(self.average_precision)));
        let (error, chance) = (self.expected_calibration_error, self.calibration_error_by_chance);
        line(&mut text, &format!("expected calibration error, lines   {error:.3}  (by chance alone {chance:.3})"));
        let (error, chance) = (shown(self.links_calibration_error), shown(self.links_calibration_error_by_chance));
        line(&mut text, &format!("expected calibration error, links   {error}  (by chance alone {chance})"));
        line(&mut text, &format!("mean error of quantities            {}", shown(self.quantity_error)));
        for budget in &self.budgets {
            let name = format!("recall at {} alerts a day", budget.alerts_per_day);
            line(&mut text, &format!("{name:<35} {:.3}", budget.recall));
        }
        line(&mut text, "");
        line(&mut text, "score           lines   mean  observed");
        for bin in &self.reliability {
            let row = format!(
                "{:.1} to {:.1} {:>11} {:>6.3} {:>9.3}",
                bin.low, bin.high, bin.count, bin.mean_score, bin.observed
            );
            line(&mut text, &row);
        }
        text
    }

    /// Reliability and precision-recall curves as one standalone SVG picture.
    pub fn to_svg(&self) -> String {
        super::chart::picture(self)
    }
}

fn is_diverted(order: &OrderOutcome) -> bool {
    order.quantity.diverted > 0.0
}

fn order_scores(scores: &[(f64, bool)], threshold: f64) -> PrecisionRecall {
    let count = |found: bool, diverted: bool| {
        scores.iter().filter(|(score, real)| (*score >= threshold) == found && *real == diverted).count() as u64
    };
    PrecisionRecall::from_counts(count(true, true), count(true, false), count(false, true))
}

fn precision_recall_row(name: &str, scores: &PrecisionRecall) -> String {
    format!(
        "{name:<16} {:>9.3} {:>7.3} {:>6.3} {:>8} {:>7} {:>7}",
        scores.precision,
        scores.recall,
        scores.f1,
        scores.true_positive_count,
        scores.false_positive_count,
        scores.false_negative_count
    )
}

/// Writing to a string cannot fail.
fn line(text: &mut String, row: &str) {
    let _ = writeln!(text, "{row}");
}
