//! The most likely attribution: who supplied which paper, and how sure that is when several could have.
//!
//! Links are served best first, each taking what its order line and its papers still have.
//! Conservation holds by construction and is asserted: an order line never gives more than was ordered,
//! a paper never takes more than it carries, on the border or before it.

use crate::model::{Amount, Bits, Probability};

use super::bounds::{Bounds, bounds};
use super::{Candidate, FlowPolicy, Problem, WHOLE_PAPER};

/// What one candidate got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributed {
    /// Quantity in the order's unit.
    pub quantity: Amount,
    /// Share of the onward paper, in parts of `WHOLE_PAPER`.
    pub share: i64,
    /// Probability that the link is real, with all that competes for it taken into account.
    pub probability: Probability,
    /// What competition took from (or left to) the link's own weight.
    pub competition_bits: Bits,
    /// The candidate that explains the same onward paper best among the others, if any does.
    pub best_rival: Option<u32>,
}

/// The attribution of a whole problem.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attribution {
    /// One entry for each candidate of the problem.
    pub links: Vec<Attributed>,
    /// For each supply: most likely, lowest and highest quantity that went on.
    pub bounds: Vec<Bounds>,
}

/// No link is shown as certain, however much speaks for it: what nobody thought of has its share too. Assumption.
const LINK_PROBABILITY_MAX: f64 = 0.999;

/// How often probabilities and quantities are brought into line with one another.
const ROUNDS: usize = 3;

/// Attributes every paper of the problem. See the room's door for what it may and may not see.
pub fn attribute(problem: &Problem, policy: &FlowPolicy) -> Attribution {
    let own_bits: Vec<f64> = problem.candidates.iter().map(|candidate| candidate.bits.to_f64()).collect();
    let groups = by_onward(problem);
    let mut probabilities = compete(problem, &groups, &own_bits);
    for _ in 1..ROUNDS {
        let penalties = exhaustion(problem, &probabilities, policy);
        let weights: Vec<f64> = own_bits.iter().zip(&penalties).map(|(bits, penalty)| bits + penalty).collect();
        probabilities = compete(problem, &groups, &weights);
    }
    let taken = serve(problem, &probabilities, policy);
    assert_conserved(problem, &taken);
    let leaders = leaders(problem, &groups, &probabilities);
    let links: Vec<Attributed> = (0..own_bits.len())
        .map(|index| Attributed {
            quantity: taken[index].quantity,
            share: taken[index].share,
            probability: Probability::from_f64(probabilities[index].min(LINK_PROBABILITY_MAX)),
            competition_bits: competition(problem, index, own_bits[index], probabilities[index]),
            best_rival: best_rival(problem, &leaders, index),
        })
        .collect();
    let bounds = bounds(problem, &links, policy);
    Attribution { links, bounds }
}

/// Candidate indices for each onward paper.
fn by_onward(problem: &Problem) -> Vec<Vec<u32>> {
    let mut groups = vec![Vec::new(); problem.paper_count as usize];
    for (index, candidate) in problem.candidates.iter().enumerate() {
        groups[candidate.onward as usize].push(index as u32);
    }
    groups
}

/// Each onward paper has one explanation: one of its candidates, or goods of another seller (weight zero).
/// Identity weighs in as a factor and is no upper bound: goods that agree in every detail speak for the firm as well.
/// Candidates that do not fill the paper leave room for another one beside them; `serve` finds that room.
fn compete(problem: &Problem, groups: &[Vec<u32>], bits: &[f64]) -> Vec<f64> {
    let mut probabilities = vec![0.0; bits.len()];
    for group in groups {
        let weight = |index: u32| {
            let index = index as usize;
            let identity = problem.candidates[index].identity.to_f64();
            identity * bits[index].clamp(-60.0, 60.0).exp2()
        };
        // The order of a group is the canonical order of candidates, so the sum is the same every time.
        let total: f64 = 1.0 + group.iter().map(|index| weight(*index)).sum::<f64>();
        for index in group {
            probabilities[*index as usize] = weight(*index) / total;
        }
    }
    probabilities
}

