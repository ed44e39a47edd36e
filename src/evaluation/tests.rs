//! Are the measures what their names say? Small cases worked by hand, and the properties that must hold for all.

use proptest::prelude::{any, prop_assert, proptest};

use super::{
    BacktestInput, BacktestReport, LinkOutcome, OrderOutcome, PrecisionRecall, QuantityOutcome, RankedOutcome,
    average_precision, calibration_error_by_chance, expected_calibration_error, link_line_scores, link_scores,
    precision_recall_curve, quantity_error, recall_at_alerts_per_day, reliability_bins,
};
use crate::model::Day;

/// Scores with what was true.
type Scores = [(f64, bool)];

fn link(order: &str, document: &str, document_line: u32, probability: f64) -> LinkOutcome {
    LinkOutcome {
        order_id: order.to_owned(),
        line_no: 1,
        document_number: document.to_owned(),
        document_line,
        probability,
    }
}

#[test]
fn links_count_once_for_each_order_and_paper_and_from_the_threshold_on() {
    let truth = [link("A", "1", 1, 1.0), link("A", "1", 2, 1.0), link("B", "2", 1, 1.0), link("C", "3", 1, 1.0)];
    let found = [link("A", "1", 1, 0.9), link("A", "1", 3, 0.9), link("B", "9", 1, 0.5), link("C", "3", 1, 0.49)];
    let pairs = link_scores(&found, &truth, 0.5);
    assert_eq!((pairs.true_positive_count, pairs.false_positive_count, pairs.false_negative_count), (1, 1, 2));
    assert_eq!((pairs.precision, pairs.recall), (0.5, 1.0 / 3.0));
    assert!((pairs.f1 - 0.4).abs() < 1e-12);
    let lines = link_line_scores(&found, &truth, 0.5);
    assert_eq!((lines.true_positive_count, lines.false_positive_count, lines.false_negative_count), (1, 2, 3));
    assert_eq!(link_scores(&[], &[], 0.5), PrecisionRecall::default());
}

#[test]
fn average_precision_takes_equal_scores_together() {
    let cases: [(&Scores, Option<f64>); 5] = [
        (&[(0.9, true), (0.8, false), (0.7, true)], Some((1.0 + 2.0 / 3.0) / 2.0)),
        (&[(0.9, false), (0.8, true)], Some(0.5)),
        (&[(0.5, true), (0.5, false)], Some(0.5)),
        (&[(0.5, false), (0.5, true), (0.5, false), (0.5, true)], Some(0.5)),
        (&[(0.5, false)], None),
    ];
    for (scores, expected) in cases {
        assert_eq!(average_precision(scores), expected, "{scores:?}");
    }
    assert_eq!(precision_recall_curve(&[(0.5, true), (0.5, false), (0.1, true)]).len(), 2);
}

#[test]
fn calibration_compares_means_with_frequencies() {
    let scores = [(0.05, false), (0.05, false), (0.85, true), (0.85, true), (0.85, false), (1.0, true)];
    let bins = reliability_bins(&scores, 10);
    let shown: Vec<(u64, f64)> = bins.iter().map(|bin| (bin.count, bin.observed)).collect();
    assert_eq!(shown, [(2, 0.0), (3, 2.0 / 3.0), (1, 1.0)]);
    let by_hand = (2.0 * 0.05 + 3.0 * (0.85 - 2.0 / 3.0)) / 6.0;
    assert!((expected_calibration_error(&scores, 10) - by_hand).abs() < 1e-12);
    assert_eq!(expected_calibration_error(&[], 10), 0.0);
}

#[test]
fn chance_alone_misses_by_as_much_as_drawn_truths_do() {
    use rand::{RngExt, SeedableRng};
    assert_eq!(calibration_error_by_chance(&[(0.125, true)], 10), 0.21875);
    assert_eq!(calibration_error_by_chance(&[], 10), 0.0);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let likely: Vec<f64> =
        (0..600).map(|place| if place % 3 == 0 { 0.03 + f64::from(place) / 650.0 } else { 0.99 }).collect();
    let mut draw = || {
        let scores: Vec<(f64, bool)> = likely.iter().map(|score| (*score, random.random_bool(*score))).collect();
        (expected_calibration_error(&scores, 10), calibration_error_by_chance(&scores, 10))
    };
    let drawn: Vec<(f64, f64)> = (0..400).map(|_| draw()).collect();
    let mean = drawn.iter().map(|(error, _)| error).sum::<f64>() / drawn.len() as f64;
    assert!((mean / drawn[0].1 - 1.0).abs() < 0.05, "drawn {mean}, by chance {}", drawn[0].1);
}

#[test]
fn quantity_errors_are_shares_of_the_order_over_diverted_lines_only() {
    let outcome = |ordered, attributed, diverted| QuantityOutcome { ordered, attributed, diverted };
    let error = quantity_error(&[outcome(100.0, 50.0, 80.0), outcome(10.0, 10.0, 10.0), outcome(10.0, 9.0, 0.0)]);
    assert!(error.is_some_and(|error| (error - 0.15).abs() < 1e-12));
    assert_eq!(quantity_error(&[outcome(10.0, 9.0, 0.0)]), None);
}

