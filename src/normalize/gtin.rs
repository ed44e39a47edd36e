//! Global trade item numbers: padded to fourteen digits, only when the check digit agrees.
//!
//! The prefix names who licensed the number, not where goods come from: nothing is read from it here.

/// Reads a GTIN of 8, 12, 13 or 14 digits, also with `(01)` before it; `None` when length or check digit is wrong.
pub fn gtin(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("(01)").unwrap_or(text);
    let mut digits = Vec::with_capacity(14);
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter as u8 - b'0'),
            ' ' | '-' | '\u{a0}' => {}
            _ => return None,
        }
    }
    if !matches!(digits.len(), 8 | 12 | 13 | 14) || digits.iter().all(|digit| *digit == 0) {
        return None;
    }
    let mut padded = vec![0; 14 - digits.len()];
    padded.append(&mut digits);
    let weighted = |(index, digit): (usize, &u8)| u32::from(*digit) * if index % 2 == 0 { 3 } else { 1 };
    let sum: u32 = padded[..13].iter().enumerate().map(weighted).sum();
    ((10 - sum % 10) % 10 == u32::from(padded[13]))
        .then(|| padded.iter().map(|digit| char::from(digit + b'0')).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::gtin;

    #[test]
    fn check_digits_decide_and_short_numbers_are_padded() {
        let cases = [
            ("4006381333931", Some("04006381333931")),
            ("(01)04006381333931", Some("04006381333931")),
            ("4006381 333931", Some("04006381333931")),
            ("96385074", Some("00000096385074")),
            ("036000291452", Some("00036000291452")),
            ("4006381333932", None),
            ("400638133393", None),
            ("00000000", None),
            ("40063813339AB", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(gtin(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn exactly_one_check_digit_fits(body in "[1-9][0-9]{11}") {
            let fitting = (0..10).filter(|check| gtin(&format!("{body}{check}")).is_some()).count();
            prop_assert_eq!(fitting, 1);
        }
    }
}