/// Weight against links whose order line is expected to be used up by more probable ones: the less it can still fill of
/// the paper, the less believable the link. That others claim the same paper is not counted here: papers are shared out in
/// [`compete`], and counting it twice would make the stronger of two equal claims look certain.
fn exhaustion(problem: &Problem, probabilities: &[f64], policy: &FlowPolicy) -> Vec<f64> {
    let mut expected_left: Vec<f64> = problem.supplies.iter().map(|supply| supply.quantity.to_f64()).collect();
    let mut penalties = vec![0.0; problem.candidates.len()];
    for index in by_probability(probabilities) {
        let candidate = &problem.candidates[index as usize];
        let Some(amount) = candidate.onward_amount.map(Amount::to_f64).filter(|amount| *amount > 0.0) else { continue };
        let left = &mut expected_left[candidate.supply as usize];
        let filled = (*left / amount).clamp(0.0, 1.0);
        if filled < 1.0 - policy.quantity_tolerance {
            penalties[index as usize] = policy.exhausted_bits * (1.0 - filled);
        }
        *left = (*left - probabilities[index as usize] * amount).max(0.0);
    }
    penalties
}

/// Candidates by falling probability; ties go to the canonical order.
fn by_probability(probabilities: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..probabilities.len() as u32).collect();
    order.sort_by(|left, right| {
        probabilities[*right as usize].total_cmp(&probabilities[*left as usize]).then(left.cmp(right))
    });
    order
}

/// What one link takes of its order line and its onward paper.
#[derive(Clone, Copy, Default)]
struct Taken {
    quantity: Amount,
    share: i64,
}

/// Serves links by falling probability; those too weak take nothing.
fn serve(problem: &Problem, probabilities: &[f64], policy: &FlowPolicy) -> Vec<Taken> {
    let mut supply_left: Vec<Amount> = problem.supplies.iter().map(|supply| supply.quantity).collect();
    let mut paper_left = vec![WHOLE_PAPER; problem.paper_count as usize];
    let mut taken = vec![Taken::default(); problem.candidates.len()];
    let links = problem.candidates.len() as i64;
    for index in by_probability(probabilities) {
        let candidate = &problem.candidates[index as usize];
        let (quantity, share) = room_for(candidate, supply_left[candidate.supply as usize], &paper_left, links);
        if share == 0 || probabilities[index as usize] < policy.link_probability_min {
            continue;
        }
        supply_left[candidate.supply as usize] = supply_left[candidate.supply as usize].minus_floor(quantity);
        paper_left[candidate.onward as usize] -= share;
        for (paper, amount) in candidate.path.iter().zip(&candidate.path_amounts) {
            let left = &mut paper_left[*paper as usize];
            *left -= amount.map_or(0, |amount| share_of(quantity, amount)).min(*left);
        }
        taken[index as usize] = Taken { quantity, share };
    }
    taken
}

/// What a candidate can still get: bounded by its order line, its onward paper and every paper of its path.
fn room_for(candidate: &Candidate, supply_left: Amount, paper_left: &[i64], links: i64) -> (Amount, i64) {
    let mut quantity = supply_left;
    let onward_left = paper_left[candidate.onward as usize];
    match candidate.onward_amount {
        Some(amount) => quantity = quantity.min(part_of(amount, onward_left, links)),
        // Without a common unit the paper counts whole or not at all, and the order line gives what it has left.
        None if onward_left < WHOLE_PAPER => return (Amount::ZERO, 0),
        None => {}
    }
    for (paper, amount) in candidate.path.iter().zip(&candidate.path_amounts) {
        if let Some(amount) = amount {
            quantity = quantity.min(part_of(*amount, paper_left[*paper as usize], links));
        }
    }
    if !quantity.is_positive() {
        return (Amount::ZERO, 0);
    }
    let share = candidate.onward_amount.map_or(WHOLE_PAPER, |amount| share_of(quantity, amount)).min(onward_left);
    (quantity, share)
}

