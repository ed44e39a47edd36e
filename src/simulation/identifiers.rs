//! Numbers of companies and goods with right check digits, no two alike in a world.
//!
//! A firm's place in the world decides its serial number and, in very large worlds, also its month or day.

use crate::model::Day;

/// Kazakh business number. `class` of `class_count` keeps firms with the same serial apart by their month.
pub(super) fn kz_bin(registered: Day, serial: u64, class: u64, class_count: u64) -> String {
    let (year, month, _) = registered.calendar();
    let months = u64::from(year.unsigned_abs().saturating_sub(1990)) * 12 + u64::from(month.unsigned_abs()) - 1;
    let slot = months / class_count * class_count + class;
    let (year, month) = (1990 + slot / 12, slot % 12 + 1);
    [(4, 0), (5, 0), (6, 0), (4, 1), (4, 2), (4, 3)]
        .into_iter()
        .find_map(|(kind, branch)| with_kz_check(&format!("{:02}{month:02}{kind}{branch}{serial:05}", year % 100)))
        .unwrap_or_default()
}

/// Kazakh individual number, for sole traders. `class` of `class_count` keeps equal serials apart by their day.
pub(super) fn kz_iin(day_of_life: u64, serial: u64, class: u64, class_count: u64) -> String {
    // Born between 1960 and 1999.
    let slot = (day_of_life % 14_000) / class_count * class_count + class;
    let born = Day::from_number(-3_653).plus_days((slot % 14_600) as i32);
    let (year, month, day) = born.calendar();
    [3, 4]
        .into_iter()
        .find_map(|century| {
            with_kz_check(&format!("{:02}{month:02}{day:02}{century}{serial:04}", year.rem_euclid(100)))
        })
        .unwrap_or_default()
}

/// Russian taxpayer number of an organisation.
pub(super) fn ru_inn(office: u64, serial: u64) -> String {
    const WEIGHTS: [u32; 9] = [2, 4, 10, 3, 5, 9, 4, 6, 8];
    let digits = format!("{:04}{serial:05}", 7_701 - (office * 37) % 7_600);
    let check = weighted(&digits, &WEIGHTS) % 11 % 10;
    format!("{digits}{check}")
}

/// Kyrgyz taxpayer number: length and plausible layout only, no check is published.
pub(super) fn kg_inn(registered: Day, serial: u64) -> String {
    let (year, month, day) = registered.calendar();
    format!("0{day:02}{month:02}{year:04}{:05}", serial % 100_000)
}

/// Armenian taxpayer number: length only, no check is published.
pub(super) fn am_tin(serial: u64) -> String {
    format!("{:08}", 1_000_000 + serial % 90_000_000)
}

/// GTIN under the prefix that the issuing body keeps for examples.
pub(super) fn example_gtin(number: u64) -> String {
    let digits = format!("952{:09}", number % 1_000_000_000);
    let sum: u32 = digits
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 3 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Adds the check digit of BIN and IIN, or says that the number is never issued.
fn with_kz_check(digits: &str) -> Option<String> {
    const FIRST: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    const SECOND: [u32; 11] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2];
    let check = match weighted(digits, &FIRST) % 11 {
        10 => weighted(digits, &SECOND) % 11,
        check => check,
    };
    (check < 10).then(|| format!("{digits}{check}"))
}

fn weighted(digits: &str, weights: &[u32]) -> u32 {
    digits.chars().filter_map(|digit| digit.to_digit(10)).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{example_gtin, kz_bin, kz_iin, ru_inn, with_kz_check};
    use crate::model::Day;

    #[test]
    fn published_numbers_get_their_published_check_digits() {
        for number in ["940140000385", "990140004654", "230340005167", "200240037215", "150140010013", "061211600012"] {
            assert_eq!(with_kz_check(&number[..11]).as_deref(), Some(number));
        }
        assert_eq!(example_gtin(0).len(), 13);
        assert_eq!(example_gtin(123_456_789), "9521234567899");
        assert_eq!(ru_inn(0, 0).len(), 10);
    }

    #[test]
    fn no_two_firms_share_a_number_even_when_serials_repeat() {
        let registered = Day::from_calendar(2022, 3, 14).unwrap();
        let mut seen = BTreeSet::new();
        for class in 0..60 {
            assert!(seen.insert(kz_bin(registered, 777, class, 60)));
            assert!(seen.insert(kz_iin(9_000, 77, class, 60)));
            assert!(seen.insert(ru_inn(class, 777)));
        }
        assert!(seen.iter().all(|number| number.len() == 12 || number.len() == 10));
    }
}
