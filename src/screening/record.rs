//! The buyer's record: for one order line, whether an onward shipment like it is to be seen, and its arrival.
//!
//! A quick look at direct onward papers only, taken over all goods of a buyer before cases are cut.
//! It feeds priors, never findings.

use crate::goods;
use crate::model::{Day, LikenessRecord, Probability, ShipmentRole};

use super::holdings::Holdings;
use super::weigh::{ArrivalState, OrderFacts, Pair, arrival_window, despatch_day, in_order_unit, onward_window};
use super::weights::{Leg, Place};

/// What the quick look found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct EchoOf {
    /// Probability that the likeliest direct onward paper carries goods of this order line.
    pub probability: Probability,
    /// There is an onward paper of such goods by the buyer's firm at all.
    pub has_alike: bool,
    /// An arrival of this quantity and these goods is held.
    pub arrival_seen: bool,
    /// Enough days have passed, within the days for which arrivals are held.
    pub arrival_due: bool,
}

/// The buyer's record that the quick look assumes, in bits: one order line in four goes on. Assumption.
const NEUTRAL_RECORD_BITS: f64 = -1.6;
/// What it assumes of likeness at the tenant: it is what that is learnt from.
const NEUTRAL_LIKENESS: LikenessRecord = LikenessRecord { likely_percent: 12 };

pub(super) fn echo_of(holdings: &Holdings, order: u32) -> EchoOf {
    let held = &holdings.orders[order as usize];
    let policy = &holdings.policy;
    let facts = held.facts();
    let (from, until) = onward_window(&facts, policy);
    let neutral: f64 = Place::way(0, NEUTRAL_RECORD_BITS, NEUTRAL_LIKENESS)
        .map(|place| policy.weights.at(place).to_f64())
        .iter()
        .sum();
    let (mut best, mut has_alike) = (0.0_f64, false);
    for (entity, share) in holdings.followed(held.buyer) {
        let papers = between(&holdings.entities[entity as usize].sent, from, until);
        for (_, paper) in papers.iter().take(policy.papers_per_order_max) {
            let paper = &holdings.shipments[*paper as usize];
            if paper.role != ShipmentRole::Onward
                || !paper.is_visible_to(held.tenant)
                || !goods::may_match(&held.goods, &paper.goods)
            {
                continue;
            }
            has_alike = true;
            let theirs = paper.consignor.map_or(0.0, |mention| holdings.share_of(mention, entity));
            let pair = Pair { order: facts, order_goods: &held.goods, paper: paper.facts(), paper_goods: &paper.goods };
            let mut weighed = pair.weigh(Leg::Direct, (facts.quantity, "ordered"), &holdings.brands, policy);
            weighed.read_days(Leg::Direct, &facts, pair.paper.date, ArrivalState::Unknown, &policy.weights);
            let bits = neutral + weighed.bits().to_f64();
            let odds = bits.clamp(-60.0, 60.0).exp2();
            best = best.max(share.to_f64() * theirs * odds / (1.0 + odds));
        }
    }
    let despatched = despatch_day(&facts);
    let deadline = despatched.plus_days(policy.transit_days_max);
    EchoOf {
        probability: Probability::from_f64(best),
        has_alike,
        arrival_seen: arrival_seen(holdings, order, &facts),
        arrival_due: holdings.arrival_days.is_some_and(|(first, last)| first <= despatched && deadline <= last),
    }
}

fn arrival_seen(holdings: &Holdings, order: u32, facts: &OrderFacts) -> bool {
    let held = &holdings.orders[order as usize];
    let (from, until) = arrival_window(facts, &holdings.policy);
    holdings.followed(held.buyer).any(|(entity, _)| {
        between(&holdings.entities[entity as usize].arrivals_received, from, until).iter().any(|(_, paper)| {
            let paper = &holdings.shipments[*paper as usize];
            paper.is_visible_to(held.tenant)
                && in_order_unit(facts, &paper.facts())
                    .is_some_and(|amount| (amount.to_f64() / facts.quantity.to_f64() - 1.0).abs() <= 0.02)
                && goods::may_match(&held.goods, &paper.goods)
        })
    })
}

/// The part of a list by day between two days, both included.
pub(super) fn between(list: &[(Day, u32)], from: Day, until: Day) -> &[(Day, u32)] {
    let start = list.partition_point(|(day, _)| *day < from);
    let end = list.partition_point(|(day, _)| *day <= until);
    list.get(start..end).unwrap_or(&[])
}

impl Holdings {
    /// The share of an entity in a mention.
    pub(super) fn share_of(&self, mention: u32, entity: u32) -> f64 {
        self.followed(mention).find(|(held, _)| *held == entity).map_or(0.0, |(_, share)| share.to_f64())
    }
}