/// This share of a whole paper, rounded down, but not below a number that only the rounding of shares kept it from:
/// fifty pieces left are fifty and not 49.999999. Each link that took some rounded its share up by less than one part, so
/// that at most `links` parts are missing; of a paper that is used up nothing is left.
fn part_of(whole: Amount, share: i64, links: i64) -> Amount {
    if share == 0 {
        return Amount::ZERO;
    }
    let part = i128::from(whole.millionths()) * i128::from(share + links) / i128::from(WHOLE_PAPER);
    Amount::from_millionths(part.min(i128::from(whole.millionths())) as i64)
}

/// Which share of a whole paper a quantity is, rounded up so that what is left is never overstated.
/// Nothing is no share of any paper, not even of one that carries nothing.
fn share_of(quantity: Amount, whole: Amount) -> i64 {
    if !quantity.is_positive() {
        return 0;
    }
    if !whole.is_positive() {
        return WHOLE_PAPER;
    }
    let scaled = i128::from(quantity.millionths()) * i128::from(WHOLE_PAPER);
    let share = (scaled + i128::from(whole.millionths()) - 1) / i128::from(whole.millionths());
    share.clamp(0, i128::from(WHOLE_PAPER)) as i64
}

/// A rival that is less probable than this is not worth naming.
const RIVAL_PROBABILITY_MIN: f64 = 0.01;

/// For each onward paper its strongest explanation, and the strongest one by another order line.
fn leaders(problem: &Problem, groups: &[Vec<u32>], probabilities: &[f64]) -> Vec<[Option<u32>; 2]> {
    let supply = |index: u32| problem.candidates[index as usize].supply;
    let stronger = |left: &u32, right: &u32| {
        probabilities[*left as usize].total_cmp(&probabilities[*right as usize]).then(right.cmp(left))
    };
    let lead = |group: &Vec<u32>| {
        let possible = || group.iter().copied().filter(|index| probabilities[*index as usize] >= RIVAL_PROBABILITY_MIN);
        let first = possible().max_by(stronger);
        let second =
            first.and_then(|first| possible().filter(|index| supply(*index) != supply(first)).max_by(stronger));
        [first, second]
    };
    groups.iter().map(lead).collect()
}

/// The strongest other explanation of the same onward paper by another order line.
fn best_rival(problem: &Problem, leaders: &[[Option<u32>; 2]], index: usize) -> Option<u32> {
    let candidate = &problem.candidates[index];
    let mut rivals = leaders[candidate.onward as usize].into_iter().flatten();
    rivals.find(|rival| problem.candidates[*rival as usize].supply != candidate.supply)
}

/// What competition changed, in bits: the final odds against those the link would have alone.
fn competition(problem: &Problem, index: usize, own_bits: f64, probability: f64) -> Bits {
    let identity = problem.candidates[index].identity.to_f64().clamp(1e-6, 1.0 - 1e-6);
    let alone = identity * own_bits.clamp(-60.0, 60.0).exp2();
    let alone = (alone / (1.0 + alone)).clamp(1e-6, 1.0 - 1e-6);
    let final_probability = probability.clamp(1e-6, 1.0 - 1e-6);
    let odds = |probability: f64| (probability / (1.0 - probability)).log2();
    Bits::from_f64(odds(final_probability) - odds(alone))
}

