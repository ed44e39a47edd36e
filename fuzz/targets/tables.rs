//! The table of weights and the table of exchange rates.
//!
//! What is taken gives finite weights and positive rates, or findings could not be ordered.

use onward::model::{Amount, Day};
use onward::normalize::Rates;
use onward::screening::Weights;

use super::{assert_short, choice};

pub fn run(data: &[u8]) {
    let (way, bytes) = choice(data);
    let text = String::from_utf8_lossy(bytes);
    if way % 2 == 0 {
        rates(&text);
    } else {
        weights(&text);
    }
}

fn rates(text: &str) {
    let rates = match Rates::parse(text) {
        Ok(rates) => rates,
        Err(error) => return assert_short(&error.to_string(), 1_024),
    };
    for (amount, day) in [(1_000, 20_000), (i64::MAX, 18_000), (-1, 25_000)] {
        for currency in ["KZT", "USD", "EUR", "XAU"] {
            let euro = rates.to_euro(Amount::from_millionths(amount), currency, Day::from_number(day));
            assert!(euro.is_none_or(|euro| euro.millionths().signum() * amount.signum() >= 0), "another sign");
        }
    }
}

/// The table that the program was built with, with one line put in the place of another.
fn weights(text: &str) {
    let (place, line) = text.split_once('\n').unwrap_or(("0", text));
    let place = place.parse::<usize>().unwrap_or_default() % Weights::rows().len();
    let rows = Weights::rows().iter().enumerate();
    let table: Vec<String> = rows
        .map(|(index, row)| if index == place { line.to_owned() } else { format!("{}\t0\t{}", row.name, row.assumed) })
        .collect();
    match Weights::parse(&table.join("\n")) {
        Ok(weights) => {
            assert_eq!(weights.bits().len(), Weights::rows().len());
            assert!(weights.bits().iter().all(|bits| bits.is_finite()), "a weight is no number: {line:?}");
        }
        Err(error) => assert_short(&error.to_string(), 1_024 + text.len()),
    }
}
