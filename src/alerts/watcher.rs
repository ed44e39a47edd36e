//! Following one tenant's alert events: read from the store on demand, woken by its commits.
//!
//! Come here for the promise that a client makes its resume logic on. Events come in order, once each, without gaps,
//! and only after they are durable; a client that comes back with its last cursor misses nothing.
//! A watcher holds a place and no queue: a slow reader costs one page of memory and delays nobody.

use tokio::sync::watch;

use super::cursor::{CursorError, Cursors};
use crate::model::AlertEvent;
use crate::store::{Snapshot, Store, StoreError};

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
        let limit = limit.clamp(1, EVENTS_PER_PAGE_MAX);
        let look = |snapshot: &Snapshot| snapshot.tenant(&self.tenant)?.alert_events(self.sequence, limit);
        let events = self.store.read(look)?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{EVENTS_PER_PAGE_MAX, WatchError, Watcher};
    use crate::alerts::{AlertPolicy, CursorError, Cursors, rule};
    use crate::model::{Amount, Finding, FindingKind, Level, OrderKey, Probability, Unit};
    use crate::store::{Store, StoreOptions};

    fn store() -> Store {
        let options = StoreOptions { group_window: Duration::ZERO, ..StoreOptions::default() };
        Store::open_in_memory(options, Arc::new(|| 0)).unwrap()
    }

    fn finding(tenant: &str, line_no: u32, level: Level) -> Finding {
        Finding {
            tenant: tenant.to_owned(),
            order: OrderKey { order_id: "O-1".to_owned(), line_no },
            score: Probability::ZERO,
            level,
            priority: Amount::ZERO,
            attributed: Amount::ZERO,
            attributed_low: Amount::ZERO,
            attributed_high: Amount::ZERO,
            unit: Unit::Piece,
            kind: FindingKind::OnwardShipment,
            links: Vec::new(),
            rejected: Vec::new(),
            indicators: Vec::new(),
            summary: String::new(),
            limits_reached: Vec::new(),
            engine_version: String::new(),
            policy_version: String::new(),
            case_hash: [0; 32],
        }
    }

    async fn judge(store: &Store, findings: Vec<Finding>) {
        store.commit_judgements(findings, None, rule(AlertPolicy::default())).await.unwrap();
    }

    #[tokio::test]
    async fn a_watcher_begins_at_the_start_at_a_cursor_or_now() {
        let store = store();
        for line in 1..=5 {
            judge(&store, vec![finding("steppe", line, Level::High)]).await;
        }
        let mut first = Watcher::resume(&store, "steppe", None).unwrap();
        let page = first.next(2).await.unwrap();
        assert_eq!(page.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(page.cursor, first.cursor());
        let mut second = Watcher::resume(&store, "steppe", Some(&page.cursor)).unwrap();
        let events = second.next(100).await.unwrap().events;
        assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(second.ready(100).unwrap(), None);
        let mut now = Watcher::from_now(&store, "steppe").unwrap();
        assert_eq!(now.ready(100).unwrap(), None);
        judge(&store, vec![finding("steppe", 6, Level::High)]).await;
        assert_eq!(now.next(100).await.unwrap().events[0].sequence, 6);
        assert_eq!(Watcher::resume(&store, "taiga", None).unwrap().ready(100).unwrap(), None);
    }

    #[tokio::test]
    async fn pages_are_bounded_whatever_is_asked() {
        let store = store();
        judge(&store, (1..=EVENTS_PER_PAGE_MAX as u32 + 5).map(|line| finding("steppe", line, Level::High)).collect())
            .await;
        for (asked, given) in [(0, 1), (1, 1), (usize::MAX, EVENTS_PER_PAGE_MAX)] {
            let mut watcher = Watcher::resume(&store, "steppe", None).unwrap();
            assert_eq!(watcher.next(asked).await.unwrap().events.len(), given);
        }
    }

    #[tokio::test]
    async fn foreign_and_future_cursors_are_refused_by_name() {
        let store = store();
        judge(&store, vec![finding("steppe", 1, Level::High)]).await;
        let cursors = Cursors::new(&store);
        let cases = [
            ("steppe", cursors.format("steppe", 2), WatchError::Ahead { sequence: 2, newest: 1 }),
            ("steppe", cursors.format("steppe", u64::MAX), WatchError::Ahead { sequence: u64::MAX, newest: 1 }),
            ("taiga", cursors.format("steppe", 1), CursorError::OtherTenant.into()),
            ("steppe", Cursors::new(&self::store()).format("steppe", 1), CursorError::OtherStore.into()),
        ];
        for (tenant, cursor, expected) in cases {
            assert_eq!(Watcher::resume(&store, tenant, Some(&cursor)).err(), Some(expected));
        }
    }

    /// Reads while others write, breaks off at odd moments, comes back with its cursor, and has it all in the end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn histories_have_no_gap_and_no_double_under_writing_and_reconnecting() {
        const LINES: u32 = 60;
        const ROUNDS: u32 = 4;
        let store = store();
        let writers: Vec<_> = ["steppe", "taiga"]
            .into_iter()
            .map(|tenant| {
                let store = store.clone();
                tokio::spawn(async move {
                    for step in 0..LINES * ROUNDS {
                        let level = if (step / LINES).is_multiple_of(2) { Level::High } else { Level::None };
                        judge(&store, vec![finding(tenant, step % LINES, level)]).await;
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..6usize)
            .map(|reader| {
                let store = store.clone();
                let tenant = ["steppe", "taiga"][reader % 2];
                tokio::spawn(async move { read_all(&store, tenant, reader, u64::from(LINES * ROUNDS)).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        for reader in readers {
            // A lost wake would wait for ever, and a test that hangs tells nobody why.
            let history = tokio::time::timeout(Duration::from_secs(60), reader).await.unwrap().unwrap();
            assert_eq!(history, (1..=u64::from(LINES * ROUNDS)).collect::<Vec<_>>());
        }
    }

    async fn read_all(store: &Store, tenant: &str, reader: usize, until: u64) -> Vec<u64> {
        let mut history: Vec<u64> = Vec::new();
        let mut cursor: Option<String> = None;
        while history.last() != Some(&until) {
            let mut watcher = Watcher::resume(store, tenant, cursor.as_deref()).unwrap();
            for turn in 0..=reader {
                if history.last() == Some(&until) {
                    break;
                }
                // A dropped wait, as a checkpoint timer or a lost client makes it, must cost nothing.
                tokio::select! {
                    biased;
                    page = watcher.next(1 + (reader + turn) % 5) => {
                        let page = page.unwrap();
                        assert!(page.events.iter().all(|event| event.alert.tenant == tenant));
                        history.extend(page.events.iter().map(|event| event.sequence));
                        cursor = Some(page.cursor);
                    }
                    () = tokio::task::yield_now(), if turn % 2 == 1 => {}
                }
            }
        }
        history
    }
}
