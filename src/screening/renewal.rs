//! What a run has to do that goes on from where an earlier one ended: which order lines to judge, which parties to
//! explain.
//!
//! Come here for what may stand of the earlier run's output. Everything else is done anew; the output is the same bytes
//! as if all had been.

use super::gather::Cut;
use super::holdings::Holdings;

/// What was held before this run.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Before {
    order_count: u32,
    shipment_count: u32,
}

impl Before {
    pub(super) fn of(holdings: &Holdings) -> Self {
        Self { order_count: holdings.orders.len() as u32, shipment_count: holdings.shipments.len() as u32 }
    }

    pub(super) fn has_order(self, order: u32) -> bool {
        order < self.order_count
    }

    pub(super) fn has_shipment(self, shipment: u32) -> bool {
        shipment < self.shipment_count
    }
}

/// What of the holdings is judged and explained anew.
#[derive(Debug)]
pub(super) struct Renewal {
    pub before: Before,
    /// Cases that may be judged differently, in canonical order; nothing where all may.
    pub cuts: Option<Vec<Cut>>,
    /// Order lines of those cases, by number.
    is_judged: Vec<bool>,
    pub judged_count: usize,
    /// Mentions whose answers may read otherwise, by number; nothing where all may.
    reworded: Option<Vec<bool>>,
}

impl Renewal {
    /// Settles what came since, and says what hangs on it.
    pub(super) fn of(holdings: &mut Holdings, before: Before) -> Self {
        let settling = holdings.begin_settling();
        let reworded = holdings.reworded(&settling).map(|mentions| {
            let mut marked = vec![false; holdings.mentions.len()];
            mentions.into_iter().for_each(|mention| marked[mention as usize] = true);
            marked
        });
        let affected = holdings.finish_settling(settling, None).affected;
        let order_count = holdings.orders.len();
        if affected.near.len() + affected.far.len() >= order_count {
            // The cases are cut while they are judged.
            return Self { before, cuts: None, is_judged: Vec::new(), judged_count: order_count, reworded };
        }
        let is_affected = |order: &u32| affected.near.contains(order) || affected.far.contains(order);
        let orders = holdings.orders_by_key().into_iter().filter(is_affected);
        let cuts: Vec<Cut> = holdings.cuts_around(orders).collect();
        let mut is_judged = vec![false; order_count];
        cuts.iter().flat_map(Cut::orders).for_each(|order| is_judged[order as usize] = true);
        let judged_count = is_judged.iter().filter(|is_judged| **is_judged).count();
        Self { before, cuts: Some(cuts), is_judged, judged_count, reworded }
    }

    /// Whether an order line is judged.
    pub(super) fn judges(&self, order: u32) -> bool {
        self.cuts.is_none() || self.is_judged[order as usize]
    }

    /// Whether the answer for a mention may read otherwise.
    pub(super) fn rewords(&self, mention: u32) -> bool {
        self.reworded.as_ref().is_none_or(|reworded| reworded[mention as usize])
    }
}
