//! All ways in which the onward papers of a case may carry the goods of its order lines, each with what was read of it.
//!
//! Direct: the buyer sends the goods on. Through one or two firms: the buyer sells inside the ostensible destination
//! and the second or third firm sends them on. Pure; who wins a paper is decided in `flow`.

use std::collections::BTreeMap;

use crate::flow::Candidate;
use crate::goods::{self, Brands};
use crate::model::{
    Amount, Bits, Case, CaseOrder, CaseShipment, DocumentKey, OrderKey, Probability, ShipmentLine, ShipmentRole,
};

use super::arrivals::{arrival_state, match_arrivals};
use super::index::{CaseIndex, identity, papers_of};
use super::policy::Policy;
use super::weigh::{ArrivalState, Compared, OrderFacts, Pair, Reading, Weighed, onward_window};
use super::weights::{FIRMS_BETWEEN_MAX, Leg, Place};

/// A candidate link and why.
#[derive(Clone, Debug)]
pub(super) struct Scored<'a> {
    pub candidate: Candidate,
    pub readings: Vec<Reading<'a>>,
    /// Where its weights stand in the table.
    pub places: Vec<Place>,
}

/// What is needed to find candidates of one case.
pub(super) struct Search<'a> {
    pub case: &'a Case,
    pub index: &'a CaseIndex,
    pub brands: &'a Brands,
    pub policy: &'a Policy,
}

/// A trail that has reached a transfer: what was read of it so far, without the prior.
#[derive(Clone)]
struct Trail<'a> {
    path: Vec<u32>,
    amounts: Vec<Option<Amount>>,
    identity: f64,
    /// One row for each transfer.
    readings: Vec<Reading<'a>>,
    places: Vec<Place>,
}

/// One order line whose candidates are looked for.
struct Asked<'a> {
    index: usize,
    order: &'a CaseOrder,
    arrival: ArrivalState<'a>,
    /// The buyer's record in words, and its odds in bits.
    record: (Compared<'a>, f64),
}

