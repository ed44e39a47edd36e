//! Moves the records of mentions that stand for other firms than before, and tells whose order lines were tied to them.
//!
//! Come here because a register row or a frequent word may move thousands of mentions at once, many of whose records lie
//! in one large case. Who was tied to what moves is asked before anything has moved, so that each case is cut once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{CauseKind, Day};

use super::causes::{Reason, note};
use super::gather::{Cut, Cutter};
use super::holdings::{Carried, Holdings};
use super::settle::{Dirty, Reweighed, Shares};

/// Beyond this share of mentions that resolve otherwise, every order line counts as affected.
const MENTIONS_CHANGED_SHARE_MAX: usize = 8;

/// Records whose mentions stand for other entities than before. They are in no entity's list until they are linked.
#[derive(Default)]
pub(super) struct Moved {
    pub orders: Vec<u32>,
    pub shipments: Vec<u32>,
}

/// A mention that stands for other entities than before, with those of its records that are filed under these.
struct Move {
    mention: u32,
    shares: Shares,
    reason: Reason,
    orders: Vec<u32>,
    papers: Vec<u32>,
}

impl Holdings {
    /// Takes the records of mentions whose entities changed out of the lists of those; they are linked with what is new.
    /// `before`: how many order lines and papers were linked already.
    pub(super) fn move_changed(
        &mut self,
        changed: Vec<(u32, Shares)>,
        reweighed: &Reweighed,
        before: (usize, usize),
        dirty: &mut Dirty,
    ) -> Moved {
        if changed.len() > self.mentions.len() / MENTIONS_CHANGED_SHARE_MAX {
            dirty.all = true;
        }
        if dirty.is_first {
            // Nothing is filed anywhere yet.
            changed.into_iter().for_each(|(mention, shares)| self.stand_for(mention, shares));
            return Moved::default();
        }
        let changed = changed.into_iter();
        let moves: Vec<Move> =
            changed.map(|(mention, shares)| self.planned(mention, shares, reweighed, before, dirty)).collect();
        match dirty.all {
            true => moves.iter().filter(|one| one.has_records()).for_each(|one| dirty.news.mark_everywhere(one.reason)),
            false => self.touch_tied(&moves, dirty),
        }
        // Once for all of them, before any has left.
        let orders: Vec<u32> = moves.iter().flat_map(|one| &one.orders).copied().collect();
        let papers: Vec<u32> = moves.iter().flat_map(|one| &one.papers).copied().collect();
        self.forget_trails(&orders, &papers);
        let mut moved = Moved::default();
        for Move { mention, shares, reason, orders, papers } in moves {
            self.leave_entities(&orders, &papers);
            self.stand_for(mention, shares);
            orders.iter().for_each(|order| dirty.news.moved_order(*order, reason));
            papers.iter().for_each(|paper| dirty.news.moved_paper(*paper, reason));
            moved.orders.extend(orders);
            moved.shipments.extend(papers);
        }
        moved
    }

    fn planned(
        &self,
        mention: u32,
        shares: Shares,
        reweighed: &Reweighed,
        before: (usize, usize),
        dirty: &Dirty,
    ) -> Move {
        let held = &self.mentions[mention as usize];
        let reason = dirty.news.reason_of_move(&self.entities, held.scope, &held.shares, &shares);
        let unknown = if reweighed.contains(mention) { CauseKind::OtherHoldings } else { CauseKind::Identity };
        let reason = reason.unwrap_or(Reason::of(unknown));
        let (mut orders, mut papers) = (Vec::new(), Vec::new());
        for carried in &held.carried {
            match *carried {
                Carried::Order(order) if (order as usize) < before.0 => orders.push(order),
                Carried::Shipment(paper) if (paper as usize) < before.1 => papers.push(paper),
                Carried::Order(_) | Carried::Shipment(_) => {}
            }
        }
        Move { mention, shares, reason, orders, papers }
    }

    fn stand_for(&mut self, mention: u32, shares: Shares) {
        let followed = shares.iter().filter(|share| share.1.to_f64() >= self.policy.share_min).count();
        let held = &mut self.mentions[mention as usize];
        (held.shares, held.followed_count) = (shares, u8::try_from(followed).unwrap_or(u8::MAX));
    }

