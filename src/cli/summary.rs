//! The summary that `screen` prints for a person: how many, how much, what to look at first.
//!
//! Come here when the summary should say something else. It counts and words; it decides nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Amount, Finding, Level, OrderKey, OrderLine, Probability, Unit};

/// How many findings the summary tells one by one.
const TOLD_MAX: usize = 10;

/// What the summary tells of all findings together. It holds a few numbers and the first findings, never all of them.
#[derive(Default)]
pub(super) struct Summary {
    order_count: u64,
    level_counts: BTreeMap<Level, u64>,
    /// Suspected quantities by unit, and their worth by currency; units and currencies are never added together.
    quantities: BTreeMap<&'static str, Amount>,
    values: BTreeMap<String, Amount>,
    /// The first to look at, by falling priority, then by key.
    first: BTreeMap<(Reverse<Amount>, OrderKey), Told>,
}

/// What came in besides order lines, and how long it took.
pub(super) struct Circumstances<'a> {
    /// Shipment lines that went in, those of earlier runs too where this one went on.
    pub(super) shipment_count: u64,
    /// Company rows that went in, likewise.
    pub(super) company_count: u64,
    /// Order lines that were judged anew, where the run went on from an earlier one.
    pub(super) judged_count: Option<u64>,
    /// Records that were left out because an earlier run holds one of the same name with another content.
    pub(super) conflict_count: u64,
    /// Rows that did not go in, by reason.
    pub(super) rejects: &'a BTreeMap<String, u64>,
    /// From the first byte read to the last written.
    pub(super) elapsed: Duration,
}

/// What the summary wants to know of one finding and its order line.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    order: OrderKey,
    level: Level,
    score: Probability,
    priority: Amount,
    attributed: Amount,
    unit: Unit,
    /// Worth of what went on, with the currency's letters.
    worth: Option<(Amount, String)>,
    /// Left empty where there is nothing to look at.
    sentence: String,
}

impl Told {
    /// Picks it out.
    pub(super) fn of(finding: &Finding, line: &OrderLine) -> Self {
        let is_suspected = finding.level == Level::High;
        let worth = line
            .value
            .filter(|_| is_suspected)
            .map(|value| (share(value, finding.attributed, line.quantity), line.currency.clone()));
        let sentence = if finding.level > Level::None { finding.summary.clone() } else { String::new() };
        Self {
            order: finding.order.clone(),
            level: finding.level,
            score: finding.score,
            priority: finding.priority,
            attributed: finding.attributed,
            unit: finding.unit,
            worth,
            sentence,
        }
    }
}

impl Summary {
    /// Counts a finding in.
    pub(super) fn add(&mut self, told: Told) {
        self.order_count += 1;
        *self.level_counts.entry(told.level).or_default() += 1;
        if told.level == Level::High {
            let quantity = self.quantities.entry(told.unit.code()).or_default();
            *quantity = quantity.plus(told.attributed);
        }
        if let Some((worth, currency)) = &told.worth {
            let value = self.values.entry(currency.clone()).or_default();
            *value = value.plus(*worth);
        }
        if told.level > Level::None {
            self.first.insert((Reverse(told.priority), told.order.clone()), told);
            if self.first.len() > TOLD_MAX {
                self.first.pop_last();
            }
        }
    }

    /// The summary as text, with a newline at its end.
    pub(super) fn text(&self, circumstances: &Circumstances<'_>) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(circumstances, &mut text);
        text
    }

    fn write(&self, circumstances: &Circumstances<'_>, out: &mut String) -> std::fmt::Result {
        let count = |level: Level| self.level_counts.get(&level).copied().unwrap_or(0);
        writeln!(
            out,
            "{} order lines, {} shipment lines and {} company rows in {:.1} s.",
            grouped_count(self.order_count),
            grouped_count(circumstances.shipment_count),
            grouped_count(circumstances.company_count),
            circumstances.elapsed.as_secs_f64()
        )?;
        if let Some(judged) = circumstances.judged_count {
            writeln!(out, "Went on from an earlier run; judged anew: {} order lines.", grouped_count(judged))?;
        }
        writeln!(
            out,
            "Suspected (level high): {} order lines. Worth a look (medium): {}. Worth knowing (low): {}.",
            grouped_count(count(Level::High)),
            grouped_count(count(Level::Medium)),
            grouped_count(count(Level::Low))
        )?;
        self.write_totals(out)?;
        self.write_first(out)?;
        write_rejects(circumstances.rejects, out)?;
        match circumstances.conflict_count {
            0 => Ok(()),
            count => writeln!(
                out,
                "Left out, since an earlier run holds them with another content: {} records.",
                grouped_count(count)
            ),
        }
    }

