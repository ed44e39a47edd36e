//! Where the weights come from: worlds whose truth is known, every way in which goods may have gone, and the weights
//! that would have told the true ones best.
//!
//! Come here to estimate `data/weights.tsv` anew or to measure how well it does on worlds that it was not estimated on.
//! The same options give the same weights. What is weighed is decided in `screening`, the arithmetic is in `fit`.

mod fit;
mod measure;

pub use fit::{Choice, Fit, Way, fit};
pub use measure::{Measured, measure};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::model::{Corridor, DocumentKey, OrderKey, Record};
use crate::screening::{CandidateWay, Holdings, Policy, Weights, candidate_ways};
use crate::simulation::{MemoryWorld, Profile, TruthLink, WorldOptions, generate};

/// Which worlds to learn from, and how.
#[derive(Clone, PartialEq, Debug)]
pub struct CalibrationOptions {
    /// Worlds of the plain profile; of each other one three times as many, for it teaches more. They have the seeds
    /// from `seed` on.
    pub worlds_per_profile: u64,
    /// First seed.
    pub seed: u64,
    /// Order lines of each world; it has five times as many shipment lines.
    pub orders_per_world: u64,
    /// How often weights are estimated, each time with the ways and buyers' records that the last weights find.
    pub rounds: u32,
    /// How far a weight may lie from what is assumed, as a standard deviation in bits, where nothing else is known.
    pub spread_bits: f64,
}

impl CalibrationOptions {
    /// Seeds of the worlds that are learnt from.
    pub fn seeds(&self) -> std::ops::Range<u64> {
        self.seed..self.seed.saturating_add(self.worlds_per_profile * HARD_TIMES)
    }
}

impl Default for CalibrationOptions {
    fn default() -> Self {
        Self { worlds_per_profile: 4, seed: 1_000, orders_per_world: 2_000, rounds: 3, spread_bits: 1.5 }
    }
}

/// Estimated weights, and what stands behind each.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    /// The table.
    pub weights: Weights,
    /// For each row how many true links its weight was part of.
    pub links: Vec<u32>,
}

/// So many worlds of each other profile are learnt from for each one of the plain profile.
const HARD_TIMES: u64 = 3;
/// Ways that weigh less than this under the weights of the round before are left out as hopeless.
const BITS_MIN: f64 = -25.0;

/// Estimates weights. `told` hears the round and how well the weights explain the worlds, in bits a paper.
pub fn calibrate(options: &CalibrationOptions, told: &mut dyn FnMut(u32, f64)) -> Calibration {
    let assumed: Vec<f64> = Weights::assumed().bits().to_vec();
    let mut weights = Weights::assumed();
    let mut links = vec![0; assumed.len()];
    let worlds = worlds(options);
    for round in 1..=options.rounds {
        let policy = Policy {
            weights: Arc::new(weights),
            link_bits_min: BITS_MIN,
            transfer_bits_min: BITS_MIN,
            ..Policy::default()
        };
        let choices: Vec<Choice> = worlds.par_iter().map(|world| choices(world, &policy)).collect::<Vec<_>>().concat();
        let Fit { bits, links: behind, loss_bits } = fit(&choices, &assumed, options.spread_bits);
        told(round, loss_bits);
        weights = Weights::with_bits(&version(options, &bits), &bits);
        links = behind;
    }
    Calibration { weights, links }
}

/// How the weights came about, and a word that changes with any of them.
fn version(options: &CalibrationOptions, bits: &[f64]) -> String {
    let CalibrationOptions { worlds_per_profile, seed, orders_per_world, rounds, spread_bits } = options;
    let written: Vec<u8> = bits.iter().flat_map(|bits| ((bits * 1000.0).round() as i64).to_le_bytes()).collect();
    let word: String = Sha256::digest(&written)[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{worlds_per_profile}x{orders_per_world}-seed{seed}-rounds{rounds}-spread{spread_bits}-{word}")
}

fn worlds(options: &CalibrationOptions) -> Vec<MemoryWorld> {
    let chosen = Profile::ALL.into_iter().flat_map(|profile| {
        let times = if profile == Profile::Small { 1 } else { HARD_TIMES };
        (0..options.worlds_per_profile * times).map(move |place| (options.seed + place, profile))
    });
    chosen
        .map(|(seed, profile)| {
            let plain = WorldOptions::new(seed, options.orders_per_world, options.orders_per_world * 5, profile);
            made(&WorldOptions { parameters: plain.parameters.clone().varied(seed), ..plain })
        })
        .collect()
}

/// A world held in memory. Making one cannot fail there.
fn made(options: &WorldOptions) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    let made = generate(options, &mut world);
    debug_assert!(made.is_ok());
    world
}

