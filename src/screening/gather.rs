//! Cuts cases out of the holdings: the order lines and papers that can bear on one another, and nothing else.
//!
//! Two records belong together when a firm that both may name could have had the same goods at a possible time.
//! The cut follows such ties to their end, so no paper is shared by two cases of a tenant and goods are conserved
//! within each case. It decides nothing else; what the ties are worth is judged.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::goods;
use crate::model::{
    Case, CaseLimits, CaseOrder, CaseShipment, Day, EntityShare, EntityView, GoodsForm, OrderLine, Probability,
    ShipmentRole,
};

use super::holdings::{HeldShipment, Holdings};
use super::policy::Policy;
use super::probe::Probe;
use super::record::between;
use super::weigh::{arrival_window, onward_window};

/// The records of one case, by their numbers in the holdings.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    tenant: u32,
    orders: BTreeSet<u32>,
    shipments: BTreeSet<u32>,
    /// The number of records at which it was cut off.
    cut_at: Option<usize>,
}

impl Cut {
    /// Order lines in the cut, by their numbers in the holdings.
    pub(super) fn orders(&self) -> impl Iterator<Item = u32> {
        self.orders.iter().copied()
    }

    /// Papers in the cut, likewise.
    pub(super) fn shipments(&self) -> impl Iterator<Item = u32> {
        self.shipments.iter().copied()
    }
}

/// From which day to which a paper of some kind is tied to an order line.
type Window = fn(&OrderLine, &Policy) -> (Day, Day);

/// A record waiting for its ties to be followed.
#[derive(Clone, Copy)]
enum Waiting {
    Order(u32),
    Shipment(u32),
}

struct Walk<'a> {
    holdings: &'a Holdings,
    /// Most records of the cut.
    limit: usize,
    cut: Cut,
    /// First come, first followed: what is cut off at the limit lies furthest away.
    waiting: VecDeque<Waiting>,
}

