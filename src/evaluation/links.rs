//! Precision and recall of links between order lines and onward papers.

use std::collections::{BTreeMap, BTreeSet};

/// A link, found or true. Line numbers are zero where the source does not give them.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkOutcome {
    /// Order.
    pub order_id: String,
    /// Line of the order.
    pub line_no: u32,
    /// Onward paper.
    pub document_number: String,
    /// Line of the paper.
    pub document_line: u32,
    /// Probability of the finding; one for a true link.
    pub probability: f64,
}

/// Counts of right, wrong and missed, and what follows from them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PrecisionRecall {
    /// Found and true.
    pub true_positive_count: u64,
    /// Found and not true.
    pub false_positive_count: u64,
    /// True and not found.
    pub false_negative_count: u64,
    /// Share of the found that is true; zero when nothing was found.
    pub precision: f64,
    /// Share of the true that was found; zero when nothing is true.
    pub recall: f64,
    /// Harmonic mean of both; zero when either is.
    pub f1: f64,
}

impl PrecisionRecall {
    /// From the three counts.
    pub fn from_counts(true_positive_count: u64, false_positive_count: u64, false_negative_count: u64) -> Self {
        let share = |part: u64, rest: u64| if part == 0 { 0.0 } else { part as f64 / (part + rest) as f64 };
        let precision = share(true_positive_count, false_positive_count);
        let recall = share(true_positive_count, false_negative_count);
        let sum = precision + recall;
        let f1 = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
        Self { true_positive_count, false_positive_count, false_negative_count, precision, recall, f1 }
    }
}

/// Scores of links as distinct pairs of order and paper. A link counts as found from `threshold` on.
pub fn link_scores(predicted: &[LinkOutcome], truth: &[LinkOutcome], threshold: f64) -> PrecisionRecall {
    let key = |link: &LinkOutcome| (link.order_id.clone(), link.document_number.clone());
    compare(found(predicted, threshold).map(key).collect(), truth.iter().map(key).collect())
}

/// The same by order line and paper line; for truths that name lines.
pub fn link_line_scores(predicted: &[LinkOutcome], truth: &[LinkOutcome], threshold: f64) -> PrecisionRecall {
    let key =
        |link: &LinkOutcome| (link.order_id.clone(), link.line_no, link.document_number.clone(), link.document_line);
    compare(found(predicted, threshold).map(key).collect(), truth.iter().map(key).collect())
}

/// Distinct pairs of order and paper that were found, with the highest probability of each and whether it is true.
pub fn scored_pairs(predicted: &[LinkOutcome], truth: &[LinkOutcome]) -> Vec<(f64, bool)> {
    let key = |link: &LinkOutcome| (link.order_id.clone(), link.document_number.clone());
    let real: BTreeSet<_> = truth.iter().map(key).collect();
    let mut scores = BTreeMap::new();
    for link in predicted {
        let score = scores.entry(key(link)).or_insert(0.0);
        *score = link.probability.max(*score);
    }
    scores.into_iter().map(|(key, score)| (score, real.contains(&key))).collect()
}

fn found(predicted: &[LinkOutcome], threshold: f64) -> impl Iterator<Item = &LinkOutcome> {
    predicted.iter().filter(move |link| link.probability >= threshold)
}

fn compare<K: Ord>(found: BTreeSet<K>, truth: BTreeSet<K>) -> PrecisionRecall {
    let right = found.intersection(&truth).count() as u64;
    PrecisionRecall::from_counts(right, found.len() as u64 - right, truth.len() as u64 - right)
}
