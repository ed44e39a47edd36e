//! How single cells are read: numbers, days, texts, lists, yes or no.
//!
//! Come here to see what is taken, what is refused, and what is taken with a note.
//! Nothing is guessed: what can mean two things is refused with a sentence that says what to write.

use crate::model::{Amount, Day};

use super::fault::RejectReason;
use super::fields::trimmed;

/// Largest quantity, weight or value.
const AMOUNT_MAX: Amount = Amount::from_whole(9_000_000_000_000);

/// Why a cell is refused.
pub(super) type Refusal = (RejectReason, &'static str);

/// A number and how it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Number {
    pub(super) amount: Amount,
    /// Finer than a millionth, and rounded to it.
    pub(super) is_rounded: bool,
    /// With a comma instead of a point.
    pub(super) has_comma: bool,
    /// A point with exactly three digits behind it, which where commas are used might have meant thousands.
    pub(super) is_point_doubtful: bool,
}

/// Reads a decimal number: digits with one decimal point, or one decimal comma where that cannot mean thousands.
pub(super) fn number(text: &str) -> Result<Number, Refusal> {
    const PLAIN: Refusal = (
        RejectReason::BadNumber,
        "expected a plain decimal number like 1234.5, without blanks or thousands separators",
    );
    let (is_negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let separator = unsigned.iter().position(|byte| matches!(byte, b'.' | b','));
    let (whole, fraction) = match separator {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, &unsigned[..0]),
    };
    let digits_only = whole.iter().chain(fraction).all(u8::is_ascii_digit);
    if !digits_only || whole.is_empty() && fraction.is_empty() {
        return Err(PLAIN);
    }
    let has_comma = separator.is_some_and(|at| unsigned[at] == b',');
    let may_be_thousands = matches!(whole, [b'1'..=b'9', rest @ ..] if rest.len() < 3) && fraction.len() == 3;
    if has_comma && may_be_thousands {
        let detail = "ambiguous: the comma may mark thousands or decimals; write 1234 or 1.234";
        return Err((RejectReason::BadNumber, detail));
    }
    let (millionths, is_rounded) = millionths(whole, fraction)
        .filter(|(millionths, _)| *millionths <= AMOUNT_MAX.millionths())
        .ok_or((RejectReason::BadNumber, "beyond 9000000000000"))?;
    let amount = Amount::from_millionths(if is_negative { -millionths } else { millionths });
    Ok(Number { amount, is_rounded, has_comma, is_point_doubtful: !has_comma && may_be_thousands })
}

/// Millionths of a number, and whether they had to be rounded (half away from zero).
fn millionths(whole: &[u8], fraction: &[u8]) -> Option<(i64, bool)> {
    let digit = |byte: &u8| i64::from(byte - b'0');
    let mut sum: i64 = 0;
    for byte in whole {
        sum = sum.checked_mul(10)?.checked_add(digit(byte))?;
    }
    for place in 0..6 {
        sum = sum.checked_mul(10)?.checked_add(fraction.get(place).map_or(0, digit))?;
    }
    let rest = fraction.get(6..).unwrap_or_default();
    let is_up = rest.first().is_some_and(|byte| *byte >= b'5');
    Some((sum.checked_add(i64::from(is_up))?, rest.iter().any(|byte| *byte != b'0')))
}

/// Reads `YYYY-MM-DD`, maybe with a time of day behind it, which is left out.
pub(super) fn day(text: &str) -> Result<Day, Refusal> {
    let is_tail_plain = text.as_bytes().get(11..).unwrap_or_default().iter().all(|byte| {
        byte.is_ascii_digit()
            || matches!(byte, b':' | b'.' | b',' | b'+' | b'-' | b'Z' | b'z' | b' ' | b'U' | b'T' | b'C')
    });
    Day::parse_iso(text)
        .filter(|_| is_tail_plain)
        .ok_or((RejectReason::BadDate, "expected a day of 1900 to 2199 written as YYYY-MM-DD"))
}

/// Reads a line number: a whole number from 1.
pub(super) fn line_no(text: &str) -> Result<u32, Refusal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let refusal = (RejectReason::BadNumber, "expected a whole number from 1 to 4294967295");
    text.parse().ok().filter(|number| is_plain && *number > 0).ok_or(refusal)
}

/// Reads yes or no.
pub(super) fn flag(text: &str) -> Result<bool, Refusal> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["true", "yes", "y", "1"]) {
        Ok(true)
    } else if is_one_of(&["false", "no", "n", "0"]) {
        Ok(false)
    } else {
        Err((RejectReason::BadFlag, "expected true, false, yes, no, 1, 0 or nothing"))
    }
}

