//! What was found of transfers as parts of trails, kept with the holdings from one cut to the next.
//!
//! What is kept is a function of the holdings as they are: whoever changes them has it forgotten where it may read otherwise
//! now, see [`forget`](super::forget). How crowded a transfer is changes with every paper and is not kept.

use std::sync::{Arc, Mutex, PoisonError};

use foldhash::{HashMap, HashMapExt};

use super::super::buyers::RecordStep;
use crate::model::Amount;

/// Transfers of which is kept what was found, up to which more are taken up.
const TRANSFERS_KEPT_MAX: usize = 1_000_000;

/// A trail from an order line as far as a transfer: what it weighs at most without the way, and how much was transferred.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Start {
    /// The number of the order line; nothing for the one that is not held.
    pub order: Option<u32>,
    /// What its buyer's record may say of it at most.
    pub record: RecordStep,
    pub bits: i32,
    pub amount: Option<Amount>,
}

/// Order lines that a transfer may carry.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Carries {
    /// None whose goods are alike.
    Nothing,
    /// Some, of which these weigh enough.
    Some(Arc<[Start]>),
    /// So many that they are weighed only where it is asked.
    Many,
}

/// A transfer as the second one of a trail.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Second {
    /// By the first transfers before it.
    pub of: Vec<(u32, Start)>,
    /// Transfers before it that may carry order lines, and on whose crowds it hangs.
    pub hangs_on: Vec<u32>,
    /// Whatever is alike follows on it.
    pub is_crowded: bool,
}

/// What was found for one tenant.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub firsts: HashMap<u32, Carries>,
    pub seconds: HashMap<u32, Arc<Second>>,
    /// Papers that may be the arrival of an order line.
    pub arrivals: HashMap<u32, Arc<[u32]>>,
}

impl Found {
    fn len(&self) -> usize {
        self.firsts.len() + self.seconds.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.arrivals.is_empty()
    }

    /// Forgets everything where that is much; says whether it was.
    pub(super) fn make_room(&mut self) -> bool {
        let is_much = self.len() > TRANSFERS_KEPT_MAX;
        if is_much {
            *self = Self::default();
        }
        is_much
    }
}

/// What is kept, by tenant.
#[derive(Debug, Default)]
pub(in super::super) struct FoundTrails(Mutex<HashMap<u32, Found>>);

impl FoundTrails {
    /// What is kept for a tenant, for whoever follows trails now. Another one at the same time begins with nothing.
    pub(super) fn take(&self, tenant: u32) -> Found {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&tenant).unwrap_or_default()
    }

    /// Leaves it for the next one. Of two who leave something at the same time, the one that found more.
    pub(super) fn leave(&self, tenant: u32, found: Found) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&tenant).is_some_and(|other| other.len() >= found.len()) {
            return;
        }
        let others: usize = kept.values().map(Found::len).sum();
        if others + found.len() > TRANSFERS_KEPT_MAX {
            *kept = HashMap::new();
        }
        kept.insert(tenant, found);
    }

    /// What is kept for each tenant, to forget some of it.
    pub(super) fn all(&mut self) -> impl Iterator<Item = (u32, &mut Found)> {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        kept.iter_mut().map(|(tenant, found)| (*tenant, found))
    }

    /// Forgets everything.
    pub(in super::super) fn clear(&mut self) {
        *self = Self::default();
    }
}
