//! All ways in which the onward papers of a case may carry the goods of its order lines, each with its evidence.
//!
//! Direct: the buyer sends the goods on. Through one or two firms: the buyer sells inside the ostensible destination
//! and the second or third firm sends them on. Pure; who wins a paper is decided in `flow`.

use std::collections::BTreeMap;

use crate::flow::{Candidate, hop_timing_bits};
use crate::goods::{self, Brands};
use crate::model::{Amount, Bits, Case, CaseOrder, CaseShipment, Probability, ShipmentRole};

use super::index::{CaseIndex, identity, papers_of};
use super::policy::Policy;
use super::weigh::{
    ArrivalState, Compared, OrderFacts, Pair, PaperFacts, Reading, Weighed, declaration_readings, in_order_unit,
    onward_window,
};

/// Firms between buyer and border that are followed.
const INTERMEDIARIES_MAX: usize = 2;
/// Transfers whose own weight is below this are not followed further.
const TRANSFER_BITS_MIN: f64 = -4.0;
/// Links whose weight is below this are dropped before they compete.
const CANDIDATE_BITS_MIN: f64 = -9.0;

/// A candidate link and why.
#[derive(Clone, Debug)]
pub(super) struct Scored<'a> {
    pub candidate: Candidate,
    pub readings: Vec<Reading<'a>>,
}

/// What is needed to find candidates of one case.
pub(super) struct Search<'a> {
    pub case: &'a Case,
    pub index: &'a CaseIndex,
    pub brands: &'a Brands,
    pub policy: &'a Policy,
}

/// A trail that has reached a transfer: what it weighs so far.
struct Trail<'a> {
    path: Vec<u32>,
    amounts: Vec<Option<Amount>>,
    identity: f64,
    bits: f64,
    readings: Vec<Reading<'a>>,
}

impl<'a> Search<'a> {
    /// Candidates of one order line in canonical order: by onward paper, one path each, the weightiest.
    pub(super) fn of_order(
        &self,
        order_index: usize,
        arrival: ArrivalState<'a>,
        limits: &mut Vec<String>,
    ) -> Vec<Scored<'a>> {
        let order = &self.case.orders[order_index];
        let prior = self.prior(order);
        let mut best: BTreeMap<u32, Scored<'a>> = BTreeMap::new();
        let mut trails = Vec::new();
        for paper_index in self.papers_near(order, limits) {
            let paper = &self.case.shipments[paper_index as usize];
            if !goods::may_match(&order.goods, &paper.goods) {
                continue;
            }
            let mut weighed = Pair::of(order, paper).weigh(arrival, self.brands, self.policy);
            weighed.readings.extend(declaration_readings(&paper.line, arrival, self.policy));
            let same_firm = identity(&order.buyer, &paper.consignor);
            let bits = prior.bits.to_f64() + weighed.bits().to_f64() * self.policy.temperature;
            match paper.role {
                ShipmentRole::Onward if bits >= CANDIDATE_BITS_MIN => {
                    keep_best(&mut best, direct(order_index, paper_index, prior, weighed, same_firm, self.policy));
                }
                ShipmentRole::Transfer if bits >= TRANSFER_BITS_MIN => {
                    trails.push(first_trail(paper_index, weighed, same_firm, bits, prior));
                }
                _ => {}
            }
        }
        for _ in 0..INTERMEDIARIES_MAX {
            trails = self.follow(order_index, trails, &mut best);
        }
        best.into_values().collect()
    }

    /// The prior from the buyer's record on its other order lines.
    fn prior(&self, order: &CaseOrder) -> Reading<'a> {
        let Some(share) = order.buyer.iter().max_by_key(|share| (share.probability, std::cmp::Reverse(share.entity)))
        else {
            return Reading { compared: Compared::Prior(None), bits: self.policy.prior_bits(0.0, 0.0) };
        };
        let entity = &self.case.entities[share.entity as usize];
        let own = order.echo.to_f64();
        let others = (entity.echoed_millionths as f64 / 1e6 - own).max(0.0);
        let lines = f64::from(entity.order_line_count.saturating_sub(1));
        let bits = self.policy.prior_bits(others.min(lines), lines);
        Reading { compared: Compared::Prior(Some((others, lines))), bits }
    }

    /// Papers of the buyer in the window; only the earliest of them when there are too many.
    fn papers_near(&self, order: &CaseOrder, limits: &mut Vec<String>) -> Vec<u32> {
        let (from, until) = onward_window(&OrderFacts::of(order), self.policy);
        let mut papers = papers_of(&self.index.sent, &order.buyer, from, until);
        if papers.len() > self.policy.papers_per_order_max {
            limits.push(format!(
                "only the {} earliest of {} papers were compared with this order line",
                self.policy.papers_per_order_max,
                papers.len()
            ));
            papers.truncate(self.policy.papers_per_order_max);
        }
        papers
    }

    /// One firm further: what the receivers of the transfers sent on.
    fn follow(
        &self,
        order_index: usize,
        trails: Vec<Trail<'a>>,
        best: &mut BTreeMap<u32, Scored<'a>>,
    ) -> Vec<Trail<'a>> {
        let order = &self.case.orders[order_index];
        let mut further = Vec::new();
        for trail in trails {
            let Some(last) = trail.path.last().copied() else { continue };
            let transfer = &self.case.shipments[last as usize];
            let until = transfer.line.date.plus_days(self.policy.days_after_transfer_max);
            for paper_index in papers_of(&self.index.sent, &transfer.consignee, transfer.line.date, until) {
                let paper = &self.case.shipments[paper_index as usize];
                if trail.path.contains(&paper_index) || !goods::may_match(&order.goods, &paper.goods) {
                    continue;
                }
                let Some(next) = self.step(order, &trail, transfer, paper_index, paper) else { continue };
                match paper.role {
                    ShipmentRole::Onward if next.bits >= CANDIDATE_BITS_MIN => {
                        keep_best(best, through(order_index, paper_index, order, next, paper));
                    }
                    ShipmentRole::Transfer if next.bits >= TRANSFER_BITS_MIN => further.push(next),
                    _ => {}
                }
            }
        }
        further
    }

    /// Extends a trail by one paper. The whole trail is no more believable than each of its steps.
    fn step(
        &self,
        order: &'a CaseOrder,
        trail: &Trail<'a>,
        transfer: &'a CaseShipment,
        paper_index: u32,
        paper: &'a CaseShipment,
    ) -> Option<Trail<'a>> {
        let same_firm = identity(&transfer.consignee, &paper.consignor).to_f64();
        if same_firm < self.policy.share_min {
            return None;
        }
        let transferred = trail.amounts.last().copied().flatten().unwrap_or(order.line.quantity);
        let lag_days = paper.line.date.days_since(transfer.line.date);
        let weighed = Pair::of(order, paper).weigh_hop(transferred, "transferred", self.brands, self.policy);
        let hop_bits = self.policy.hop_prior_bits().to_f64()
            + hop_timing_bits(lag_days).to_f64()
            + weighed.bits().to_f64() * self.policy.temperature;
        let bits = both(trail.bits, hop_bits);
        let is_transfer = |reading: &&Reading<'_>| matches!(reading.compared, Compared::Transfer { .. });
        let mut readings: Vec<Reading<'a>> = trail.readings.iter().filter(is_transfer).copied().collect();
        readings.extend(weighed.readings);
        let explained: Bits = readings.iter().map(|reading| reading.bits).sum();
        let compared = Compared::Transfer { paper: &transfer.line, lag_days };
        readings.push(Reading { compared, bits: Bits::from_f64(bits - explained.to_f64()) });
        let mut path = trail.path.clone();
        path.push(paper_index);
        let mut amounts = trail.amounts.clone();
        amounts.push(weighed.amount);
        Some(Trail { path, amounts, identity: trail.identity * same_firm, bits, readings })
    }
}

