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
use super::super::index::same_firm;
use super::super::probe::Probe;
use super::super::record::between;
use super::super::weigh::{OrderFacts, Pair, arrival_window, declaration_of_arrival, despatch_day, same_declaration};
use super::super::weights::{FIRMS_BETWEEN_MAX, Leg, Place, Trace};
use super::found::{Carries, Found, Second, Start};
use crate::goods;
use crate::model::{Bits, Day, GoodsForm, ShipmentRole};

/// Rows within a window that are looked through each time; where there are more, those of the whole list whose goods are
/// alike are kept. Small in tests, so that they go both ways.
const ROWS_LOOKED_THROUGH_MAX: usize = if cfg!(test) { 3 } else { 2_000 };

/// Order lines that a transfer may carry up to which what they weigh is found once and kept.
const LINES_KEPT_MAX: usize = if cfg!(test) { 2 } else { 200 };

/// What one run of cuts looked up, up to which more is taken up.
const LOOKED_UP_MAX: usize = 100_000;

/// Rows of a list of an entity, by day.
type Rows = Arc<[(Day, u32)]>;
/// The rows whose goods may match, by entity and the place of the goods in memory.
type Alike = HashMap<(u32, usize), Rows>;

/// Goods as some order lines of a firm spell them, and those lines.
type SpeltAlike<'a> = (&'a Arc<GoodsForm>, Vec<(Day, u32)>);

/// Follows trails of one tenant through holdings that do not change meanwhile. What it finds of transfers is taken from what is
/// kept with the holdings and left there again.
pub(super) struct Trails<'a> {
    holdings: &'a Holdings,
    tenant: u32,
    /// What it finds is of no use to the next one.
    is_apart: bool,
    /// An order line that is not held, and the papers that its buyer sent.
    probe: Option<(&'a Probe, Vec<u32>)>,
    found: Found,
    ways: Option<Ways>,
    /// Whether so much meets at a transfer that nothing is weighed.
    crowded: HashMap<u32, bool>,
    /// Of transfers that very many order lines may have been sent on by.
    firsts_of_many: HashMap<u32, Arc<[Start]>>,
    /// Second transfers, with how crowded it is before and after them.
    seconds: HashMap<u32, Arc<Second>>,
    leaving: HashMap<u32, bool>,
    weighed: HashMap<u32, Rows>,
    by_goods: HashMap<u32, Vec<SpeltAlike<'a>>>,
    ordered: Alike,
    none: Arc<[Start]>,
    nowhere: Arc<Second>,
    nothing: Rows,
    sent: HashMap<(u32, ShipmentRole, usize), Rows>,
}

/// The most that stands before all comparisons, in thousandths of a bit: by step of the buyer's record, then by firms between
/// buyer and border.
type Ways = [[i32; FIRMS_BETWEEN_MAX + 1]; RECORD_STEPS.len()];

/// What is weighed of an order line.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Its number; nothing for the one that is not held.
    order: Option<u32>,
    goods: &'a Arc<GoodsForm>,
    facts: OrderFacts,
}

/// A transfer as the first one of a trail.
pub(super) enum First {
    /// From these order lines; there may be none.
    Of(Arc<[Start]>),
    /// From so many, or followed by so many papers, that what is alike is tied.
    Crowded,
}

impl<'a> Trails<'a> {
    pub(super) fn new(holdings: &'a Holdings, tenant: u32) -> Self {
        Self::with(holdings, tenant, holdings.found_trails.take(tenant))
    }

    fn with(holdings: &'a Holdings, tenant: u32, found: Found) -> Self {
        Self {
            holdings,
            tenant,
            is_apart: false,
            probe: None,
            found,
            ways: None,
            crowded: HashMap::new(),
            firsts_of_many: HashMap::new(),
            seconds: HashMap::new(),
            leaving: HashMap::new(),
            weighed: HashMap::new(),
            by_goods: HashMap::new(),
            ordered: HashMap::new(),
            none: Arc::from([]),
            nowhere: Arc::default(),
            nothing: Rows::from([]),
            sent: HashMap::new(),
        }
    }