const TENANT: &str = "calibration";

fn settled(world: &MemoryWorld, policy: &Policy) -> Holdings {
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    let companies = world.companies.iter().map(|company| (None, Record::Company(Box::new(company.clone()))));
    let shipments = world.shipments.iter().map(|line| (None, Record::Shipment(Box::new(line.clone()))));
    let orders = world.orders.iter().map(|line| (Some(TENANT), Record::Order(Box::new(line.clone()))));
    holdings.insert_all(companies.chain(shipments).chain(orders).collect());
    holdings.settle();
    holdings
}

/// One choice for each onward paper that any order line may explain.
fn choices(world: &MemoryWorld, policy: &Policy) -> Vec<Choice> {
    let holdings = settled(world, policy);
    let name =
        |link: &'_ TruthLink| (link.order_id.clone(), link.line_no, link.document_number.clone(), link.document_line);
    let truth: Truth<'_> = world.truth_links.iter().map(|link| (name(link), link)).collect();
    let mut choices = Vec::new();
    for cut in holdings.cuts() {
        let mut by_paper: BTreeMap<DocumentKey, BTreeMap<OrderKey, CandidateWay>> = BTreeMap::new();
        for way in candidate_ways(&holdings.case(&cut), policy) {
            let held = by_paper.entry(way.onward.clone()).or_default();
            let rank = |way: &CandidateWay| (is_the_way(&truth, way), weight(policy, way));
            let is_better = held.get(&way.order).is_none_or(|other| rank(other) < rank(&way));
            if is_better {
                held.insert(way.order.clone(), way);
            }
        }
        choices.extend(by_paper.into_values().map(|ways| choice(&truth, ways.into_values())));
    }
    choices
}

/// True links by order, its line, paper, and its line.
type Truth<'a> = BTreeMap<(String, u32, String, u32), &'a TruthLink>;

fn true_link<'a>(truth: &Truth<'a>, way: &CandidateWay) -> Option<&'a TruthLink> {
    let CandidateWay { order, onward, .. } = way;
    truth.get(&(order.order_id.clone(), order.line_no, onward.number.clone(), onward.line_no)).copied()
}

fn is_the_way(truth: &Truth<'_>, way: &CandidateWay) -> bool {
    true_link(truth, way).is_some_and(|link| {
        let path: BTreeSet<&str> = way.path.iter().map(|paper| paper.number.as_str()).collect();
        link.chain.iter().map(String::as_str).collect::<BTreeSet<_>>() == path
    })
}

fn choice(truth: &Truth<'_>, ways: impl Iterator<Item = CandidateWay>) -> Choice {
    let ways = ways.map(|way| Way {
        is_true: true_link(truth, &way).is_some(),
        offset_bits: way.identity.to_f64().max(1e-6).log2(),
        shares: way.shares,
    });
    Choice { ways: ways.collect() }
}

/// Thousandths of a bit, so that ways compare exactly.
fn weight(policy: &Policy, way: &CandidateWay) -> i64 {
    let bits: f64 = way.shares.iter().map(|(row, share)| policy.weights.bits()[*row] * share).sum();
    ((bits + way.identity.to_f64().max(1e-6).log2()) * 1000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::{CalibrationOptions, calibrate, measure};
    use crate::screening::{Policy, Weights};
    use crate::simulation::Profile;
    use std::sync::Arc;

    #[test]
    fn the_same_worlds_give_the_same_weights_and_every_round_explains_them() {
        let options = CalibrationOptions {
            worlds_per_profile: 1,
            orders_per_world: 150,
            rounds: 2,
            ..CalibrationOptions::default()
        };
        let mut losses = Vec::new();
        let first = calibrate(&options, &mut |round, loss_bits| losses.push((round, loss_bits)));
        let again = calibrate(&options, &mut |_, _| {});
        assert_eq!(first, again);
        assert_eq!(losses.iter().map(|(round, _)| *round).collect::<Vec<_>>(), [1, 2]);
        assert!(losses.iter().all(|(_, loss_bits)| *loss_bits < 0.5), "{losses:?}");
        assert!(first.links.iter().sum::<u32>() > 500);
    }

    #[test]
    fn weights_that_were_learnt_do_better_than_what_was_assumed() {
        let f1 = |weights: Weights| -> f64 {
            let policy = Policy { weights: Arc::new(weights), ..Policy::default() };
            [Profile::Harder, Profile::Unseen]
                .map(|profile| measure(profile, 7, 600, &policy).report.links.f1)
                .iter()
                .sum()
        };
        let (assumed, learnt) = (f1(Weights::assumed()), f1(Weights::embedded().clone()));
        assert!(learnt > assumed + 0.02, "{learnt} {assumed}");
    }
}
