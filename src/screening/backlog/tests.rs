//! A backlog beside a plain model of it: for each order line that waits the first round that made it wait.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::Backlog;
use crate::screening::causes::News;

const SLICE_ORDERS: usize = 10;

#[derive(Clone, Debug)]
enum Step {
    /// A round makes these wait.
    Round(BTreeSet<u32>),
    /// The next slice is judged, with the case neighbours of its lines.
    Slice(BTreeSet<u32>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let orders = || proptest::collection::btree_set(0_u32..40, 0..30);
    let step = prop_oneof![orders().prop_map(Step::Round), orders().prop_map(Step::Slice)];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn nothing_counts_as_judged_while_a_line_waits_because_of_it(steps in steps()) {
        let (mut backlog, mut waits_for, mut round) = (Backlog::default(), BTreeMap::<u32, u64>::new(), 0);
        for step in steps {
            match step {
                Step::Round(far) => {
                    round += 1;
                    for order in &far {
                        waits_for.entry(*order).or_insert(round);
                    }
                    backlog.add(round, far, News::default());
                }
                Step::Slice(neighbours) => {
                    let slice = backlog.slice(SLICE_ORDERS);
                    prop_assert_eq!(slice.is_empty(), waits_for.is_empty());
                    waits_for.retain(|order, _| !slice.contains(order) && !neighbours.contains(order));
                    backlog.finish(slice.into_iter().chain(neighbours));
                }
            }
            prop_assert!(waits_for.values().all(|first| backlog.judged_through() < *first));
            prop_assert_eq!(backlog.is_empty(), waits_for.is_empty());
        }
        while !backlog.is_empty() {
            backlog.finish(backlog.slice(SLICE_ORDERS).into_iter());
        }
        prop_assert_eq!(backlog.judged_through(), round);
    }
}

#[test]
fn a_tenant_that_changes_at_every_round_is_judged_through_again_and_again() {
    let (mut backlog, everything) = (Backlog::default(), (0..4 * SLICE_ORDERS as u32).collect::<BTreeSet<u32>>());
    let mut reached = Vec::new();
    for round in 1..=40 {
        backlog.add(round, everything.clone(), News::default());
        backlog.finish(backlog.slice(SLICE_ORDERS).into_iter());
        reached.push(backlog.judged_through());
    }
    // Four slices are all of them, so that it lags eight rounds at most.
    assert!(reached.last().is_some_and(|through| through + 8 >= 40), "{reached:?}");
    assert!(reached.windows(2).all(|pair| pair[0] <= pair[1]), "{reached:?}");
}
