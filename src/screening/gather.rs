//! Cuts cases out of the holdings: the order lines and papers that can bear on one another, and nothing else.
//!
//! Two records belong together when a firm that both may name could have had the same goods at a possible time.
//! The cut follows such ties to their end, so no paper is shared by two cases of a tenant and goods are conserved
//! within each case. A transfer inside the ostensible destination ties further records only where it is part of a whole
//! trail, see [`trails`]: most such papers are everyday trade, and through them everything would hang together. The cut
//! decides nothing else; what the ties are worth is judged.

mod forget;
mod found;
mod trails;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use crate::goods;
use crate::model::{
    Case, CaseLimits, CaseOrder, CaseShipment, Day, EntityShare, EntityView, GoodsForm, Probability, ShipmentRole,
};

use super::holdings::{HeldShipment, Holdings, List};
use super::policy::Policy;
use super::probe::Probe;
use super::record::between;
use super::weigh::{OrderFacts, arrival_window, onward_window};
pub(super) use found::FoundTrails;
use trails::Trails;

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
    /// Whose order lines they are, by the tenant's number in the holdings.
    pub(super) fn tenant(&self) -> u32 {
        self.tenant
    }

    /// Order lines in the cut, by their numbers in the holdings.
    pub fn orders(&self) -> impl Iterator<Item = u32> {
        self.orders.iter().copied()
    }

    /// Whether records were left out because of the limit.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_at.is_some()
    }

    /// Papers in the cut, likewise.
    pub(super) fn shipments(&self) -> impl Iterator<Item = u32> {
        self.shipments.iter().copied()
    }
}

/// From which day to which a paper of some kind is tied to an order line.
type Window = fn(&OrderFacts, &Policy) -> (Day, Day);

/// Who is looked for, and in which list of an entity. What is met depends on the paper met and never on who looks, so that
/// the same days need not be looked through again for goods that are spelt alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Look {
    /// Order lines that a paper may carry.
    Orders,
    /// Whatever the buyer of an order line sent.
    Sent,
    /// Arrivals of an order line.
    Arrived,
    /// What may follow on the first transfer of a trail: an onward paper, or a transfer that one follows.
    AfterFirst,
    /// What may follow on the second one: an onward paper.
    AfterSecond,
    /// Transfers that may stand before the second one of a trail.
    BeforeSecond,
    /// Transfers that may stand before an onward paper.
    BeforeOnward,
}

impl Look {
    fn list(self) -> List {
        match self {
            Self::Orders => List::Orders,
            Self::Sent | Self::AfterFirst | Self::AfterSecond => List::Sent,
            Self::Arrived => List::ArrivalsReceived,
            Self::BeforeSecond | Self::BeforeOnward => List::TransfersReceived,
        }
    }
}

/// A record waiting for its ties to be followed.
#[derive(Clone, Copy)]
enum Waiting {
    Order(u32),
    Shipment(u32),
}

struct Walk<'a, 'b> {
    holdings: &'a Holdings,
    /// Most records of the cut.
    limit: usize,
    cut: Cut,
    /// First come, first followed: what is cut off at the limit lies furthest away.
    waiting: VecDeque<Waiting>,
    /// Days of an entity's list that were already held against goods: what is spelt alike is looked for once.
    looked_at: HashMap<(Look, u32, *const GoodsForm), (Day, Day)>,
    trails: &'b mut Trails<'a>,
}

/// Cuts one case after the other out of holdings that do not change meanwhile: what is found of transfers serves the next
/// case too.
pub(super) struct Cutter<'a> {
    holdings: &'a Holdings,
    trails: Trails<'a>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(holdings: &'a Holdings) -> Self {
        Self { holdings, trails: Trails::new(holdings, 0) }
    }

    /// The case that an order line belongs to.
    pub(super) fn around_order(&mut self, order: u32) -> Cut {
        self.around_order_within(order, self.holdings.policy.records_per_case_max)
    }

    fn around_order_within(&mut self, order: u32, limit: usize) -> Cut {
        let tenant = self.holdings.orders[order as usize].tenant;
        self.cut(tenant, limit, |walk| walk.meet_order(order))
    }

    /// The records of a tenant that a paper is tied to.
    pub(super) fn around_shipment(&mut self, tenant: u32, shipment: u32) -> Cut {
        let is_visible = self.holdings.shipments[shipment as usize].is_visible_to(tenant);
        self.cut(tenant, self.holdings.policy.records_per_case_max, |walk| {
            if is_visible {
                walk.meet_shipment(shipment);
            }
        })
    }

    fn cut(&mut self, tenant: u32, limit: usize, begin: impl FnOnce(&mut Walk<'a, '_>)) -> Cut {
        if self.trails.tenant() != tenant {
            self.trails = Trails::new(self.holdings, tenant);
        }
        self.trails.make_room();
        let (waiting, looked_at, trails) = (VecDeque::new(), HashMap::new(), &mut self.trails);
        let cut = Cut { tenant, ..Cut::default() };
        let mut walk = Walk { holdings: self.holdings, limit, cut, waiting, looked_at, trails };
        begin(&mut walk);
        walk.finish()
    }
}

