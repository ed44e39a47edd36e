//! Named subscriptions: how far a client has handled its tenant's alert events.
//!
//! Come here for what an acknowledgement changes. It leaves no entry in the trail: it tells what a program has handled,
//! not what a person decided, and comes as often as events do.

use redb::ReadableTable;

use super::StoreError;
use super::batch::{NAME_BYTES_MAX, within};
use super::codec::{decode, encode};
use super::draft::Draft;
use crate::model::Subscription;

/// Most named subscriptions of a tenant.
pub const SUBSCRIPTIONS_MAX: usize = 100;

/// What came of an acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AckOutcome {
    /// The subscription stands here now; further on when it did so before.
    Done(Subscription),
    /// The position lies after the tenant's newest event.
    Ahead,
    /// The tenant has [`SUBSCRIPTIONS_MAX`] subscriptions, and this would be one more.
    TooMany,
}

impl Draft<'_> {
    /// Moves a subscription forward; it never moves back. A new name makes a new subscription.
    pub fn acknowledge(&mut self, tenant: &str, name: &str, sequence: u64) -> Result<AckOutcome, StoreError> {
        within("tenant", 0, tenant.len(), NAME_BYTES_MAX)?;
        within("subscription", 0, name.len(), NAME_BYTES_MAX)?;
        let newest = match self.tables.tenants.get(tenant)?.map(|scope| scope.value()) {
            Some(scope) => self.event_sequence_next(scope)? - 1,
            None => 0,
        };
        if sequence > newest {
            return Ok(AckOutcome::Ahead);
        }
        let scope = self.tables.scope_of(tenant)?;
        let before: Option<Subscription> = match self.tables.subscriptions.get((scope, name))? {
            Some(row) => Some(decode(row.value(), "subscription")?),
            None => None,
        };
        if before.is_none() {
            let held = self.tables.subscriptions.range((scope, "")..(scope + 1, ""))?;
            if held.take(SUBSCRIPTIONS_MAX).count() == SUBSCRIPTIONS_MAX {
                return Ok(AckOutcome::TooMany);
            }
        }
        let after = Subscription {
            name: name.to_owned(),
            sequence: before.as_ref().map_or(sequence, |before| before.sequence.max(sequence)),
            created_at_millis: before.as_ref().map_or(self.at_millis, |before| before.created_at_millis),
            acked_at_millis: self.at_millis,
        };
        self.tables.subscriptions.insert((scope, name), encode(&after)?.as_slice())?;
        self.is_changed = true;
        Ok(AckOutcome::Done(after))
    }

    /// Forgets a subscription; false when there is none.
    pub fn forget_subscription(&mut self, tenant: &str, name: &str) -> Result<bool, StoreError> {
        let Some(scope) = self.tables.tenants.get(tenant)?.map(|scope| scope.value()) else { return Ok(false) };
        let was_there = self.tables.subscriptions.remove((scope, name))?.is_some();
        self.is_changed |= was_there;
        Ok(was_there)
    }
}
