//! Currencies, and approximate dated rates to bring values of different papers into euro.
//!
//! Come here to compare prices. The rates are averages over months or quarters and good for scoring only;
//! [`Rates::parse`] takes a table of one's own. Where a rate is missing the value is not comparable: nothing is guessed.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use crate::model::{Amount, Day};

/// A currency's last row is used for this many days beyond it.
pub const RATE_AGE_DAYS_MAX: i32 = 800;

/// Why a table of rates cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RatesError {
    /// A row has not the three columns currency, day and rate.
    #[error("line {line}: needs currency, day and units per euro, separated by tabs")]
    Row {
        /// Line of the table, from 1.
        line: usize,
    },
    /// The currency is not known to Onward.
    #[error("line {line}: unknown currency")]
    Currency {
        /// Line of the table, from 1.
        line: usize,
    },
    /// The rate is not a number above zero.
    #[error("line {line}: the rate must be a decimal number above zero")]
    Rate {
        /// Line of the table, from 1.
        line: usize,
    },
}

/// Dated rates of currencies against the euro.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rates {
    /// Units for one euro from a day on, by currency; days ascending.
    per_euro: BTreeMap<&'static str, Vec<(Day, Amount)>>,
}

static SPELLINGS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut spellings = HashMap::new();
    for line in include_str!("../../data/currencies.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        if let (Some(letters), Some(number)) = (columns.next(), columns.next()) {
            spellings.extend([(letters, letters), (number, letters)]);
            spellings.extend(columns.flat_map(str::split_whitespace).map(|word| (word, letters)));
        }
    }
    spellings
});

static EMBEDDED: LazyLock<Rates> =
    LazyLock::new(|| Rates::parse(include_str!("../../data/exchange_rates.tsv")).unwrap_or_default());

/// The ISO 4217 letters of a currency given by letters, number, sign or word; `None` when unknown to Onward.
pub fn currency(text: &str) -> Option<&'static str> {
    if let Some(letters) = SPELLINGS.get(text) {
        return Some(letters);
    }
    let keeps = |letter: &char| !letter.is_whitespace() && *letter != '.';
    let lower: String = text.chars().filter(keeps).flat_map(char::to_lowercase).take(20).collect();
    SPELLINGS.get(lower.as_str()).or_else(|| SPELLINGS.get(lower.to_ascii_uppercase().as_str())).copied()
}

impl Rates {
    /// The approximate rates that come with Onward.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads rows `currency, day, units per euro` separated by tabs; lines that begin with `#` and empty ones are skipped.
    pub fn parse(table: &str) -> Result<Self, RatesError> {
        let mut rates = Self::default();
        for (index, text) in table.lines().enumerate() {
            let line = index + 1;
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = text.split('\t').map(str::trim).collect();
            let [letters, day, rate] = columns[..] else { return Err(RatesError::Row { line }) };
            let letters = currency(letters).ok_or(RatesError::Currency { line })?;
            let day = Day::parse_iso(day).ok_or(RatesError::Row { line })?;
            let rate: Amount = rate.parse().map_err(|_| RatesError::Rate { line })?;
            if !rate.is_positive() {
                return Err(RatesError::Rate { line });
            }
            rates.per_euro.entry(letters).or_default().push((day, rate));
        }
        rates.per_euro.values_mut().for_each(|rows| rows.sort_unstable());
        Ok(rates)
    }

    /// The amount in euro by the rate of that day; `None` when the currency is unknown, the day lies before its first
    /// rate or more than [`RATE_AGE_DAYS_MAX`] after its last.
    pub fn to_euro(&self, amount: Amount, currency_text: &str, day: Day) -> Option<Amount> {
        let letters = currency(currency_text)?;
        if letters == "EUR" {
            return Some(amount);
        }
        let rows = self.per_euro.get(letters)?;
        let after = rows.partition_point(|(from, _)| *from <= day);
        let (from, rate) = rows.get(after.checked_sub(1)?)?;
        if after == rows.len() && day.days_since(*from) > RATE_AGE_DAYS_MAX {
            return None;
        }
        let scaled = i128::from(amount.millionths()) * i128::from(Amount::SCALE) / i128::from(rate.millionths());
        i64::try_from(scaled).ok().map(Amount::from_millionths)
    }
}

