//! A back-test as a picture: two square plots side by side, in plain SVG without scripts, fonts or links.

use std::fmt::Write;

use super::BacktestReport;

const SIDE: f64 = 320.0;
const TOP: f64 = 70.0;
const LEFT: f64 = 62.0;
const GAP: f64 = 92.0;

/// A plot's place; both axes run from zero to one.
struct Plot {
    left: f64,
}

/// The whole picture.
pub(super) fn picture(report: &BacktestReport) -> String {
    let (width, height) = (LEFT + SIDE + GAP + SIDE + 28.0, TOP + SIDE + 66.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    reliability(report, &mut svg);
    precision_recall(report, &mut svg);
    svg.push_str("</svg>\n");
    svg
}

fn reliability(report: &BacktestReport, svg: &mut String) {
    let plot = Plot { left: LEFT };
    let error = report.expected_calibration_error;
    let note = format!("expected calibration error {error:.3}; bars: 95 % intervals");
    plot.frame(svg, "Reliability", &note, "score", "share that was true");
    put(
        svg,
        &format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#aaa\" stroke-dasharray=\"4 4\"/>",
            plot.x(0.0),
            plot.y(0.0),
            plot.x(1.0),
            plot.y(1.0)
        ),
    );
    for bin in &report.reliability {
        let (low, high) = likely_shares(bin.observed, bin.count as f64);
        let x = plot.x(bin.mean_score);
        let (bottom, top) = (plot.y(low), plot.y(high));
        put(
            svg,
            &format!(
                "<path d=\"M{x:.1} {bottom:.1}V{top:.1}M{:.1} {bottom:.1}h8M{:.1} {top:.1}h8\" stroke=\"#1f6f8b\" \
                 stroke-opacity=\"0.6\" fill=\"none\"/>",
                x - 4.0,
                x - 4.0
            ),
        );
    }
    let most = report.reliability.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
    for bin in &report.reliability {
        // The area of a dot follows the number of lines, down to a dot that can still be seen.
        let radius = 3.0 + 6.0 * (bin.count as f64 / most).sqrt();
        put(
            svg,
            &format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"#1f6f8b\" fill-opacity=\"0.75\"><title>{} \
                 lines scored {:.2} to {:.2}: {:.3} true</title></circle>",
                plot.x(bin.mean_score),
                plot.y(bin.observed),
                bin.count,
                bin.low,
                bin.high,
                bin.observed
            ),
        );
    }
}

/// Between which shares the true one lies in 19 of 20 cases (Wilson's interval): a dot of few lines may stand anywhere.
fn likely_shares(observed: f64, count: f64) -> (f64, f64) {
    let z = 1.96_f64;
    let (spread, scale) = (z * z / count, 1.0 + z * z / count);
    let centre = (observed + spread / 2.0) / scale;
    let reach = z * (observed * (1.0 - observed) / count + spread / (4.0 * count)).sqrt() / scale;
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

fn precision_recall(report: &BacktestReport, svg: &mut String) {
    let plot = Plot { left: LEFT + SIDE + GAP };
    let average = report.average_precision.map_or_else(|| "none true".to_owned(), |value| format!("{value:.3}"));
    plot.frame(svg, "Precision and recall", &format!("average precision {average}"), "recall", "precision");
    let mut points: Vec<(f64, f64)> = report.curve.iter().map(|point| (point.recall, point.precision)).collect();
    if let Some((_, precision)) = points.first().copied() {
        points.insert(0, (0.0, precision));
    }
    plot.polyline(svg, &thinned(points));
    let orders = report.orders;
    if orders.true_positive_count > 0 {
        let text = format!("from {:.2}: F1 {:.3}", report.threshold, orders.f1);
        put(
            svg,
            &format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"#c8553d\"/>\n<text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"#c8553d\">{text}</text>",
                plot.x(orders.recall),
                plot.y(orders.precision),
                plot.x(orders.recall) - 10.0,
                plot.y(orders.precision) + 18.0
            ),
        );
    }
}

/// Curves of many points as few as can be told apart.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let last = points.last().copied();
    for point in points {
        let is_near =
            kept.last().is_some_and(|known| (known.0 - point.0).abs() < 0.002 && (known.1 - point.1).abs() < 0.002);
        if !is_near {
            kept.push(point);
        }
    }
    kept.extend(last.filter(|last| kept.last() != Some(last)));
    kept
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        self.left + value.clamp(0.0, 1.0) * SIDE
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (1.0 - value.clamp(0.0, 1.0)) * SIDE
    }

    fn frame(&self, svg: &mut String, title: &str, note: &str, across: &str, upward: &str) {
        put(
            svg,
            &format!(
                "<text x=\"{:.1}\" y=\"30\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n<text x=\"{:.1}\" \
                 y=\"50\" fill=\"#666\">{note}</text>",
                self.left, self.left
            ),
        );
        for step in 0..=5 {
            let value = f64::from(step) / 5.0;
            let (x, y) = (self.x(value), self.y(value));
            let (bottom, right) = (self.y(0.0), self.x(1.0));
            put(
                svg,
                &format!(
                    "<path d=\"M{x:.1} {TOP:.1}V{bottom:.1}M{:.1} {y:.1}H{right:.1}\" stroke=\"#e4e4e4\" \
                     fill=\"none\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.1}</text>\n<text \
                     x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.1}</text>",
                    self.left,
                    bottom + 18.0,
                    self.left - 8.0,
                    y + 4.0
                ),
            );
        }
        let (middle, bottom) = (self.x(0.5), self.y(0.0) + 42.0);
        let (side, centre) = (self.left - 42.0, self.y(0.5));
        put(
            svg,
            &format!(
                "<text x=\"{middle:.1}\" y=\"{bottom:.1}\" text-anchor=\"middle\">{across}</text>\n<text \
                 x=\"{side:.1}\" y=\"{centre:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {side:.1} \
                 {centre:.1})\">{upward}</text>"
            ),
        );
    }

    fn polyline(&self, svg: &mut String, points: &[(f64, f64)]) {
        let places: Vec<String> =
            points.iter().map(|(across, up)| format!("{:.1},{:.1}", self.x(*across), self.y(*up))).collect();
        let places = places.join(" ");
        put(svg, &format!("<polyline points=\"{places}\" fill=\"none\" stroke=\"#1f6f8b\" stroke-width=\"2\"/>"));
    }
}

/// Writing to a string cannot fail.
fn put(svg: &mut String, element: &str) {
    let _ = writeln!(svg, "{element}");
}
