//! The buyer's record: for one order line, whether an onward shipment like it is to be seen, and its arrival.
//!
//! A quick look at direct onward papers only, taken over all goods of a buyer before cases are cut.
//! It feeds priors, never findings.

use serde::{Deserialize, Serialize};

use crate::goods;
use crate::model::{Day, GoodsForm, LikenessRecord, Probability, ShipmentRole};

use super::holdings::Holdings;
use super::weigh::{ArrivalState, OrderFacts, Pair, arrival_window, despatch_day, in_order_unit, onward_window};
use super::weights::{Leg, Place};

/// What the quick look found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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

/// What a tenant's order lines say together of likeness, as sums that one order line more can be added to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Likeness {
    likely_millionths: u64,
    order_count: u32,
}

/// Order lines with a paper like them from which on their share says something.
const ALIKE_COUNT_MIN: u32 = 50;
/// Share of likely ones among them where there are fewer. Assumption: about the middle of simulated worlds.
const LIKELY_PERCENT_USUAL: u32 = 12;
/// Per cents that are told apart: finer where they are small.
const PERCENT_STEPS: [u32; 10] = [1, 2, 4, 7, 12, 18, 25, 35, 50, 75];

impl Likeness {
    /// Counts one order line in.
    pub(super) fn add(&mut self, echo: EchoOf) {
        self.replace(EchoOf::default(), echo);
    }

    /// Counts one order line otherwise than before; one without a paper like it does not count.
    pub(super) fn replace(&mut self, before: EchoOf, now: EchoOf) {
        let counted = |echo: EchoOf| match echo.has_alike {
            true => (u64::from(echo.probability.millionths()), 1),
            false => (0, 0),
        };
        let (before, now) = (counted(before), counted(now));
        self.likely_millionths = self.likely_millionths + now.0 - before.0;
        self.order_count = self.order_count + now.1 - before.1;
    }

    /// As a case tells it.
    pub(super) fn record(&self) -> LikenessRecord {
        if self.order_count < ALIKE_COUNT_MIN {
            return LikenessRecord { likely_percent: LIKELY_PERCENT_USUAL };
        }
        let percent = self.likely_millionths as f64 / 1e4 / f64::from(self.order_count);
        let distance = |step: &u32| (f64::from(*step) - percent).abs();
        let nearest = PERCENT_STEPS.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        LikenessRecord { likely_percent: nearest.unwrap_or(LIKELY_PERCENT_USUAL) }
    }
}

/// The buyer's record that the quick look assumes, in bits: one order line in four goes on. Assumption.
const NEUTRAL_RECORD_BITS: f64 = -1.6;
/// What it assumes of likeness at the tenant: it is what that is learnt from.
const NEUTRAL_LIKENESS: LikenessRecord = LikenessRecord { likely_percent: LIKELY_PERCENT_USUAL };

/// An order line to look at, held or not.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub tenant: u32,
    pub facts: OrderFacts,
    pub goods: &'a GoodsForm,
    /// Entities that its buyer may stand for; numbers beyond those held stand for firms that nobody knows.
    pub shares: &'a [(u32, Probability)],
}

pub(super) fn echo_of(holdings: &Holdings, order: u32) -> EchoOf {
    echo_of_line(holdings, holdings.line(order))
}

