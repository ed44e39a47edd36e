//! All ways in which the onward papers of a case may carry the goods of its order lines, each with its evidence.
//!
//! Direct: the buyer sends the goods on. Through one or two firms: the buyer sells inside the ostensible destination
//! and the second or third firm sends them on. Pure; who wins a paper is decided in `flow`.

use std::collections::BTreeMap;

use crate::flow::{Candidate, hop_timing_bits};
use crate::goods::{self, Brands};
use crate::model::{Amount, Bits, Case, CaseOrder, CaseShipment, Evidence, EvidenceKind, Probability, ShipmentRole};

use super::index::{CaseIndex, identity, papers_of};
use super::policy::Policy;
use super::weigh::{ArrivalState, Weighed, in_order_unit, onward_window, weigh, weigh_hop};

/// Firms between buyer and border that are followed.
const INTERMEDIARIES_MAX: usize = 2;
/// Transfers whose own weight is below this are not followed further.
const TRANSFER_BITS_MIN: f64 = -4.0;
/// Links whose weight is below this are dropped before they compete.
const CANDIDATE_BITS_MIN: f64 = -9.0;

/// A candidate link and why.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub candidate: Candidate,
    pub evidence: Vec<Evidence>,
}

/// What is needed to find candidates of one case.
pub(super) struct Search<'a> {
    pub case: &'a Case,
    pub index: &'a CaseIndex,
    pub brands: &'a Brands,
    pub policy: &'a Policy,
}

/// A trail that has reached a transfer: what it weighs so far.
struct Trail {
    path: Vec<u32>,
    amounts: Vec<Option<Amount>>,
    identity: f64,
    bits: f64,
    evidence: Vec<Evidence>,
}

