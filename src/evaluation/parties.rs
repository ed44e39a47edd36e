//! Were buyers and consignors taken for the same company where they are the same?

use std::collections::{BTreeMap, BTreeSet};

use super::PrecisionRecall;

/// Role of mentions on orders.
const BUYER: &str = "buyer";
/// Role of mentions on papers that are held against buyers.
const CONSIGNOR: &str = "consignor";
/// Shares that multiply and add up to one half fall below it in floating point.
const ROUNDING: f64 = 1e-9;

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

/// For whom mentions stand, and with which share.
type Shares<'a> = BTreeMap<&'a PartyMention, BTreeMap<&'a str, f64>>;
/// A buyer's mention and a consignor's.
type Pair<'a> = (&'a PartyMention, &'a PartyMention);

/// Precision and recall of pairs of a distinct buyer mention and a distinct consignor mention said to be one company.
///
/// A pair is said to be one company when the probability that both stand for the same entity, summed over entities,
/// reaches `threshold`. Where several companies stand behind one spelling, the truth of a pair is the same sum over
/// how often each of them did. Mentions without truth are left out, so the caller chooses what is compared.
pub fn party_pair_scores(decisions: &[PartyDecision], truth: &[PartyTruth], threshold: f64) -> PrecisionRecall {
    let real = frequencies(truth);
    let mut decided: Shares<'_> = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| real.contains_key(&decision.mention)) {
        let share = decided.entry(&decision.mention).or_default().entry(decision.entity.as_str()).or_insert(0.0);
        *share += decision.probability;
    }
    let (found, real) = (same(&decided, threshold), same(&real, 0.5));
    let right = found.intersection(&real).count() as u64;
    PrecisionRecall::from_counts(right, found.len() as u64 - right, real.len() as u64 - right)
}

fn frequencies(truth: &[PartyTruth]) -> Shares<'_> {
    let mut shares: Shares<'_> = BTreeMap::new();
    for row in truth {
        *shares.entry(&row.mention).or_default().entry(row.company.as_str()).or_insert(0.0) += 1.0;
    }
    for companies in shares.values_mut() {
        let total: f64 = companies.values().sum();
        companies.values_mut().for_each(|count| *count /= total);
    }
    shares
}

/// Pairs whose mentions meet in some entity, and often enough.
fn same<'a>(shares: &Shares<'a>, threshold: f64) -> BTreeSet<Pair<'a>> {
    type Mentions<'a> = Vec<(&'a PartyMention, f64)>;
    let mut by_entity: BTreeMap<&str, (Mentions<'a>, Mentions<'a>)> = BTreeMap::new();
    for (mention, entities) in shares {
        for (entity, share) in entities {
            let (buyers, consignors) = by_entity.entry(entity).or_default();
            match mention.role.as_str() {
                BUYER => buyers.push((mention, *share)),
                CONSIGNOR => consignors.push((mention, *share)),
                _ => {}
            }
        }
    }
    let mut sums: BTreeMap<Pair<'a>, f64> = BTreeMap::new();
    for (buyers, consignors) in by_entity.values() {
        for (buyer, share) in buyers {
            for (consignor, other_share) in consignors {
                *sums.entry((buyer, consignor)).or_insert(0.0) += share * other_share;
            }
        }
    }
    sums.into_iter().filter(|(_, sum)| *sum >= threshold - ROUNDING).map(|(pair, _)| pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{PartyDecision, PartyMention, PartyTruth, party_pair_scores};

    fn mention(role: &str, name: &str) -> PartyMention {
        PartyMention { role: role.into(), name: name.into(), ..PartyMention::default() }
    }

    fn decision(role: &str, name: &str, entity: &str, probability: f64) -> PartyDecision {
        PartyDecision { mention: mention(role, name), entity: entity.into(), probability }
    }

    fn truth(role: &str, name: &str, company: &str) -> PartyTruth {
        PartyTruth { mention: mention(role, name), company: company.into() }
    }

    #[test]
    fn probabilities_that_both_mean_one_company_add_up_over_entities() {
        let known = [truth("buyer", "A", "1"), truth("consignor", "B", "1"), truth("consignor", "C", "2")];
        // Each candidate alone stays below one half; together both mentions agree often enough.
        let shared = [
            decision("buyer", "A", "x", 0.75),
            decision("buyer", "A", "y", 0.25),
            decision("consignor", "B", "x", 0.5),
            decision("consignor", "B", "y", 0.5),
        ];
        let scores = party_pair_scores(&shared, &known, 0.5);
        assert_eq!((scores.true_positive_count, scores.false_positive_count, scores.false_negative_count), (1, 0, 0));
        let scores = party_pair_scores(&shared, &known, 0.51);
        assert_eq!((scores.true_positive_count, scores.false_negative_count), (0, 1));
    }

    #[test]
    fn only_pairs_of_buyer_and_consignor_with_a_truth_count() {
        let known = [
            truth("buyer", "A", "1"),
            truth("buyer", "D", "1"),
            truth("consignee", "E", "1"),
            truth("consignor", "C", "2"),
        ];
        let decisions = [
            decision("buyer", "A", "x", 0.9),
            decision("buyer", "D", "x", 0.9),
            decision("consignee", "E", "x", 0.9),
            decision("consignor", "C", "x", 0.9),
            decision("consignor", "nobody knows", "x", 0.9),
        ];
        let scores = party_pair_scores(&decisions, &known, 0.5);
        assert_eq!((scores.true_positive_count, scores.false_positive_count, scores.false_negative_count), (0, 2, 0));
    }

    #[test]
    fn a_spelling_of_two_companies_is_as_true_as_often_as_it_was() {
        let mostly = [
            truth("buyer", "A", "1"),
            truth("consignor", "A", "1"),
            truth("consignor", "A", "1"),
            truth("consignor", "A", "2"),
        ];
        let decisions = [decision("buyer", "A", "x", 0.8), decision("consignor", "A", "x", 0.8)];
        assert_eq!(party_pair_scores(&decisions, &mostly, 0.5).true_positive_count, 1);
        let rarely = [mostly[0].clone(), mostly[3].clone(), mostly[3].clone(), mostly[1].clone()];
        assert_eq!(party_pair_scores(&decisions, &rarely, 0.5).false_positive_count, 1);
    }
}
