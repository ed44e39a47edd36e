//! Part numbers, tariff codes, units, quantities, dates, serial numbers and descriptions.
//!
//! What has one written form is read from it as the same; lists are sorted, without repeats and bounded.

use onward::goods::{Brands, bits, compare, may_match, weight};
use onward::model::{Amount, Day};
use onward::normalize::{
    MODEL_TOKENS_MAX, SERIAL_RANGE_MAX, SERIALS_MAX, brand, currency, goods, gtin, hs_code, lots, part_number, serials,
    sound_key, unit,
};

use super::texts;

pub fn run(data: &[u8]) {
    let [code, description, maker, part, numbers, quantity, day] = texts(data);
    written(&code, &quantity, &day);
    let numbers: Vec<String> = numbers.split(';').map(str::to_owned).collect();
    let found = serials(&numbers);
    assert!(found.len() <= SERIALS_MAX && found.len() <= numbers.len() * SERIAL_RANGE_MAX.max(2));
    assert!(found.is_sorted_by(|left, right| left < right), "serials are not sorted or repeat");
    assert!(lots(&numbers).is_sorted_by(|left, right| left < right), "lots are not sorted or repeat");
    if let Some(folded) = part_number(&part) {
        assert!(folded.len() >= 2 && !folded.chars().any(char::is_whitespace), "{folded:?} is no part number");
    }
    let code = hs_code(&code);
    let (full, bare) = (
        goods(code.as_ref(), &description, &maker, &part, &quantity, &numbers, &numbers),
        goods(code.as_ref(), &part, "", &description, "", &[], &numbers),
    );
    assert!(full.model_tokens.len() <= MODEL_TOKENS_MAX);
    let brands = Brands::new([maker.as_str()]);
    assert_eq!(bits(&full, &bare, &brands), compare(&full, &bare, &brands).iter().map(|row| weight(row.feature)).sum());
    assert_eq!(may_match(&full, &bare), may_match(&bare, &full), "who comes first makes a difference");
    let _ = (brand(&maker), sound_key(&maker), unit(&maker), currency(&maker));
}

/// What has one written form.
fn written(code: &str, quantity: &str, day: &str) {
    if let Some(found) = hs_code(code) {
        assert_eq!(hs_code(found.digits()), Some(found), "a tariff code is read otherwise from its own digits");
    }
    if let Some(found) = gtin(code) {
        assert_eq!(gtin(&found).as_ref(), Some(&found), "a GTIN is read otherwise from its own digits");
    }
    if let Ok(amount) = quantity.parse::<Amount>() {
        assert_eq!(amount.to_string().parse(), Ok(amount), "an amount is read otherwise than it is written");
    }
    if let Some(found) = Day::parse_iso(day) {
        assert_eq!(Day::parse_iso(&found.to_string()), Some(found), "a day is read otherwise than it is written");
        assert!(day.starts_with(&found.to_string()), "{day:?} is another day");
    }
}
