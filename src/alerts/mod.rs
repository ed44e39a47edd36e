//! Alerts: which findings become work for a person, and how a client follows them without missing one.
//!
//! Come here for the threshold (`decide`), for what people may do (`review`), for cursors and for the watcher.
//! Keeping alerts and events is `store`; how they look on the wire is `api`; who may see them is decided before.

mod changes;
mod cursor;
mod decide;
mod review;
mod watcher;

#[cfg(test)]
mod tests;

pub use cursor::{CURSOR_TEXT_MAX, CursorError, Cursors};
pub use decide::{AlertPolicy, decide, rule};
pub use review::{SUPPRESSION_MILLIS_MAX, TRANSITIONS, is_allowed, review};
pub use watcher::{EVENTS_PER_PAGE_MAX, EventPage, WatchError, Watcher};
