//! The suspected order lines as a newcomer reads them: sold to whom, went where, how much, why.
//!
//! Come here for the words and the layout of `demo`. Everything told stands in the findings and in the exporter's own
//! orders; nothing is judged here.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::summary::{grouped, plain, score};
use crate::indicators::catalogue;
use crate::model::{
    Amount, DocumentKey, DocumentKind, Evidence, EvidenceKind, Finding, FindingKind, IndicatorOutcome, Level, Link,
    OrderKey, OrderLine, Unit,
};

/// How many findings are told at length.
const TOLD_MAX: usize = 5;
/// How many more get one line.
const LISTED_MAX: usize = 15;
/// How many trails of one order line are told.
const TRAILS_MAX: usize = 3;
/// Letters of each side of a comparison.
const VALUE_WIDTH: usize = 36;
/// Letters of a red flag's values.
const FLAG_WIDTH: usize = 90;

/// What is told.
pub(super) struct Story<'a> {
    /// One for every order line.
    pub(super) findings: &'a [Finding],
    /// The exporter's own books.
    pub(super) orders: &'a BTreeMap<OrderKey, OrderLine>,
}

impl Story<'_> {
    /// The story as text, with a newline at its end.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let mut suspected: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.level == Level::High).collect();
        suspected.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.order.cmp(&b.order)));
        writeln!(out, "Suspected: {} of {} order lines.", suspected.len(), self.findings.len())?;
        if !suspected.is_empty() {
            writeln!(
                out,
                "The score is the probability that goods of the line went on. Reasons weigh in bits: each bit"
            )?;
            writeln!(out, "doubles the odds, each bit below zero halves them. First comes what puts most at stake.")?;
        }
        for (index, finding) in suspected.iter().take(TOLD_MAX).enumerate() {
            writeln!(out)?;
            self.write_at_length(out, index + 1, finding)?;
        }
        let rest = suspected.get(TOLD_MAX..).unwrap_or_default();
        if !rest.is_empty() {
            writeln!(out, "\nThe others, in short:")?;
        }
        for (index, finding) in rest.iter().take(LISTED_MAX).enumerate() {
            let (place, order) = (TOLD_MAX + index + 1, name(&finding.order));
            writeln!(out, "{place:3}. {order:<18} score {}  {}", score(finding.score), plain(&finding.summary))?;
        }
        if rest.len() > LISTED_MAX {
            writeln!(out, "     and {} more.", rest.len() - LISTED_MAX)?;
        }
        Ok(())
    }

    fn write_at_length(&self, out: &mut String, place: usize, finding: &Finding) -> std::fmt::Result {
        let level = finding.level.as_str();
        writeln!(out, "{place:3}. {}, score {} ({level})", name(&finding.order), score(finding.score))?;
        if let Some(line) = self.orders.get(&finding.order) {
            write_order(out, line)?;
        }
        let (low, high) =
            (quantity(finding.attributed_low, finding.unit), quantity(finding.attributed_high, finding.unit));
        writeln!(
            out,
            "     Suspected  {} {}; at least {low}, at most {high}",
            quantity(finding.attributed, finding.unit),
            what_happened(finding.kind)
        )?;
        // The evidence below is that of the first trail.
        for link in finding.links.iter().take(TRAILS_MAX) {
            write_trail(out, link)?;
        }
        if finding.links.len() > TRAILS_MAX {
            writeln!(out, "                further papers, less certain: {}", finding.links.len() - TRAILS_MAX)?;
        }
        if let Some(link) = finding.links.first() {
            write_evidence(out, link)?;
        }
        write_flags(out, finding)
    }
}

fn write_order(out: &mut String, line: &OrderLine) -> std::fmt::Result {
    let mark = [line.brand.as_str(), line.part_number.as_str()].map(plain).join(" ");
    let value = line.value.map_or(String::new(), |value| format!(", for {} {}", grouped(value, 0), line.currency));
    let (amount, day) = (quantity(line.quantity, line.unit), line.order_date);
    let goods = cut(&line.description, VALUE_WIDTH);
    writeln!(out, "     Sold       {amount} of {goods} ({}){value}, on {day}", mark.trim())?;
    let country = line.buyer.country.map_or(String::new(), |country| format!(" in {country}"));
    writeln!(out, "     To         {}{country}", plain(&line.buyer.name))
}

/// From the order over the papers between to the border.
fn write_trail(out: &mut String, link: &Link) -> std::fmt::Result {
    let papers: Vec<String> = link.path.iter().chain([&link.onward]).map(paper).collect();
    writeln!(out, "     Trail      order -> {}", papers.join(" -> "))?;
    let country = link.onward_country.map_or(String::new(), |country| format!(" ({country})"));
    writeln!(
        out,
        "                {} over the border to {}{country} on {}, probability {}",
        quantity(link.quantity, link.unit),
        plain(&link.onward_consignee),
        link.onward_date,
        score(link.probability)
    )
}

