//! What order lines say together: buyers' records, the coverage of arrivals and likeness at a tenant.
//!
//! Come here to see what one more order line changes for the others of its buyer and its tenant. Kept up to date line by
//! line, so that it costs what came and not what is held; the sums are what counting everything anew would give.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::{ArrivalCoverage, CauseKind, LikenessRecord, Probability};

use super::causes::Reason;
use super::holdings::{BuyerRecord, HeldOrder, Holdings};
use super::record::{EchoOf, Likeness, echo_of};
use super::settle::Dirty;

/// Order lines whose arrival is due, from which on the share of those seen is known.
const DUE_COUNT_MIN: u32 = 50;

/// How much a buyer's record may say of one order line: a number of [`RECORD_STEPS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct RecordStep(u8);

/// Odds of a buyer's record, in bits, up to which a step goes; the last one has no end. Steps, so that ties do not change with
/// every paper; so low that the usual buyer, of whom nothing is known or nothing bad, is not taken for a diverter.
pub(super) const RECORD_STEPS: [f64; 9] = [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.5, f64::INFINITY];

impl RecordStep {
    /// Whatever the record may be.
    pub(super) const ANY: Self = Self(RECORD_STEPS.len() as u8 - 1);

    /// The step of odds in bits.
    pub(super) fn of(odds: f64) -> Self {
        Self(RECORD_STEPS.partition_point(|most| *most < odds) as u8)
    }

    pub(super) fn number(self) -> usize {
        self.0.into()
    }
}

/// What the order lines of a tenant say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct TenantCounts {
    pub likeness: Likeness,
    due_count: u32,
    seen_count: u32,
}

impl TenantCounts {
    /// Counts one order line otherwise than before. A new one was counted as nothing, which is the default.
    fn replace(&mut self, before: EchoOf, now: EchoOf) {
        self.likeness.replace(before, now);
        self.due_count = self.due_count + u32::from(now.arrival_due) - u32::from(before.arrival_due);
        let is_seen = |echo: EchoOf| u32::from(echo.arrival_due && echo.arrival_seen);
        self.seen_count = self.seen_count + is_seen(now) - is_seen(before);
    }

    /// How many of the arrivals due are seen, as a case tells it.
    pub(super) fn coverage(&self) -> ArrivalCoverage {
        let share = f64::from(self.seen_count) / f64::from(self.due_count.max(1));
        ArrivalCoverage { seen_percent: (share * 20.0).round() as u32 * 5, is_known: self.due_count >= DUE_COUNT_MIN }
    }

    fn told(&self) -> (ArrivalCoverage, LikenessRecord) {
        (self.coverage(), self.likeness.record())
    }
}

impl Holdings {
    /// Takes the first look again, and brings buyers' records and tenants' counts up to date with what it found. Every
    /// order line that is new or whose buyer stands for other firms must be among these.
    pub(super) fn look_again(&mut self, orders: &BTreeSet<u32>, dirty: &mut Dirty) {
        let list: Vec<u32> = orders.iter().copied().collect();
        let echoes: Vec<EchoOf> = list.par_iter().map(|order| echo_of(self, *order)).collect();
        let tenants_before = self.counts.clone();
        let mut buyers: BTreeSet<(u32, u32)> = BTreeSet::new();
        for (order, echo) in list.into_iter().zip(echoes) {
            let order = order as usize;
            let buyer = self.best_share(self.orders[order].buyer).map(|(entity, _)| entity);
            let held = &mut self.orders[order];
            let (echo_before, buyer_before) =
                (std::mem::replace(&mut held.echo, echo), std::mem::replace(&mut held.counted_for, buyer));
            self.counts[held.tenant as usize].replace(echo_before, echo);
            if echo != echo_before {
                dirty.orders.insert(order as u32);
            }
            if buyer != buyer_before || echo.probability != echo_before.probability {
                buyers.extend(buyer.iter().chain(&buyer_before).map(|entity| (held.tenant, *entity)));
            }
        }
        let buyers: Vec<(u32, u32)> = buyers.into_iter().filter(|buyer| self.count_buyer(*buyer)).collect();
        self.step_again(orders, &buyers, dirty);
        if dirty.is_first {
            return;
        }
        for buyer in buyers {
            let orders: Vec<u32> = self.orders_counted_for(buyer).collect();
            dirty.touch(&orders, &[Reason::of(CauseKind::BuyersRecord)]);
        }
        for (tenant, (before, now)) in tenants_before.iter().zip(&self.counts).enumerate() {
            if before.told() != now.told() {
                dirty.news.tenants.insert(tenant as u32);
                let orders = self.orders.iter().enumerate().filter(|(_, held)| held.tenant == tenant as u32);
                dirty.far.extend(orders.map(|(order, _)| order as u32));
            }
        }
    }