    /// Takes nothing of what is kept and leaves nothing.
    pub(super) fn apart(holdings: &'a Holdings, tenant: u32) -> Self {
        let mut trails = Self::with(holdings, tenant, Found::default());
        trails.is_apart = true;
        trails
    }

    /// Trails may lead from this order line too, which is not held and whose buyer sent papers that are told later.
    pub(super) fn of_probe(holdings: &'a Holdings, probe: &'a Probe) -> Self {
        let mut trails = Self::apart(holdings, probe.tenant_id);
        trails.probe = Some((probe, Vec::new()));
        trails
    }

    /// Forgets what was found where that is much.
    pub(super) fn make_room(&mut self) {
        let looked_up = self.ordered.len() + self.sent.len() + self.seconds.len() + self.leaving.len();
        // What is apart makes one cut.
        if !self.is_apart && (self.found.make_room() || looked_up > LOOKED_UP_MAX) {
            let found = std::mem::take(&mut self.found);
            *self = Self::with(self.holdings, self.tenant, found);
        }
    }

    pub(super) fn tenant(&self) -> u32 {
        self.tenant
    }

    /// The papers that the buyer of the order line in question sent.
    pub(super) fn lead_over(&mut self, met: impl Iterator<Item = u32>) {
        if let Some((_, papers)) = &mut self.probe {
            papers.extend(met);
        }
    }

    /// A transfer as the first one of a trail.
    pub(super) fn first(&mut self, transfer: u32) -> First {
        match self.carries(transfer) {
            Carries::Nothing => First::Of(Arc::clone(&self.none)),
            Carries::Some(_) | Carries::Many if self.is_crowded(transfer) => First::Crowded,
            Carries::Some(starts) => First::Of(starts),
            Carries::Many => {
                if let Some(known) = self.firsts_of_many.get(&transfer) {
                    return First::Of(Arc::clone(known));
                }
                let starts = self.starts(transfer);
                self.firsts_of_many.insert(transfer, Arc::clone(&starts));
                First::Of(starts)
            }
        }
    }

    /// Order lines that a transfer may carry.
    fn carries(&mut self, transfer: u32) -> Carries {
        if let Some(known) = self.found.firsts.get(&transfer) {
            return known.clone();
        }
        let found = match self.order_count(transfer) + usize::from(self.is_of_probe(transfer)) {
            0 => Carries::Nothing,
            1..=LINES_KEPT_MAX => Carries::Some(self.starts(transfer)),
            _ => Carries::Many,
        };
        self.found.firsts.insert(transfer, found.clone());
        found
    }

    fn is_of_probe(&self, transfer: u32) -> bool {
        self.probe.as_ref().is_some_and(|(_, papers)| papers.contains(&transfer))
    }

    fn starts(&mut self, transfer: u32) -> Arc<[Start]> {
        let held = self.held(transfer);
        let mut lines = self.orders_before(held);
        if let Some((Probe { base, .. }, _)) = self.probe.as_ref().filter(|_| self.is_of_probe(transfer)) {
            lines.push((Line { order: None, goods: &base.goods, facts: OrderFacts::of(base) }, RecordStep::ANY));
        }
        lines.into_iter().filter_map(|(line, record)| self.start(&line, record, held)).collect()
    }

    pub(super) fn is_crowded(&mut self, transfer: u32) -> bool {
        if let Some(known) = self.crowded.get(&transfer) {
            return *known;
        }
        let is_crowded = self.is_crowd(transfer);
        self.crowded.insert(transfer, is_crowded);
        is_crowded
    }

