//! Order lines that wait to be judged again because something changed that many share.
//!
//! Come here to see why an alert on a line that just came does not wait until a whole tenant is judged anew. What waits is
//! worked off a slice at a time, between rounds, until all of it is done.

use std::collections::BTreeSet;

use super::causes::News;
use super::gather::Cut;

/// What waits, and up to which record of the log everything else is judged.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// What is worked off now: it only becomes less, so that there is an end to it however much goes on changing.
    now: Waiting,
    /// What came since that was begun.
    then: Waiting,
    /// All records of the log up to here are judged, and nothing waits because of them.
    done_through: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: BTreeSet<u32>,
    news: News,
    /// All records of the log up to here bear on nothing but what waits here or was begun before.
    through: u64,
}

impl Backlog {
    /// A round took up the log up to here: `far` order lines wait from now on, because of `lasting`.
    pub(super) fn add(&mut self, through: u64, far: BTreeSet<u32>, lasting: News) {
        // Those that wait already are judged by what is held when their turn comes.
        self.then.orders.extend(far.into_iter().filter(|order| !self.now.orders.contains(order)));
        self.then.news.absorb(lasting);
        self.then.through = through;
        self.turn();
    }

    /// Whether order lines of a case wait: what they wait for bears on it.
    pub(super) fn bears_on(&self, cut: &Cut) -> bool {
        !self.is_empty()
            && cut.orders().any(|order| self.now.orders.contains(&order) || self.then.orders.contains(&order))
    }

    /// Why order lines wait.
    pub(super) fn news(&self) -> [&News; 2] {
        [&self.now.news, &self.then.news]
    }

    /// The next ones to be judged, at most so many.
    pub(super) fn slice(&self, order_count: usize) -> BTreeSet<u32> {
        self.now.orders.iter().take(order_count).copied().collect()
    }

    /// These are judged, by all that is held.
    pub(super) fn finish(&mut self, orders: impl Iterator<Item = u32>) {
        for order in orders {
            self.now.orders.remove(&order);
            self.then.orders.remove(&order);
        }
        self.turn();
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.now.orders.is_empty() && self.then.orders.is_empty()
    }

    /// The place in the log up to which everything is judged.
    pub(super) fn judged_through(&self) -> u64 {
        self.done_through
    }

    /// Begins with what came since, once nothing is left of what was begun before.
    fn turn(&mut self) {
        while self.now.orders.is_empty() {
            self.done_through = self.done_through.max(self.now.through);
            if self.then.through <= self.now.through {
                // Nothing came since.
                self.now.news = News::default();
                return;
            }
            self.now = std::mem::take(&mut self.then);
        }
    }
}

#[cfg(test)]
mod tests;