impl Holdings {
    /// All cases of all tenants, each order line in exactly one.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut done = vec![false; self.orders.len()];
        let mut cuts = Vec::new();
        for order in self.orders_by_key() {
            if done[order as usize] {
                continue;
            }
            let cut = self.cut_around(order);
            for order in &cut.orders {
                done[*order as usize] = true;
            }
            cuts.push(cut);
        }
        cuts
    }

    /// The case that an order line belongs to.
    pub fn cut_around(&self, order: u32) -> Cut {
        let tenant = self.orders[order as usize].tenant;
        self.cut_within(tenant, self.policy.records_per_case_max, |walk| walk.meet_order(order))
    }

    /// The same with another limit, for whoever cannot wait for a large case.
    pub(super) fn cut_around_within(&self, order: u32, limit: usize) -> Cut {
        let tenant = self.orders[order as usize].tenant;
        self.cut_within(tenant, limit, |walk| walk.meet_order(order))
    }

    /// The records that an order line which is not held would be tied to.
    pub(super) fn cut_around_probe(&self, probe: &Probe, limit: usize) -> Cut {
        self.cut_within(probe.tenant_id, limit, |walk| walk.follow_line(&probe.base, &probe.shares))
    }

    fn cut_within(&self, tenant: u32, limit: usize, begin: impl FnOnce(&mut Walk<'_>)) -> Cut {
        let mut walk = Walk { holdings: self, limit, cut: Cut { tenant, ..Cut::default() }, waiting: VecDeque::new() };
        begin(&mut walk);
        walk.finish()
    }

    /// The records of a tenant that a paper is tied to.
    pub(super) fn cut_around_shipment(&self, tenant: u32, shipment: u32) -> Cut {
        self.cut_within(tenant, self.policy.records_per_case_max, |walk| walk.meet_shipment(shipment))
    }

    /// Order lines in canonical order: by tenant, then key.
    fn orders_by_key(&self) -> Vec<u32> {
        let mut orders: Vec<u32> = (0..self.orders.len() as u32).collect();
        orders.sort_by_key(|order| {
            let held = &self.orders[*order as usize];
            (self.tenants[held.tenant as usize].as_str(), &held.base.line.key)
        });
        orders
    }

    /// The case of a cut, everything in canonical order.
    pub fn case(&self, cut: &Cut) -> Case {
        self.case_with(cut, None)
    }

    /// The same with an order line besides that is not held, as if it were.
    pub(super) fn case_with(&self, cut: &Cut, probe: Option<&Probe>) -> Case {
        let mut orders: Vec<u32> = cut.orders.iter().copied().collect();
        orders.sort_by_key(|order| &self.orders[*order as usize].base.line.key);
        let mut shipments: Vec<u32> = cut.shipments.iter().copied().collect();
        shipments.sort_by_key(|shipment| {
            let line = &self.shipments[*shipment as usize].base.line;
            (line.date, &line.key)
        });
        let mut views = Views::new(self, cut.tenant, probe);
        for order in &orders {
            views.meet_buyer(self.orders[*order as usize].buyer);
        }
        for shipment in &shipments {
            let HeldShipment { consignor, consignee, .. } = &self.shipments[*shipment as usize];
            consignor.iter().chain(consignee).for_each(|mention| views.meet(*mention));
        }
        let entities = views.finish();
        let mut case_orders: Vec<CaseOrder> = orders.iter().map(|order| self.case_order(*order, &views)).collect();
        if let Some(probe) = probe {
            let place = case_orders.partition_point(|order| order.line.key < probe.base.line.key);
            case_orders.insert(place, CaseOrder { buyer: views.places_of(&probe.shares), ..probe.base.clone() });
        }
        Case {
            tenant: probe.map_or_else(|| self.tenants[cut.tenant as usize].clone(), |probe| probe.tenant.clone()),
            corridor: self.corridor,
            brands: self.brands_in(&case_orders, &shipments),
            orders: case_orders,
            shipments: shipments.iter().map(|shipment| self.case_shipment(*shipment, &views)).collect(),
            entities,
            coverage: self.coverage.get(cut.tenant as usize).copied().unwrap_or_default(),
            limits: CaseLimits { reached: Self::limits(cut) },
        }
    }

    fn limits(cut: &Cut) -> Vec<String> {
        let text = |limit| format!("the case was cut at {limit} records; ties beyond them were not followed");
        cut.cut_at.map(text).into_iter().collect()
    }

    fn case_order(&self, order: u32, views: &Views<'_>) -> CaseOrder {
        let held = &self.orders[order as usize];
        CaseOrder {
            buyer: views.shares(held.buyer),
            echo: held.echo.probability,
            arrival_due: held.echo.arrival_due,
            ..held.base.clone()
        }
    }

    fn case_shipment(&self, shipment: u32, views: &Views<'_>) -> CaseShipment {
        let held = &self.shipments[shipment as usize];
        let shares = |mention: Option<u32>| mention.map_or_else(Arc::default, |mention| views.shares(mention));
        CaseShipment { consignor: shares(held.consignor), consignee: shares(held.consignee), ..held.base.clone() }
    }

    fn brands_in(&self, orders: &[CaseOrder], shipments: &[u32]) -> Vec<String> {
        let mut brands = BTreeSet::new();
        let of_orders = orders.iter().map(|order| &order.goods);
        let of_shipments = shipments.iter().map(|shipment| &self.shipments[*shipment as usize].base.goods);
        for goods in of_orders.chain(of_shipments) {
            let goods: &GoodsForm = goods;
            brands.extend(self.brands.find(&goods.description_folded).map(str::to_owned));
            brands.extend(goods.brand.clone());
        }
        brands.into_iter().collect()
    }
}

