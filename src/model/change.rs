//! What is different between one finding on an order line and the one before it.
//!
//! Come here for what counts as a change and how both sides are told. It compares two findings and nothing else; why
//! the line was judged again is `cause`.

use std::collections::BTreeMap;

use super::{
    Amount, Country, Day, DocumentKey, Evidence, EvidenceKind, Finding, FindingKind, IndicatorResult, Level, Link,
    NamedCause, OrderKey, Probability, RejectedAlternative, Unit,
};

/// One revision of the finding on an order line, beside the one before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingChange {
    /// Which order line.
    pub order: OrderKey,
    /// Counts the judgements that differed, from 1.
    pub revision: u32,
    /// Its entry in the audit trail; 0 where that was not recorded.
    pub place: u64,
    /// When it was committed, in milliseconds since 1970; `None` where that was not recorded.
    pub judged_at_millis: Option<u64>,
    /// Why the line was judged; empty where that was not recorded.
    pub causes: Vec<NamedCause>,
    /// More records than those named brought it about.
    pub has_more_causes: bool,
    /// What is different.
    pub difference: FindingDifference,
}

/// What two findings on the same order line have that differs. The first finding differs from nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingDifference {
    /// The older conclusion; `None` for the first finding.
    pub before: Option<FindingFacts>,
    /// The newer conclusion.
    pub after: FindingFacts,
    /// Links that were added, removed or altered, by onward paper.
    pub links: Vec<LinkDifference>,
    /// Rejected explanations that were added, removed or altered, by onward paper.
    pub rejected: Vec<Sides<RejectedAlternative>>,
    /// Red flags that are up or down otherwise, or for another reason, by name.
    pub indicators: Vec<Sides<IndicatorResult>>,
}

/// What a finding concludes, without the reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingFacts {
    /// See [`Finding::score`].
    pub score: Probability,
    /// See [`Finding::level`].
    pub level: Level,
    /// See [`Finding::kind`].
    pub kind: FindingKind,
    /// See [`Finding::priority`].
    pub priority: Amount,
    /// See [`Finding::attributed`].
    pub attributed: Amount,
    /// See [`Finding::attributed_low`].
    pub attributed_low: Amount,
    /// See [`Finding::attributed_high`].
    pub attributed_high: Amount,
    /// See [`Finding::unit`].
    pub unit: Unit,
    /// See [`Finding::summary`].
    pub summary: String,
    /// See [`Finding::limits_reached`].
    pub limits_reached: Vec<String>,
    /// See [`Finding::engine_version`].
    pub engine_version: String,
    /// See [`Finding::policy_version`].
    pub policy_version: String,
    /// See [`Finding::case_hash`].
    pub case_hash: [u8; 32],
}

/// The older and the newer of something; one of them may be absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sides<T> {
    /// `None` where it was added.
    pub before: Option<T>,
    /// `None` where it was removed.
    pub after: Option<T>,
}

/// Which link: the onward paper and the way to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkName {
    /// See [`Link::onward`].
    pub onward: DocumentKey,
    /// See [`Link::path`].
    pub path: Vec<DocumentKey>,
    /// See [`Link::onward_date`].
    pub onward_date: Day,
    /// See [`Link::onward_consignee`].
    pub onward_consignee: String,
    /// See [`Link::onward_country`].
    pub onward_country: Option<Country>,
    /// See [`Link::unit`].
    pub unit: Unit,
}

/// How much goes over a link, and how sure that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkFacts {
    /// See [`Link::quantity`].
    pub quantity: Amount,
    /// See [`Link::probability`].
    pub probability: Probability,
}

/// A link that was added, removed or altered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkDifference {
    /// Which link.
    pub link: LinkName,
    /// Quantity and probability then and now.
    pub facts: Sides<LinkFacts>,
    /// Reasons that were added, removed or altered, by kind: who was taken for whom is among them.
    pub evidence: Vec<Sides<Evidence>>,
}