/// A text as it is kept: control characters inside become blanks.
pub(super) fn text(text: &str) -> String {
    // 0xC2 begins the second block of control characters, and also quotation marks.
    let may_have_any = text.bytes().fold(false, |any, byte| any | (byte < 0x20) | (byte == 0x7f) | (byte == 0xc2));
    if may_have_any && text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text.to_owned() }
}

/// The entries of a list separated by `;`, without empty ones.
pub(super) fn list(cell: &str) -> Vec<String> {
    cell.split(';').map(trimmed).filter(|entry| !entry.is_empty()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fault::RejectReason;
    use super::{day, flag, line_no, list, number, text};
    use crate::model::Amount;

    #[test]
    fn numbers_that_are_taken() {
        // text, millionths, rounded, comma, doubtful point
        let cases = [
            ("621", 621_000_000, false, false, false),
            ("0", 0, false, false, false),
            ("-0", 0, false, false, false),
            ("+2.48", 2_480_000, false, false, false),
            (".5", 500_000, false, false, false),
            ("5.", 5_000_000, false, false, false),
            ("1234,5", 1_234_500_000, false, true, false),
            ("0,250", 250_000, false, true, false),
            ("1234,567", 1_234_567_000, false, true, false),
            ("1.234", 1_234_000, false, false, true),
            ("12.3456789", 12_345_679, true, false, false),
            ("0.30000000000000004", 300_000, true, false, false),
            ("1.1000000000", 1_100_000, false, false, false),
            ("9000000000000", 9_000_000_000_000_000_000, false, false, false),
            ("-12.5", -12_500_000, false, false, false),
        ];
        for (text, millionths, is_rounded, has_comma, is_point_doubtful) in cases {
            let number = number(text).unwrap();
            let got = (number.amount.millionths(), number.is_rounded, number.has_comma, number.is_point_doubtful);
            assert_eq!(got, (millionths, is_rounded, has_comma, is_point_doubtful), "{text}");
        }
    }

    #[test]
    fn numbers_that_are_refused() {
        let plain = ["", ".", "-", "abc", "1 234", "1\u{a0}234", "1.2.3", "1.234,50", "1,234,567", "1,234.50", "NaN"];
        let beyond = ["9000000000000.000001", "99999999999999999999999", "-9000000000001"];
        let others = ["1e5", "0x10", "1_000", "−5", "--5", "1,234", "12,500", "٣"];
        for text in plain.into_iter().chain(beyond).chain(others) {
            assert_eq!(number(text).map_err(|(reason, _)| reason), Err(RejectReason::BadNumber), "{text}");
        }
    }

    #[test]
    fn days_lines_and_flags() {
        for text in ["2024-02-29", "2024-02-29T10:00:00Z", "2024-02-29 10:00:00.000 UTC", "2024-02-29T10:00:00+05:00"] {
            assert_eq!(day(text).unwrap().to_string(), "2024-02-29", "{text}");
        }
        for text in ["29.02.2024", "2023-02-29", "2024-02-29Tomorrow", "2024-2-9", "20240229", "1899-12-31", "45000"] {
            assert_eq!(day(text).map_err(|(reason, _)| reason), Err(RejectReason::BadDate), "{text}");
        }
        assert_eq!((line_no("1"), line_no("0012")), (Ok(1), Ok(12)));
        for text in ["0", "-1", "+1", "1.0", "", "4294967296", "a"] {
            assert!(line_no(text).is_err(), "{text}");
        }
        assert_eq!((flag("YES"), flag("0")), (Ok(true), Ok(false)));
        assert_eq!(flag("maybe").map_err(|(reason, _)| reason), Err(RejectReason::BadFlag));
    }

    #[test]
    fn texts_lose_control_characters_and_lists_split() {
        assert_eq!(text("a\nb\u{85}c\u{7f}«д»"), "a b c «д»");
        assert_eq!(list(" A1;; B 2 ;C-3;"), ["A1", "B 2", "C-3"]);
        assert_eq!(list(""), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(millionths in -9_000_000_000_000_000_000_i64..=9_000_000_000_000_000_000) {
            let amount = Amount::from_millionths(millionths);
            let read = number(&amount.to_string()).unwrap();
            prop_assert_eq!((read.amount, read.is_rounded), (amount, false));
        }

        #[test]
        fn any_text_is_taken_or_refused(text in "\\PC{0,20}|[0-9.,+-]{0,30}") {
            let _ = (number(&text), day(&text), line_no(&text), flag(&text), list(&text));
        }
    }
}