    /// Brings up to date what the records of these buyers may say at most. A tie that weighs too little now is lost: whoever
    /// shared a case by it is judged again.
    fn step_again(&mut self, looked_at: &BTreeSet<u32>, buyers: &[(u32, u32)], dirty: &mut Dirty) {
        let of_buyers = buyers.iter().flat_map(|buyer| self.orders_counted_for(*buyer));
        let orders: BTreeSet<u32> = of_buyers.chain(looked_at.iter().copied()).collect();
        let steps = orders.iter().map(|order| (*order, self.record_step(&self.orders[*order as usize], None)));
        let held = |order: u32| self.orders[order as usize].record_step;
        let changed: Vec<(u32, RecordStep)> = steps.filter(|(order, step)| held(*order) != Some(*step)).collect();
        if !dirty.is_first && !dirty.all {
            let lost = changed.iter().filter(|(order, step)| held(*order).is_some_and(|before| *step < before));
            let tied = self.orders_of_cases(lost.map(|(order, _)| *order));
            dirty.touch(&tied.into_iter().collect::<Vec<_>>(), &[Reason::of(CauseKind::BuyersRecord)]);
        }
        for (order, step) in &changed {
            self.orders[*order as usize].record_step = Some(*step);
        }
        self.forget_weights(&changed.into_iter().map(|(order, _)| order).collect());
    }

    /// What a buyer's record may say of an order line at most; `besides`: with this order line counted too.
    pub(super) fn record_step(&self, held: &HeldOrder, besides: Option<(u32, Probability)>) -> RecordStep {
        let buyer = held.counted_for;
        let record = buyer.and_then(|entity| self.records_by_buyer.get(&(held.tenant, entity)));
        let mut record = record.copied().unwrap_or_default();
        if let Some((_, echo)) = besides.filter(|(entity, _)| Some(*entity) == buyer) {
            record.add(held.row.order_date, echo);
        }
        let BuyerRecord { echoed_millionths, order_line_count, .. } = record;
        RecordStep::of(self.policy.others_of_buyer(echoed_millionths, order_line_count, held.echo.probability).odds())
    }

    /// The same for all that are held, as after taking them up.
    pub(super) fn step_all(&mut self) {
        let steps: Vec<RecordStep> = self.orders.iter().map(|held| self.record_step(held, None)).collect();
        self.orders.iter_mut().zip(steps).for_each(|(held, step)| held.record_step = Some(step));
        self.found_trails.clear();
    }

    /// Counts the order lines of a buyer anew; says whether its record is another now.
    fn count_buyer(&mut self, buyer: (u32, u32)) -> bool {
        let mut record = BuyerRecord::default();
        for order in self.orders_counted_for(buyer) {
            let held = &self.orders[order as usize];
            record.add(held.row.order_date, held.echo.probability);
        }
        let before = match record.order_line_count {
            0 => self.records_by_buyer.remove(&buyer),
            _ => self.records_by_buyer.insert(buyer, record),
        };
        before.unwrap_or_default() != record
    }

    /// Order lines of a tenant whose likeliest buyer is this entity. It is followed for all of them, so they stand in its
    /// list.
    fn orders_counted_for(&self, (tenant, entity): (u32, u32)) -> impl Iterator<Item = u32> + use<'_> {
        let orders = self.entities[entity as usize].orders.iter().map(|(_, order)| *order);
        orders.filter(move |order| {
            let held = &self.orders[*order as usize];
            held.tenant == tenant && held.counted_for == Some(entity)
        })
    }
}