/// Odds, in bits, of two things being both true.
fn both(left_bits: f64, right_bits: f64) -> f64 {
    let odds = |bits: f64| bits.clamp(-60.0, 60.0).exp2();
    let probability = |bits: f64| odds(bits) / (1.0 + odds(bits));
    let product = (probability(left_bits) * probability(right_bits)).clamp(1e-12, 1.0 - 1e-12);
    (product / (1.0 - product)).log2()
}

fn keep_best<'a>(best: &mut BTreeMap<u32, Scored<'a>>, scored: Scored<'a>) {
    let weight = |scored: &Scored<'_>| {
        f64::from(scored.candidate.bits.0) + 1000.0 * scored.candidate.identity.to_f64().max(1e-6).log2()
    };
    match best.get(&scored.candidate.onward) {
        Some(held) if weight(held) >= weight(&scored) => {}
        _ => {
            best.insert(scored.candidate.onward, scored);
        }
    }
}

fn direct<'a>(
    order: usize,
    paper: u32,
    prior: Reading<'a>,
    weighed: Weighed<'a>,
    same_firm: Probability,
    policy: &Policy,
) -> Scored<'a> {
    let mut readings = vec![prior];
    readings.extend(weighed.readings.into_iter().map(|mut reading| {
        reading.bits = Bits::from_f64(reading.bits.to_f64() * policy.temperature);
        reading
    }));
    let bits = readings.iter().map(|reading| reading.bits).sum();
    let candidate = Candidate {
        supply: order as u32,
        onward: paper,
        path: Vec::new(),
        onward_amount: weighed.amount,
        path_amounts: Vec::new(),
        identity: same_firm,
        bits,
    };
    Scored { candidate, readings }
}

fn first_trail<'a>(
    paper: u32,
    weighed: Weighed<'a>,
    same_firm: Probability,
    bits: f64,
    prior: Reading<'a>,
) -> Trail<'a> {
    Trail {
        path: vec![paper],
        amounts: vec![weighed.amount],
        identity: same_firm.to_f64(),
        bits,
        readings: vec![prior],
    }
}

fn through<'a>(
    order_index: usize,
    paper_index: u32,
    order: &CaseOrder,
    trail: Trail<'a>,
    paper: &CaseShipment,
) -> Scored<'a> {
    let hops = trail.path.len() - 1;
    let candidate = Candidate {
        supply: order_index as u32,
        onward: paper_index,
        path: trail.path[..hops].to_vec(),
        onward_amount: in_order_unit(&OrderFacts::of(order), &PaperFacts::of(paper)),
        path_amounts: trail.amounts[..hops].to_vec(),
        identity: Probability::from_f64(trail.identity),
        bits: Bits::from_f64(trail.bits),
    };
    Scored { candidate, readings: trail.readings }
}
