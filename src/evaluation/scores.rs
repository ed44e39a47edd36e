//! Measures of scored order lines: ranking, calibration, quantities, and recall under an alert budget.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use crate::model::Day;

/// One point of a precision-recall curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurvePoint {
    /// Everything scored at least this counts as found.
    pub threshold: f64,
    /// Share of the found that is true.
    pub precision: f64,
    /// Share of the true that is found.
    pub recall: f64,
}

/// Lines scored alike, and how many of them were true.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ReliabilityBin {
    /// Least score of the bin.
    pub low: f64,
    /// Greatest score of the bin; the last bin includes it.
    pub high: f64,
    /// How many lines.
    pub count: u64,
    /// Their mean score.
    pub mean_score: f64,
    /// Share of them that was true.
    pub observed: f64,
}

/// Quantities of one order line, in its own unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct QuantityOutcome {
    /// Ordered.
    pub ordered: f64,
    /// Found to have gone on.
    pub attributed: f64,
    /// Really gone on.
    pub diverted: f64,
}

/// A scored line on the day on which an alert for it would come up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RankedOutcome {
    /// That day.
    pub day: Day,
    /// Rank among alerts: higher is looked at first.
    pub score: f64,
    /// It was true.
    pub is_diverted: bool,
}

/// Area under the precision-recall steps: the mean of the precisions at which true lines are reached.
///
/// Lines with equal scores are taken together, so that their order in the input does not matter. `None` when no line
/// is true.
pub fn average_precision(scores: &[(f64, bool)]) -> Option<f64> {
    let mut area = 0.0;
    let mut recall_before = 0.0;
    for point in precision_recall_curve(scores) {
        area += (point.recall - recall_before) * point.precision;
        recall_before = point.recall;
    }
    scores.iter().any(|(_, diverted)| *diverted).then_some(area)
}

/// One point for every distinct score, highest first. Empty when no line is true.
pub fn precision_recall_curve(scores: &[(f64, bool)]) -> Vec<CurvePoint> {
    let true_count = scores.iter().filter(|(_, diverted)| *diverted).count();
    if true_count == 0 {
        return Vec::new();
    }
    let mut ranked = scores.to_vec();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (mut found, mut right) = (0usize, 0usize);
    let mut points = Vec::new();
    for alike in ranked.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        found += alike.len();
        right += alike.iter().filter(|(_, diverted)| *diverted).count();
        points.push(CurvePoint {
            threshold: alike[0].0,
            precision: right as f64 / found as f64,
            recall: right as f64 / true_count as f64,
        });
    }
    points
}

/// Lines gathered in `bin_count` bins of equal width over zero to one; empty bins are left out.
pub fn reliability_bins(scores: &[(f64, bool)], bin_count: usize) -> Vec<ReliabilityBin> {
    let bin_count = bin_count.max(1);
    let mut sums = vec![(0u64, 0.0f64, 0u64); bin_count];
    for (score, diverted) in scores {
        let place = ((score * bin_count as f64) as usize).min(bin_count - 1);
        let (count, sum, right) = &mut sums[place];
        *count += 1;
        *sum += score;
        *right += u64::from(*diverted);
    }
    let width = 1.0 / bin_count as f64;
    sums.into_iter()
        .enumerate()
        .filter(|(_, (count, _, _))| *count > 0)
        .map(|(place, (count, sum, right))| ReliabilityBin {
            low: place as f64 * width,
            high: (place + 1) as f64 * width,
            count,
            mean_score: sum / count as f64,
            observed: right as f64 / count as f64,
        })
        .collect()
}

/// How far scores are from frequencies: the mean distance over bins of equal width, weighted by their lines.
pub fn expected_calibration_error(scores: &[(f64, bool)], bin_count: usize) -> f64 {
    let distance: f64 = reliability_bins(scores, bin_count)
        .iter()
        .map(|bin| (bin.mean_score - bin.observed).abs() * bin.count as f64)
        .sum();
    if scores.is_empty() { 0.0 } else { distance / scores.len() as f64 }
}

/// The calibration error that scores would show if each of them were the true probability, by chance alone.
///
/// Over few lines a perfectly calibrated scorer misses too: a bin of 100 lines scored 0.5 is off by four of them on average.
/// Mean absolute deviation of each bin's count of true lines: that of a normal variable, `sqrt(2 variance / pi)`, and never
/// more than twice the variance, which is what it is for a single line.
pub fn calibration_error_by_chance(scores: &[(f64, bool)], bin_count: usize) -> f64 {
    let bin_count = bin_count.max(1);
    let mut variances = vec![0.0f64; bin_count];
    for (score, _) in scores {
        let place = ((score * bin_count as f64) as usize).min(bin_count - 1);
        variances[place] += score * (1.0 - score);
    }
    let deviation = |variance: &f64| (2.0 * variance / std::f64::consts::PI).sqrt().min(2.0 * variance);
    let distance: f64 = variances.iter().map(deviation).sum();
    if scores.is_empty() { 0.0 } else { distance / scores.len() as f64 }
}

/// Mean distance between found and true quantity over ordered quantity, over the lines of which something went on.
/// `None` when there is none.
pub fn quantity_error(outcomes: &[QuantityOutcome]) -> Option<f64> {
    let errors: Vec<f64> = outcomes
        .iter()
        .filter(|outcome| outcome.diverted > 0.0 && outcome.ordered > 0.0)
        .map(|outcome| (outcome.attributed - outcome.diverted).abs() / outcome.ordered)
        .collect();
    (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
}

/// Share of the true lines that a desk sees which can look at `alerts_per_day` alerts every day.
///
/// The desk takes the highest scores of its queue each day; what it does not reach stays in the queue. The last day is
/// that of the last alert. Between equal scores the untrue comes first, so the figure is never flattered. `None` when
/// no line is true.
pub fn recall_at_alerts_per_day(outcomes: &[RankedOutcome], alerts_per_day: u32) -> Option<f64> {
    let true_count = outcomes.iter().filter(|outcome| outcome.is_diverted).count();
    let mut by_day: BTreeMap<Day, Vec<Queued>> = BTreeMap::new();
    for outcome in outcomes {
        by_day.entry(outcome.day).or_default().push(Queued { score: outcome.score, is_diverted: outcome.is_diverted });
    }
    let days: Vec<Day> = by_day.keys().copied().collect();
    let mut queue = BinaryHeap::new();
    let mut seen = 0usize;
    for (place, alerts) in by_day.into_values().enumerate() {
        queue.extend(alerts);
        let day_count = days.get(place + 1).map_or(1, |next| next.days_since(days[place]));
        let budget = u64::from(alerts_per_day) * day_count.unsigned_abs() as u64;
        for _ in 0..budget {
            let Some(alert) = queue.pop() else { break };
            seen += usize::from(alert.is_diverted);
        }
    }
    (true_count > 0).then(|| seen as f64 / true_count as f64)
}

struct Queued {
    score: f64,
    is_diverted: bool,
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.is_diverted.cmp(&self.is_diverted))
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Queued {}