impl Walk<'_> {
    fn finish(mut self) -> Cut {
        while let Some(waiting) = self.waiting.pop_front() {
            match waiting {
                Waiting::Order(order) => self.follow_order(order),
                Waiting::Shipment(shipment) => self.follow_shipment(shipment),
            }
        }
        self.cut
    }

    fn meet_order(&mut self, order: u32) {
        if self.is_full() {
            return;
        }
        if self.cut.orders.insert(order) {
            self.waiting.push_back(Waiting::Order(order));
        }
    }

    fn meet_shipment(&mut self, shipment: u32) {
        let is_visible = self.holdings.shipments[shipment as usize].is_visible_to(self.cut.tenant);
        if !is_visible || self.is_full() {
            return;
        }
        if self.cut.shipments.insert(shipment) {
            self.waiting.push_back(Waiting::Shipment(shipment));
        }
    }

    fn is_full(&mut self) -> bool {
        let full = self.cut.orders.len() + self.cut.shipments.len() >= self.limit;
        self.cut.cut_at = self.cut.cut_at.or(full.then_some(self.limit));
        full
    }

    /// Papers that may carry an order line's goods, and its arrivals.
    fn follow_order(&mut self, order: u32) {
        let held = &self.holdings.orders[order as usize];
        self.follow_line(&held.base, &self.holdings.mentions[held.buyer as usize].shares);
    }

    fn follow_line(&mut self, base: &CaseOrder, shares: &[(u32, Probability)]) {
        let holdings = self.holdings;
        let line = &base.line;
        let (from, until) = onward_window(line, &holdings.policy);
        let (arrival_from, arrival_until) = arrival_window(line, &holdings.policy);
        for (entity, _) in shares {
            let Some(entity) = holdings.entities.get(*entity as usize) else { continue };
            let sent = between(&entity.sent, from, until);
            let arrived = between(&entity.arrivals_received, arrival_from, arrival_until);
            for (_, paper) in sent.iter().chain(arrived) {
                if goods::may_match(&base.goods, &holdings.shipments[*paper as usize].base.goods) {
                    self.meet_shipment(*paper);
                }
            }
        }
    }

    /// Order lines whose goods a paper may carry, and papers before and after it inside the ostensible destination.
    fn follow_shipment(&mut self, shipment: u32) {
        let holdings = self.holdings;
        let held = &holdings.shipments[shipment as usize];
        match held.base.role {
            ShipmentRole::Arrival => self.orders_of(held.consignee, held, arrival_window),
            ShipmentRole::Transfer => {
                self.orders_of(held.consignor, held, onward_window);
                self.transfers_before(held);
                self.papers_after(held);
            }
            ShipmentRole::Onward => {
                self.orders_of(held.consignor, held, onward_window);
                self.transfers_before(held);
            }
        }
    }

    /// The same tie as in `follow_order`, seen from the paper: were it wider or narrower on one side, a record could
    /// belong to two cases.
    fn orders_of(&mut self, mention: Option<u32>, paper: &HeldShipment, window: Window) {
        let holdings = self.holdings;
        let Some(mention) = mention else { return };
        let day = paper.base.line.date;
        let earliest = day.plus_days(-holdings.policy.days_after_order_max);
        let latest = day.plus_days(holdings.policy.days_before_order_max);
        for (entity, _) in &holdings.mentions[mention as usize].shares {
            for (_, order) in between(&holdings.entities[*entity as usize].orders, earliest, latest) {
                let order_held = &holdings.orders[*order as usize];
                let (from, until) = window(&order_held.base.line, &holdings.policy);
                if order_held.tenant == self.cut.tenant
                    && from <= day
                    && day <= until
                    && goods::may_match(&order_held.base.goods, &paper.base.goods)
                {
                    self.meet_order(*order);
                }
            }
        }
    }

    fn transfers_before(&mut self, paper: &HeldShipment) {
        let holdings = self.holdings;
        let Some(mention) = paper.consignor else { return };
        let until = paper.base.line.date;
        let from = until.plus_days(-holdings.policy.days_after_transfer_max);
        for (entity, _) in &holdings.mentions[mention as usize].shares {
            for (_, transfer) in between(&holdings.entities[*entity as usize].transfers_received, from, until) {
                if goods::may_match(&holdings.shipments[*transfer as usize].base.goods, &paper.base.goods) {
                    self.meet_shipment(*transfer);
                }
            }
        }
    }

    fn papers_after(&mut self, transfer: &HeldShipment) {
        let holdings = self.holdings;
        let Some(mention) = transfer.consignee else { return };
        let from = transfer.base.line.date;
        let until = from.plus_days(holdings.policy.days_after_transfer_max);
        for (entity, _) in &holdings.mentions[mention as usize].shares {
            for (_, paper) in between(&holdings.entities[*entity as usize].sent, from, until) {
                if goods::may_match(&transfer.base.goods, &holdings.shipments[*paper as usize].base.goods) {
                    self.meet_shipment(*paper);
                }
            }
        }
    }
}

