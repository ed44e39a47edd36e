//! Which arrival is which order line's: the same firm, the same goods, the same quantity, in transit time.
//!
//! An arrival found dates the goods in the ostensible destination; one missing where arrivals are usually seen
//! is a reason of its own. Pure.

use crate::goods::{self, Brands};
use crate::model::{Case, Probability};

use super::index::{CaseIndex, identity, papers_near};
use super::policy::Policy;
use super::weigh::{ArrivalState, OrderFacts, Pair, arrival_window, despatch_day, in_order_unit};

/// Least identity of buyer and consignee for an arrival to be looked at.
const IDENTITY_MIN: f64 = 0.2;
/// Quantities of an order line and its arrival agree within this share.
const QUANTITY_TOLERANCE: f64 = 0.02;

/// Least that the goods of an order line and its arrival weigh, in thousandths of a bit.
const GOODS_THOUSANDTHS_MIN: i64 = -1_000;

/// Days from despatch to arrival, about the middle of road and rail. Assumption; it only decides which papers are looked at
/// where there are too many.
const USUAL_TRANSIT_DAYS: i32 = 18;

/// For each order line of the case the paper on which it arrived, if one was found.
pub(super) fn match_arrivals(case: &Case, index: &CaseIndex, brands: &Brands, policy: &Policy) -> Vec<Option<u32>> {
    let mut pairs: Vec<(i64, i32, u32, u32)> = Vec::new();
    for (order_index, order) in case.orders.iter().enumerate() {
        let facts = OrderFacts::of(order);
        let (from, until) = arrival_window(&facts, policy);
        let window = (from, until);
        let limit = policy.papers_per_order(case.orders.len());
        let near = papers_near(
            &index.arrived,
            &order.buyer,
            window,
            despatch_day(&facts).plus_days(USUAL_TRANSIT_DAYS),
            limit,
        );
        for paper_index in near.found {
            let paper = &case.shipments[paper_index as usize];
            let pair = Pair::of(order, paper);
            let Some(worth) = worth(&pair, identity(&order.buyer, &paper.consignee).to_f64(), brands) else { continue };
            pairs.push((-worth, paper.line.date.days_since(from), order_index as u32, paper_index));
        }
    }
    // Best first; then the earlier arrival, then the order of the case. Each order line and each paper once.
    pairs.sort_unstable();
    let mut arrival_of = vec![None; case.orders.len()];
    let mut used = vec![false; case.shipments.len()];
    for (_, _, order, paper) in pairs {
        if arrival_of[order as usize].is_none() && !used[paper as usize] {
            arrival_of[order as usize] = Some(paper);
            used[paper as usize] = true;
        }
    }
    arrival_of
}

/// What speaks for a paper to be the arrival of an order line within its days, in thousandths of a bit; nothing where it
/// cannot be. `same_firm`: the identity of buyer and consignee.
pub(super) fn worth(pair: &Pair<'_>, same_firm: f64, brands: &Brands) -> Option<i64> {
    let amount = in_order_unit(&pair.order, &pair.paper)?;
    let deviation = (amount.to_f64() / pair.order.quantity.to_f64() - 1.0).abs();
    if deviation > QUANTITY_TOLERANCE
        || same_firm < IDENTITY_MIN
        || !goods::may_match(pair.order_goods, pair.paper_goods)
    {
        return None;
    }
    let bits = i64::from(goods::bits(pair.order_goods, pair.paper_goods, brands).0);
    let worth = bits + (same_firm.log2() * 1000.0) as i64 - (deviation * 100_000.0) as i64;
    (bits >= GOODS_THOUSANDTHS_MIN).then_some(worth)
}

/// What can be said of the arrival of one order line.
pub(super) fn arrival_state<'a>(
    case: &'a Case,
    order: usize,
    arrival_of: &[Option<u32>],
    policy: &Policy,
) -> ArrivalState<'a> {
    if let Some(paper) = arrival_of[order] {
        return ArrivalState::Seen(&case.shipments[paper as usize].line);
    }
    let usually_seen = case.coverage.is_known && case.coverage.seen_percent >= policy.arrivals_seen_percent_min;
    let known_buyer =
        case.orders[order].buyer.iter().map(|share| share.probability).max() >= Some(Probability::from_f64(0.5));
    if usually_seen && case.orders[order].arrival_due && known_buyer {
        ArrivalState::Missing
    } else {
        ArrivalState::Unknown
    }
}
