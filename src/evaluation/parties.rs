//! Were the right mentions taken for the same company?

use std::collections::BTreeMap;

use super::PrecisionRecall;

/// A party as papers spell it in one role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PartyMention {
    /// Buyer, consignor or consignee.
    pub role: String,
    /// Name as spelt.
    pub name: String,
    /// Identifier as printed.
    pub identifier: String,
    /// Country letters.
    pub country: String,
}

/// One candidate of a mention.
#[derive(Clone, PartialEq, Debug)]
pub struct PartyDecision {
    /// Which mention.
    pub mention: PartyMention,
    /// For whom it was taken.
    pub entity: String,
    /// How probably.
    pub probability: f64,
}

/// Who stood behind one occurrence of a mention.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartyTruth {
    /// Which mention.
    pub mention: PartyMention,
    /// The company.
    pub company: String,
}

/// Precision and recall of pairs of distinct mentions said to be one company.
///
/// A mention stands for its most probable entity, from `threshold` on; below it stands for nobody else. Where several
/// companies stand behind one spelling, the most frequent counts. Mentions without truth are left out.
pub fn party_pair_scores(decisions: &[PartyDecision], truth: &[PartyTruth], threshold: f64) -> PrecisionRecall {
    let companies = frequent_companies(truth);
    let entities = probable_entities(decisions, threshold);
    let (mut cells, mut by_entity, mut by_company) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (mention, company) in &companies {
        *by_company.entry(*company).or_insert(0u64) += 1;
        if let Some(entity) = entities.get(mention) {
            *by_entity.entry(*entity).or_insert(0u64) += 1;
            *cells.entry((*entity, *company)).or_insert(0u64) += 1;
        }
    }
    let right = pairs(cells.into_values());
    let found = pairs(by_entity.into_values());
    let real = pairs(by_company.into_values());
    PrecisionRecall::from_counts(right, found - right, real - right)
}

fn pairs(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.map(|size| size * (size - 1) / 2).sum()
}

fn frequent_companies(truth: &[PartyTruth]) -> BTreeMap<&PartyMention, &str> {
    let mut counts: BTreeMap<&PartyMention, BTreeMap<&str, u64>> = BTreeMap::new();
    for row in truth {
        *counts.entry(&row.mention).or_default().entry(&row.company).or_default() += 1;
    }
    counts
        .into_iter()
        .filter_map(|(mention, companies)| {
            // The first in the alphabet when equally frequent.
            let best = companies.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(one.0)))?;
            Some((mention, best.0))
        })
        .collect()
}

fn probable_entities(decisions: &[PartyDecision], threshold: f64) -> BTreeMap<&PartyMention, &str> {
    let mut best: BTreeMap<&PartyMention, &PartyDecision> = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| decision.probability >= threshold) {
        let known = best.entry(&decision.mention).or_insert(decision);
        let order = decision.probability.total_cmp(&known.probability).then(known.entity.cmp(&decision.entity));
        if order.is_gt() {
            *known = decision;
        }
    }
    best.into_iter().map(|(mention, decision)| (mention, decision.entity.as_str())).collect()
}
