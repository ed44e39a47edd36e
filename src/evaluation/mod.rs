//! How good are findings, held against what is known to have happened?
//!
//! Come here for back-tests: precision and recall of links, calibration, recall under an alert budget, quantities,
//! identities, and a report of them as text and as a picture. Pure functions on outcomes and decisions; reading the
//! files is the command line's work, and judging is elsewhere.

mod chart;
mod links;
mod parties;
mod report;
mod scores;

#[cfg(test)]
mod tests;

pub use links::{LinkOutcome, PrecisionRecall, link_line_scores, link_scores, scored_pairs};
pub use parties::{PartyDecision, PartyMention, PartyTruth, party_pair_scores};
pub use report::{BacktestInput, BacktestReport, BudgetRecall, OrderOutcome};
pub use scores::{
    CurvePoint, QuantityOutcome, RankedOutcome, ReliabilityBin, average_precision, calibration_error_by_chance,
    expected_calibration_error, precision_recall_curve, quantity_error, recall_at_alerts_per_day, reliability_bins,
};