impl<T> Sides<T> {
    /// Either side: names are the same on both.
    pub fn any(&self) -> Option<&T> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

impl FindingDifference {
    /// Compares a finding with the one before it.
    pub fn between(before: Option<&Finding>, after: &Finding) -> Self {
        let links = |finding: &Finding| named(finding.links.iter().map(|link| (LinkName::of(link), link.clone())));
        let rejected = |finding: &Finding| {
            named(finding.rejected.iter().map(|alternative| (alternative.onward.clone(), alternative.clone())))
        };
        let indicators = |finding: &Finding| {
            named(finding.indicators.iter().map(|result| (result.indicator.clone(), result.clone())))
        };
        Self {
            before: before.map(FindingFacts::of),
            after: FindingFacts::of(after),
            links: sides(before.map(links).unwrap_or_default(), links(after))
                .into_iter()
                .map(|((name, _), sides)| LinkDifference::of(name, &sides))
                .collect(),
            rejected: values(sides(before.map(rejected).unwrap_or_default(), rejected(after))),
            indicators: values(sides(before.map(indicators).unwrap_or_default(), indicators(after))),
        }
    }

    /// Whether the two findings say the same.
    pub fn is_empty(&self) -> bool {
        self.before.as_ref() == Some(&self.after)
            && self.links.is_empty()
            && self.rejected.is_empty()
            && self.indicators.is_empty()
    }
}

impl FindingFacts {
    /// What a finding concludes.
    pub fn of(finding: &Finding) -> Self {
        Self {
            score: finding.score,
            level: finding.level,
            kind: finding.kind,
            priority: finding.priority,
            attributed: finding.attributed,
            attributed_low: finding.attributed_low,
            attributed_high: finding.attributed_high,
            unit: finding.unit,
            summary: finding.summary.clone(),
            limits_reached: finding.limits_reached.clone(),
            engine_version: finding.engine_version.clone(),
            policy_version: finding.policy_version.clone(),
            case_hash: finding.case_hash,
        }
    }
}

impl LinkName {
    /// The name of a link.
    pub fn of(link: &Link) -> Self {
        Self {
            onward: link.onward.clone(),
            path: link.path.clone(),
            onward_date: link.onward_date,
            onward_consignee: link.onward_consignee.clone(),
            onward_country: link.onward_country,
            unit: link.unit,
        }
    }
}

impl LinkDifference {
    fn of(link: LinkName, sides: &Sides<Link>) -> Self {
        let facts = |link: &Link| LinkFacts { quantity: link.quantity, probability: link.probability };
        let reasons = |link: Option<&Link>| -> Named<EvidenceKind, Evidence> {
            named(link.into_iter().flat_map(|link| link.evidence.iter().map(|row| (row.kind, row.clone()))))
        };
        Self {
            link,
            facts: Sides { before: sides.before.as_ref().map(facts), after: sides.after.as_ref().map(facts) },
            evidence: values(self::sides(reasons(sides.before.as_ref()), reasons(sides.after.as_ref()))),
        }
    }
}

/// Values by name; of several with one name each has its number among them.
type Named<N, T> = BTreeMap<(N, usize), T>;

fn named<N: Ord + Clone, T>(rows: impl Iterator<Item = (N, T)>) -> Named<N, T> {
    let mut counts: BTreeMap<N, usize> = BTreeMap::new();
    rows.map(|(name, value)| {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        ((name, *count), value)
    })
    .collect()
}

/// What only one of them has, or both have otherwise; by name.
fn sides<N: Ord, T: PartialEq>(before: Named<N, T>, after: Named<N, T>) -> BTreeMap<(N, usize), Sides<T>> {
    let mut all: BTreeMap<(N, usize), Sides<T>> = BTreeMap::new();
    for (name, value) in before {
        all.insert(name, Sides { before: Some(value), after: None });
    }
    for (name, value) in after {
        all.entry(name).or_insert(Sides { before: None, after: None }).after = Some(value);
    }
    all.retain(|_, sides| sides.before != sides.after);
    all
}

fn values<N, T>(sides: BTreeMap<(N, usize), Sides<T>>) -> Vec<Sides<T>> {
    sides.into_values().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{FindingDifference, LinkDifference, LinkFacts, LinkName, Sides};
    use crate::model::{
        Amount, Bits, Day, DocumentKey, DocumentKind, Evidence, EvidenceKind, Finding, FindingKind, IndicatorOutcome,
        IndicatorResult, Level, Link, OrderKey, Probability, RejectedAlternative, Unit,
    };

    fn paper(number: u32) -> DocumentKey {
        let (number, feed) = (format!("D-{number}"), String::new());
        DocumentKey { number, line_no: 1, kind: DocumentKind::RuDeclaration, feed }
    }

    fn evidence(kind: EvidenceKind, theirs: u32, bits: i32) -> Evidence {
        Evidence { kind, ours: "ours".to_owned(), theirs: format!("{theirs}"), bits: Bits(bits) }
    }

    fn link(onward: u32, path: Vec<u32>, quantity: i64, percent: u32, evidence: Vec<Evidence>) -> Link {
        Link {
            onward: paper(onward),
            onward_date: Day::from_number(19_000 + onward as i32),
            onward_consignee: format!("OOO {onward}"),
            onward_country: None,
            path: path.into_iter().map(paper).collect(),
            quantity: Amount::from_whole(quantity),
            unit: Unit::Piece,
            probability: Probability::from_f64(f64::from(percent) / 100.0),
            evidence,
        }
    }

    fn finding(score: u32, links: Vec<Link>, flags: Vec<(u32, bool)>) -> Finding {
        let indicator = |(name, is_up): (u32, bool)| IndicatorResult {
            indicator: format!("flag_{name}"),
            outcome: if is_up { IndicatorOutcome::Raised } else { IndicatorOutcome::Clear },
            detail: String::new(),
        };
        let rejected = links.iter().map(|link| RejectedAlternative {
            onward: link.onward.clone(),
            instead: None,
            quantity: link.quantity,
            bits_ahead: Bits(-10),
        });
        Finding {
            tenant: "steppe".to_owned(),
            order: OrderKey { order_id: "A-1".to_owned(), line_no: 1 },
            score: Probability::from_f64(f64::from(score) / 100.0),
            level: if score >= 50 { Level::High } else { Level::None },
            priority: Amount::from_whole(i64::from(score)),
            attributed: links
                .iter()
                .map(|link| link.quantity)
                .fold(Amount::ZERO, |sum, one| Amount::from_millionths(sum.millionths() + one.millionths())),
            attributed_low: Amount::ZERO,
            attributed_high: Amount::from_whole(100),
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            rejected: rejected.collect(),
            links,
            indicators: flags.into_iter().map(indicator).collect(),
            summary: format!("{score} per cent"),
            limits_reached: Vec::new(),
            engine_version: "1".to_owned(),
            policy_version: "1".to_owned(),
            case_hash: [score as u8; 32],
        }
    }

    /// Score then and now; links as `+` added, `-` removed, `~` altered; kinds of evidence; flags.
    fn told(difference: &FindingDifference) -> String {
        fn sign<T>(sides: &Sides<T>) -> char {
            match (&sides.before, &sides.after) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            }
        }
        let mut words = Vec::new();
        if let Some(before) = &difference.before
            && before.score != difference.after.score
        {
            words.push(format!("{}>{}", before.score, difference.after.score));
        }
        for LinkDifference { link, facts, evidence } in &difference.links {
            words.push(format!("{}{}/{}", sign(facts), link.onward.number, link.path.len()));
            words.extend(evidence.iter().map(|row| format!("{}{}", sign(row), row.any().unwrap().kind.as_str())));
        }
        for sides in &difference.indicators {
            words.push(format!("{}{}", sign(sides), sides.any().unwrap().indicator));
        }
        words.join(" ")
    }

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        use EvidenceKind::{HsCode, Name};
        let base = || finding(30, vec![link(1, vec![], 5, 30, vec![evidence(Name, 1, 900)])], vec![(1, true)]);
        let cases: [(Finding, &str); 7] = [
            (base(), ""),
            (Finding { score: Probability::from_f64(0.4), ..base() }, "0.3000>0.4000"),
            (finding(30, vec![], vec![(1, true)]), "-D-1/0 -name"),
            (finding(30, vec![link(1, vec![], 4, 30, vec![evidence(Name, 2, 900)])], vec![(1, true)]), "~D-1/0 ~name"),
            (
                finding(30, vec![link(1, vec![7], 5, 30, vec![evidence(Name, 1, 900)])], vec![(1, true)]),
                "-D-1/0 -name +D-1/1 +name",
            ),
            (
                finding(
                    30,
                    vec![link(1, vec![], 5, 30, vec![evidence(Name, 1, 900), evidence(HsCode, 3, 100)])],
                    vec![(1, false), (2, true)],
                ),
                "~D-1/0 +hs_code ~flag_1 +flag_2",
            ),
            (finding(30, vec![link(1, vec![], 5, 30, vec![evidence(Name, 1, 900)])], vec![]), "-flag_1"),
        ];
        for (after, expected) in cases {
            assert_eq!(told(&FindingDifference::between(Some(&base()), &after)), expected);
        }
        let first = FindingDifference::between(None, &base());
        assert_eq!((told(&first).as_str(), first.before.is_none()), ("+D-1/0 +name +flag_1", true));
    }

    #[test]
    fn a_case_that_alone_changed_is_told() {
        let before = finding(30, Vec::new(), Vec::new());
        let after = Finding { case_hash: [9; 32], ..before.clone() };
        let difference = FindingDifference::between(Some(&before), &after);
        assert!(!difference.is_empty() && difference.links.is_empty());
        let kinds = Finding { kind: FindingKind::FalseTransit, ..before.clone() };
        assert!(!FindingDifference::between(Some(&before), &kinds).is_empty());
    }

    fn any_link() -> impl Strategy<Value = Link> {
        let kinds = prop::sample::select(vec![EvidenceKind::Name, EvidenceKind::HsCode, EvidenceKind::Timing]);
        let rows = prop::collection::vec((kinds, 0u32..3, -2i32..3), 0..4);
        let paths = prop::collection::vec(0u32..2, 0..2);
        (0u32..3, paths, 1i64..4, 1u32..4, rows).prop_map(|(onward, path, quantity, percent, rows)| {
            let rows = rows.into_iter().map(|(kind, theirs, bits)| evidence(kind, theirs, bits)).collect();
            link(onward, path, quantity, percent, rows)
        })
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let flags = prop::collection::vec((0u32..3, any::<bool>()), 0..3);
        (0u32..100, prop::collection::vec(any_link(), 0..5), flags)
            .prop_map(|(score, links, flags)| finding(score, links, flags))
    }

    /// A link as its name, its numbers and its reasons, those of one kind in their order.
    type Plain = (LinkName, Amount, Probability, BTreeMap<EvidenceKind, Vec<Evidence>>);

    fn plain(links: &[Link]) -> Vec<Plain> {
        let mut plain: Vec<Plain> = links
            .iter()
            .map(|link| {
                let mut rows: BTreeMap<EvidenceKind, Vec<Evidence>> = BTreeMap::new();
                link.evidence.iter().for_each(|row| rows.entry(row.kind).or_default().push(row.clone()));
                (LinkName::of(link), link.quantity, link.probability, rows)
            })
            .collect();
        // Stable: of links with one name the first stays the first.
        plain.sort_by(|left, right| left.0.cmp(&right.0));
        plain
    }

    /// Takes what the older side has away and puts what the newer one has there; anything that does not fit is a fault.
    fn applied(links: &[Link], changes: &[LinkDifference]) -> Result<Vec<Plain>, TestCaseError> {
        let mut links = plain(links);
        for LinkDifference { link, facts, evidence } in changes {
            let facts_of = |plain: &Plain| LinkFacts { quantity: plain.1, probability: plain.2 };
            let fits = |plain: &Plain| {
                plain.0 == *link
                    && Some(facts_of(plain)) == facts.before
                    && evidence
                        .iter()
                        .filter_map(|sides| sides.before.as_ref())
                        .all(|row| plain.3.get(&row.kind).is_some_and(|rows| rows.contains(row)))
            };
            let mut rows = match facts.before {
                Some(_) => {
                    let place = links.iter().position(fits);
                    let place = place.ok_or_else(|| TestCaseError::fail("no such link"))?;
                    links.remove(place).3
                }
                None => BTreeMap::new(),
            };
            for sides in evidence {
                let kind = sides.any().ok_or_else(|| TestCaseError::fail("neither side"))?.kind;
                let rows = rows.entry(kind).or_default();
                let place = sides.before.as_ref().and_then(|old| rows.iter().position(|row| row == old));
                match (place, &sides.after) {
                    (Some(place), Some(new)) => rows[place] = new.clone(),
                    (Some(place), None) => drop(rows.remove(place)),
                    (None, Some(new)) => rows.push(new.clone()),
                    (None, None) => return Err(TestCaseError::fail("no such reason")),
                }
            }
            rows.retain(|_, rows| !rows.is_empty());
            if let Some(after) = facts.after {
                links.push((link.clone(), after.quantity, after.probability, rows));
            }
        }
        Ok(links)
    }

    fn sorted(mut links: Vec<Plain>) -> Vec<String> {
        links.iter_mut().for_each(|link| {
            link.3.values_mut().for_each(|rows| rows.sort_by_key(|row| (row.theirs.clone(), row.bits)));
        });
        let mut words: Vec<String> = links.iter().map(|link| format!("{link:?}")).collect();
        words.sort();
        words
    }

    proptest! {
        #[test]
        fn equal_findings_differ_in_nothing(finding in any_finding()) {
            let difference = FindingDifference::between(Some(&finding), &finding);
            prop_assert!(difference.is_empty(), "{difference:?}");
        }

        #[test]
        fn other_findings_differ_in_something(before in any_finding(), after in any_finding()) {
            let order = |finding: &Finding| {
                let mut flags = finding.indicators.clone();
                flags.sort_by(|left, right| left.indicator.cmp(&right.indicator));
                let links: Vec<String> = plain(&finding.links).iter().map(|link| format!("{link:?}")).collect();
                (finding.score, links, flags)
            };
            let is_empty = FindingDifference::between(Some(&before), &after).is_empty();
            prop_assert_eq!(is_empty, order(&before) == order(&after));
        }

        #[test]
        fn the_older_links_with_the_changes_are_the_newer_links(before in any_finding(), after in any_finding()) {
            let difference = FindingDifference::between(Some(&before), &after);
            let made = applied(&before.links, &difference.links)?;
            prop_assert_eq!(sorted(made), sorted(plain(&after.links)));
        }

        #[test]
        fn the_other_way_round_the_sides_are_exchanged(before in any_finding(), after in any_finding()) {
            let there = FindingDifference::between(Some(&before), &after);
            let back = FindingDifference::between(Some(&after), &before);
            prop_assert_eq!(there.before, Some(back.after));
            prop_assert_eq!(there.links.len(), back.links.len());
            for (there, back) in there.links.iter().zip(&back.links) {
                prop_assert_eq!((&there.facts.before, &there.facts.after), (&back.facts.after, &back.facts.before));
            }
        }
    }
}
