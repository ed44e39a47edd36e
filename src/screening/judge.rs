//! The judgement: a pure function from a case to its findings. No store, no clock, no randomness.
//!
//! The same case gives the same bytes for ever; `case_hash` in each finding names the case.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::flow::{Candidate, Problem, Supply, attribute};
use crate::goods::Brands;
use crate::indicators::Assessor;
use crate::model::{Case, Finding};

use super::arrivals::{arrival_state, match_arrivals};
use super::candidates::Search;
use super::findings::{Judged, assemble};
use super::index::CaseIndex;
use super::policy::Policy;

/// Order lines of a case that are not worth another thread: most cases have fewer.
const ORDERS_PER_THREAD_MIN: usize = 64;

/// Judges every order line of a case; findings come in the order of its order lines.
pub fn judge(case: &Case, policy: &Policy) -> Vec<Finding> {
    let brands = Brands::new(case.brands.iter().map(String::as_str));
    let index = CaseIndex::new(case);
    let arrival_of = match_arrivals(case, &index, &brands, policy);
    let search = Search { case, index: &index, brands: &brands, policy };
    // Order lines are searched side by side and their candidates put together in order: chance has no say in it.
    let searched: Vec<(Vec<Candidate>, Vec<String>)> = (0..case.orders.len())
        .into_par_iter()
        .with_min_len(ORDERS_PER_THREAD_MIN)
        .map(|order| {
            let mut limits = case.limits.reached.clone();
            let candidates = search.of_order(order, arrival_state(case, order, &arrival_of, policy), &mut limits);
            (candidates, limits)
        })
        .collect();
    let (candidates, limits): (Vec<Vec<Candidate>>, Vec<Vec<String>>) = searched.into_iter().unzip();
    let problem = Problem {
        supplies: case.orders.iter().map(|order| Supply { quantity: order.line.quantity }).collect(),
        paper_count: case.shipments.len() as u32,
        candidates: candidates.into_iter().flatten().collect(),
    };
    let attribution = attribute(&problem, &policy.flow);
    let judged = Judged {
        case,
        policy,
        search: &search,
        candidates: &problem.candidates,
        attribution: &attribution,
        arrival_of: &arrival_of,
        limits: &limits,
        assessor: &Assessor::new(case),
        case_hash: case_hash(case),
    };
    (0..case.orders.len())
        .into_par_iter()
        .with_min_len(ORDERS_PER_THREAD_MIN)
        .map(|order| assemble(&judged, order))
        .collect()
}

/// SHA-256 of the case in its stored form (postcard).
pub fn case_hash(case: &Case) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let written = postcard::to_io(case, HashWriter(&mut hasher));
    debug_assert!(written.is_ok(), "a case always serialises");
    hasher.finalize().into()
}

/// Feeds a hash without keeping the bytes.
struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