impl<'a> Search<'a> {
    /// Calls `keep` with every candidate of one order line that weighs enough, in a fixed order.
    fn every_way(
        &self,
        order_index: usize,
        arrival: ArrivalState<'a>,
        limits: &mut Vec<String>,
        keep: &mut dyn FnMut(Scored<'a>),
    ) {
        let order = &self.case.orders[order_index];
        let asked = Asked { index: order_index, order, arrival, record: self.record(order) };
        let mut trails = Vec::new();
        for paper_index in self.papers_near(order, limits) {
            let paper = &self.case.shipments[paper_index as usize];
            if !goods::may_match(&order.goods, &paper.goods) {
                continue;
            }
            let leg = if paper.role == ShipmentRole::Onward { Leg::Direct } else { Leg::Transfer };
            let weighed = self.first_step(&asked, leg, paper);
            let start = Trail {
                path: Vec::new(),
                amounts: Vec::new(),
                identity: identity(&order.buyer, &paper.consignor).to_f64(),
                readings: Vec::new(),
                places: Vec::new(),
            };
            match leg {
                Leg::Direct => self.arrive(&asked, &start, paper_index, weighed, start.identity, keep),
                Leg::Transfer | Leg::After => {
                    let days = Compared::Transfer { paper: &paper.line, lag_days: None };
                    trails.extend(self.extended(&asked, &start, paper_index, weighed, start.identity, days));
                }
            }
        }
        for _ in 0..FIRMS_BETWEEN_MAX {
            trails = self.follow(&asked, trails, keep);
        }
    }

    /// Candidates of one order line in canonical order: by onward paper, one path each, the weightiest.
    pub(super) fn of_order(
        &self,
        order_index: usize,
        arrival: ArrivalState<'a>,
        limits: &mut Vec<String>,
    ) -> Vec<Scored<'a>> {
        let mut best: BTreeMap<u32, Scored<'a>> = BTreeMap::new();
        let weight = |scored: &Scored<'_>| {
            f64::from(scored.candidate.bits.0) + 1000.0 * scored.candidate.identity.to_f64().max(1e-6).log2()
        };
        self.every_way(order_index, arrival, limits, &mut |scored| {
            let held = best.get(&scored.candidate.onward);
            if held.is_none_or(|held| weight(held) < weight(&scored)) {
                best.insert(scored.candidate.onward, scored);
            }
        });
        best.into_values().collect()
    }

    /// The buyer's record on its other order lines, and its odds in bits.
    fn record(&self, order: &CaseOrder) -> (Compared<'a>, f64) {
        let odds = |share: f64| (share / (1.0 - share)).log2();
        let Some(share) = order.buyer.iter().max_by_key(|share| (share.probability, std::cmp::Reverse(share.entity)))
        else {
            return (Compared::Prior(None), odds(self.policy.record_share(0.0, 0.0)));
        };
        let entity = &self.case.entities[share.entity as usize];
        let own = order.echo.to_f64();
        let others = (entity.echoed_millionths as f64 / 1e6 - own).max(0.0);
        let lines = f64::from(entity.order_line_count.saturating_sub(1));
        (Compared::Prior(Some((others, lines))), odds(self.policy.record_share(others.min(lines), lines)))
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

    /// What a paper of the buyer says.
    fn first_step(&self, asked: &Asked<'a>, leg: Leg, paper: &'a CaseShipment) -> Weighed<'a> {
        let pair = Pair::of(asked.order, paper);
        let weights = &self.policy.weights;
        let mut weighed = pair.weigh(leg, (asked.order.line.quantity, "ordered"), self.brands, self.policy);
        weighed.read_days(leg, &pair.order, paper.line.date, asked.arrival, weights);
        weighed.read_declaration(&paper.line, asked.arrival, weights);
        weighed.read_arrival(paper.line.key.kind, asked.arrival, weights);
        weighed
    }

    /// One firm further: what the receivers of the transfers sent on.
    fn follow(&self, asked: &Asked<'a>, trails: Vec<Trail<'a>>, keep: &mut dyn FnMut(Scored<'a>)) -> Vec<Trail<'a>> {
        let mut further = Vec::new();
        for trail in trails {
            let Some(last) = trail.path.last().copied() else { continue };
            let transfer = &self.case.shipments[last as usize];
            let until = transfer.line.date.plus_days(self.policy.days_after_transfer_max);
            for paper_index in papers_of(&self.index.sent, &transfer.consignee, transfer.line.date, until) {
                let paper = &self.case.shipments[paper_index as usize];
                if trail.path.contains(&paper_index) || !goods::may_match(&asked.order.goods, &paper.goods) {
                    continue;
                }
                let same_firm = identity(&transfer.consignee, &paper.consignor).to_f64();
                if same_firm < self.policy.share_min {
                    continue;
                }
                let identity = trail.identity * same_firm;
                if paper.role == ShipmentRole::Onward {
                    let mut weighed = self.next_step(asked, Leg::After, &trail, &transfer.line, paper);
                    weighed.read_declaration(&paper.line, asked.arrival, &self.policy.weights);
                    self.arrive(asked, &trail, paper_index, weighed, identity, keep);
                } else if trail.path.len() < FIRMS_BETWEEN_MAX {
                    let weighed = self.next_step(asked, Leg::Transfer, &trail, &transfer.line, paper);
                    let lag_days = Some(paper.line.date.days_since(transfer.line.date));
                    let compared = Compared::Transfer { paper: &paper.line, lag_days };
                    further.extend(self.extended(asked, &trail, paper_index, weighed, identity, compared));
                }
            }
        }
        further
    }

    /// What a paper of a firm that had the goods from another one says.
    fn next_step(
        &self,
        asked: &Asked<'a>,
        leg: Leg,
        trail: &Trail<'a>,
        transfer: &'a ShipmentLine,
        paper: &'a CaseShipment,
    ) -> Weighed<'a> {
        let transferred = trail.amounts.last().copied().flatten().unwrap_or(asked.order.line.quantity);
        let scale = (transferred, "transferred");
        let mut weighed = Pair::of(asked.order, paper).weigh(leg, scale, self.brands, self.policy);
        weighed.read_days_after(leg, transfer.date, paper.line.date, &self.policy.weights);
        weighed
    }

    /// The prior of a way through so many firms.
    fn prior(&self, asked: &Asked<'a>, firms_between: usize) -> (Reading<'a>, [Place; 3]) {
        let places = Place::way(firms_between, asked.record.1, self.case.likeness);
        let bits = places.map(|place| self.policy.weights.at(place)).into_iter().sum();
        (Reading { compared: asked.record.0, bits }, places)
    }

    /// A trail and one transfer more; nothing when it weighs too little to be followed.
    fn extended(
        &self,
        asked: &Asked<'a>,
        trail: &Trail<'a>,
        paper_index: u32,
        weighed: Weighed<'a>,
        identity: f64,
        compared: Compared<'a>,
    ) -> Option<Trail<'a>> {
        let mut next = trail.clone();
        next.readings.push(Reading { compared, bits: weighed.bits() });
        next.places.extend(weighed.places);
        next.path.push(paper_index);
        next.amounts.push(weighed.amount);
        next.identity = identity;
        let prior = self.prior(asked, next.path.len()).0;
        let bits = prior.bits.to_f64() + bits_of(&next.readings).to_f64();
        (bits >= self.policy.transfer_bits_min).then_some(next)
    }

    /// A trail that crosses the border with this paper.
    fn arrive(
        &self,
        asked: &Asked<'a>,
        trail: &Trail<'a>,
        paper_index: u32,
        weighed: Weighed<'a>,
        identity: f64,
        keep: &mut dyn FnMut(Scored<'a>),
    ) {
        let (prior, way) = self.prior(asked, trail.path.len());
        let bits = Bits(prior.bits.0 + bits_of(&trail.readings).0 + weighed.bits().0);
        if bits.to_f64() < self.policy.link_bits_min {
            return;
        }
        let readings = std::iter::once(prior).chain(trail.readings.iter().copied()).chain(weighed.readings).collect();
        let places = way.into_iter().chain(trail.places.iter().copied()).chain(weighed.places).collect();
        let candidate = Candidate {
            supply: asked.index as u32,
            onward: paper_index,
            path: trail.path.clone(),
            onward_amount: weighed.amount,
            path_amounts: trail.amounts.clone(),
            identity: Probability::from_f64(identity),
            bits,
        };
        keep(Scored { candidate, readings, places });
    }
}