impl Holdings {
    /// All cases of all tenants, each order line in exactly one, in the canonical order of the first order line of each.
    pub fn cuts(&self) -> Vec<Cut> {
        self.cuts_around(self.orders_by_key().into_iter()).collect()
    }

    /// Cases that hold some of these order lines, each once.
    pub(super) fn cuts_around(&self, orders: impl Iterator<Item = u32>) -> impl Iterator<Item = Cut> {
        let (mut done, mut cutter) = (vec![false; self.orders.len()], Cutter::new(self));
        orders.filter_map(move |order| {
            if done[order as usize] {
                return None;
            }
            let cut = cutter.around_order(order);
            cut.orders.iter().for_each(|order| done[*order as usize] = true);
            Some(cut)
        })
    }

    /// The case that an order line belongs to.
    pub fn cut_around(&self, order: u32) -> Cut {
        Cutter::new(self).around_order(order)
    }

    /// The same with another limit, for whoever cannot wait for a large case. Leaves alone what is kept of trails, which judging
    /// may need meanwhile.
    pub(super) fn cut_around_within(&self, order: u32, limit: usize) -> Cut {
        let trails = Trails::apart(self, self.orders[order as usize].tenant);
        Cutter { holdings: self, trails }.around_order_within(order, limit)
    }

