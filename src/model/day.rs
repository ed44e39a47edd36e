//! A calendar day without a time zone, as papers carry it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A civil day, counted from 1970-01-01. Ordered, cheap to subtract; years 1900 to 2199 only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Day(i32);

impl Day {
    /// The day of a calendar date, or `None` when there is no such day or it is outside 1900 to 2199.
    pub fn from_calendar(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = jiff::civil::Date::new(year, month, day).ok()?;
        if !(1900..2200).contains(&year) {
            return None;
        }
        let epoch = jiff::civil::date(1970, 1, 1);
        date.since(epoch).ok().map(|span| Self(span.get_days()))
    }

    /// Reads `YYYY-MM-DD`, the only form the file contract allows. A time part after `T` or a blank is cut off.
    pub fn parse_iso(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let cut = bytes.len() > 10 && (bytes[10] == b'T' || bytes[10] == b' ');
        if !(bytes.len() == 10 || cut) || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            bytes[range]
                .iter()
                .try_fold(0i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
        };
        Self::from_calendar(number(0..4)?, number(5..7)? as i8, number(8..10)? as i8)
    }

    /// Days since 1970-01-01; negative before.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The day with this number, see [`Day::number`].
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// How many days this day lies after `earlier`; negative when it lies before.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// The day this many days later, or earlier when negative.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn calendar(self) -> (i16, i8, i8) {
        let epoch = jiff::civil::date(1970, 1, 1);
        let date = epoch.saturating_add(jiff::Span::new().days(self.0.clamp(-700_000, 2_900_000)));
        (date.year(), date.month(), date.day())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.calendar();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn iso_days_round_trip_and_impossible_ones_are_refused() {
        for text in ["1970-01-01", "2024-02-29", "1999-12-31", "2100-03-01"] {
            assert_eq!(Day::parse_iso(text).map(|day| day.to_string()).as_deref(), Some(text));
        }
        for text in ["2023-02-29", "2023-13-01", "23-01-01", "2023/01/01", "0001-01-01", "", "2023-1-1", "абвгдеж"]
        {
            assert_eq!(Day::parse_iso(text), None, "{text}");
        }
        assert_eq!(Day::parse_iso("2023-05-06T10:00:00Z"), Day::parse_iso("2023-05-06"));
        assert_eq!(
            Day::from_calendar(2024, 3, 1).map(|day| day.days_since(Day::from_calendar(2024, 2, 1).unwrap())),
            Some(29)
        );
    }
}