fn bits_of(readings: &[Reading<'_>]) -> Bits {
    readings.iter().map(|reading| reading.bits).sum()
}

/// One way in which an onward paper may carry goods of an order line, as numbers to learn weights from.
#[derive(Clone, PartialEq, Debug)]
pub struct CandidateWay {
    /// Which order line.
    pub order: OrderKey,
    /// Which onward paper.
    pub onward: DocumentKey,
    /// Papers between, oldest first.
    pub path: Vec<DocumentKey>,
    /// Probability that the parties along the path are the same firms.
    pub identity: Probability,
    /// Numbers of the weights that count, in the order of [`super::Weights::rows`], with the share of each.
    pub shares: Vec<(usize, f64)>,
}

/// Every way that weighs enough under the policy, also several for one order line and paper. The judge keeps the best.
pub fn candidate_ways(case: &Case, policy: &Policy) -> Vec<CandidateWay> {
    let brands = Brands::new(case.brands.iter().map(String::as_str));
    let index = CaseIndex::new(case);
    let arrival_of = match_arrivals(case, &index, &brands, policy);
    let search = Search { case, index: &index, brands: &brands, policy };
    let key = |paper: u32| case.shipments[paper as usize].line.key.clone();
    let mut ways = Vec::new();
    for (order, line) in case.orders.iter().enumerate() {
        let arrival = arrival_state(case, order, &arrival_of, policy);
        search.every_way(order, arrival, &mut Vec::new(), &mut |scored| {
            ways.push(CandidateWay {
                order: line.line.key.clone(),
                onward: key(scored.candidate.onward),
                path: scored.candidate.path.iter().map(|paper| key(*paper)).collect(),
                identity: scored.candidate.identity,
                shares: scored.places.iter().flat_map(|place| place.shares()).collect(),
            });
        });
    }
    ways
}
