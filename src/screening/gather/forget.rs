//! Forgets what was found of transfers where a change of the holdings may bear on it.
//!
//! Come here when what a trail weighs comes to hang on something else: whoever changes that must have it forgotten here, or
//! cuts go on with what held before. A test compares what is kept with what would be found anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::holdings::{HeldOrder, HeldShipment, Holdings, List};
use super::super::record::{between, joined};
use super::super::weigh::arrival_window;
use super::found::{Carries, Found};
use crate::goods;
use crate::model::{Day, GoodsForm, ShipmentRole};

/// Records that change at once, from which on everything is forgotten: finding it again takes no longer.
const RECORDS_MAX: usize = 20_000;
/// Order lines of one firm whose goods are compared; where more change, all its transfers within their days count.
const ORDERS_COMPARED_MAX: usize = 8;

impl Holdings {
    /// Forgets what was found of trails from these order lines and over these papers as they are filed now: to be called
    /// before records leave the lists of their firms, and after they entered them.
    pub(in super::super) fn forget_trails(&mut self, orders: &[u32], papers: &[u32]) {
        self.forget(orders.len() + papers.len(), |forgetting| {
            let (mut reweighed, mut carrying) = (BTreeSet::new(), BTreeSet::new());
            for paper in papers {
                forgetting.paper(*paper, &mut reweighed, &mut carrying);
            }
            forgetting.followers(&carrying, |_| true);
            forgetting.orders(&reweighed, false);
            forgetting.orders(&orders.iter().copied().collect(), true);
        });
    }

    /// The same where order lines only weigh otherwise.
    pub(in super::super) fn forget_weights(&mut self, orders: &BTreeSet<u32>) {
        self.forget(orders.len(), |forgetting| forgetting.orders(orders, false));
    }

    fn forget(&mut self, count: usize, of_tenant: impl Fn(&mut Forgetting<'_>)) {
        if count > RECORDS_MAX {
            self.found_trails.clear();
        }
        let mut kept = std::mem::take(&mut self.found_trails);
        for (tenant, found) in kept.all().filter(|(_, found)| !found.is_empty()) {
            of_tenant(&mut Forgetting { holdings: self, tenant, found });
        }
        self.found_trails = kept;
    }
}

/// What was found for one tenant, while some of it is forgotten.
struct Forgetting<'a> {
    holdings: &'a Holdings,
    tenant: u32,
    found: &'a mut Found,
}

impl<'a> Forgetting<'a> {
    /// A paper that is filed otherwise; `reweighed` takes up order lines that weigh otherwise by it, `carrying` itself where it may
    /// carry some. How an onward paper counts is not kept.
    fn paper(&mut self, paper: u32, reweighed: &mut BTreeSet<u32>, carrying: &mut BTreeSet<u32>) {
        let held = self.held(paper);
        if !held.is_visible_to(self.tenant) {
            return;
        }
        match held.role {
            ShipmentRole::Arrival => {
                let is_within = |order: &HeldOrder| {
                    let (from, until) = arrival_window(&order.facts(), &self.holdings.policy);
                    from <= held.row.date && held.row.date <= until
                };
                let orders = self.orders_alike(held.consignee, held).filter(|(_, order)| is_within(order));
                reweighed.extend(orders.map(|(number, _)| number));
            }
            ShipmentRole::Transfer => {
                self.found.seconds.remove(&paper);
                self.found.firsts.remove(&paper);
                if self.orders_alike(held.consignor, held).next().is_some() {
                    carrying.insert(paper);
                }
            }
            ShipmentRole::Onward => {}
        }
    }

