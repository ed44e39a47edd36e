//! Alerts: which findings become work for a person, and how a client follows them without missing one.
//!
//! Come here for the threshold (`decide`), for cursors and for the watcher.
//! Keeping alerts and events is `store`; how they look on the wire is `api`; who may see them is decided before.

mod cursor;
mod decide;
mod watcher;

pub use cursor::{CURSOR_TEXT_MAX, CursorError, Cursors};
pub use decide::{AlertPolicy, decide, rule};
pub use watcher::{EVENTS_PER_PAGE_MAX, EventPage, WatchError, Watcher};