/// The entities of one case while it is put together.
struct Views<'a> {
    holdings: &'a Holdings,
    tenant: u32,
    mentions: BTreeSet<u32>,
    /// Likeliest buyers of the case's own order lines: only their records are shown, so that a case does not change
    /// with orders of firms that merely sent or received some paper in it.
    buyers: BTreeSet<u32>,
    places: HashMap<u32, u32>,
    probe: Option<&'a Probe>,
}

impl<'a> Views<'a> {
    fn new(holdings: &'a Holdings, tenant: u32, probe: Option<&'a Probe>) -> Self {
        let buyers = probe.and_then(|probe| probe.best(holdings)).into_iter().collect();
        Self { holdings, tenant, mentions: BTreeSet::new(), buyers, places: HashMap::new(), probe }
    }

    /// The name of an entity, also of one that only the order line in question brings in.
    fn key(&self, entity: u32) -> &'a str {
        match self.holdings.entities.get(entity as usize) {
            Some(held) => &held.key,
            None => self.probe.map_or("", |probe| probe.newcomer(self.holdings, entity)),
        }
    }

    fn meet(&mut self, mention: u32) {
        self.mentions.insert(mention);
    }

    fn meet_buyer(&mut self, mention: u32) {
        self.meet(mention);
        self.buyers.extend(self.holdings.best_share(mention).map(|(entity, _)| entity));
    }

    /// Entities by key; from now on [`Views::shares`] knows their places.
    fn finish(&mut self) -> Vec<EntityView> {
        let of_mention = |mention: &u32| self.holdings.mentions[*mention as usize].shares.iter().map(|share| share.0);
        let of_probe = self.probe.iter().flat_map(|probe| probe.shares.iter().map(|share| share.0));
        let numbers: BTreeSet<u32> = self.mentions.iter().flat_map(of_mention).chain(of_probe).collect();
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        numbers.sort_by_key(|entity| self.key(*entity));
        self.places = numbers.iter().enumerate().map(|(place, entity)| (*entity, place as u32)).collect();
        numbers.into_iter().map(|entity| self.view(entity)).collect()
    }

    fn view(&self, entity: u32) -> EntityView {
        let key = self.key(entity);
        let record = self.holdings.records_by_buyer.get(&(self.tenant, entity));
        let mut record = record.filter(|_| self.buyers.contains(&entity)).copied().unwrap_or_default();
        if let Some(probe) = self.probe.filter(|probe| probe.best(self.holdings) == Some(entity)) {
            record.add(probe.base.line.order_date, probe.base.echo);
        }
        EntityView {
            key: key.to_owned(),
            company: self.holdings.directory.company(key).map(|company| Arc::new(company.clone())),
            first_order_date: record.first_order_date,
            order_line_count: record.order_line_count,
            echoed_millionths: record.echoed_millionths,
        }
    }

    fn shares(&self, mention: u32) -> Arc<Vec<EntityShare>> {
        self.places_of(&self.holdings.mentions[mention as usize].shares)
    }

    fn places_of(&self, shares: &[(u32, Probability)]) -> Arc<Vec<EntityShare>> {
        let mut shares: Vec<EntityShare> = shares
            .iter()
            .filter_map(|(entity, probability)| {
                let entity = *self.places.get(entity)?;
                Some(EntityShare { entity, probability: *probability })
            })
            .collect();
        shares.sort_by(|left, right| right.probability.cmp(&left.probability).then(left.entity.cmp(&right.entity)));
        Arc::new(shares)
    }
}