    /// Order lines of such goods by the firms of a mention on a paper, within the paper's days.
    fn orders_alike(
        &self,
        mention: Option<u32>,
        paper: &'a HeldShipment,
    ) -> impl Iterator<Item = (u32, &'a HeldOrder)> + use<'a> {
        let (holdings, tenant) = (self.holdings, self.tenant);
        let (from, until) = holdings.policy.orders_of_paper(paper.row.date);
        let firms = mention.into_iter().flat_map(|mention| holdings.followed(mention));
        let rows = firms.flat_map(move |(entity, _)| {
            between(holdings.entities[entity as usize].list(List::Orders), from, until).iter()
        });
        let orders = rows.map(|(_, order)| (*order, &holdings.orders[*order as usize]));
        orders.filter(move |(_, held)| held.tenant == tenant && goods::may_match(&held.goods, &paper.goods))
    }

    /// Order lines that weigh otherwise; `is_recounted`: or that are filed otherwise.
    fn orders(&mut self, orders: &BTreeSet<u32>, is_recounted: bool) {
        let holdings = self.holdings;
        let mut by_firm: BTreeMap<u32, Vec<&HeldOrder>> = BTreeMap::new();
        for order in orders {
            let held = &holdings.orders[*order as usize];
            if held.tenant == self.tenant {
                self.found.arrivals.remove(order);
                holdings.followed(held.buyer).for_each(|(entity, _)| by_firm.entry(entity).or_default().push(held));
            }
        }
        let mut transfers = BTreeSet::new();
        let mut compared: Vec<&Arc<GoodsForm>> = Vec::new();
        let mut are_many = false;
        for (entity, orders) in by_firm {
            transfers.extend(self.transfers_of(entity, &orders));
            are_many |= orders.len() > ORDERS_COMPARED_MAX;
            compared.extend(orders.iter().map(|held| &held.goods));
        }
        are_many |= compared.len() > ORDERS_COMPARED_MAX;
        if !is_recounted {
            // What carries nothing goes on carrying nothing.
            transfers.retain(|transfer| self.found.firsts.get(transfer) != Some(&Carries::Nothing));
        }
        for transfer in &transfers {
            self.found.firsts.remove(transfer);
        }
        let may_begin = |goods: &GoodsForm| compared.iter().any(|ordered| goods::may_match(ordered, goods));
        self.followers(&transfers, |goods| is_recounted || are_many || may_begin(goods));
    }

    /// Transfers that may carry some of these order lines of a firm.
    fn transfers_of(&self, entity: u32, orders: &[&HeldOrder]) -> Vec<u32> {
        let sent = self.holdings.entities[entity as usize].list(List::Sent);
        let window = |held: &HeldOrder| self.holdings.policy.papers_of_order(held.followed_from());
        let is_transfer = |paper: &u32| self.held(*paper).role == ShipmentRole::Transfer;
        if orders.len() > ORDERS_COMPARED_MAX {
            let windows = joined(orders.iter().map(|held| (entity, window(held))).collect());
            let rows = windows.into_iter().flat_map(|(_, (from, until))| between(sent, from, until));
            return rows.map(|(_, transfer)| *transfer).filter(is_transfer).collect();
        }
        let of_order = |held: &&HeldOrder| {
            let (from, until) = window(held);
            let goods = Arc::clone(&held.goods);
            let transfers = between(sent, from, until).iter().map(|(_, paper)| *paper).filter(is_transfer);
            transfers.filter(move |transfer| goods::may_match(&goods, &self.held(*transfer).goods))
        };
        orders.iter().flat_map(of_order).collect()
    }

    /// Forgets second transfers after these whose goods say that they may hang on them.
    fn followers(&mut self, transfers: &BTreeSet<u32>, may_hang: impl Fn(&GoodsForm) -> bool) {
        let holdings = self.holdings;
        let windows = transfers.iter().flat_map(|transfer| {
            let held = &holdings.shipments[*transfer as usize];
            let window = holdings.policy.after_transfer(held.row.date);
            let firms = held.consignee.into_iter().flat_map(|mention| holdings.followed(mention));
            firms.map(move |(entity, _)| (entity, window))
        });
        let windows: Vec<(u32, (Day, Day))> = joined(windows.collect());
        for (entity, (from, until)) in windows {
            for (_, paper) in between(holdings.entities[entity as usize].list(List::Sent), from, until) {
                if self.found.seconds.contains_key(paper) && may_hang(&holdings.shipments[*paper as usize].goods) {
                    self.found.seconds.remove(paper);
                }
            }
        }
    }

    fn held(&self, paper: u32) -> &'a HeldShipment {
        &self.holdings.shipments[paper as usize]
    }
}