/// The same for an order line that need not be held.
pub(super) fn echo_of_line(holdings: &Holdings, line: Line<'_>) -> EchoOf {
    let policy = &holdings.policy;
    let facts = line.facts;
    let (from, until) = onward_window(&facts, policy);
    let neutral: f64 = Place::way(0, NEUTRAL_RECORD_BITS, NEUTRAL_LIKENESS)
        .map(|place| policy.weights.at(place).to_f64())
        .iter()
        .sum();
    let (mut best, mut has_alike) = (0.0_f64, false);
    for (entity, share) in line.shares {
        let Some(firm) = holdings.entities.get(*entity as usize) else { continue };
        let papers = between(&firm.sent, from, until);
        let limit = policy.papers_per_order(firm.orders.len());
        for (_, paper) in nearest(papers, usual_day(&facts), limit) {
            let paper = &holdings.shipments[*paper as usize];
            if paper.role != ShipmentRole::Onward
                || !paper.is_visible_to(line.tenant)
                || !goods::may_match(line.goods, &paper.goods)
            {
                continue;
            }
            has_alike = true;
            let theirs = paper.consignor.map_or(0.0, |mention| holdings.share_of(mention, *entity));
            let pair = Pair { order: facts, order_goods: line.goods, paper: paper.facts(), paper_goods: &paper.goods };
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
        arrival_seen: arrival_seen(holdings, line),
        arrival_due: holdings.arrival_days.is_some_and(|(first, last)| first <= despatched && deadline <= last),
    }
}

fn arrival_seen(holdings: &Holdings, line: Line<'_>) -> bool {
    let (from, until) = arrival_window(&line.facts, &holdings.policy);
    let mut firms = line.shares.iter().filter_map(|(entity, _)| holdings.entities.get(*entity as usize));
    firms.any(|firm| {
        between(&firm.arrivals_received, from, until).iter().any(|(_, paper)| {
            let paper = &holdings.shipments[*paper as usize];
            paper.is_visible_to(line.tenant)
                && in_order_unit(&line.facts, &paper.facts())
                    .is_some_and(|amount| (amount.to_f64() / line.facts.quantity.to_f64() - 1.0).abs() <= 0.02)
                && goods::may_match(line.goods, &paper.goods)
        })
    })
}

/// The part of a list by day between two days, both included.
pub(super) fn between(list: &[(Day, u32)], from: Day, until: Day) -> &[(Day, u32)] {
    let start = list.partition_point(|(day, _)| *day < from);
    let end = list.partition_point(|(day, _)| *day <= until);
    list.get(start..end).unwrap_or(&[])
}

/// Days of entities' lists, those that touch put together: each day once.
pub(super) fn joined(mut windows: Vec<(u32, (Day, Day))>) -> Vec<(u32, (Day, Day))> {
    windows.sort_unstable();
    windows.dedup_by(|(next, (from, until)), (kept, (_, last))| {
        let joins = next == kept && *from <= last.plus_days(1);
        if joins {
            *last = (*last).max(*until);
        }
        joins
    });
    windows
}

/// Days from despatch to an onward paper, about the middle of what is published and simulated. Assumption; it only decides
/// which papers are looked at where there are too many.
const USUAL_DAYS: i32 = 30;

/// The day on which goods of an order line would usually go on.
pub(super) fn usual_day(order: &OrderFacts) -> Day {
    despatch_day(order).plus_days(USUAL_DAYS)
}

/// At most `limit` rows of a list by day, those nearest to a day; of two equally near ones the earlier.
pub(super) fn nearest(list: &[(Day, u32)], day: Day, limit: usize) -> &[(Day, u32)] {
    let (mut start, mut end) = (0, list.len());
    if list.len() > limit {
        // The window of `limit` rows moves right as long as the row behind it is nearer than its first.
        let middle = list.partition_point(|(other, _)| *other < day);
        start = middle.saturating_sub(limit);
        while start + limit < list.len()
            && list[start + limit].0.days_since(day).abs() < day.days_since(list[start].0).abs()
        {
            start += 1;
        }
        end = start + limit;
    }
    list.get(start..end).unwrap_or(list)
}

impl Holdings {
    /// An order line held, to look at.
    pub(super) fn line(&self, order: u32) -> Line<'_> {
        let held = &self.orders[order as usize];
        let shares = self.mentions[held.buyer as usize].followed();
        Line { tenant: held.tenant, facts: held.facts(), goods: &held.goods, shares }
    }

    /// The share of an entity in a mention.
    pub(super) fn share_of(&self, mention: u32, entity: u32) -> f64 {
        self.followed(mention).find(|(held, _)| *held == entity).map_or(0.0, |(_, share)| share.to_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;
    use crate::model::Day;

    #[test]
    fn the_nearest_rows_are_a_window_around_the_day() {
        let list: Vec<(Day, u32)> = [1, 2, 2, 5, 9, 10, 30].iter().map(|day| (Day::from_number(*day), 0)).collect();
        let days = |day: i32, limit: usize| -> Vec<i32> {
            nearest(&list, Day::from_number(day), limit).iter().map(|row| row.0.number()).collect()
        };
        assert_eq!(days(4, 3), [2, 2, 5]);
        assert_eq!(days(8, 3), [5, 9, 10]);
        assert_eq!(days(-7, 2), [1, 2]);
        assert_eq!(days(400, 2), [10, 30]);
        assert_eq!(days(9, 70), [1, 2, 2, 5, 9, 10, 30]);
    }
}