    /// The records that an order line which is not held would be tied to.
    pub(super) fn cut_around_probe<'a>(&'a self, probe: &'a Probe, limit: usize) -> Cut {
        let (facts, goods, shares) = (OrderFacts::of(&probe.base), &probe.base.goods, &probe.shares);
        let mut cutter = Cutter { holdings: self, trails: Trails::of_probe(self, probe) };
        cutter.cut(probe.tenant_id, limit, |walk| {
            walk.follow_line(&facts, goods, shares);
            let met = walk.cut.shipments.iter().copied();
            walk.trails.lead_over(met);
        })
    }

    /// Order lines in canonical order: by tenant, then key.
    pub(super) fn orders_by_key(&self) -> Vec<u32> {
        let mut orders: Vec<u32> = (0..self.orders.len() as u32).collect();
        orders.sort_by_key(|order| {
            let held = &self.orders[*order as usize];
            (self.tenants[held.tenant as usize].as_str(), self.pool.order_rank(&held.row))
        });
        orders
    }

    /// Order lines of a cut by key, as the case has them.
    pub(super) fn orders_in_order(&self, cut: &Cut) -> Vec<u32> {
        let mut orders: Vec<u32> = cut.orders.iter().copied().collect();
        orders.sort_by_key(|order| self.pool.order_rank(&self.orders[*order as usize].row));
        orders
    }

    /// The case of a cut, everything in canonical order.
    pub fn case(&self, cut: &Cut) -> Case {
        self.case_with(cut, None)
    }

    /// The same with an order line besides that is not held, as if it were.
    pub(super) fn case_with(&self, cut: &Cut, probe: Option<&Probe>) -> Case {
        let orders = self.orders_in_order(cut);
        let mut shipments: Vec<u32> = cut.shipments.iter().copied().collect();
        shipments.sort_by_key(|shipment| {
            let row = &self.shipments[*shipment as usize].row;
            (row.date, self.pool.shipment_rank(row))
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
        let mut likeness = self.counts.get(cut.tenant as usize).copied().unwrap_or_default().likeness;
        if let Some(probe) = probe {
            likeness.add(probe.echo);
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
            coverage: self.counts.get(cut.tenant as usize).copied().unwrap_or_default().coverage(),
            likeness: likeness.record(),
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
            line: Arc::new(self.pool.order(&held.row)),
            goods: Arc::clone(&held.goods),
            buyer: views.shares(held.buyer),
            echo: held.echo.probability,
            value_euro: held.value_euro,
            arrival_due: held.echo.arrival_due,
        }
    }

    fn case_shipment(&self, shipment: u32, views: &Views<'_>) -> CaseShipment {
        let held = &self.shipments[shipment as usize];
        let shares = |mention: Option<u32>| mention.map_or_else(Arc::default, |mention| views.shares(mention));
        CaseShipment {
            line: Arc::new(self.pool.shipment(&held.row)),
            role: held.role,
            goods: Arc::clone(&held.goods),
            consignor: shares(held.consignor),
            consignee: shares(held.consignee),
            value_euro: held.value_euro,
        }
    }

    fn brands_in(&self, orders: &[CaseOrder], shipments: &[u32]) -> Vec<String> {
        let mut brands = BTreeSet::new();
        let of_orders = orders.iter().map(|order| &order.goods);
        let of_shipments = shipments.iter().map(|shipment| &self.shipments[*shipment as usize].goods);
        for goods in of_orders.chain(of_shipments) {
            let goods: &GoodsForm = goods;
            brands.extend(self.brands.find(&goods.description_folded).map(str::to_owned));
            brands.extend(goods.brand.clone());
        }
        brands.into_iter().collect()
    }
}

impl<'a> Walk<'a, '_> {
    fn finish(mut self) -> Cut {
        // Beyond the limit nothing is met any more, so there is nothing to follow either.
        while self.cut.cut_at.is_none()
            && let Some(waiting) = self.waiting.pop_front()
        {
            match waiting {
                Waiting::Order(order) => self.follow_order(order),
                Waiting::Shipment(shipment) => self.follow_shipment(shipment),
            }
        }
        self.cut
    }

    fn meet_order(&mut self, order: u32) {
        if !self.is_full() && self.cut.orders.insert(order) {
            self.waiting.push_back(Waiting::Order(order));
        }
    }

    fn meet_shipment(&mut self, shipment: u32) {
        if !self.is_full() && self.cut.shipments.insert(shipment) {
            self.waiting.push_back(Waiting::Shipment(shipment));
        }
    }

    fn is_full(&mut self) -> bool {
        let full = self.cut.orders.len() + self.cut.shipments.len() >= self.limit;
        self.cut.cut_at = self.cut.cut_at.or(full.then_some(self.limit));
        full
    }

    /// The parts of a window that goods spelt so were not yet looked for in this list.
    fn unseen(&mut self, look: Look, entity: u32, goods: &Arc<GoodsForm>, from: Day, until: Day) -> [(Day, Day); 2] {
        let none = (from, from.plus_days(-1));
        let seen = self.looked_at.entry((look, entity, Arc::as_ptr(goods))).or_insert(none);
        let (first, last) = *seen;
        if last < first || until < first.plus_days(-1) || last.plus_days(1) < from {
            // Nothing yet, or days that do not touch those seen: these take their place.
            *seen = (from, until);
            return [(from, until), none];
        }
        *seen = (first.min(from), last.max(until));
        [(from, first.plus_days(-1)), (last.plus_days(1), until)]
    }

    /// Papers whose goods may match, as far as the look is for them.
    fn meet_papers(&mut self, look: Look, entity: u32, goods: &Arc<GoodsForm>, (from, until): (Day, Day)) {
        let holdings = self.holdings;
        // A number beyond those held stands for a firm that only an order line in question names.
        let Some(held) = holdings.entities.get(entity as usize) else { return };
        for (from, until) in self.unseen(look, entity, goods, from, until) {
            for (_, paper) in between(held.list(look.list()), from, until) {
                let shipment = &holdings.shipments[*paper as usize];
                if !self.cut.shipments.contains(paper)
                    && shipment.is_visible_to(self.cut.tenant)
                    && goods::may_match(goods, &shipment.goods)
                    && self.is_meant(look, *paper)
                {
                    self.meet_shipment(*paper);
                }
            }
        }
    }

    fn is_meant(&mut self, look: Look, paper: u32) -> bool {
        let is_onward = self.holdings.shipments[paper as usize].role == ShipmentRole::Onward;
        match look {
            Look::Orders | Look::Sent | Look::Arrived => true,
            Look::AfterFirst => is_onward || self.trails.leaves(paper),
            Look::AfterSecond => is_onward,
            Look::BeforeSecond => self.trails.is_crowded(paper),
            Look::BeforeOnward => self.trails.is_crowded(paper) || self.trails.second(paper).is_crowded,
        }
    }

    /// Papers that may carry an order line's goods, and its arrivals.
    fn follow_order(&mut self, order: u32) {
        let holdings = self.holdings;
        let held = &holdings.orders[order as usize];
        self.follow_line(&held.facts(), &held.goods, holdings.mentions[held.buyer as usize].followed());
    }

    fn follow_line(&mut self, facts: &OrderFacts, goods: &Arc<GoodsForm>, shares: &[(u32, Probability)]) {
        let onward = onward_window(facts, &self.holdings.policy);
        let arrival = arrival_window(facts, &self.holdings.policy);
        for (entity, _) in shares {
            self.meet_papers(Look::Sent, *entity, goods, onward);
            self.meet_papers(Look::Arrived, *entity, goods, arrival);
        }
    }

    /// Order lines whose goods a paper may carry, and papers before and after it inside the ostensible destination.
    fn follow_shipment(&mut self, shipment: u32) {
        let holdings = self.holdings;
        let held = &holdings.shipments[shipment as usize];
        match held.role {
            ShipmentRole::Arrival => self.orders_of(held.consignee, held, arrival_window),
            ShipmentRole::Transfer => {
                self.orders_of(held.consignor, held, onward_window);
                self.follow_trails(shipment, held);
            }
            ShipmentRole::Onward => {
                self.orders_of(held.consignor, held, onward_window);
                self.transfers_before(Look::BeforeOnward, held);
                let tied = self.trails.before_onward(shipment);
                tied.into_iter().for_each(|paper| self.meet_shipment(paper));
            }
        }
    }

    /// What a transfer is tied to by the trails that it is the first or the second paper of.
    fn follow_trails(&mut self, shipment: u32, held: &'a HeldShipment) {
        if self.trails.is_crowded(shipment) {
            self.papers_after(Look::AfterFirst, held);
        }
        if self.trails.second(shipment).is_crowded && self.trails.leaves(shipment) {
            self.transfers_before(Look::BeforeSecond, held);
            self.papers_after(Look::AfterSecond, held);
        }
        let tied = [self.trails.after_first(shipment), self.trails.around_second(shipment)];
        tied.into_iter().flatten().for_each(|paper| self.meet_shipment(paper));
    }

    /// The same tie as in `follow_order`, seen from the paper: were it wider or narrower on one side, a record could
    /// belong to two cases.
    fn orders_of(&mut self, mention: Option<u32>, paper: &'a HeldShipment, window: Window) {
        let holdings = self.holdings;
        let Some(mention) = mention else { return };
        let day = paper.row.date;
        let (earliest, latest) = holdings.policy.orders_of_paper(day);
        for (entity, _) in holdings.followed(mention) {
            let orders = &holdings.entities[entity as usize].orders;
            // Days of arrivals depend on each order line's despatch, so that what one arrival saw says nothing of others.
            let windows = match paper.role {
                ShipmentRole::Arrival => [(earliest, latest), (latest, earliest)],
                _ => self.unseen(Look::Orders, entity, &paper.goods, earliest, latest),
            };
            for (_, order) in windows.into_iter().flat_map(|(from, until)| between(orders, from, until)) {
                let held = &holdings.orders[*order as usize];
                if held.tenant != self.cut.tenant || self.cut.orders.contains(order) {
                    continue;
                }
                let (from, until) = window(&held.facts(), &holdings.policy);
                if from <= day && day <= until && goods::may_match(&held.goods, &paper.goods) {
                    self.meet_order(*order);
                }
            }
        }
    }

    fn transfers_before(&mut self, look: Look, paper: &'a HeldShipment) {
        let Some(mention) = paper.consignor else { return };
        let window = self.holdings.policy.before_paper(paper.row.date);
        for (entity, _) in self.holdings.followed(mention) {
            self.meet_papers(look, entity, &paper.goods, window);
        }
    }

    fn papers_after(&mut self, look: Look, transfer: &'a HeldShipment) {
        let Some(mention) = transfer.consignee else { return };
        let window = self.holdings.policy.after_transfer(transfer.row.date);
        for (entity, _) in self.holdings.followed(mention) {
            self.meet_papers(look, entity, &transfer.goods, window);
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
        let of_mention = |mention: &u32| self.holdings.followed(*mention).map(|share| share.0);
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
        self.places_of(self.holdings.mentions[mention as usize].followed())
    }

    fn places_of(&self, shares: &[(u32, Probability)]) -> Arc<Vec<EntityShare>> {
        let place = |(entity, probability): &(u32, Probability)| {
            Some(EntityShare { entity: *self.places.get(entity)?, probability: *probability })
        };
        let mut shares: Vec<EntityShare> = shares.iter().filter_map(place).collect();
        shares.sort_by(|left, right| right.probability.cmp(&left.probability).then(left.entity.cmp(&right.entity)));
        Arc::new(shares)
    }
}

#[cfg(test)]
mod tests;
