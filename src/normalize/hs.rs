//! Tariff codes: digits only, and how the editions 2017 and 2022 of the Harmonized System meet.
//!
//! Come here to read a code or to ask whether two codes may name the same goods in two editions.
//! Whether a code is of concern is asked in `indicators`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::HsCode;

/// How two subheadings of different editions correspond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Correlation {
    /// With how many codes of the other edition the one that has more corresponds: 1 is a renamed code, 20 says little.
    pub partner_count_max: usize,
}

/// Codes of both editions by number, with the numbers they correspond to.
struct Editions {
    of_2022: HashMap<u32, Vec<u32>>,
    of_2017: HashMap<u32, Vec<u32>>,
}

static EDITIONS: LazyLock<Editions> = LazyLock::new(|| {
    let mut editions = Editions { of_2022: HashMap::new(), of_2017: HashMap::new() };
    let table = include_str!("../../data/hs2022_to_hs2017.tsv").lines().filter(|line| !line.starts_with('#'));
    for (newer, older) in table.filter_map(|line| line.split_once('\t')) {
        if let (Ok(newer), Ok(older)) = (newer.parse(), older.parse()) {
            editions.of_2022.entry(newer).or_default().push(older);
            editions.of_2017.entry(older).or_default().push(newer);
        }
    }
    editions
});

/// Reads a tariff code: dots and blanks are stripped, letters and odd lengths refused.
pub fn hs_code(text: &str) -> Option<HsCode> {
    let mut digits = String::with_capacity(14);
    for letter in text.trim().trim_matches('\'').chars() {
        match letter {
            '0'..='9' if digits.len() < 15 => digits.push(letter),
            '.' | ' ' | '\u{a0}' | '\u{202f}' | '-' => {}
            _ => return None,
        }
    }
    HsCode::from_digits(&digits)
}

/// Whether one subheading of 2022 and the other of 2017 name the same goods, in whichever order they are given.
/// `None` when they do not, or when either code has fewer than six digits.
pub fn correlation(one: &HsCode, other: &HsCode) -> Option<Correlation> {
    let number = |code: &HsCode| code.subheading().and_then(|digits| digits.parse::<u32>().ok());
    let (one, other) = (number(one)?, number(other)?);
    between(one, other).or_else(|| between(other, one))
}

fn between(newer: u32, older: u32) -> Option<Correlation> {
    let olds = EDITIONS.of_2022.get(&newer)?;
    if !olds.contains(&older) {
        return None;
    }
    let new_count = EDITIONS.of_2017.get(&older).map_or(1, Vec::len);
    Some(Correlation { partner_count_max: olds.len().max(new_count) })
}

#[cfg(test)]
mod tests {
    use super::{correlation, hs_code};

    fn partners(one: &str, other: &str) -> Option<usize> {
        let (one, other) = (hs_code(one).unwrap(), hs_code(other).unwrap());
        assert_eq!(correlation(&one, &other), correlation(&other, &one));
        correlation(&one, &other).map(|correlation| correlation.partner_count_max)
    }

    #[test]
    fn codes_are_digits_of_an_even_length() {
        for (text, digits) in
            [("8542.31.9010", "8542319010"), (" 85 42 31 ", "854231"), ("'0101210000", "0101210000"), ("85", "85")]
        {
            assert_eq!(hs_code(text).as_ref().map(|code| code.digits()), Some(digits), "{text}");
        }
        for text in ["", "854", "85423", "8542AB", "001234", "8542319", "123456789012", "EAR99", "8542,31", "١٢٣٤"]
        {
            assert_eq!(hs_code(text), None, "{text}");
        }
    }

    #[test]
    fn codes_that_moved_between_editions_meet() {
        // One to one.
        assert_eq!(partners("880730", "880330"), Some(1));
        // Waste left, the rest stayed.
        assert_eq!(partners("854800", "854890"), Some(1));
        // Split in four.
        assert_eq!(partners("854149", "854140"), Some(4));
        assert_eq!(partners("854142", "854140"), Some(4));
        // Cameras split, and drones left them.
        assert!(partners("852589", "852580").is_some_and(|count| count > 4));
        assert!(partners("880622", "852580").is_some());
        // Smartphones were told from other mobile telephones.
        assert_eq!(partners("851713", "851712"), Some(2));
    }

    #[test]
    fn catch_alls_and_unrelated_codes_do_not_meet() {
        assert_eq!(partners("854151", "851712"), None);
        assert_eq!(partners("854921", "854231"), None);
        assert_eq!(partners("854231", "854239"), None);
        assert_eq!(partners("85", "854231"), None);
    }
}
