//! Which papers are tied by goods that pass through one or two firms inside the ostensible destination.
//!
//! A trail leads from an order line over one transfer, or two, to an onward paper. Most transfers are everyday trade: were
//! each tied to whatever its receiver sent on afterwards, most of what is held would hang together. So the papers of a
//! trail are tied only where the trail could weigh enough to be a link, at the most that may be known of buyer, tenant,
//! arrival and declaration. What is weighed here is read from the holdings alone, so that a tie is the same from both of
//! its ends.
//!
//! Where very many order lines and papers of such goods meet at one transfer, nothing is weighed: what is alike is tied.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::super::arrivals::worth;
use super::super::buyers::{RECORD_STEPS, RecordStep};
use super::super::holdings::{HeldShipment, Holdings, List};
use super::super::index::IDENTITY_MAX;
use super::super::probe::Probe;
use super::super::record::between;
use super::super::weigh::{OrderFacts, Pair, arrival_window, declaration_of_arrival, despatch_day, same_declaration};
use super::super::weights::{FIRMS_BETWEEN_MAX, Leg, Place, Trace};
use crate::goods;
use crate::model::{Amount, Bits, Day, GoodsForm, Probability, ShipmentRole};

/// Rows within a window that are looked through each time; where there are more, those of the whole list whose goods are
/// alike are kept. Small in tests, so that they go both ways.
const ROWS_LOOKED_THROUGH_MAX: usize = if cfg!(test) { 3 } else { 2_000 };

/// Transfers of which is kept what was found, up to which more are taken up.
const TRANSFERS_KEPT_MAX: usize = 100_000;

/// Rows of a list of an entity, by day.
type Rows = Arc<[(Day, u32)]>;
/// The rows whose goods may match, by entity and the place of the goods in memory.
type Alike = HashMap<(u32, usize), Rows>;

/// Goods as some order lines of a firm spell them, and those lines.
type SpeltAlike<'a> = (&'a Arc<GoodsForm>, Vec<(Day, u32)>);

/// What was found of the transfers that cuts came upon. It holds as long as the holdings do not change.
pub(super) struct Trails<'a> {
    holdings: &'a Holdings,
    tenant: u32,
    /// An order line that is not held, and the papers that its buyer sent.
    probe: Option<(&'a Probe, Vec<u32>)>,
    ways: Option<Ways>,
    arrivals: HashMap<u32, Arc<[u32]>>,
    firsts: HashMap<u32, First<'a>>,
    seconds: HashMap<u32, Arc<Second<'a>>>,
    leaving: HashMap<u32, bool>,
    weighed: HashMap<u32, Rows>,
    by_goods: HashMap<u32, Vec<SpeltAlike<'a>>>,
    ordered: Alike,
    nothing: Rows,
    sent: HashMap<(u32, ShipmentRole, usize), Rows>,
}

/// The most that stands before all comparisons, in thousandths of a bit: by step of the buyer's record, then by firms between
/// buyer and border.
type Ways = [[i32; FIRMS_BETWEEN_MAX + 1]; RECORD_STEPS.len()];

/// A trail from an order line as far as a transfer: what it weighs at most without the way, and how much was transferred.
#[derive(Clone, Copy)]
pub(super) struct Start<'a> {
    line: Line<'a>,
    bits: i32,
    amount: Option<Amount>,
}

/// What is weighed of an order line.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Its number; nothing for the one that is not held.
    order: Option<u32>,
    goods: &'a Arc<GoodsForm>,
    facts: OrderFacts,
    record: RecordStep,
}

