//! Which order lines may wait to be judged again: those of whose cases only what many share has changed.

use std::collections::{BTreeMap, BTreeSet};

use onward::model::{Case, Corridor, Record};
use onward::screening::{Affected, Holdings, Policy};
use onward::simulation::Profile;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::invariants::{TENANT, records, world};

/// The case of every order line held, by the line's number.
fn cases(holdings: &Holdings) -> BTreeMap<u32, Case> {
    (0..holdings.order_count() as u32).map(|order| (order, holdings.case(&holdings.cut_around(order)))).collect()
}

/// Order lines that are judged together with these.
fn with_their_cases(holdings: &Holdings, orders: &BTreeSet<u32>) -> BTreeSet<u32> {
    let cuts = holdings.cuts_of(orders);
    cuts.iter().flat_map(|cut| cut.orders()).collect()
}

/// A case with what all cases of a tenant share taken from another one, and the brands that are known to all.
fn with_shared_of(case: &Case, other: &Case) -> Case {
    let brands = other.brands.clone();
    Case { coverage: other.coverage, likeness: other.likeness, brands, ..case.clone() }
}

#[test]
fn what_waits_differs_by_what_many_share_and_the_rest_by_nothing() {
    let mut records = records(&world(19, 260, Profile::Harder));
    records.shuffle(&mut ChaCha8Rng::seed_from_u64(6));
    let mut holdings = Holdings::expecting_more(Policy::default(), Corridor::default());
    // Two tenants: what one of them shares does not reach the other, so that it is told from what reaches all.
    let insert = |holdings: &mut Holdings, record: &Record| {
        let owner = match record {
            Record::Order(line) if line.quantity.millionths() % 7 < 3 => Some("birch"),
            Record::Order(_) => Some(TENANT),
            Record::Shipment(_) | Record::Company(_) => None,
        };
        holdings.insert(owner, record.clone());
    };
    let (held, coming) = records.split_at(700);
    held.iter().for_each(|record| insert(&mut holdings, record));
    holdings.settle();
    let (mut before, mut waited, mut untouched) = (cases(&holdings), 0, 0);
    for (step, records) in coming.chunks(6).enumerate() {
        records.iter().for_each(|record| insert(&mut holdings, record));
        let Affected { near, far } = holdings.settle();
        assert!(near.is_disjoint(&far));
        let (near, far) = (with_their_cases(&holdings, &near), with_their_cases(&holdings, &far));
        let now = cases(&holdings);
        let is_everything = near.union(&far).count() == now.len();
        for (order, case) in &now {
            if near.contains(order) || far.contains(order) && is_everything {
                continue;
            }
            let case_before = before.get(order).unwrap_or_else(|| panic!("step {step}: a new line is near"));
            if far.contains(order) {
                waited += usize::from(case != case_before);
                assert!(with_shared_of(case, case_before) == *case_before, "step {step}: order line {order} waits");
            } else {
                untouched += 1;
                assert!(case == case_before, "step {step}: order line {order} is left as it was");
            }
        }
        before = now;
    }
    assert!(waited > 0 && untouched > 0, "{waited} waited, {untouched} untouched");
}