    /// A transfer as the second one of a trail.
    pub(super) fn second(&mut self, transfer: u32) -> Arc<Second> {
        let known = match self.found.seconds.get(&transfer) {
            Some(known) => Arc::clone(known),
            None => self.find_second(transfer),
        };
        if known.hangs_on.is_empty() {
            return known;
        }
        if let Some(known) = self.seconds.get(&transfer) {
            return Arc::clone(known);
        }
        let second = self.with_crowds(transfer, known);
        self.seconds.insert(transfer, Arc::clone(&second));
        second
    }

    /// What is found of a second transfer whoever else sends papers.
    fn find_second(&mut self, transfer: u32) -> Arc<Second> {
        let held = self.held(transfer);
        let mut found = Second::default();
        for before in self.transfers_before(held) {
            let first = self.held(before);
            let known_count = found.of.len();
            let is_many = match self.carries(before) {
                Carries::Nothing => continue,
                Carries::Some(starts) => {
                    found.of.extend(self.next_of(before, &starts, transfer));
                    false
                }
                Carries::Many => true,
            };
            if is_many || found.of.len() > known_count || goods::may_match(&first.goods, &held.goods) {
                found.hangs_on.push(before);
            }
        }
        let found = match found.hangs_on.is_empty() {
            true => Arc::clone(&self.nowhere),
            false => Arc::new(found),
        };
        self.found.seconds.insert(transfer, Arc::clone(&found));
        found
    }

    /// The same with what hangs on how crowded it is there.
    fn with_crowds(&mut self, transfer: u32, known: Arc<Second>) -> Arc<Second> {
        let held = self.held(transfer);
        let mut found = Second { of: Vec::new(), hangs_on: Vec::new(), is_crowded: false };
        let mut left_out = BTreeSet::new();
        for before in &known.hangs_on {
            match self.first(*before) {
                First::Crowded => {
                    left_out.insert(*before);
                    found.is_crowded |= goods::may_match(&self.held(*before).goods, &held.goods);
                }
                First::Of(starts) if matches!(self.carries(*before), Carries::Many) => {
                    found.of.extend(self.next_of(*before, &starts, transfer));
                }
                First::Of(_) => {}
            }
        }
        found.of.extend(known.of.iter().filter(|(before, _)| !left_out.contains(before)));
        found.is_crowded |= !found.of.is_empty() && self.is_followed_by_crowd(transfer);
        if !found.is_crowded && found.of.len() == known.of.len() { known } else { Arc::new(found) }
    }

    /// Trails over one transfer as far as the next one.
    fn next_of(&mut self, before: u32, starts: &[Start], transfer: u32) -> Vec<(u32, Start)> {
        let (first, held) = (self.held(before), self.held(transfer));
        if starts.is_empty() || before == transfer || !self.may_follow(first, held) {
            return Vec::new();
        }
        let next = starts.iter().filter_map(|start| self.next(start, first, held));
        next.map(|start| (before, start)).collect()
    }

    fn is_followed_by_crowd(&mut self, transfer: u32) -> bool {
        let (most, held) = (self.holdings.policy.pairs_per_transfer_max, self.held(transfer));
        let following = self.row_count(held.consignee, List::Sent, self.holdings.policy.after_transfer(held.row.date));
        following > most && self.sent_out_after(transfer, &held.goods).len() > most
    }

    /// Papers tied to a transfer as the first one of weighed trails: those over the border, and second transfers.
    pub(super) fn after_first(&mut self, transfer: u32) -> Vec<u32> {
        let First::Of(starts) = self.first(transfer) else { return Vec::new() };
        let mut found = Vec::new();
        for start in starts.iter() {
            let Some(line) = self.line(start) else { continue };
            let onward = self.sent_out_after(transfer, line.goods);
            found.extend(onward.into_iter().filter(|paper| self.crosses(start, transfer, *paper, 1)));
            let inside = self.sent_inside_after(transfer, line.goods);
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
            let Some(line) = self.line(start) else { continue };
            for paper in self.sent_out_after(transfer, line.goods) {
                if self.crosses(start, transfer, paper, 2) {
                    found.extend([*first, paper]);
                }
            }
        }
        found
    }