    /// What of the suspected order lines went on, most likely.
    fn write_totals(&self, out: &mut String) -> std::fmt::Result {
        if self.quantities.is_empty() {
            return Ok(());
        }
        let quantities: Vec<String> =
            self.quantities.iter().map(|(unit, quantity)| format!("{} {unit}", grouped(*quantity, 0))).collect();
        let values: Vec<String> =
            self.values.iter().map(|(currency, value)| format!("{} {currency}", grouped(*value, 0))).collect();
        write!(out, "Of these went on, most likely: {}", quantities.join(", "))?;
        match values.is_empty() {
            true => writeln!(out, "."),
            false => writeln!(out, "; worth {}.", values.join(", ")),
        }
    }

    fn write_first(&self, out: &mut String) -> std::fmt::Result {
        if self.first.is_empty() {
            return writeln!(out, "\nNothing speaks for an onward shipment of these order lines.");
        }
        writeln!(out, "\nLook at these first:")?;
        for (index, told) in self.first.values().enumerate() {
            writeln!(
                out,
                "{:3}. {} line {}, score {}, {} {}: {}",
                index + 1,
                plain(&told.order.order_id),
                told.order.line_no,
                score(told.score),
                grouped(told.attributed, 3),
                told.unit.code(),
                plain(&told.sentence)
            )?;
        }
        writeln!(out, "A suspicion is a reason to look, not a verdict: the links and their evidence are in the files.")
    }
}

fn write_rejects(rejects: &BTreeMap<String, u64>, out: &mut String) -> std::fmt::Result {
    if rejects.is_empty() {
        return writeln!(out, "\nEvery row went in.");
    }
    let reasons: Vec<String> =
        rejects.iter().map(|(reason, count)| format!("{} {reason}", grouped_count(*count))).collect();
    writeln!(out, "\nFaults in rows that did not go in: {}.", reasons.join(", "))
}

/// `value * part / whole`, exact until the last rounding; the whole value when more than the whole is asked for.
fn share(value: Amount, part: Amount, whole: Amount) -> Amount {
    if !whole.is_positive() || part >= whole {
        return value;
    }
    let product = i128::from(value.millionths()) * i128::from(part.millionths()) / i128::from(whole.millionths());
    i64::try_from(product).map_or(value, Amount::from_millionths)
}

