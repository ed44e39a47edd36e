//! Small problems of attribution, with quantities from nothing to the largest there are.
//!
//! Goods are conserved: no order line gives more than was ordered, no paper takes more than it carries, on the border
//! or before it; bounds enclose what is likely; and nothing is taken that is not positive.

use onward::flow::{Candidate, FlowPolicy, Problem, Supply, WHOLE_PAPER, attribute};
use onward::model::{Amount, Bits, Probability};

/// Order lines, papers and candidate links of one problem at most.
const SUPPLIES_MAX: u32 = 5;
const PAPERS_MAX: u32 = 6;
const CANDIDATES_MAX: usize = 24;

pub fn run(data: &[u8]) {
    let mut bytes = data.iter().copied();
    let problem = problem(&mut bytes);
    let attribution = attribute(&problem, &FlowPolicy::default());
    assert_eq!(attribution.links.len(), problem.candidates.len());
    let mut given = vec![0_i128; problem.supplies.len()];
    let mut carried = vec![0_i128; problem.paper_count as usize];
    for (candidate, link) in problem.candidates.iter().zip(&attribution.links) {
        assert!(link.quantity >= Amount::ZERO && link.share >= 0, "less than nothing is taken");
        given[candidate.supply as usize] += i128::from(link.quantity.millionths());
        carried[candidate.onward as usize] += i128::from(link.share);
        if let Some(amount) = candidate.onward_amount.filter(|amount| amount.is_positive()) {
            assert!(link.quantity <= amount, "a paper gives more than it carries");
        }
    }
    for ((given, supply), bounds) in given.iter().zip(&problem.supplies).zip(&attribution.bounds) {
        let ordered = supply.quantity;
        assert!(*given <= i128::from(ordered.millionths()), "more went on than was ordered");
        assert!(bounds.low <= bounds.likely && bounds.likely <= bounds.high && bounds.high <= ordered, "{bounds:?}");
    }
    assert!(carried.iter().all(|share| *share <= i128::from(WHOLE_PAPER)), "a paper is shared out twice");
    let again = attribute(&problem, &FlowPolicy::default());
    assert_eq!(attribution, again);
}

fn problem(bytes: &mut impl Iterator<Item = u8>) -> Problem {
    let supply_count = u32::from(next(bytes)) % SUPPLIES_MAX + 1;
    let paper_count = u32::from(next(bytes)) % PAPERS_MAX + 1;
    let supplies: Vec<_> = (0..supply_count).map(|_| Supply { quantity: amount(bytes) }).collect();
    let candidate_count = usize::from(next(bytes)) % CANDIDATES_MAX;
    let mut candidates: Vec<_> = (0..candidate_count).map(|_| candidate(bytes, supply_count, paper_count)).collect();
    // The canonical order of candidates, and each of them once.
    let rank = |candidate: &Candidate| (candidate.supply, candidate.onward, candidate.path.clone());
    candidates.sort_by_key(rank);
    candidates.dedup_by_key(|candidate| rank(candidate));
    Problem { supplies, paper_count, candidates }
}

fn candidate(bytes: &mut impl Iterator<Item = u8>, supply_count: u32, paper_count: u32) -> Candidate {
    let onward = u32::from(next(bytes)) % paper_count;
    let mut path: Vec<u32> = (0..next(bytes) % 3).map(|_| u32::from(next(bytes)) % paper_count).collect();
    path.retain(|paper| *paper != onward);
    path.dedup();
    Candidate {
        supply: u32::from(next(bytes)) % supply_count,
        onward,
        path_amounts: path.iter().map(|_| maybe_amount(bytes)).collect(),
        path,
        onward_amount: maybe_amount(bytes),
        identity: Probability::from_f64(f64::from(next(bytes)) / 255.0),
        bits: Bits::from_f64(f64::from(next(bytes)) / 4.0 - 24.0),
    }
}

fn next(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    bytes.next().unwrap_or_default()
}

fn maybe_amount(bytes: &mut impl Iterator<Item = u8>) -> Option<Amount> {
    (!next(bytes).is_multiple_of(4)).then(|| amount(bytes))
}

/// From nothing to the largest: a few digits, many times doubled.
fn amount(bytes: &mut impl Iterator<Item = u8>) -> Amount {
    let (digits, doubled) = (i64::from(next(bytes)), u32::from(next(bytes)) % 64);
    Amount::from_millionths(digits.checked_shl(doubled).filter(|number| *number >= 0).unwrap_or(i64::MAX))
}