    /// Transfers tied to an onward paper by weighed trails.
    pub(super) fn before_onward(&mut self, paper: u32) -> Vec<u32> {
        let mut found = Vec::new();
        for transfer in self.weighed_before(self.held(paper)) {
            let is_tied = match self.first(transfer) {
                First::Of(starts) => starts.iter().any(|start| self.crosses(start, transfer, paper, 1)),
                First::Crowded => false,
            };
            let is_tied = is_tied || {
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
        let starts = second.of.iter().filter(|(before, _)| *before == first);
        for (_, start) in starts {
            let Some(line) = self.line(start) else { continue };
            let mut onward = self.sent_out_after(transfer, line.goods).into_iter();
            if second.is_crowded || onward.any(|paper| self.crosses(start, transfer, paper, 2)) {
                return true;
            }
        }
        false
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

    /// Whether so many order lines, with what is tied to the transfer where there are too many, make too many pairs. Only
    /// what is tied then counts, so that whoever makes it one too many is tied himself. Counts without collecting: it is
    /// asked where there are very many.
    fn is_crowd(&mut self, transfer: u32) -> bool {
        if !self.may_be_crowd(transfer) {
            return false;
        }
        let (holdings, held) = (self.holdings, self.held(transfer));
        let most = holdings.policy.pairs_per_transfer_max;
        let line_count = self.order_count(transfer);
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
        let (policy, held) = (&self.holdings.policy, self.held(transfer));
        let order_count = self.row_count(held.consignor, List::Orders, policy.orders_of_paper(held.row.date));
        let following = || self.row_count(held.consignee, List::Sent, policy.after_transfer(held.row.date));
        order_count > 0 && order_count * following() > policy.pairs_per_transfer_max
    }

    /// Rows of the firms of a mention within a window.
    fn row_count(&self, mention: Option<u32>, list: List, (from, until): (Day, Day)) -> usize {
        let firms = mention.into_iter().flat_map(|mention| self.holdings.followed(mention));
        firms.map(|(entity, _)| between(self.holdings.entities[entity as usize].list(list), from, until).len()).sum()
    }

    /// How many order lines of the tenant a transfer may carry.
    fn order_count(&mut self, transfer: u32) -> usize {
        let (holdings, held) = (self.holdings, self.held(transfer));
        let (from, until) = holdings.policy.orders_of_paper(held.row.date);
        let senders = held.consignor.into_iter().flat_map(|mention| holdings.followed(mention));
        senders.map(|(entity, _)| between(&self.ordered_alike(entity, &held.goods), from, until).len()).sum()
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

    /// Order lines of the tenant that a transfer may carry, with what their buyers' records may say of them at most.
    fn orders_before(&mut self, transfer: &'a HeldShipment) -> Vec<(Line<'a>, RecordStep)> {
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
            let line = Line { order: Some(order), goods: &held.goods, facts: held.facts() };
            (line, record.unwrap_or(RecordStep::ANY))
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
        let holdings = self.holdings;
        let same_firm = same_firm(holdings.followed(receiver), |entity| holdings.share_of(sender, entity));
        same_firm.to_f64() >= holdings.policy.share_min
    }

    fn ways(&mut self) -> &Ways {
        let weights = &self.holdings.policy.weights;
        self.ways.get_or_insert_with(|| {
            RECORD_STEPS.map(|odds| std::array::from_fn(|firms_between| weights.way_most(firms_between, odds).0))
        })
    }

    fn is_enough(&mut self, start: &Start, firms_between: usize, bits_min: f64) -> bool {
        let way = self.ways()[start.record.number()][firms_between];
        Bits(start.bits + way).to_f64() >= bits_min
    }

    /// Papers that may be the arrival of an order line.
    fn arrivals(&mut self, line: &Line<'a>) -> Arc<[u32]> {
        let number = line.order.unwrap_or(u32::MAX);
        if let Some(known) = self.found.arrivals.get(&number) {
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
            let share_of = |entity| held.consignee.map_or(0.0, |mention| holdings.share_of(mention, entity));
            let same_firm = same_firm(shares.iter().copied(), share_of).to_f64();
            held.is_visible_to(self.tenant) && worth(&line.beside(held), same_firm, &holdings.brands).is_some()
        };
        let found: Arc<[u32]> = papers.into_iter().filter(is_possible).collect();
        self.found.arrivals.insert(number, Arc::clone(&found));
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
    fn start(&mut self, line: &Line<'a>, record: RecordStep, paper: &'a HeldShipment) -> Option<Start> {
        let Holdings { policy, brands, .. } = self.holdings;
        let weighed = line.beside(paper).weigh(Leg::Transfer, (line.facts.quantity, "ordered"), brands, policy);
        let bits = weighed.bits().0 + self.days(line, paper) + self.declaration(line, paper);
        let start = Start { order: line.order, record, bits, amount: weighed.amount };
        self.is_enough(&start, 1, policy.transfer_bits_min).then_some(start)
    }

    /// The order line that a trail starts from.
    fn line(&self, start: &Start) -> Option<Line<'a>> {
        let order = start.order;
        match order {
            Some(number) => {
                let held = &self.holdings.orders[number as usize];
                Some(Line { order, goods: &held.goods, facts: held.facts() })
            }
            None => {
                let (Probe { base, .. }, _) = self.probe.as_ref()?;
                Some(Line { order, goods: &base.goods, facts: OrderFacts::of(base) })
            }
        }
    }

    /// The same one transfer further.
    fn next(&mut self, start: &Start, before: &HeldShipment, paper: &'a HeldShipment) -> Option<Start> {
        let line = self.line(start)?;
        if !goods::may_match(line.goods, &paper.goods) {
            return None;
        }
        let next = self.step(&line, start, Leg::Transfer, before, paper);
        self.is_enough(&next, 2, self.holdings.policy.transfer_bits_min).then_some(next)
    }

    /// Whether a trail may cross the border with a paper.
    fn crosses(&mut self, start: &Start, before: u32, paper: u32, firms_between: usize) -> bool {
        let (before, paper) = (self.held(before), self.held(paper));
        let Some(line) = self.line(start) else { return false };
        if !goods::may_match(line.goods, &paper.goods) || !self.may_follow(before, paper) {
            return false;
        }
        let mut whole = self.step(&line, start, Leg::After, before, paper);
        whole.bits += self.declaration(&line, paper);
        self.is_enough(&whole, firms_between, self.holdings.policy.link_bits_min)
    }

    /// A trail and one paper more, that follows on a transfer.
    fn step(&self, line: &Line<'a>, start: &Start, leg: Leg, before: &HeldShipment, paper: &'a HeldShipment) -> Start {
        let Holdings { policy, brands, .. } = self.holdings;
        let scale = (start.amount.unwrap_or(line.facts.quantity), "transferred");
        let mut weighed = line.beside(paper).weigh(leg, scale, brands, policy);
        weighed.read_days_after(leg, before.row.date, paper.row.date, &policy.weights);
        Start { bits: start.bits + weighed.bits().0, amount: weighed.amount, ..*start }
    }
}

impl Drop for Trails<'_> {
    /// Leaves what was found to the next one.
    fn drop(&mut self) {
        if !self.is_apart {
            self.holdings.found_trails.leave(self.tenant, std::mem::take(&mut self.found));
        }
    }
}

impl<'a> Line<'a> {
    fn beside(&self, paper: &'a HeldShipment) -> Pair<'a> {
        Pair { order: self.facts, order_goods: self.goods, paper: paper.facts(), paper_goods: &paper.goods }
    }
}

#[cfg(test)]
mod tests;