fn assert_conserved(problem: &Problem, taken: &[Taken]) {
    let mut given = vec![Amount::ZERO; problem.supplies.len()];
    let mut carried = vec![0_i64; problem.paper_count as usize];
    for (candidate, Taken { quantity, share, .. }) in problem.candidates.iter().zip(taken) {
        given[candidate.supply as usize] = given[candidate.supply as usize].plus(*quantity);
        carried[candidate.onward as usize] += share;
        for (paper, amount) in candidate.path.iter().zip(&candidate.path_amounts) {
            carried[*paper as usize] += amount.map_or(0, |amount| share_of(*quantity, amount));
        }
    }
    assert!(given.iter().zip(&problem.supplies).all(|(given, supply)| *given <= supply.quantity), "order conserved");
    // Shares are rounded up, so that each link may overstate its share of a path by the smallest share there is.
    let rounding = problem.candidates.len() as i64;
    assert!(carried.iter().all(|share| *share <= WHOLE_PAPER + rounding), "paper conserved");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{attribute, part_of, share_of};
    use crate::flow::{Candidate, FlowPolicy, Problem, Supply, WHOLE_PAPER};
    use crate::model::{Amount, Bits, Probability};

    fn candidate(supply: u32, onward: u32, amount: i64, bits: f64) -> Candidate {
        Candidate {
            supply,
            onward,
            path: vec![],
            onward_amount: Some(Amount::from_whole(amount)),
            path_amounts: vec![],
            identity: Probability::from_f64(0.98),
            bits: Bits::from_f64(bits),
        }
    }

    fn problem(supplies: &[i64], papers: u32, candidates: Vec<Candidate>) -> Problem {
        let supplies = supplies.iter().map(|quantity| Supply { quantity: Amount::from_whole(*quantity) }).collect();
        Problem { supplies, paper_count: papers, candidates }
    }

    #[test]
    fn a_paper_goes_to_the_order_that_fits_better() {
        let outcome = attribute(
            &problem(&[300, 300], 1, vec![candidate(0, 0, 300, 3.0), candidate(1, 0, 300, 8.0)]),
            &FlowPolicy::default(),
        );
        assert_eq!(outcome.links[1].quantity, Amount::from_whole(300));
        assert_eq!(outcome.links[0].quantity, Amount::ZERO);
        assert_eq!(outcome.links[0].best_rival, Some(1));
        assert!(outcome.links[0].probability.to_f64() < 0.1);
    }

    #[test]
    fn two_orders_fill_one_merged_paper() {
        let outcome = attribute(
            &problem(&[100, 50], 1, vec![candidate(0, 0, 150, 6.0), candidate(1, 0, 150, 6.0)]),
            &FlowPolicy::default(),
        );
        let quantities: Vec<_> = outcome.links.iter().map(|link| link.quantity).collect();
        assert_eq!(quantities, [Amount::from_whole(100), Amount::from_whole(50)]);
    }

    #[test]
    fn an_order_line_gives_no_more_than_was_ordered() {
        let links = (0..4).map(|paper| candidate(0, paper, 40, 9.0 - f64::from(paper))).collect();
        let outcome = attribute(&problem(&[100], 4, links), &FlowPolicy::default());
        let total: Amount = outcome.links.iter().map(|link| link.quantity).sum();
        assert_eq!(total, Amount::from_whole(100));
        assert!(outcome.links[3].probability < outcome.links[0].probability);
    }

    /// The smallest case of a bug: a crumb was left of a paper, and a millionth of a piece, which is more, was taken.
    #[test]
    fn a_crumb_of_a_paper_is_not_rounded_up() {
        let via = |mut candidate: Candidate, amount: i64| {
            candidate.path = vec![1];
            candidate.path_amounts = vec![Some(Amount::from_whole(amount))];
            candidate
        };
        let links =
            vec![via(candidate(0, 0, 40, 9.5), 43), candidate(0, 1, 99, 8.4), via(candidate(1, 2, 130, 8.0), 133)];
        let outcome = attribute(&problem(&[101, 93], 3, links), &FlowPolicy::default());
        assert!(outcome.links[1].quantity.is_positive(), "there is room beside the first");
        assert_eq!(outcome.links[2].quantity, Amount::ZERO);
    }

    /// The smallest case of a bug: two ways over a paper that comes to nothing in the order's unit take nothing, and that
    /// nothing was counted as the whole paper, twice. The judge stopped itself over it.
    #[test]
    fn a_paper_that_carries_nothing_is_not_counted() {
        let via_nothing = |mut candidate: Candidate| {
            candidate.path = vec![1];
            candidate.path_amounts = vec![Some(Amount::ZERO)];
            candidate
        };
        let links = vec![via_nothing(candidate(0, 0, 40, 9.0)), via_nothing(candidate(0, 2, 40, 9.0))];
        let outcome = attribute(&problem(&[100], 3, links), &FlowPolicy::default());
        assert!(outcome.links.iter().all(|link| link.quantity == Amount::ZERO && link.share == 0));
    }

    /// The smallest case of a bug: the room for rounding went beyond the largest amount there is, and came out negative.
    #[test]
    fn the_largest_paper_is_no_negative_one() {
        let largest = Amount::from_millionths(i64::MAX);
        let mut links = vec![candidate(0, 0, 0, 9.0)];
        links[0].onward_amount = Some(largest);
        let outcome = attribute(&problem(&[100], 1, links), &FlowPolicy::default());
        assert_eq!(outcome.links[0].quantity, Amount::from_whole(100));
        assert_eq!(part_of(largest, WHOLE_PAPER, 1_000_000), largest);
    }

    /// The smallest case of a fault that no other test saw: shares that are rounded down leave crumbs of a paper, and of a
    /// large one a crumb is a quantity.
    #[test]
    fn of_a_large_paper_that_is_used_up_nothing_is_left() {
        const THIRD: i64 = 1_000_000_000;
        let links = (0..4).map(|supply| candidate(supply, 0, 3 * THIRD, 9.0 - f64::from(supply) / 10.0)).collect();
        let outcome = attribute(&problem(&[THIRD; 4], 1, links), &FlowPolicy::default());
        let quantities: Vec<_> = outcome.links.iter().map(|link| link.quantity).collect();
        let third = Amount::from_whole(THIRD);
        assert_eq!(quantities, [third, third, third, Amount::ZERO]);
    }

    prop_compose! {
        fn any_problem()(supplies in prop::collection::vec(1_i64..500, 1..6), papers in 1_u32..8)
            (links in prop::collection::vec(
                (0..supplies.len() as u32, 0..papers, 1_i64..400, -6.0_f64..12.0, 0.0_f64..1.0, prop::option::of(0..papers)), 0..40),
             supplies in Just(supplies), papers in Just(papers)) -> Problem {
            let mut candidates: Vec<Candidate> = links.into_iter().map(|(supply, onward, amount, bits, identity, via)| {
                let mut candidate = candidate(supply, onward, amount, bits);
                candidate.identity = Probability::from_f64(identity);
                if let Some(via) = via.filter(|via| *via != onward) {
                    candidate.path.push(via);
                    candidate.path_amounts.push(Some(Amount::from_whole(amount + 3)));
                }
                candidate
            }).collect();
            candidates.sort_by_key(|candidate| (candidate.supply, candidate.onward, candidate.path.clone(), candidate.bits));
            problem(&supplies, papers, candidates)
        }
    }

    proptest! {
        #[test]
        fn goods_are_conserved_in_every_problem(problem in any_problem()) {
            let outcome = attribute(&problem, &FlowPolicy::default());
            let mut given = vec![Amount::ZERO; problem.supplies.len()];
            let mut carried = vec![0_i64; problem.paper_count as usize];
            for (link, candidate) in outcome.links.iter().zip(&problem.candidates) {
                given[candidate.supply as usize] = given[candidate.supply as usize].plus(link.quantity);
                carried[candidate.onward as usize] += link.share;
                for (paper, amount) in candidate.path.iter().zip(&candidate.path_amounts) {
                    carried[*paper as usize] += share_of(link.quantity, amount.unwrap());
                }
            }
            for (given, supply) in given.iter().zip(&problem.supplies) {
                prop_assert!(*given <= supply.quantity);
            }
            prop_assert!(carried.iter().all(|share| *share <= WHOLE_PAPER + problem.candidates.len() as i64));
            for (bounds, supply) in outcome.bounds.iter().zip(&problem.supplies) {
                prop_assert!(bounds.low <= bounds.likely && bounds.likely <= bounds.high, "{bounds:?}");
                prop_assert!(bounds.high <= supply.quantity, "{bounds:?}");
            }
        }

        #[test]
        fn the_same_problem_gives_the_same_attribution(problem in any_problem()) {
            prop_assert_eq!(attribute(&problem, &FlowPolicy::default()), attribute(&problem.clone(), &FlowPolicy::default()));
        }
    }
}
