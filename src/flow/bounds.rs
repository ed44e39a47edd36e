//! The least and the most that any consistent story allows for each order line.
//!
//! Lowest: only settled links count, and of those only what no other possible order line could have supplied.
//! Highest: every possible link counts as far as the order line and each paper reach.

use crate::model::Amount;

use super::allocation::Attributed;
use super::{FlowPolicy, Problem};

/// Quantities that went on, in the order's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Most likely.
    pub likely: Amount,
    /// Lowest.
    pub low: Amount,
    /// Highest.
    pub high: Amount,
}

/// Bounds of every supply; `low <= likely <= high <= ordered` always holds.
pub(super) fn bounds(problem: &Problem, links: &[Attributed], policy: &FlowPolicy) -> Vec<Bounds> {
    let rivals = rivals_by_onward(problem, links, policy);
    let mut bounds = vec![Bounds::default(); problem.supplies.len()];
    let mut counted_papers: Vec<Vec<u32>> = vec![Vec::new(); problem.supplies.len()];
    for (candidate, link) in problem.candidates.iter().zip(links) {
        let entry = &mut bounds[candidate.supply as usize];
        let probability = link.probability.to_f64();
        if probability >= policy.likely_probability_min {
            entry.likely = entry.likely.plus(link.quantity);
        }
        let alone = rivals[candidate.onward as usize] == Rivals::One(candidate.supply);
        if probability >= policy.settled_probability_min && alone {
            entry.low = entry.low.plus(link.quantity);
        }
        let counted = &mut counted_papers[candidate.supply as usize];
        if probability >= policy.possible_probability_min && !counted.contains(&candidate.onward) {
            counted.push(candidate.onward);
            let ordered = problem.supplies[candidate.supply as usize].quantity;
            entry.high = entry.high.plus(candidate.onward_amount.unwrap_or(ordered));
        }
    }
    for (entry, supply) in bounds.iter_mut().zip(&problem.supplies) {
        entry.high = entry.high.min(supply.quantity).max(entry.likely);
        entry.low = entry.low.min(entry.likely);
    }
    bounds
}

/// Which order lines could have supplied an onward paper at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rivals {
    None,
    One(u32),
    Several,
}

fn rivals_by_onward(problem: &Problem, links: &[Attributed], policy: &FlowPolicy) -> Vec<Rivals> {
    let mut rivals = vec![Rivals::None; problem.paper_count as usize];
    for (candidate, link) in problem.candidates.iter().zip(links) {
        if link.probability.to_f64() < policy.possible_probability_min {
            continue;
        }
        let entry = &mut rivals[candidate.onward as usize];
        *entry = match *entry {
            Rivals::None => Rivals::One(candidate.supply),
            Rivals::One(supply) if supply == candidate.supply => Rivals::One(supply),
            _ => Rivals::Several,
        };
    }
    rivals
}
