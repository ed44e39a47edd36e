//! Counts on simulated worlds what the bounds of `weights` claim: how often names of one firm, and of two, contradict.
//!
//! Come here to estimate the bounds anew: `cargo test --lib name_counts -- --nocapture` prints the table that
//! docs/detection.md shows. Worlds are small, so that the test stays quick.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::match_names;
use super::names::{Contradiction, contradictions_between};
use crate::model::{Evidence, NameForm};
use crate::normalize::name;
use crate::simulation::{MemoryWorld, Profile, TruthPartyKind, WorldOptions, generate};

/// Bounds that are taken from these counts. The others are assumptions: worlds show them too seldom or not at all.
const ESTIMATED: [Contradiction; 5] = [
    Contradiction::BothRare,
    Contradiction::OneRare,
    Contradiction::BothCommon,
    Contradiction::InitialsDifferent,
    Contradiction::Doubtful,
];
/// How far a bound may be from its count: other seeds differ by as much.
const BITS_OFF_MAX: f64 = 2.0;

/// A pair of names and whether both are one firm's.
struct Pair {
    register: NameForm,
    paper: NameForm,
    is_same: bool,
}

/// Every spelling of a firm on orders and papers beside its name in the register, and beside the names of two others:
/// one that shares a word with it where there is one, and any.
fn pairs(profile: Profile, seed: u64) -> Vec<Pair> {
    let mut world = MemoryWorld::default();
    generate(&WorldOptions::new(seed, 600, 3_000, profile), &mut world).unwrap();
    let register: Vec<(&str, NameForm)> =
        world.companies.iter().map(|company| (company.identifier.as_str(), name(&company.name))).collect();
    let place: HashMap<&str, usize> = register.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
    let buyers =
        world.orders.iter().map(|line| ((TruthPartyKind::Order, line.key.order_id.as_str()), &line.buyer.name));
    let sellers =
        world.shipments.iter().map(|line| ((TruthPartyKind::Shipment, line.key.number.as_str()), &line.consignor.name));
    let mentions: HashMap<(TruthPartyKind, &str), &String> = buyers.chain(sellers).collect();
    let (mut pairs, mut seen) = (Vec::new(), HashSet::new());
    for truth in &world.truth_parties {
        let mention = mentions.get(&(truth.kind, truth.reference.as_str()));
        let (Some(mention), Some(&own)) = (mention, place.get(truth.company.as_str())) else { continue };
        if !seen.insert((mention.as_str(), own)) {
            continue;
        }
        let (paper, (_, own_name)) = (name(mention), &register[own]);
        // Branches are firms of their own for `match_names`; the world counts them to their parent.
        if paper.is_branch || paper.tokens.is_empty() {
            continue;
        }
        let shares = |other: &NameForm| other.tokens.iter().any(|token| own_name.tokens.contains(token));
        let start = seen.len() % register.len();
        let others =
            (start..register.len()).chain(0..start).filter(|other| register[*other].1.tokens != own_name.tokens);
        let any = others.clone().next();
        let near = others.clone().find(|other| shares(&register[*other].1));
        let pair = |other: usize, is_same| Pair { register: register[other].1.clone(), paper: paper.clone(), is_same };
        pairs.push(pair(own, true));
        pairs.extend(near.into_iter().chain(any).map(|other| pair(other, false)));
    }
    pairs
}

fn all_pairs() -> Vec<Pair> {
    [(Profile::Small, 301), (Profile::Harder, 302), (Profile::Unseen, 303)]
        .into_iter()
        .flat_map(|(profile, seed)| pairs(profile, seed))
        .collect()
}

#[test]
fn bounds_follow_what_is_counted() {
    let pairs = all_pairs();
    let total = |is_same: bool| pairs.iter().filter(|pair| pair.is_same == is_same).count() as f64;
    let mut counts: BTreeMap<Contradiction, [f64; 2]> = BTreeMap::new();
    for pair in &pairs {
        let mut found = contradictions_between(&pair.register, &pair.paper);
        found.sort();
        found.dedup();
        for contradiction in found {
            counts.entry(contradiction).or_default()[usize::from(!pair.is_same)] += 1.0;
        }
    }
    eprintln!("pairs: {} of one firm, {} of two", total(true), total(false));
    for (contradiction, [same, different]) in &counts {
        let (same, different) = ((same + 0.5) / (total(true) + 1.0), (different + 0.5) / (total(false) + 1.0));
        let bits = (same / different).log2();
        eprintln!("{contradiction:?}: {:.2} % and {:.2} %, {bits:+.1} bits", same * 100.0, different * 100.0);
        if ESTIMATED.contains(contradiction) {
            let cap = contradiction.cap();
            assert!(
                (bits - cap).abs() <= BITS_OFF_MAX,
                "{contradiction:?}: counted {bits:+.1}, in the table {cap:+.1}"
            );
        }
    }
    assert!(ESTIMATED.iter().all(|each| counts.contains_key(each)), "each occurs: {counts:?}");
}

#[test]
fn matching_names_is_as_good_as_the_documents_say() {
    let (mut right, mut wrong, mut missed) = (0.0, 0.0, 0.0);
    let mut first_wrong: Vec<Vec<Evidence>> = Vec::new();
    for pair in all_pairs() {
        let found = match_names(&pair.register, &pair.paper);
        match (found.probability.to_f64() >= 0.5, pair.is_same) {
            (true, true) => right += 1.0,
            (true, false) => {
                wrong += 1.0;
                first_wrong.push(found.evidence);
            }
            (false, true) => missed += 1.0,
            (false, false) => {}
        }
    }
    let f1 = 2.0 * right / (2.0 * right + wrong + missed);
    eprintln!("F1 {f1:.4}: {right} right, {wrong} wrong, {missed} missed");
    assert!(f1 >= 0.97, "F1 {f1}: {right} right, {wrong} wrong, {missed} missed; {first_wrong:?}");
}