/// Who was taken for whom, and every other reason, for the first trail.
fn write_evidence(out: &mut String, link: &Link) -> std::fmt::Result {
    let is_who = |evidence: &&Evidence| {
        matches!(evidence.kind, EvidenceKind::Identifier | EvidenceKind::Name | EvidenceKind::Register)
    };
    for evidence in link.evidence.iter().filter(is_who) {
        let way = evidence.kind.as_str();
        let (ours, theirs) = (plain(&evidence.ours), plain(&evidence.theirs));
        writeln!(out, "     Who        {ours}\n                is taken for {theirs} (by {way})")?;
    }
    writeln!(out, "     Why        bits  compared            {:<VALUE_WIDTH$}  the paper", "the order")?;
    for evidence in &link.evidence {
        let row = format!(
            "     {:>15}  {:<18}  {:<VALUE_WIDTH$}  {}",
            evidence.bits.to_string(),
            evidence.kind.as_str().replace('_', " "),
            cut(&evidence.ours, VALUE_WIDTH),
            cut(&evidence.theirs, VALUE_WIDTH)
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    let sum: crate::model::Bits = link.evidence.iter().map(|evidence| evidence.bits).sum();
    writeln!(out, "     {:>15}  together", sum.to_string())
}

fn write_flags(out: &mut String, finding: &Finding) -> std::fmt::Result {
    let raised = finding.indicators.iter().filter(|result| result.outcome == IndicatorOutcome::Raised);
    for (index, result) in raised.enumerate() {
        let entry = catalogue().iter().find(|entry| entry.id == result.indicator);
        let title = entry.map_or(result.indicator.as_str(), |entry| entry.title);
        let label = if index == 0 { "Red flags" } else { "" };
        writeln!(out, "     {label:<9}  {title}: {}", cut(&result.detail, FLAG_WIDTH))?;
    }
    Ok(())
}

fn name(key: &OrderKey) -> String {
    format!("{} line {}", plain(&key.order_id), key.line_no)
}

const fn what_happened(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NothingFound => "went on",
        FindingKind::OnwardShipment => "went on, sent by the buyer",
        FindingKind::ThroughIntermediary => "went on through another firm",
        FindingKind::FalseTransit => "went on without ever arriving in Kazakhstan",
        FindingKind::MissingArrival => "never arrived",
    }
}

fn paper(key: &DocumentKey) -> String {
    let kind = match key.kind {
        DocumentKind::KzImport => "import declaration",
        DocumentKind::Snt => "waybill",
        DocumentKind::Esf => "invoice",
        DocumentKind::Cmr => "road consignment note",
        DocumentKind::Smgs => "rail consignment note",
        DocumentKind::Ttn => "road bill",
        DocumentKind::StatForm => "statistical form",
        DocumentKind::RuDeclaration => "Russian declaration",
        DocumentKind::Marking => "marking code",
        DocumentKind::Listing => "shop offer",
        DocumentKind::Activation => "device seen",
        DocumentKind::Other => "paper",
    };
    format!("{kind} {}", plain(&key.number))
}

fn quantity(amount: Amount, unit: Unit) -> String {
    let word = match unit {
        Unit::Piece => "pieces",
        Unit::ThousandPieces => "thousand pieces",
        Unit::Pair => "pairs",
        Unit::Set => "sets",
        Unit::Pack => "packs",
        Unit::Kilogram => "kg",
        Unit::Gram => "g",
        Unit::Tonne => "t",
        Unit::Metre => "m",
        Unit::SquareMetre => "m2",
        Unit::CubicMetre => "m3",
        Unit::Litre => "l",
    };
    let word = if amount == Amount::from_whole(1) { word.trim_end_matches('s') } else { word };
    format!("{} {word}", grouped(amount, 3))
}

/// A text of at most so many letters; where it is cut, it says so.
fn cut(text: &str, letters: usize) -> String {
    let text = plain(text);
    match text.char_indices().nth(letters) {
        Some(_) => text.chars().take(letters.saturating_sub(3)).chain("...".chars()).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Story, cut, quantity};
    use crate::cli::summary::tests::finding;
    use crate::model::{Amount, Finding, Unit};
    use std::collections::BTreeMap;

    fn told(findings: &[Finding]) -> String {
        Story { findings, orders: &BTreeMap::new() }.text()
    }

    #[test]
    fn what_is_at_stake_comes_first_and_nothing_is_left_out_unsaid() {
        let findings: Vec<Finding> =
            (0..30).map(|index| finding(&format!("SO-{index:02}"), 0.9, 100 + index, 1000)).collect();
        let text = told(&findings);
        assert!(text.starts_with("Suspected: 30 of 30 order lines.\n"), "{text}");
        assert!(text.contains("\n\n  1. SO-29 line 1, score 0.90 (high)\n"), "{text}");
        assert!(text.contains("\n  5. SO-25 line 1, score 0.90 (high)\n"), "{text}");
        assert!(text.contains("\n  6. SO-24 line 1       score 0.90  124 of 1000"), "{text}");
        assert!(text.contains("\n 20. SO-10 line 1") && !text.contains("SO-09"), "{text}");
        assert!(text.ends_with("     and 10 more.\n"), "{text}");
    }

    #[test]
    fn a_finding_tells_its_trail_and_its_reasons() {
        let text = told(&[finding("SO-1", 0.93, 400, 1000)]);
        for part in [
            "Suspected  400 pieces went on, sent by the buyer; at least 400 pieces, at most 400 pieces",
            "Trail      order -> waybill SNT-1 -> waybill SNT-2 -> Russian declaration RU-7",
            "400 pieces over the border to ООО «Пример» on 2024-03-18, probability 0.93",
            "+9.5  part number         AB;12                                 AB12\n",
            "+9.5  together",
            "Red flags  new_customer: first order 2024-01-02",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("free_mail"), "a flag that is down is not told");
        assert_eq!(told(&[finding("SO-1", 0.1, 0, 10)]), "Suspected: 0 of 1 order lines.\n");
    }

    #[test]
    fn quantities_have_words_and_long_texts_an_end() {
        assert_eq!(quantity(Amount::from_whole(1), Unit::Piece), "1 piece");
        assert_eq!(quantity(Amount::from_whole(1200), Unit::Kilogram), "1,200 kg");
        assert_eq!((cut("абвгд", 5), cut("абвгде", 5)), ("абвгд".to_owned(), "аб...".to_owned()));
    }
}