/// A number with commas between thousands and at most `digits` digits after the point.
pub(super) fn grouped(amount: Amount, digits: usize) -> String {
    let shown = format!("{:.digits$}", amount.to_f64());
    let (number, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", with_commas(number))
}

/// A score with two digits, cut and not rounded: what is not certain must not look so.
pub(super) fn score(score: Probability) -> String {
    let hundredths = score.millionths() / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A count with commas between thousands.
pub(super) fn grouped_count(count: u64) -> String {
    with_commas(&count.to_string())
}

fn with_commas(digits: &str) -> String {
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Text from papers on its way to a terminal: control characters could move the cursor or recolour the screen.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Circumstances, Summary, Told, grouped, grouped_count, plain, score, share};
    use crate::model::{
        Amount, Bits, Day, DocumentKey, DocumentKind, Evidence, EvidenceKind, Finding, FindingKind, IndicatorOutcome,
        IndicatorResult, Level, Link, OrderKey, OrderLine, Probability, Unit,
    };
    use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn paper(number: &str, line_no: u32, kind: DocumentKind) -> DocumentKey {
        DocumentKey { number: number.into(), line_no, kind, feed: String::new() }
    }

    /// A finding with one link through two papers, and one flag up.
    pub(in crate::cli) fn finding(order_id: &str, score: f64, attributed: i64, ordered: i64) -> Finding {
        let probability = Probability::from_f64(score);
        let link = Link {
            onward: paper("RU-7", 2, DocumentKind::RuDeclaration),
            onward_date: Day::from_number(19_800),
            onward_consignee: "ООО «Пример»".into(),
            onward_country: None,
            path: vec![paper("SNT-1", 1, DocumentKind::Snt), paper("SNT-2", 1, DocumentKind::Snt)],
            quantity: Amount::from_whole(attributed),
            unit: Unit::Piece,
            probability,
            evidence: vec![Evidence {
                kind: EvidenceKind::PartNumber,
                ours: "AB;12".into(),
                theirs: "AB12".into(),
                bits: Bits(9_500),
            }],
        };
        let flag = |indicator: &str, outcome, detail: &str| IndicatorResult {
            indicator: indicator.into(),
            outcome,
            detail: detail.into(),
        };
        Finding {
            tenant: "default".into(),
            order: OrderKey { order_id: order_id.into(), line_no: 1 },
            score: probability,
            level: if score > 0.5 { Level::High } else { Level::None },
            priority: Amount::from_f64_rounded(score * attributed as f64),
            attributed: Amount::from_whole(attributed),
            attributed_low: Amount::from_whole(attributed),
            attributed_high: Amount::from_whole(attributed),
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            links: vec![link],
            rejected: Vec::new(),
            indicators: vec![
                flag("new_customer", IndicatorOutcome::Raised, "first order 2024-01-02"),
                flag("free_mail", IndicatorOutcome::Clear, ""),
            ],
            summary: format!("{attributed} of {ordered} pieces went on, probably"),
            limits_reached: Vec::new(),
            engine_version: "0".into(),
            policy_version: "0".into(),
            case_hash: [0; 32],
        }
    }

    fn summary(findings: &[Finding], rejects: &BTreeMap<String, u64>) -> String {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(1, 1, 1, Profile::Small), &mut world).unwrap();
        let (quantity, value) = (Amount::from_whole(1000), Some(Amount::from_whole(50_000)));
        let line = OrderLine { quantity, value, currency: "EUR".into(), ..world.orders.remove(0) };
        let mut summary = Summary::default();
        findings.iter().for_each(|finding| summary.add(Told::of(finding, &line)));
        let elapsed = Duration::from_millis(1234);
        summary.text(&Circumstances {
            shipment_count: 10_000,
            company_count: 7,
            judged_count: None,
            conflict_count: 0,
            rejects,
            elapsed,
        })
    }

    #[test]
    fn the_summary_counts_adds_and_ranks() {
        let mut findings: Vec<Finding> =
            (0..12).map(|index| finding(&format!("SO-{index}"), 0.9, 100 + index, 1000)).collect();
        findings.push(finding("SO-99", 0.1, 1, 1000));
        let text = summary(&findings, &BTreeMap::from([("bad_date".into(), 1200)]));
        assert!(text.starts_with("13 order lines, 10,000 shipment lines and 7 company rows in 1.2 s.\n"), "{text}");
        assert!(text.contains("Suspected (level high): 12 order lines."), "{text}");
        assert!(text.contains("1,266 PCE; worth 63,300 EUR."), "{text}");
        let first = text.lines().find(|line| line.starts_with("  1. ")).unwrap();
        assert!(first.contains("SO-11 line 1, score 0.90, 111 PCE: 111 of 1000 pieces"), "{first}");
        assert!(text.contains(" 10. ") && !text.contains(" 11. "), "{text}");
        assert!(text.contains("1,200 bad_date"), "{text}");
    }

    #[test]
    fn nothing_found_is_said_in_so_many_words() {
        let text = summary(&[finding("SO-1", 0.1, 0, 10)], &BTreeMap::new());
        assert!(text.contains("Nothing speaks for") && text.contains("Every row went in."), "{text}");
        assert!(!text.contains("Of these went on"), "{text}");
    }

    #[test]
    fn numbers_are_readable_and_exact() {
        let cases = [("1234567.8", 3, "1,234,567.8"), ("-1000", 0, "-1,000"), ("999", 3, "999"), ("0.125", 2, "0.12")];
        for (number, digits, shown) in cases {
            assert_eq!(grouped(number.parse().unwrap(), digits), shown);
        }
        assert_eq!((grouped_count(0), grouped_count(100_000)), ("0".into(), "100,000".into()));
        let scores = [0.0, 0.29, 0.5, 0.9999, 1.0].map(|number| score(Probability::from_f64(number)));
        assert_eq!(scores, ["0.00", "0.29", "0.50", "0.99", "1.00"]);
        let whole = Amount::from_whole;
        assert_eq!(share(whole(9_000_000_000), whole(1), whole(3)), whole(3_000_000_000));
        assert_eq!(share(whole(10), whole(5), whole(4)), whole(10));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\r\nc"), "a [31mb  c");
    }
}