#[test]
fn a_desk_sees_the_best_of_its_queue_every_day() {
    let alert = |day, score, is_diverted| RankedOutcome { day: Day::from_number(day), score, is_diverted };
    let alerts =
        [alert(1, 0.9, true), alert(1, 0.8, true), alert(1, 0.7, false), alert(2, 0.75, true), alert(2, 0.95, false)];
    // One a day: the best of the first day, then the untrue best of the second.
    assert_eq!(recall_at_alerts_per_day(&alerts, 1), Some(1.0 / 3.0));
    assert_eq!(recall_at_alerts_per_day(&alerts, 2), Some(1.0));
    assert_eq!(recall_at_alerts_per_day(&alerts, 0), Some(0.0));
    // What waits is taken up on quiet days.
    let quiet = [alert(1, 0.9, true), alert(1, 0.8, true), alert(5, 0.1, true)];
    assert_eq!(recall_at_alerts_per_day(&quiet, 1), Some(1.0));
    // Equal scores do not flatter.
    assert_eq!(recall_at_alerts_per_day(&[alert(1, 0.5, true), alert(1, 0.5, false)], 1), Some(0.0));
    assert_eq!(recall_at_alerts_per_day(&[alert(1, 0.5, false)], 1), None);
}

fn report(orders: &[(f64, f64)]) -> BacktestReport {
    let outcomes = orders.iter().enumerate().map(|(place, (score, diverted))| OrderOutcome {
        order_id: format!("O{place}"),
        line_no: 1,
        day: Some(Day::from_number(19_000 + place as i32 % 7)),
        score: *score,
        priority: *score,
        quantity: QuantityOutcome { ordered: 10.0, attributed: score * 10.0, diverted: *diverted },
    });
    BacktestReport::of(&BacktestInput {
        found_links: vec![link("O0", "1", 1, 0.9)],
        true_links: vec![link("O0", "1", 1, 1.0)],
        orders: outcomes.collect(),
        threshold: 0.5,
        ..BacktestInput::default()
    })
}

#[test]
fn the_report_says_what_was_measured() {
    let report = report(&[(0.9, 8.0), (0.8, 0.0), (0.2, 1.0), (0.1, 0.0)]);
    assert_eq!((report.order_count, report.diverted_order_count), (4, 2));
    assert_eq!((report.orders.precision, report.orders.recall), (0.5, 0.5));
    assert_eq!(report.parties, None);
    let table = report.to_table();
    for expected in [
        "4 order lines, 2 of them diverted",
        "links                1.000   1.000  1.000        1       0       0",
        "order lines          0.500   0.500  0.500        1       1       1",
        "average precision of the ranking    0.833",
        "mean error of quantities            0.100",
        "recall at 1 alerts a day            1.000",
    ] {
        assert!(table.contains(expected), "{expected} is not in\n{table}");
    }
    assert!(table.lines().all(|line| line.len() <= 100));
}

/// Every element is closed in order, and no text holds a bare bracket or ampersand.
fn is_well_formed(svg: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else { return false };
        let (text, tag) = (&rest[..start], &rest[start + 1..start + end]);
        rest = &rest[start + end + 1..];
        let quotes_close = tag.matches('"').count() % 2 == 0;
        if text.contains(['>', '&']) || tag.contains(['<', '&']) || !quotes_close {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
    }
    open.is_empty() && rest.trim().is_empty() && svg.starts_with("<svg ")
}

#[test]
fn the_picture_is_well_formed_and_stands_alone() {
    assert!(!is_well_formed("<svg a=\"1\"><g></svg>") && is_well_formed("<svg a=\"1\"><g/></svg>\n"));
    for orders in [&[][..], &[(0.9, 8.0), (0.8, 0.0), (0.2, 1.0)], &[(0.4, 0.0)]] {
        let svg = report(orders).to_svg();
        assert!(is_well_formed(&svg), "{svg}");
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && !svg.contains("href"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

proptest! {
    #[test]
    fn measures_do_not_depend_on_the_order_of_their_input(
        mut scores in proptest::collection::vec((0u8..20, any::<bool>()), 1..60),
    ) {
        let measured = |scores: &[(u8, bool)]| {
            let scores: Vec<(f64, bool)> = scores.iter().map(|(score, real)| (f64::from(*score) / 19.0, *real)).collect();
            (average_precision(&scores), expected_calibration_error(&scores, 10))
        };
        let before = measured(&scores);
        scores.reverse();
        let after = measured(&scores);
        prop_assert!(before.0.unwrap_or(0.0) == after.0.unwrap_or(0.0));
        prop_assert!((before.1 - after.1).abs() < 1e-9);
        prop_assert!(before.0.is_none_or(|value| value > 0.0 && value <= 1.0 + 1e-9));
        prop_assert!((0.0..=1.0).contains(&before.1));
    }
}
