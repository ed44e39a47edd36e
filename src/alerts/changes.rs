//! What is different between an alert and a newer finding on its order line, and whether it matters.
//!
//! Come here for the words in which an event says what changed, and for what makes a dismissed or silenced alert come
//! back. Pure.

use std::collections::BTreeMap;

use crate::model::{Alert, AlertAspect, AlertChange, Amount, EvidenceFacts, Finding, MARKS_MAX};

/// A quantity that differs by more than this share of the larger one is another quantity.
const QUANTITY_TOLERANCE_PERCENT: i128 = 10;
/// Most new facts that a change names.
const NAMED_MAX: usize = 3;
/// Most characters of a fact that is named.
const NAME_CHARACTERS_MAX: usize = 120;

/// What is different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Differences {
    /// In the order of the aspects.
    pub changes: Vec<AlertChange>,
    /// Something new speaks: another quantity, new papers, parties, goods or flags, a higher level. Evidence that only
    /// went away, or another weight of the same evidence, is not.
    pub is_material: bool,
}

/// Compares an alert with a newer finding.
pub(super) fn differences(alert: &Alert, finding: &Finding) -> Differences {
    let mut changes = Vec::new();
    let mut note = |aspect, before: String, after: String| {
        if before != after {
            changes.push(AlertChange { aspect, before, after });
        }
    };
    note(AlertAspect::Score, alert.score.to_string(), finding.score.to_string());
    note(AlertAspect::Level, alert.level.as_str().to_owned(), finding.level.as_str().to_owned());
    note(AlertAspect::Kind, alert.kind.as_str().to_owned(), finding.kind.as_str().to_owned());
    note(AlertAspect::Quantity, amount(alert.attributed, alert), amount(finding.attributed, alert));
    let facts = EvidenceFacts::of(finding);
    let marks = facts.marks();
    let mut is_material = finding.level > alert.level || is_other_quantity(alert.attributed, finding.attributed);
    for (aspect, before, after, facts) in [
        (AlertAspect::Goods, &alert.marks.goods, &marks.goods, &facts.goods),
        (AlertAspect::Parties, &alert.marks.parties, &marks.parties, &facts.parties),
        (AlertAspect::Flags, &alert.marks.flags, &marks.flags, &facts.flags),
        (AlertAspect::Path, &alert.marks.path, &marks.path, &facts.path),
    ] {
        if before != after {
            let news = news(before, after, facts);
            is_material |= !news.is_empty();
            changes.push(AlertChange { aspect, before: before.len().to_string(), after: told(facts, &news) });
        }
    }
    Differences { changes, is_material }
}

fn amount(quantity: Amount, alert: &Alert) -> String {
    format!("{quantity} {}", alert.unit.code())
}

fn is_other_quantity(before: Amount, after: Amount) -> bool {
    let (before, after) = (i128::from(before.millionths()), i128::from(after.millionths()));
    (before - after).abs() * 100 > before.max(after) * QUANTITY_TOLERANCE_PERCENT
}

/// Facts that were not there before. Where there are more than an alert keeps one by one, all of them count as new.
fn news<'a>(before: &[u64], after: &[u64], facts: &'a BTreeMap<u64, String>) -> Vec<&'a str> {
    let is_whole = before.len().max(after.len()) <= MARKS_MAX;
    let is_new = |mark: &u64| !is_whole || before.binary_search(mark).is_err();
    facts.iter().filter(|(mark, _)| is_new(mark)).map(|(_, fact)| fact.as_str()).collect()
}

/// How many there are, and the first of those that are new.
fn told(facts: &BTreeMap<u64, String>, news: &[&str]) -> String {
    let mut text = facts.len().to_string();
    for (index, fact) in news.iter().take(NAMED_MAX).enumerate() {
        let shown: String = fact.chars().take(NAME_CHARACTERS_MAX).collect();
        text.push_str(if index == 0 { ", new: " } else { "; " });
        text.push_str(&shown);
    }
    if news.len() > NAMED_MAX {
        text.push_str(&format!("; and {} more", news.len() - NAMED_MAX));
    }
    text
}