impl Search<'_> {
    /// Candidates of one order line in canonical order: by onward paper, one path each, the weightiest.
    pub(super) fn of_order(
        &self,
        order_index: usize,
        arrival: ArrivalState<'_>,
        limits: &mut Vec<String>,
    ) -> Vec<Scored> {
        let order = &self.case.orders[order_index];
        let prior = self.prior(order);
        let mut best: BTreeMap<u32, Scored> = BTreeMap::new();
        let mut trails = Vec::new();
        for paper_index in self.papers_near(order, limits) {
            let paper = &self.case.shipments[paper_index as usize];
            if !goods::may_match(&order.goods, &paper.goods) {
                continue;
            }
            let weighed = weigh(order, paper, arrival, self.brands, self.policy);
            let same_firm = identity(&order.buyer, &paper.consignor);
            let bits = prior.bits.to_f64() + weighed.bits().to_f64() * self.policy.temperature;
            match paper.role {
                ShipmentRole::Onward if bits >= CANDIDATE_BITS_MIN => {
                    keep_best(
                        &mut best,
                        direct(order_index, paper_index, prior.clone(), weighed, same_firm, self.policy),
                    );
                }
                ShipmentRole::Transfer if bits >= TRANSFER_BITS_MIN => {
                    trails.push(first_trail(paper_index, weighed, same_firm, bits, &prior));
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
    fn prior(&self, order: &CaseOrder) -> Evidence {
        let Some(share) = order.buyer.iter().max_by_key(|share| (share.probability, std::cmp::Reverse(share.entity)))
        else {
            return prior_row(self.policy.prior_bits(0.0, 0.0), "no record of this buyer".to_owned());
        };
        let entity = &self.case.entities[share.entity as usize];
        let own = order.echo.to_f64();
        let others = (entity.echoed_millionths as f64 / 1e6 - own).max(0.0);
        let lines = f64::from(entity.order_line_count.saturating_sub(1));
        let text =
            format!("{others:.1} of {lines:.0} other order lines of this buyer have an onward shipment like them");
        prior_row(self.policy.prior_bits(others.min(lines), lines), text)
    }

    /// Papers of the buyer in the window; only the earliest of them when there are too many.
    fn papers_near(&self, order: &CaseOrder, limits: &mut Vec<String>) -> Vec<u32> {
        let (from, until) = onward_window(&order.line, self.policy);
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
    fn follow(&self, order_index: usize, trails: Vec<Trail>, best: &mut BTreeMap<u32, Scored>) -> Vec<Trail> {
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
                        keep_best(best, through(order_index, paper_index, &order.line, next, paper));
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
        order: &CaseOrder,
        trail: &Trail,
        transfer: &CaseShipment,
        paper_index: u32,
        paper: &CaseShipment,
    ) -> Option<Trail> {
        let same_firm = identity(&transfer.consignee, &paper.consignor).to_f64();
        if same_firm < self.policy.share_min {
            return None;
        }
        let transferred = trail.amounts.last().copied().flatten();
        let lag_days = paper.line.date.days_since(transfer.line.date);
        let weighed = weigh_hop(order, transferred, paper, self.brands, self.policy);
        let hop_bits = self.policy.hop_prior_bits().to_f64()
            + hop_timing_bits(lag_days).to_f64()
            + weighed.bits().to_f64() * self.policy.temperature;
        let bits = both(trail.bits, hop_bits);
        let mut evidence: Vec<Evidence> =
            trail.evidence.iter().filter(|row| row.kind == EvidenceKind::Transfer).cloned().collect();
        evidence.extend(weighed.evidence);
        let explained: f64 = evidence.iter().map(|row| row.bits.to_f64()).sum();
        evidence.push(Evidence {
            kind: EvidenceKind::Transfer,
            ours: format!("{} {} of {}", transfer.line.key.kind, transfer.line.key.number, transfer.line.date),
            theirs: format!("{lag_days} days before this paper"),
            bits: Bits::from_f64(bits - explained),
        });
        let mut path = trail.path.clone();
        path.push(paper_index);
        let mut amounts = trail.amounts.clone();
        amounts.push(weighed.amount);
        Some(Trail { path, amounts, identity: trail.identity * same_firm, bits, evidence })
    }
}

fn prior_row(bits: Bits, text: String) -> Evidence {
    Evidence { kind: EvidenceKind::Prior, ours: text, theirs: String::new(), bits }
}

/// Odds, in bits, of two things being both true.
fn both(left_bits: f64, right_bits: f64) -> f64 {
    let odds = |bits: f64| bits.clamp(-60.0, 60.0).exp2();
    let probability = |bits: f64| odds(bits) / (1.0 + odds(bits));
    let product = (probability(left_bits) * probability(right_bits)).clamp(1e-12, 1.0 - 1e-12);
    (product / (1.0 - product)).log2()
}

fn keep_best(best: &mut BTreeMap<u32, Scored>, scored: Scored) {
    let weight = |scored: &Scored| {
        f64::from(scored.candidate.bits.0) + 1000.0 * scored.candidate.identity.to_f64().max(1e-6).log2()
    };
    match best.get(&scored.candidate.onward) {
        Some(held) if weight(held) >= weight(&scored) => {}
        _ => {
            best.insert(scored.candidate.onward, scored);
        }
    }
}

fn direct(
    order: usize,
    paper: u32,
    prior: Evidence,
    weighed: Weighed,
    same_firm: Probability,
    policy: &Policy,
) -> Scored {
    let mut evidence = vec![prior];
    evidence.extend(weighed.evidence.into_iter().map(|mut row| {
        row.bits = Bits::from_f64(row.bits.to_f64() * policy.temperature);
        row
    }));
    let bits = evidence.iter().map(|row| row.bits).sum();
    let candidate = Candidate {
        supply: order as u32,
        onward: paper,
        path: Vec::new(),
        onward_amount: weighed.amount,
        path_amounts: Vec::new(),
        identity: same_firm,
        bits,
    };
    Scored { candidate, evidence }
}

fn first_trail(paper: u32, weighed: Weighed, same_firm: Probability, bits: f64, prior: &Evidence) -> Trail {
    Trail {
        path: vec![paper],
        amounts: vec![weighed.amount],
        identity: same_firm.to_f64(),
        bits,
        evidence: vec![prior.clone()],
    }
}

fn through(
    order: usize,
    paper_index: u32,
    line: &crate::model::OrderLine,
    trail: Trail,
    paper: &CaseShipment,
) -> Scored {
    let hops = trail.path.len() - 1;
    let candidate = Candidate {
        supply: order as u32,
        onward: paper_index,
        path: trail.path[..hops].to_vec(),
        onward_amount: in_order_unit(line, &paper.line),
        path_amounts: trail.amounts[..hops].to_vec(),
        identity: Probability::from_f64(trail.identity),
        bits: Bits::from_f64(trail.bits),
    };
    Scored { candidate, evidence: trail.evidence }
}
