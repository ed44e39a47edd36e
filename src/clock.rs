//! What time it is: the one place that asks the system.
//!
//! Come here to hand a clock to something that needs one; tests hand in a fixed one. Thinking rooms take no clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::Day;

const MILLIS_PER_DAY: u64 = 86_400_000;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    fn unix_millis(&self) -> u64;

    /// The day in UTC.
    fn today(&self) -> Day {
        Day::from_number(i32::try_from(self.unix_millis() / MILLIS_PER_DAY).unwrap_or(i32::MAX))
    }
}

/// The clock of the machine. A machine that believes to be before 1970 is at 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is set. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct FixedClock(Arc<AtomicU64>);

impl Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FixedClock {
    /// A clock that shows this time, in milliseconds since 1970.
    pub fn at(unix_millis: u64) -> Self {
        Self(Arc::new(AtomicU64::new(unix_millis)))
    }

    /// Shows another time from now on, in milliseconds since 1970.
    pub fn set(&self, unix_millis: u64) {
        self.0.store(unix_millis, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn unix_millis(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Measures how long something took, for logs, progress and pauses; never for what is concluded.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// One that has run for a while.
    #[cfg(test)]
    pub fn started_before(elapsed: std::time::Duration) -> Self {
        Self(Instant::now().checked_sub(elapsed).unwrap_or_else(Instant::now))
    }

    /// Seconds since it began.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Whole milliseconds since it began.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, FixedClock, SystemClock};

    #[test]
    fn days_change_at_midnight() {
        let clock = FixedClock::at(86_399_999);
        let other = clock.clone();
        assert_eq!(clock.today().to_string(), "1970-01-01");
        other.set(86_400_000);
        assert_eq!(clock.today().to_string(), "1970-01-02");
        clock.set(1_732_406_400_000);
        assert_eq!(clock.today().to_string(), "2024-11-24");
        assert!(SystemClock.unix_millis() > 1_732_406_400_000);
    }
}