/// A transfer as the first one of a trail.
#[derive(Clone)]
pub(super) enum First<'a> {
    /// From these order lines; there may be none.
    Of(Arc<[Start<'a>]>),
    /// From so many, or followed by so many papers, that what is alike is tied.
    Crowded,
}

/// A transfer as the second one of a trail.
pub(super) struct Second<'a> {
    /// By the first transfers before it.
    pub of: Vec<(u32, Start<'a>)>,
    /// Whatever is alike follows on it.
    pub is_crowded: bool,
}

impl<'a> Trails<'a> {
    pub(super) fn new(holdings: &'a Holdings, tenant: u32) -> Self {
        Self {
            holdings,
            tenant,
            probe: None,
            ways: None,
            arrivals: HashMap::new(),
            firsts: HashMap::new(),
            seconds: HashMap::new(),
            leaving: HashMap::new(),
            weighed: HashMap::new(),
            by_goods: HashMap::new(),
            ordered: HashMap::new(),
            nothing: Rows::from([]),
            sent: HashMap::new(),
        }
    }

    /// Forgets what was found where that is much.
    pub(super) fn make_room(&mut self) {
        if self.firsts.len() + self.seconds.len() > TRANSFERS_KEPT_MAX {
            *self = Self::new(self.holdings, self.tenant);
        }
    }

    pub(super) fn tenant(&self) -> u32 {
        self.tenant
    }

    /// Trails may lead from this order line too, which is not held and whose buyer sent these papers.
    pub(super) fn lead_from(&mut self, probe: &'a Probe, papers: impl Iterator<Item = u32>) {
        self.probe = Some((probe, papers.collect()));
    }

    /// A transfer as the first one of a trail.
    pub(super) fn first(&mut self, transfer: u32) -> First<'a> {
        if let Some(known) = self.firsts.get(&transfer) {
            return known.clone();
        }
        let held = self.held(transfer);
        let found = if self.is_crowd(transfer) {
            First::Crowded
        } else {
            let mut lines = self.orders_before(held);
            let probe = self.probe.iter().filter(|(_, papers)| papers.contains(&transfer));
            lines.extend(probe.map(|(Probe { base, .. }, _)| Line {
                order: None,
                goods: &base.goods,
                facts: OrderFacts::of(base),
                record: RecordStep::ANY,
            }));
            First::Of(lines.into_iter().filter_map(|line| self.start(line, held)).collect())
        };
        self.firsts.insert(transfer, found.clone());
        found
    }

    pub(super) fn is_crowded(&mut self, transfer: u32) -> bool {
        matches!(self.first(transfer), First::Crowded)
    }

    /// A transfer as the second one of a trail.
    pub(super) fn second(&mut self, transfer: u32) -> Arc<Second<'a>> {
        if let Some(known) = self.seconds.get(&transfer) {
            return Arc::clone(known);
        }
        let held = self.held(transfer);
        let mut found = Second { of: Vec::new(), is_crowded: false };
        for before in self.transfers_before(held) {
            let first = self.held(before);
            if !self.may_begin(before, &held.goods) {
                continue;
            }
            match self.first(before) {
                First::Crowded => found.is_crowded |= goods::may_match(&first.goods, &held.goods),
                First::Of(starts) if before != transfer && self.may_follow(first, held) => {
                    let next = starts.iter().filter_map(|start| self.next(start, first, held));
                    found.of.extend(next.map(|start| (before, start)).collect::<Vec<_>>());
                }
                First::Of(_) => {}
            }
        }
        let goods = &held.goods;
        let most = self.holdings.policy.pairs_per_transfer_max;
        found.is_crowded |= !found.of.is_empty() && self.sent_out_after(transfer, goods).len() > most;
        let found = Arc::new(found);
        self.seconds.insert(transfer, Arc::clone(&found));
        found
    }

    /// Papers tied to a transfer as the first one of weighed trails: those over the border, and second transfers.
    pub(super) fn after_first(&mut self, transfer: u32) -> Vec<u32> {
        let First::Of(starts) = self.first(transfer) else { return Vec::new() };
        let mut found = Vec::new();
        for start in starts.iter() {
            let onward = self.sent_out_after(transfer, start.line.goods);
            found.extend(onward.into_iter().filter(|paper| self.crosses(start, transfer, *paper, 1)));
            let inside = self.sent_inside_after(transfer, start.line.goods);
            found.extend(inside.into_iter().filter(|paper| self.follows(transfer, *paper)));
        }
        found
    }

    /// Papers tied to a transfer as the second one of weighed trails: the first ones, and those over the border.
    pub(super) fn around_second(&mut self, transfer: u32) -> Vec<u32> {
        let second = self.second(transfer);
        let mut found = Vec::new();
        for (first, start) in &second.of {
            if second.is_crowded {
                found.push(*first);
                continue;
            }
            for paper in self.sent_out_after(transfer, start.line.goods) {
                if self.crosses(start, transfer, paper, 2) {
                    found.extend([*first, paper]);
                }
            }
        }
        found
    }

    /// Transfers tied to an onward paper by weighed trails.
    pub(super) fn before_onward(&mut self, paper: u32) -> Vec<u32> {
        let goods = &self.held(paper).goods;
        let mut found = Vec::new();
        for transfer in self.weighed_before(self.held(paper)) {
            let is_tied = self.may_begin(transfer, goods)
                && match self.first(transfer) {
                    First::Of(starts) => starts.iter().any(|start| self.crosses(start, transfer, paper, 1)),
                    First::Crowded => false,
                };
            let mut before = self.transfers_before(self.held(transfer)).into_iter();
            let is_tied = is_tied
                || before.any(|first| self.may_begin(first, goods)) && {
                    let second = self.second(transfer);
                    !second.is_crowded && second.of.iter().any(|(_, start)| self.crosses(start, transfer, paper, 2))
                };
            found.extend(is_tied.then_some(transfer));
        }
        found
    }

    /// Whether a weighed trail leads from one transfer over another one to the border.
    fn follows(&mut self, first: u32, transfer: u32) -> bool {
        let second = self.second(transfer);
        let mut starts = second.of.iter().filter(|(before, _)| *before == first);
        starts.any(|(_, start)| {
            let mut onward = self.sent_out_after(transfer, start.line.goods).into_iter();
            second.is_crowded || onward.any(|paper| self.crosses(start, transfer, paper, 2))
        })
    }

    /// Whether the receiver of a transfer sent what is alike over the border afterwards.
    pub(super) fn leaves(&mut self, transfer: u32) -> bool {
        if let Some(known) = self.leaving.get(&transfer) {
            return *known;
        }
        let (holdings, held) = (self.holdings, self.held(transfer));
        let (from, until) = holdings.policy.after_transfer(held.row.date);
        let mut firms = held.consignee.into_iter().flat_map(|mention| holdings.followed(mention));
        let leaves = firms.any(|(entity, _)| {
            let within = between(holdings.entities[entity as usize].list(List::Sent), from, until);
            match within.len() <= ROWS_LOOKED_THROUGH_MAX {
                true => within.iter().any(|(_, paper)| self.is_sent(*paper, ShipmentRole::Onward, &held.goods)),
                false => {
                    let rows = self.sent_alike(entity, ShipmentRole::Onward, &held.goods);
                    !between(&rows, from, until).is_empty()
                }
            }
        });
        self.leaving.insert(transfer, leaves);
        leaves
    }

    /// Whether a trail of such goods may begin with a transfer: its sender ordered what is alike, or it is crowded. Asked
    /// first, because most firms never did.
    fn may_begin(&mut self, transfer: u32, goods: &Arc<GoodsForm>) -> bool {
        let (holdings, held) = (self.holdings, self.held(transfer));
        let mut firms = held.consignor.into_iter().flat_map(|mention| holdings.followed(mention));
        firms.any(|(entity, _)| !self.ordered_alike(entity, goods).is_empty())
            || self
                .probe
                .as_ref()
                .is_some_and(|(probe, papers)| papers.contains(&transfer) && goods::may_match(&probe.base.goods, goods))
            || self.may_be_crowd(transfer)
    }

    /// Whether so many order lines, with what is tied to the transfer where there are too many, make too many pairs. Only
    /// what is tied then counts, so that whoever makes it one too many is tied himself. Counts without collecting: it is
    /// asked where there are very many.
    fn is_crowd(&mut self, transfer: u32) -> bool {
        if !self.may_be_crowd(transfer) {
            return false;
        }
        let (holdings, held) = (self.holdings, self.held(transfer));
        let most = holdings.policy.pairs_per_transfer_max;
        let (from, until) = holdings.policy.orders_of_paper(held.row.date);
        let senders = held.consignor.into_iter().flat_map(|mention| holdings.followed(mention));
        let ordered = senders.map(|(entity, _)| between(&self.ordered_alike(entity, &held.goods), from, until).len());
        let line_count: usize = ordered.sum();
        if line_count == 0 {
            return false;
        }
        let (from, until) = holdings.policy.after_transfer(held.row.date);
        let receivers: Vec<u32> =
            held.consignee.into_iter().flat_map(|mention| holdings.followed(mention)).map(|share| share.0).collect();
        let sent = receivers.iter().map(|entity| {
            let rows = self.sent_alike(*entity, ShipmentRole::Onward, &held.goods);
            between(&rows, from, until).len()
        });
        let out_count: usize = sent.sum();
        if line_count * out_count > most {
            return true;
        }
        let inside = self.sent_inside_after(transfer, &held.goods);
        let inside_count = inside.into_iter().filter(|paper| self.leaves(*paper)).count();
        line_count * (out_count + inside_count) > most
    }

    /// Whether there would be too many pairs if all goods were alike.
    fn may_be_crowd(&self, transfer: u32) -> bool {
        let (holdings, held) = (self.holdings, self.held(transfer));
        let policy = &holdings.policy;
        let count = |mention: Option<u32>, list: List, (from, until): (Day, Day)| -> usize {
            let firms = mention.into_iter().flat_map(|mention| holdings.followed(mention));
            firms.map(|(entity, _)| between(holdings.entities[entity as usize].list(list), from, until).len()).sum()
        };
        let order_count = count(held.consignor, List::Orders, policy.orders_of_paper(held.row.date));
        let following_count = || count(held.consignee, List::Sent, policy.after_transfer(held.row.date));
        order_count > 0 && order_count * following_count() > policy.pairs_per_transfer_max
    }

    fn held(&self, paper: u32) -> &'a HeldShipment {
        &self.holdings.shipments[paper as usize]
    }

    /// Papers of such goods by which the receiver of a transfer sent something over the border afterwards.
    fn sent_out_after(&mut self, transfer: u32, goods: &Arc<GoodsForm>) -> Vec<u32> {
        self.sent_after(transfer, ShipmentRole::Onward, goods)
    }

    /// The same inside the ostensible destination.
    fn sent_inside_after(&mut self, transfer: u32, goods: &Arc<GoodsForm>) -> Vec<u32> {
        self.sent_after(transfer, ShipmentRole::Transfer, goods)
    }

    fn sent_after(&mut self, transfer: u32, role: ShipmentRole, goods: &Arc<GoodsForm>) -> Vec<u32> {
        let (holdings, transfer) = (self.holdings, self.held(transfer));
        let (from, until) = holdings.policy.after_transfer(transfer.row.date);
        let mut found = Vec::new();
        for (entity, _) in transfer.consignee.into_iter().flat_map(|mention| holdings.followed(mention)) {
            let within = between(holdings.entities[entity as usize].list(List::Sent), from, until);
            if within.len() <= ROWS_LOOKED_THROUGH_MAX {
                let alike = within.iter().filter(|(_, paper)| self.is_sent(*paper, role, goods));
                found.extend(alike.map(|(_, paper)| *paper));
            } else {
                let rows = self.sent_alike(entity, role, goods);
                found.extend(between(&rows, from, until).iter().map(|(_, paper)| *paper));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Papers of one role and of such goods that a firm sent.
    fn sent_alike(&mut self, entity: u32, role: ShipmentRole, goods: &Arc<GoodsForm>) -> Rows {
        let place = (entity, role, Arc::as_ptr(goods).addr());
        if let Some(known) = self.sent.get(&place) {
            return Arc::clone(known);
        }
        let sent = self.holdings.entities[entity as usize].list(List::Sent).iter();
        let rows: Rows = sent.filter(|(_, paper)| self.is_sent(*paper, role, goods)).copied().collect();
        self.sent.insert(place, Arc::clone(&rows));
        rows
    }

    /// Whether the tenant may see a paper, of this role and of goods that are alike.
    fn is_sent(&self, paper: u32, role: ShipmentRole, goods: &GoodsForm) -> bool {
        let held = self.held(paper);
        held.role == role && held.is_visible_to(self.tenant) && goods::may_match(goods, &held.goods)
    }

    /// Order lines of the tenant that a transfer may carry.
    fn orders_before(&mut self, transfer: &'a HeldShipment) -> Vec<Line<'a>> {
        let holdings = self.holdings;
        let (from, until) = holdings.policy.orders_of_paper(transfer.row.date);
        let mut found = Vec::new();
        for (entity, _) in transfer.consignor.into_iter().flat_map(|mention| holdings.followed(mention)) {
            let rows = self.ordered_alike(entity, &transfer.goods);
            found.extend(between(&rows, from, until).iter().map(|(_, order)| *order));
        }
        found.sort_unstable();
        found.dedup();
        let besides = self.probe.as_ref().and_then(|(probe, _)| Some((probe.best(holdings)?, probe.base.echo)));
        let line = |order: u32| {
            let held = &holdings.orders[order as usize];
            // An order line in question counts in its buyer's record.
            let record = match besides.filter(|(buyer, _)| held.counted_for == Some(*buyer)) {
                Some(besides) => Some(holdings.record_step(held, Some(besides))),
                None => held.record_step,
            };
            let record = record.unwrap_or(RecordStep::ANY);
            Line { order: Some(order), goods: &held.goods, facts: held.facts(), record }
        };
        found.into_iter().map(line).collect()
    }

    /// Order lines of the tenant by a firm, of such goods.
    fn ordered_alike(&mut self, entity: u32, goods: &Arc<GoodsForm>) -> Rows {
        // Most firms never ordered anything.
        if self.holdings.entities[entity as usize].orders.is_empty() {
            return Arc::clone(&self.nothing);
        }
        if let Some(known) = self.ordered.get(&(entity, Arc::as_ptr(goods).addr())) {
            return Arc::clone(known);
        }
        let mut found: Vec<(Day, u32)> = Vec::new();
        for (ordered, rows) in self.orders_by_goods(entity) {
            if goods::may_match(ordered, goods) {
                found.extend(rows);
            }
        }
        found.sort_unstable();
        let found: Rows = found.into();
        self.ordered.insert((entity, Arc::as_ptr(goods).addr()), Arc::clone(&found));
        found
    }

    /// Order lines of the tenant by a firm, those spelt alike together: a buyer orders the same goods again and again.
    fn orders_by_goods(&mut self, entity: u32) -> &[SpeltAlike<'a>] {
        let (holdings, tenant) = (self.holdings, self.tenant);
        self.by_goods.entry(entity).or_insert_with(|| {
            let mut places: HashMap<usize, usize> = HashMap::new();
            let mut groups: Vec<SpeltAlike<'_>> = Vec::new();
            for row in holdings.entities[entity as usize].list(List::Orders) {
                let held = &holdings.orders[row.1 as usize];
                if held.tenant == tenant {
                    let place = *places.entry(Arc::as_ptr(&held.goods).addr()).or_insert(groups.len());
                    if place == groups.len() {
                        groups.push((&held.goods, Vec::new()));
                    }
                    groups[place].1.push(*row);
                }
            }
            groups
        })
    }

    /// Transfers that the sender of a paper received before, of whatever goods.
    fn transfers_before(&self, paper: &HeldShipment) -> Vec<u32> {
        let holdings = self.holdings;
        let (from, until) = holdings.policy.before_paper(paper.row.date);
        let mut found = Vec::new();
        for (entity, _) in paper.consignor.into_iter().flat_map(|mention| holdings.followed(mention)) {
            let received = between(holdings.entities[entity as usize].list(List::TransfersReceived), from, until);
            let seen = received.iter().filter(|(_, paper)| self.held(*paper).is_visible_to(self.tenant));
            found.extend(seen.map(|(_, paper)| *paper));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The same, but of very many only those by which some weighed trail leads.
    fn weighed_before(&mut self, paper: &HeldShipment) -> Vec<u32> {
        let holdings = self.holdings;
        let (from, until) = holdings.policy.before_paper(paper.row.date);
        let firms: Vec<u32> =
            paper.consignor.into_iter().flat_map(|mention| holdings.followed(mention)).map(|share| share.0).collect();
        let is_many = |entity: &u32| {
            let received = holdings.entities[*entity as usize].list(List::TransfersReceived);
            between(received, from, until).len() > ROWS_LOOKED_THROUGH_MAX
        };
        if !firms.iter().any(is_many) {
            return self.transfers_before(paper);
        }
        let mut found = Vec::new();
        for entity in firms {
            let rows = self.weighed_of(entity);
            found.extend(between(&rows, from, until).iter().map(|(_, transfer)| *transfer));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Transfers to a firm by which some weighed trail leads.
    fn weighed_of(&mut self, entity: u32) -> Rows {
        if let Some(known) = self.weighed.get(&entity) {
            return Arc::clone(known);
        }
        let received = self.holdings.entities[entity as usize].list(List::TransfersReceived);
        let mut rows = Vec::new();
        for row in received {
            let is_first = matches!(self.first(row.1), First::Of(starts) if !starts.is_empty());
            if self.held(row.1).is_visible_to(self.tenant) && (is_first || !self.second(row.1).of.is_empty()) {
                rows.push(*row);
            }
        }
        let rows: Rows = rows.into();
        self.weighed.insert(entity, Arc::clone(&rows));
        rows
    }

    /// Whether a firm that received one paper is likely enough the sender of another one.
    fn may_follow(&self, before: &HeldShipment, after: &HeldShipment) -> bool {
        let (Some(receiver), Some(sender)) = (before.consignee, after.consignor) else { return false };
        let share = |(entity, share): (u32, Probability)| share.to_f64() * self.holdings.share_of(sender, entity);
        let same_firm: f64 = self.holdings.followed(receiver).map(share).sum();
        Probability::from_f64(same_firm.min(IDENTITY_MAX)).to_f64() >= self.holdings.policy.share_min
    }

    fn ways(&mut self) -> &Ways {
        let weights = &self.holdings.policy.weights;
        self.ways.get_or_insert_with(|| {
            RECORD_STEPS.map(|odds| std::array::from_fn(|firms_between| weights.way_most(firms_between, odds).0))
        })
    }

    fn is_enough(&mut self, start: &Start<'_>, firms_between: usize, bits_min: f64) -> bool {
        let way = self.ways()[start.line.record.number()][firms_between];
        Bits(start.bits + way).to_f64() >= bits_min
    }

    /// Papers that may be the arrival of an order line.
    fn arrivals(&mut self, line: &Line<'a>) -> Arc<[u32]> {
        let number = line.order.unwrap_or(u32::MAX);
        if let Some(known) = self.arrivals.get(&number) {
            return Arc::clone(known);
        }
        let holdings = self.holdings;
        let shares = match (line.order, &self.probe) {
            (Some(order), _) => holdings.line(order).shares,
            (None, Some((probe, _))) => &probe.shares,
            (None, None) => &[],
        };
        let (from, until) = arrival_window(&line.facts, &holdings.policy);
        let firms = shares.iter().filter_map(|(entity, _)| holdings.entities.get(*entity as usize));
        let seen = firms.flat_map(|firm| between(firm.list(List::ArrivalsReceived), from, until));
        let papers: BTreeSet<u32> = seen.map(|(_, paper)| *paper).collect();
        let is_possible = |paper: &u32| {
            let held = self.held(*paper);
            let share = |(entity, share): &(u32, Probability)| {
                share.to_f64() * held.consignee.map_or(0.0, |mention| holdings.share_of(mention, *entity))
            };
            let same_firm = Probability::from_f64(shares.iter().map(share).sum::<f64>().min(IDENTITY_MAX)).to_f64();
            held.is_visible_to(self.tenant) && worth(&line.beside(held), same_firm, &holdings.brands).is_some()
        };
        let found: Arc<[u32]> = papers.into_iter().filter(is_possible).collect();
        self.arrivals.insert(number, Arc::clone(&found));
        found
    }

    /// The most that the declaration counts for that a paper names.
    fn declaration(&mut self, line: &Line<'a>, paper: &HeldShipment) -> i32 {
        let Holdings { pool, policy, .. } = self.holdings;
        let theirs = pool.source_declaration(&paper.row);
        if theirs.is_empty() {
            return 0;
        }
        let arrivals = self.arrivals(line);
        let is_same = |arrival: &u32| {
            let row = &self.held(*arrival).row;
            same_declaration(declaration_of_arrival(pool.source_declaration(row), pool.number(row)), theirs)
        };
        let trace = |trace: Trace| policy.weights.at(Place::trace(trace)).0;
        // It may also be that none of them is found to be the arrival.
        let different = if arrivals.is_empty() { 0 } else { trace(Trace::DeclarationDifferent).max(0) };
        if arrivals.iter().any(is_same) { trace(Trace::DeclarationSame).max(different) } else { different }
    }

    /// The most that the days count for from the arrival of an order line, or its despatch, to its first transfer.
    fn days(&mut self, line: &Line<'a>, paper: &HeldShipment) -> i32 {
        let weights = &self.holdings.policy.weights;
        let days_after = |day: Day| paper.row.date.days_since(day);
        let despatched = Leg::Transfer.days_after_despatch(days_after(despatch_day(&line.facts)));
        let unseen = weights.at(despatched).0 + weights.at(Place::trace(Trace::LeftWithoutArrival)).0.max(0);
        let arrived = self.arrivals(line);
        let arrived = arrived
            .iter()
            .map(|arrival| weights.at(Leg::Transfer.days_after_arrival(days_after(self.held(*arrival).row.date))).0);
        arrived.fold(unseen, i32::max)
    }

    /// An order line as far as its first transfer, unless that weighs too little.
    fn start(&mut self, line: Line<'a>, paper: &'a HeldShipment) -> Option<Start<'a>> {
        let Holdings { policy, brands, .. } = self.holdings;
        let weighed = line.beside(paper).weigh(Leg::Transfer, (line.facts.quantity, "ordered"), brands, policy);
        let bits = weighed.bits().0 + self.days(&line, paper) + self.declaration(&line, paper);
        let start = Start { line, bits, amount: weighed.amount };
        self.is_enough(&start, 1, policy.transfer_bits_min).then_some(start)
    }

    /// The same one transfer further.
    fn next(&mut self, start: &Start<'a>, before: &HeldShipment, paper: &'a HeldShipment) -> Option<Start<'a>> {
        if !goods::may_match(start.line.goods, &paper.goods) {
            return None;
        }
        let next = self.step(start, Leg::Transfer, before, paper);
        self.is_enough(&next, 2, self.holdings.policy.transfer_bits_min).then_some(next)
    }

    /// Whether a trail may cross the border with a paper.
    fn crosses(&mut self, start: &Start<'a>, before: u32, paper: u32, firms_between: usize) -> bool {
        let (before, paper) = (self.held(before), self.held(paper));
        if !goods::may_match(start.line.goods, &paper.goods) || !self.may_follow(before, paper) {
            return false;
        }
        let mut whole = self.step(start, Leg::After, before, paper);
        whole.bits += self.declaration(&start.line, paper);
        self.is_enough(&whole, firms_between, self.holdings.policy.link_bits_min)
    }

    /// A trail and one paper more, that follows on a transfer.
    fn step(&self, start: &Start<'a>, leg: Leg, before: &HeldShipment, paper: &'a HeldShipment) -> Start<'a> {
        let Holdings { policy, brands, .. } = self.holdings;
        let Start { line, bits, amount } = *start;
        let scale = (amount.unwrap_or(line.facts.quantity), "transferred");
        let mut weighed = line.beside(paper).weigh(leg, scale, brands, policy);
        weighed.read_days_after(leg, before.row.date, paper.row.date, &policy.weights);
        Start { line, bits: bits + weighed.bits().0, amount: weighed.amount }
    }
}

impl<'a> Line<'a> {
    fn beside(&self, paper: &'a HeldShipment) -> Pair<'a> {
        Pair { order: self.facts, order_goods: self.goods, paper: paper.facts(), paper_goods: &paper.goods }
    }
}
