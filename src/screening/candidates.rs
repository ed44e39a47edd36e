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
use super::index::{CaseIndex, identity, papers_near};
use super::policy::Policy;
use super::record::usual_day;
use super::weigh::{ArrivalState, Compared, OrderFacts, Pair, Reading, Weighed, onward_window};
use super::weights::{FIRMS_BETWEEN_MAX, Leg, Place};

/// A candidate link and where its weights stand in the table. What was read of it is read again for the few that are
/// shown: there may be millions.
struct Scored {
    candidate: Candidate,
    places: Vec<Place>,
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
struct Trail {
    path: Vec<u32>,
    amounts: Vec<Option<Amount>>,
    identity: f64,
    bits: Bits,
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
        keep: &mut dyn FnMut(Scored),
    ) {
        let order = &self.case.orders[order_index];
        let asked = Asked { index: order_index, order, arrival, record: self.record(order) };
        let mut trails = Vec::new();
        for paper_index in self.papers_of_buyer(order, limits) {
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
                bits: Bits::default(),
                places: Vec::new(),
            };
            match leg {
                Leg::Direct => self.arrive(&asked, &start, paper_index, weighed, start.identity, keep),
                Leg::Transfer | Leg::After => {
                    trails.extend(self.extended(&asked, &start, paper_index, weighed, start.identity));
                }
            }
        }
        for _ in 0..FIRMS_BETWEEN_MAX {
            trails = self.follow(&asked, trails, keep);
        }
    }

    /// Candidates of one order line in canonical order: by onward paper, one path each, the weightiest. Where there are too
    /// many, the weightiest of them.
    pub(super) fn of_order(
        &self,
        order_index: usize,
        arrival: ArrivalState<'a>,
        limits: &mut Vec<String>,
    ) -> Vec<Candidate> {
        let mut best: BTreeMap<u32, Candidate> = BTreeMap::new();
        self.every_way(order_index, arrival, limits, &mut |Scored { candidate, .. }| {
            let held = best.get(&candidate.onward);
            if held.is_none_or(|held| weight(held) < weight(&candidate)) {
                best.insert(candidate.onward, candidate);
            }
        });
        let limit = self.policy.links_per_order(self.case.orders.len());
        let mut candidates: Vec<Candidate> = best.into_values().collect();
        if candidates.len() > limit {
            limits.push(format!("only the {limit} likeliest of {} links were followed", candidates.len()));
            candidates.sort_by_key(|candidate| (std::cmp::Reverse(weight(candidate)), candidate.onward));
            candidates.truncate(limit);
            candidates.sort_by_key(|candidate| candidate.onward);
        }
        candidates
    }

    /// What was read of a candidate, once more.
    pub(super) fn readings(&self, candidate: &Candidate, arrival: ArrivalState<'a>) -> Vec<Reading<'a>> {
        let index = candidate.supply as usize;
        let order = &self.case.orders[index];
        let asked = Asked { index, order, arrival, record: self.record(order) };
        let mut readings = vec![self.prior(&asked, candidate.path.len()).0];
        let mut before: Option<(&'a ShipmentLine, Option<Amount>)> = None;
        for paper_index in candidate.path.iter().copied().chain([candidate.onward]) {
            let paper = &self.case.shipments[paper_index as usize];
            let is_last = paper_index == candidate.onward;
            let weighed = match (before, is_last) {
                (None, true) => self.first_step(&asked, Leg::Direct, paper),
                (None, false) => self.first_step(&asked, Leg::Transfer, paper),
                (Some((transfer, amount)), true) => self.last_step(&asked, amount, transfer, paper),
                (Some((transfer, amount)), false) => self.next_step(&asked, Leg::Transfer, amount, transfer, paper),
            };
            let amount = weighed.amount;
            if is_last {
                readings.extend(weighed.readings);
            } else {
                let lag_days = before.map(|(transfer, _)| paper.line.date.days_since(transfer.date));
                let compared = Compared::Transfer { paper: &paper.line, lag_days };
                readings.push(Reading { compared, bits: weighed.bits() });
            }
            before = Some((&paper.line, amount));
        }
        readings
    }

    /// The buyer's record on its other order lines, and its odds in bits.
    fn record(&self, order: &CaseOrder) -> (Compared<'a>, f64) {
        let Some(share) = order.buyer.iter().max_by_key(|share| (share.probability, std::cmp::Reverse(share.entity)))
        else {
            return (Compared::Prior(None), self.policy.others_of_buyer(0, 0, Probability::default()).odds());
        };
        let entity = &self.case.entities[share.entity as usize];
        let others = self.policy.others_of_buyer(entity.echoed_millionths, entity.order_line_count, order.echo);
        (Compared::Prior(Some((others.echoed_lines, others.lines))), others.odds())
    }

    /// Papers of the buyer in the window; only the nearest in time where there are too many.
    fn papers_of_buyer(&self, order: &CaseOrder, limits: &mut Vec<String>) -> Vec<u32> {
        let facts = OrderFacts::of(order);
        let limit = self.policy.papers_per_order(self.case.orders.len());
        let window = onward_window(&facts, self.policy);
        let papers = papers_near(&self.index.sent, &order.buyer, window, usual_day(&facts), limit);
        if papers.count > limit {
            limits.push(format!(
                "only the {limit} papers nearest in time of {} were compared with this order line",
                papers.count
            ));
        }
        papers.found
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
    fn follow(&self, asked: &Asked<'a>, trails: Vec<Trail>, keep: &mut dyn FnMut(Scored)) -> Vec<Trail> {
        let mut further = Vec::new();
        for trail in trails {
            let Some(last) = trail.path.last().copied() else { continue };
            let transfer = &self.case.shipments[last as usize];
            let amount = trail.amounts.last().copied().flatten();
            let from = transfer.line.date;
            let window = self.policy.after_transfer(from);
            let limit = self.policy.papers_per_order(self.case.orders.len());
            for paper_index in papers_near(&self.index.sent, &transfer.consignee, window, from, limit).found {
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
                    let weighed = self.last_step(asked, amount, &transfer.line, paper);
                    self.arrive(asked, &trail, paper_index, weighed, identity, keep);
                } else if trail.path.len() < FIRMS_BETWEEN_MAX {
                    let weighed = self.next_step(asked, Leg::Transfer, amount, &transfer.line, paper);
                    further.extend(self.extended(asked, &trail, paper_index, weighed, identity));
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
        transferred: Option<Amount>,
        transfer: &'a ShipmentLine,
        paper: &'a CaseShipment,
    ) -> Weighed<'a> {
        let scale = (transferred.unwrap_or(asked.order.line.quantity), "transferred");
        let mut weighed = Pair::of(asked.order, paper).weigh(leg, scale, self.brands, self.policy);
        weighed.read_days_after(leg, transfer.date, paper.line.date, &self.policy.weights);
        weighed
    }

    /// What the paper says on which a firm that had the goods from another one sends them over the border.
    fn last_step(
        &self,
        asked: &Asked<'a>,
        transferred: Option<Amount>,
        transfer: &'a ShipmentLine,
        paper: &'a CaseShipment,
    ) -> Weighed<'a> {
        let mut weighed = self.next_step(asked, Leg::After, transferred, transfer, paper);
        weighed.read_declaration(&paper.line, asked.arrival, &self.policy.weights);
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
        trail: &Trail,
        paper_index: u32,
        weighed: Weighed<'a>,
        identity: f64,
    ) -> Option<Trail> {
        let mut next = trail.clone();
        next.bits = Bits(trail.bits.0 + weighed.bits().0);
        next.places.extend(weighed.places);
        next.path.push(paper_index);
        next.amounts.push(weighed.amount);
        next.identity = identity;
        let prior = self.prior(asked, next.path.len()).0;
        let bits = prior.bits.to_f64() + next.bits.to_f64();
        (bits >= self.policy.transfer_bits_min).then_some(next)
    }

    /// A trail that crosses the border with this paper.
    fn arrive(
        &self,
        asked: &Asked<'a>,
        trail: &Trail,
        paper_index: u32,
        weighed: Weighed<'a>,
        identity: f64,
        keep: &mut dyn FnMut(Scored),
    ) {
        let (prior, way) = self.prior(asked, trail.path.len());
        let bits = Bits(prior.bits.0 + trail.bits.0 + weighed.bits().0);
        if bits.to_f64() < self.policy.link_bits_min {
            return;
        }
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
        keep(Scored { candidate, places });
    }
}

/// A candidate's weight with the identity of its firms, in thousandths of a bit.
fn weight(candidate: &Candidate) -> i64 {
    i64::from(candidate.bits.0) + (1000.0 * candidate.identity.to_f64().max(1e-6).log2()) as i64
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

#[cfg(test)]
mod tests {
    use super::{CaseIndex, Search, arrival_state, match_arrivals};
    use crate::goods::Brands;
    use crate::model::{Bits, Case, Corridor, Record};
    use crate::screening::{Holdings, Policy, judge};
    use crate::simulation::{MemoryWorld, Profile, WorldOptions, generate};

    fn cases(policy: &Policy) -> Vec<Case> {
        let mut world = MemoryWorld::default();
        generate(&WorldOptions::new(21, 300, 1_500, Profile::Harder), &mut world).unwrap();
        let mut holdings = Holdings::new(policy.clone(), Corridor::default());
        let shipments = world.shipments.into_iter().map(|line| (None, Record::Shipment(Box::new(line))));
        let orders = world.orders.into_iter().map(|line| (Some("acme"), Record::Order(Box::new(line))));
        holdings.insert_all(shipments.chain(orders).collect());
        holdings.settle();
        holdings.cuts().iter().map(|cut| holdings.case(cut)).collect()
    }

    #[test]
    fn what_is_read_again_weighs_what_it_weighed_before() {
        let policy = Policy::default();
        let mut by_firms_between = [0; 3];
        for case in cases(&policy) {
            let brands = Brands::new(case.brands.iter().map(String::as_str));
            let index = CaseIndex::new(&case);
            let arrival_of = match_arrivals(&case, &index, &brands, &policy);
            let search = Search { case: &case, index: &index, brands: &brands, policy: &policy };
            for order in 0..case.orders.len() {
                let arrival = arrival_state(&case, order, &arrival_of, &policy);
                for candidate in search.of_order(order, arrival, &mut Vec::new()) {
                    let again: Bits = search.readings(&candidate, arrival).iter().map(|reading| reading.bits).sum();
                    assert_eq!(again, candidate.bits, "{candidate:?}");
                    by_firms_between[candidate.path.len()] += 1;
                }
            }
        }
        assert!(by_firms_between.iter().all(|count| *count > 0), "{by_firms_between:?}");
    }

    #[test]
    fn a_limit_that_was_reached_is_told_by_the_finding() {
        let policy = Policy { pairs_max: 1, papers_per_order_min: 2, links_per_order_max: 1, ..Policy::default() };
        let told: Vec<String> = cases(&policy)
            .iter()
            .flat_map(|case| judge(case, &policy))
            .flat_map(|finding| finding.limits_reached)
            .collect();
        for start in ["only the 2 papers nearest in time of ", "only the 1 likeliest of "] {
            assert!(told.iter().any(|limit| limit.starts_with(start)), "{start}");
        }
    }
}
