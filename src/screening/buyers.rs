//! What order lines say together: buyers' records, the coverage of arrivals and likeness at a tenant.
//!
//! Come here to see what one more order line changes for the others of its buyer and its tenant. Kept up to date line by
//! line, so that it costs what came and not what is held; the sums are what counting everything anew would give.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::{ArrivalCoverage, CauseKind, LikenessRecord};

use super::causes::Reason;
use super::holdings::{BuyerRecord, Holdings};
use super::record::{EchoOf, Likeness, echo_of};
use super::settle::Dirty;

/// Order lines whose arrival is due, from which on the share of those seen is known.
const DUE_COUNT_MIN: u32 = 50;

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
            if buyer != buyer_before || echo.probability != echo_before.probability {
                buyers.extend(buyer.iter().chain(&buyer_before).map(|entity| (held.tenant, *entity)));
            }
        }
        let buyers: Vec<(u32, u32)> = buyers.into_iter().filter(|buyer| self.count_buyer(*buyer)).collect();
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
