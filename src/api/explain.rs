//! A finding as plain text for a person.
//!
//! Come here to change how `ExplainFinding` reads. It says what the finding says and draws no conclusion of its own.

use std::fmt::Write;

use crate::model::{DocumentKey, Finding, IndicatorOutcome, Link};

/// Everything that a person needs to decide, most important first.
pub(super) fn explanation(finding: &Finding) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write_finding(&mut text, finding);
    text
}

fn write_finding(text: &mut String, finding: &Finding) -> std::fmt::Result {
    let order = &finding.order;
    writeln!(text, "Order {}, line {}", order.order_id, order.line_no)?;
    writeln!(text, "{}", finding.summary)?;
    writeln!(
        text,
        "Kind {}, level {}, score {}, priority {}",
        finding.kind.as_str(),
        finding.level.as_str(),
        finding.score,
        finding.priority
    )?;
    writeln!(
        text,
        "Went on: {} {unit} most likely, at least {} {unit}, at most {} {unit}",
        finding.attributed,
        finding.attributed_low,
        finding.attributed_high,
        unit = finding.unit
    )?;
    for (index, link) in finding.links.iter().enumerate() {
        write_link(text, index + 1, link)?;
    }
    for alternative in &finding.rejected {
        let instead = alternative.instead.as_ref().map_or_else(
            || "goods of another seller".to_owned(),
            |order| format!("order {}, line {}", order.order_id, order.line_no),
        );
        let (onward, quantity, ahead) = (document(&alternative.onward), alternative.quantity, alternative.bits_ahead);
        writeln!(text, "\nOther explanation of {onward}: {instead}, {quantity}, {ahead} bits against this one")?;
    }
    write_indicators(text, finding)?;
    for limit in &finding.limits_reached {
        writeln!(text, "\nLimit reached: {limit}")?;
    }
    let hash: String = finding.case_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(text, "\nEngine {}, policy {}, case {hash}", finding.engine_version, finding.policy_version)?;
    writeln!(text, "This is a suspicion. A person decides.")
}

fn write_link(text: &mut String, number: usize, link: &Link) -> std::fmt::Result {
    writeln!(text, "\nLink {number}: {} {} with probability {}", link.quantity, link.unit, link.probability)?;
    for paper in &link.path {
        writeln!(text, "  through {}", document(paper))?;
    }
    let country = link.onward_country.map(|country| format!(" ({country})")).unwrap_or_default();
    let onward = document(&link.onward);
    writeln!(text, "  on {onward} of {} to {}{country}", link.onward_date, link.onward_consignee)?;
    for evidence in &link.evidence {
        writeln!(text, "  - {}", evidence.sentence())?;
    }
    Ok(())
}

fn write_indicators(text: &mut String, finding: &Finding) -> std::fmt::Result {
    let with = |outcome| finding.indicators.iter().filter(move |result| result.outcome == outcome);
    let raised: Vec<_> = with(IndicatorOutcome::Raised).collect();
    if !raised.is_empty() {
        writeln!(text, "\nRed flags:")?;
    }
    for result in raised {
        writeln!(text, "  - {}: {}", result.indicator, result.detail)?;
    }
    let (clear, unknown) = (with(IndicatorOutcome::Clear).count(), with(IndicatorOutcome::NotComputable).count());
    if clear + unknown > 0 {
        writeln!(text, "\nRed flags that are down: {clear}; not computable from the data held: {unknown}")?;
    }
    Ok(())
}

fn document(key: &DocumentKey) -> String {
    let feed = if key.feed.is_empty() { String::new() } else { format!(" from {}", key.feed) };
    format!("{} {}, line {}{feed}", key.kind, key.number, key.line_no)
}
