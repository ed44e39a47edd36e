//! The buyer's record: for one order line, whether an onward shipment like it is to be seen, and its arrival.
//!
//! A quick look at direct onward papers only, taken over all goods of a buyer before cases are cut.
//! It feeds priors, never findings.

use crate::goods;
use crate::model::{CaseOrder, Day, Probability, ShipmentRole};

use super::holdings::Holdings;
use super::weigh::{ArrivalState, arrival_window, despatch_day, in_order_unit, onward_window, weigh};

/// What the quick look found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct EchoOf {
    /// Probability that the likeliest direct onward paper carries goods of this order line.
    pub probability: Probability,
    /// An arrival of this quantity and these goods is held.
    pub arrival_seen: bool,
    /// Enough days have passed, within the days for which arrivals are held.
    pub arrival_due: bool,
}

/// Prior of the quick look, in bits: one paper in four that are alike. Assumption.
const NEUTRAL_PRIOR_BITS: f64 = -1.6;

pub(super) fn echo_of(holdings: &Holdings, order: u32) -> EchoOf {
    let held = &holdings.orders[order as usize];
    echo_of_line(holdings, held.tenant, &held.base, &holdings.mentions[held.buyer as usize].shares)
}

/// The same for an order line that need not be held, with the entities that its buyer may stand for.
pub(super) fn echo_of_line(
    holdings: &Holdings,
    tenant: u32,
    base: &CaseOrder,
    shares: &[(u32, Probability)],
) -> EchoOf {
    let policy = &holdings.policy;
    let line = &base.line;
    let (from, until) = onward_window(line, policy);
    let mut best = 0.0_f64;
    for (entity, share) in shares {
        let Some(firm) = holdings.entities.get(*entity as usize) else { continue };
        let papers = between(&firm.sent, from, until);
        for (_, paper) in papers.iter().take(policy.papers_per_order_max) {
            let paper = &holdings.shipments[*paper as usize];
            if paper.base.role != ShipmentRole::Onward
                || !paper.is_visible_to(tenant)
                || !goods::may_match(&base.goods, &paper.base.goods)
            {
                continue;
            }
            let theirs = paper.consignor.map_or(0.0, |mention| holdings.share_of(mention, *entity));
            let weighed = weigh(base, &paper.base, ArrivalState::Unknown, &holdings.brands, policy);
            let bits = NEUTRAL_PRIOR_BITS + weighed.bits().to_f64() * policy.temperature;
            let odds = bits.clamp(-60.0, 60.0).exp2();
            best = best.max(share.to_f64() * theirs * odds / (1.0 + odds));
        }
    }
    let deadline = despatch_day(line).plus_days(policy.transit_days_max);
    EchoOf {
        probability: Probability::from_f64(best),
        arrival_seen: arrival_seen(holdings, tenant, base, shares),
        arrival_due: holdings.arrival_days.is_some_and(|(first, last)| first <= despatch_day(line) && deadline <= last),
    }
}

fn arrival_seen(holdings: &Holdings, tenant: u32, base: &CaseOrder, shares: &[(u32, Probability)]) -> bool {
    let line = &base.line;
    let (from, until) = arrival_window(line, &holdings.policy);
    let firms = shares.iter().filter_map(|(entity, _)| holdings.entities.get(*entity as usize));
    firms.into_iter().any(|firm| {
        between(&firm.arrivals_received, from, until).iter().any(|(_, paper)| {
            let paper = &holdings.shipments[*paper as usize];
            if !paper.is_visible_to(tenant) {
                return false;
            }
            let paper = &paper.base;
            in_order_unit(line, &paper.line)
                .is_some_and(|amount| (amount.to_f64() / line.quantity.to_f64() - 1.0).abs() <= 0.02)
                && goods::may_match(&base.goods, &paper.goods)
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
        let shares = &self.mentions[mention as usize].shares;
        shares.iter().find(|(held, _)| *held == entity).map_or(0.0, |(_, share)| share.to_f64())
    }
}
