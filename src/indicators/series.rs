//! A buyer's order lines of the same goods over time, with what is asked of each day worked out once.
//!
//! Come here for windows of days: how many orders fell into one week, and how much was ordered before.

use std::collections::BTreeMap;

use crate::model::Day;

/// Days within which quantities are added up.
pub(super) const WINDOW_DAYS: i32 = 180;
/// Days within which several orders look like one that was split.
pub(super) const SPLIT_DAYS: i32 = 7;

/// One order line of a series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ordered {
    pub(super) date: Day,
    /// Number of the order in its case: lines of one order share it.
    pub(super) order: u32,
    pub(super) quantity_millionths: i64,
}

/// Order lines of one buyer, subheading and unit, by date.
#[derive(Default)]
pub(super) struct Series {
    lines: Vec<Ordered>,
    days: BTreeMap<Day, Seen>,
}

/// What a series looks like from the day of one of its order lines. Quantities in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    /// Most orders within any [`SPLIT_DAYS`] that hold the day.
    pub(super) most_orders_in_a_week: usize,
    /// Ordered within the [`WINDOW_DAYS`] that end on the day.
    pub(super) recent: i128,
    /// Ordered within the [`WINDOW_DAYS`] before those, and in how many lines.
    pub(super) earlier: i128,
    pub(super) earlier_line_count: usize,
}

impl Series {
    pub(super) fn push(&mut self, ordered: Ordered) {
        self.lines.push(ordered);
    }

    /// Sorts the lines and works out what each day sees: a buyer may have thousands of lines on one day.
    pub(super) fn finish(&mut self) {
        self.lines.sort_unstable();
        let days: Vec<Day> =
            self.lines.chunk_by(|left, right| left.date == right.date).map(|day| day[0].date).collect();
        let weeks: BTreeMap<Day, usize> = days
            .iter()
            .flat_map(|day| (1 - SPLIT_DAYS..=0).map(|shift| day.plus_days(shift)))
            .collect::<std::collections::BTreeSet<Day>>()
            .into_iter()
            .map(|first| (first, self.order_count(first, first.plus_days(SPLIT_DAYS - 1))))
            .collect();
        self.days = days
            .into_iter()
            .map(|day| {
                let most = weeks.range(day.plus_days(1 - SPLIT_DAYS)..=day).map(|(_, count)| *count).max();
                let recent = self.between(day.plus_days(1 - WINDOW_DAYS), day);
                let earlier = self.between(day.plus_days(1 - 2 * WINDOW_DAYS), day.plus_days(-WINDOW_DAYS));
                let seen = Seen {
                    most_orders_in_a_week: most.unwrap_or(0),
                    recent: sum(recent),
                    earlier: sum(earlier),
                    earlier_line_count: earlier.len(),
                };
                (day, seen)
            })
            .collect();
    }

    pub(super) fn first_date(&self) -> Option<Day> {
        self.lines.first().map(|line| line.date)
    }

    /// What is seen from a day on which something was ordered; nothing from any other.
    pub(super) fn seen_from(&self, day: Day) -> Seen {
        self.days.get(&day).copied().unwrap_or_default()
    }

    fn order_count(&self, first: Day, last: Day) -> usize {
        let mut orders: Vec<u32> = self.between(first, last).iter().map(|line| line.order).collect();
        orders.sort_unstable();
        orders.dedup();
        orders.len()
    }

    fn between(&self, first: Day, last: Day) -> &[Ordered] {
        let start = self.lines.partition_point(|line| line.date < first);
        let end = self.lines.partition_point(|line| line.date <= last);
        &self.lines[start..end.max(start)]
    }
}

fn sum(lines: &[Ordered]) -> i128 {
    lines.iter().map(|line| i128::from(line.quantity_millionths)).sum()
}
