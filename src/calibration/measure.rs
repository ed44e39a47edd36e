//! How well a policy does on a world whose truth is known.
//!
//! Findings come from the same judge as everywhere; what the figures mean is in `evaluation`.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{made, settled};
use crate::evaluation::{BacktestInput, BacktestReport, LinkOutcome, OrderOutcome, QuantityOutcome};
use crate::model::Finding;
use crate::screening::{Policy, judge};
use crate::simulation::{MemoryWorld, Profile, TruthOrder, WorldOptions};

/// The figures of one world.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// Kind of world.
    pub profile: Profile,
    /// Its seed.
    pub seed: u64,
    /// How findings compare with the truth.
    pub report: BacktestReport,
}

/// Makes the world, judges it, compares.
pub fn measure(profile: Profile, seed: u64, orders: u64, policy: &Policy) -> Measured {
    let world = made(&WorldOptions::new(seed, orders, orders * 5, profile));
    let holdings = settled(&world, policy);
    let cuts = holdings.cuts();
    let findings: Vec<Finding> = cuts.par_iter().flat_map_iter(|cut| judge(&holdings.case(cut), policy)).collect();
    Measured { profile, seed, report: BacktestReport::of(&input(&world, &findings)) }
}

fn input(world: &MemoryWorld, findings: &[Finding]) -> BacktestInput {
    let truth: BTreeMap<(&str, u32), &TruthOrder> =
        world.truth_orders.iter().map(|order| ((order.order_id.as_str(), order.line_no), order)).collect();
    let orders = findings.iter().filter_map(|finding| {
        let known = truth.get(&(finding.order.order_id.as_str(), finding.order.line_no))?;
        let quantity = QuantityOutcome {
            ordered: known.quantity.to_f64(),
            attributed: finding.attributed.to_f64(),
            diverted: known.diverted.to_f64(),
        };
        let (order_id, line_no) = (finding.order.order_id.clone(), finding.order.line_no);
        let (score, priority) = (finding.score.to_f64(), finding.priority.to_f64());
        Some(OrderOutcome { order_id, line_no, day: None, score, priority, quantity })
    });
    let found_links = findings.iter().flat_map(|finding| {
        finding.links.iter().map(|link| LinkOutcome {
            order_id: finding.order.order_id.clone(),
            line_no: finding.order.line_no,
            document_number: link.onward.number.clone(),
            document_line: link.onward.line_no,
            probability: link.probability.to_f64(),
        })
    });
    let true_links = world.truth_links.iter().map(|link| LinkOutcome {
        order_id: link.order_id.clone(),
        line_no: link.line_no,
        document_number: link.document_number.clone(),
        document_line: link.document_line,
        probability: 1.0,
    });
    BacktestInput {
        found_links: found_links.collect(),
        true_links: true_links.collect(),
        orders: orders.collect(),
        threshold: 0.5,
        ..BacktestInput::default()
    }
}
