//! Following one tenant's alert events: read from the store on demand, woken by its commits.
//!
//! Come here for the promise that a client makes its resume logic on. Events come in order, once each, without gaps,
//! and only after they are durable; a client that comes back with its last cursor misses nothing.
//! A watcher holds a place and no queue: a slow reader costs one page of memory and delays nobody.

use tokio::sync::watch;

use super::cursor::{CursorError, Cursors};
use crate::model::AlertEvent;
use crate::store::{Store, StoreError};

/// Most events of one page.
pub const EVENTS_PER_PAGE_MAX: usize = 100;

/// A place in one tenant's stream of events that moves as pages are taken.
pub struct Watcher {
    store: Store,
    cursors: Cursors,
    tenant: String,
    sequence: u64,
    commits: watch::Receiver<u64>,
}

/// Some events, and where to go on after them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventPage {
    /// The next events in order; never empty.
    pub events: Vec<AlertEvent>,
    /// Resumes after the last of them.
    pub cursor: String,
}

/// Why a tenant's events cannot be followed, or not from there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WatchError {
    /// The cursor is refused.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The cursor is from a future that this store did not have: it was restored from an older backup.
    #[error("the cursor stands after event {sequence}, but the newest one is {newest}")]
    Ahead {
        /// Where the cursor stands.
        sequence: u64,
        /// The last event there is.
        newest: u64,
    },
    /// An event that must be there is not. Never skipped silently.
    #[error("event {expected} is missing, the next one is {found}")]
    Gap {
        /// The event that should be next.
        expected: u64,
        /// The event that is next.
        found: u64,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was closed.
    #[error("the store was closed")]
    Closed,
}

impl Watcher {
    /// Begins where a cursor stands, or before the first event when there is none.
    pub fn resume(store: &Store, tenant: &str, cursor: Option<&str>) -> Result<Self, WatchError> {
        let cursors = Cursors::new(store);
        let sequence = cursor.map_or(Ok(0), |cursor| cursors.parse(tenant, cursor))?;
        Self::start(store, cursors, tenant, |newest| {
            if sequence > newest { Err(WatchError::Ahead { sequence, newest }) } else { Ok(sequence) }
        })
    }

    /// Begins after the newest event: only what happens from now on.
    pub fn from_now(store: &Store, tenant: &str) -> Result<Self, WatchError> {
        Self::start(store, Cursors::new(store), tenant, Ok)
    }

    /// The next events, at once where there are some; otherwise waits for them. May be dropped and called again
    /// (a time-out for checkpoints, say) without losing an event: the place moves only when a page is returned.
    pub async fn next(&mut self, limit: usize) -> Result<EventPage, WatchError> {
        loop {
            // Marked as seen before the snapshot is taken: a commit in between wakes once too often, never too rarely.
            self.commits.borrow_and_update();
            if let Some(page) = self.ready(limit)? {
                return Ok(page);
            }
            self.commits.changed().await.map_err(|_| WatchError::Closed)?;
        }
    }

    /// The next events if there are some already.
    pub fn ready(&mut self, limit: usize) -> Result<Option<EventPage>, WatchError> {
        let snapshot = self.store.snapshot()?;
        let limit = limit.clamp(1, EVENTS_PER_PAGE_MAX);
        let events = snapshot.tenant(&self.tenant)?.alert_events(self.sequence, limit)?;
        for (expected, event) in (self.sequence + 1..).zip(&events) {
            if event.sequence != expected {
                return Err(WatchError::Gap { expected, found: event.sequence });
            }
        }
        let Some(last) = events.last() else { return Ok(None) };
        self.sequence = last.sequence;
        Ok(Some(EventPage { events, cursor: self.cursor() }))
    }

    /// The cursor of the place where the watcher stands: everything up to it was returned.
    pub fn cursor(&self) -> String {
        self.cursors.format(&self.tenant, self.sequence)
    }

    /// The last event that was returned, or after which it began; 0 before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    fn start(
        store: &Store,
        cursors: Cursors,
        tenant: &str,
        place: impl FnOnce(u64) -> Result<u64, WatchError>,
    ) -> Result<Self, WatchError> {
        let newest = store.snapshot()?.tenant(tenant)?.newest_event_sequence()?;
        Ok(Self {
            sequence: place(newest)?,
            store: store.clone(),
            cursors,
            tenant: tenant.to_owned(),
            commits: store.alert_commits(),
        })
    }
}