#[cfg(test)]
mod tests {
    use super::{RATE_AGE_DAYS_MAX, Rates, RatesError, currency};
    use crate::model::{Amount, Day};

    fn day(text: &str) -> Day {
        Day::parse_iso(text).unwrap()
    }

    #[test]
    fn currencies_are_read_by_letters_number_sign_and_word() {
        let cases = [
            ("EUR", Some("EUR")),
            ("eur", Some("EUR")),
            ("398", Some("KZT")),
            ("643", Some("RUB")),
            ("978", Some("EUR")),
            ("840", Some("USD")),
            ("₽", Some("RUB")),
            ("руб.", Some("RUB")),
            ("Тенге", Some("KZT")),
            ("RUR", Some("RUB")),
            ("", None),
            ("XXX", None),
        ];
        for (text, expected) in cases {
            assert_eq!(currency(text), expected, "{text}");
        }
    }

    #[test]
    fn the_rate_of_the_day_is_used() {
        let rates =
            Rates::parse("# mine\nUSD\t2024-01-01\t1.25\nUSD\t2023-01-01\t1\n\nRUB\t2024-01-01\t100\n").unwrap();
        let euro = |amount: i64, currency: &str, on: &str| rates.to_euro(Amount::from_whole(amount), currency, day(on));
        assert_eq!(euro(125, "USD", "2024-05-05"), Some(Amount::from_whole(100)));
        assert_eq!(euro(125, "USD", "2024-01-01"), Some(Amount::from_whole(100)));
        assert_eq!(euro(125, "USD", "2023-12-31"), Some(Amount::from_whole(125)));
        assert_eq!(euro(125, "usd", "2022-12-31"), None);
        assert_eq!(euro(125, "EUR", "1999-12-31"), Some(Amount::from_whole(125)));
        assert_eq!(euro(125, "KZT", "2024-05-05"), None);
        let last = day("2024-01-01").plus_days(RATE_AGE_DAYS_MAX);
        assert!(rates.to_euro(Amount::from_whole(1), "RUB", last).is_some());
        assert_eq!(rates.to_euro(Amount::from_whole(1), "RUB", last.plus_days(1)), None);
    }

    #[test]
    fn bad_tables_name_their_line() {
        assert_eq!(Rates::parse("USD\t2024-01-01"), Err(RatesError::Row { line: 1 }));
        assert_eq!(Rates::parse("#\nABC\t2024-01-01\t1"), Err(RatesError::Currency { line: 2 }));
        assert_eq!(Rates::parse("USD\t2024-01-01\t0"), Err(RatesError::Rate { line: 1 }));
        assert_eq!(Rates::parse("USD\t2024-01-32\t1"), Err(RatesError::Row { line: 1 }));
    }

    #[test]
    fn embedded_rates_are_whole_and_plausible() {
        let table = include_str!("../../data/exchange_rates.tsv");
        let rates = Rates::parse(table).unwrap();
        assert_eq!(&rates, Rates::embedded());
        for (letters, rows) in &rates.per_euro {
            for pair in rows.windows(2) {
                let change = pair[1].1.to_f64() / pair[0].1.to_f64();
                assert!((0.5..2.0).contains(&change) && pair[0].0 < pair[1].0, "{letters} {pair:?}");
            }
        }
        for letters in ["USD", "RUB", "KZT", "CNY", "KGS", "TRY", "AED", "GBP", "BYN", "AMD", "UZS"] {
            assert!(rates.to_euro(Amount::from_whole(1_000), letters, day("2023-05-06")).is_some(), "{letters}");
        }
        let hundred_dollars = rates.to_euro(Amount::from_whole(100), "USD", day("2023-05-06")).unwrap().to_f64();
        assert!((85.0..100.0).contains(&hundred_dollars), "{hundred_dollars}");
    }
}