    /// Touches the order lines that were tied to what is about to move.
    fn touch_tied(&self, moves: &[Move], dirty: &mut Dirty) {
        let mut tied = Tied::of(self);
        for one in moves {
            for order in &one.orders {
                tied.order(*order, one.reason);
            }
            for paper in &one.papers {
                (0..self.tenants.len() as u32).for_each(|tenant| tied.paper(tenant, *paper, one.reason));
            }
            for buyer in self.buyers_of(&one.orders) {
                note(tied.buyers.entry(buyer).or_default(), one.reason);
            }
        }
        for (orders, reasons) in tied.cases {
            dirty.touch(&orders, &reasons);
        }
        for ((tenant, entity), reasons) in tied.buyers {
            let orders = self.entities[entity as usize].orders.iter().map(|(_, order)| *order);
            let orders: Vec<u32> = orders.filter(|order| self.orders[*order as usize].tenant == tenant).collect();
            dirty.touch(&orders, &reasons);
        }
    }

    /// Whom these order lines are filed under, by tenant and entity.
    fn buyers_of(&self, orders: &[u32]) -> BTreeSet<(u32, u32)> {
        let held = orders.iter().map(|order| &self.orders[*order as usize]);
        let buyers = held.flat_map(|held| {
            let entities = self.mentions[held.buyer as usize].followed().iter();
            entities.map(|(entity, _)| (held.tenant, *entity))
        });
        buyers.collect()
    }

    /// Takes records out of their entities' lists.
    fn leave_entities(&mut self, orders: &[u32], papers: &[u32]) {
        for order in orders {
            let row = (self.orders[*order as usize].followed_from(), *order);
            for (entity, _) in self.mentions[self.orders[*order as usize].buyer as usize].followed() {
                remove_sorted(&mut self.entities[*entity as usize].orders, row);
            }
        }
        for paper in papers {
            let held = &self.shipments[*paper as usize];
            let row = (held.row.date, *paper);
            for (entity, _) in held.consignor.iter().flat_map(|mention| self.mentions[*mention as usize].followed()) {
                remove_sorted(&mut self.entities[*entity as usize].sent, row);
            }
            for (entity, _) in held.consignee.iter().flat_map(|mention| self.mentions[*mention as usize].followed()) {
                let entity = &mut self.entities[*entity as usize];
                remove_sorted(&mut entity.arrivals_received, row);
                remove_sorted(&mut entity.transfers_received, row);
            }
        }
    }
}

impl Move {
    fn has_records(&self) -> bool {
        !(self.orders.is_empty() && self.papers.is_empty())
    }
}

/// Cases and buyers that something moves out of, each with its order lines and why.
struct Tied<'a> {
    cutter: Cutter<'a>,
    holdings: &'a Holdings,
    cases: Vec<(Vec<u32>, Vec<Reason>)>,
    case_of_order: HashMap<u32, usize>,
    /// By tenant and paper: one that many may see lies in a case of each.
    case_of_paper: HashMap<(u32, u32), usize>,
    buyers: BTreeMap<(u32, u32), Vec<Reason>>,
}

impl<'a> Tied<'a> {
    fn of(holdings: &'a Holdings) -> Self {
        Self {
            cutter: Cutter::new(holdings),
            holdings,
            cases: Vec::new(),
            case_of_order: HashMap::new(),
            case_of_paper: HashMap::new(),
            buyers: BTreeMap::new(),
        }
    }

    fn order(&mut self, order: u32, reason: Reason) {
        let case = match self.case_of_order.get(&order) {
            Some(case) => *case,
            None => {
                let cut = self.cutter.around_order(order);
                self.case(self.holdings.orders[order as usize].tenant, &cut)
            }
        };
        note(&mut self.cases[case].1, reason);
    }

    fn paper(&mut self, tenant: u32, paper: u32, reason: Reason) {
        let case = match self.case_of_paper.get(&(tenant, paper)) {
            Some(case) => *case,
            None => {
                let cut = self.cutter.around_shipment(tenant, paper);
                self.case(tenant, &cut)
            }
        };
        note(&mut self.cases[case].1, reason);
    }

    fn case(&mut self, tenant: u32, cut: &Cut) -> usize {
        let case = self.cases.len();
        self.case_of_order.extend(cut.orders().map(|order| (order, case)));
        self.case_of_paper.extend(cut.shipments().map(|paper| ((tenant, paper), case)));
        self.cases.push((cut.orders().collect(), Vec::new()));
        case
    }
}

fn remove_sorted(list: &mut Vec<(Day, u32)>, row: (Day, u32)) {
    if let Ok(place) = list.binary_search(&row) {
        list.remove(place);
    }
}
