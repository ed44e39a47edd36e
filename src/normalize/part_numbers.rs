//! Part numbers and models: one spelling for what a maker prints on a part.
//!
//! Come here to fold a part number or to find things in a description that may be one.
//! Packing suffixes and near misses are judged by `goods`, which sees both sides.

use super::goods_letters::push_upper;

/// At most this many model tokens are kept of one description.
pub const MODEL_TOKENS_MAX: usize = 16;

/// A part number longer than this is cut: longer ones are free text in the wrong column.
const LENGTH_MAX: usize = 64;

/// Words that stand in a part number column when there is none.
const PLACEHOLDERS: [&str; 14] = [
    "NA",
    "NONE",
    "NO",
    "NULL",
    "NIL",
    "UNKNOWN",
    "TBD",
    "BH",
    "HET",
    "NET",
    "OTCYTCTBYET",
    "OTCYTCTBUET",
    "XXX",
    "VARIOUS",
];

/// Upper-case Latin letters and digits only, look-alikes folded: `NO38-C8421` (also with Cyrillic С) gives `NO38C8421`.
/// `None` for empty fields and placeholders such as `n/a` and `б/н`.
pub fn part_number(text: &str) -> Option<String> {
    let folded = fold(strip_label(text.trim()));
    let is_number = folded.len() >= 2 && !PLACEHOLDERS.contains(&folded.as_str()) && folded != "BN";
    (is_number && folded.bytes().any(|byte| byte != b'0')).then_some(folded)
}

/// Removes what labels a number: `P/N:`, `арт.`, `Part No.`
fn strip_label(text: &str) -> &str {
    const LABELS: [&str; 9] = ["part number", "part no", "part nr", "артикул", "арт.", "mpn", "p/n", "pn:", "art."];
    for label in LABELS {
        let head = text.char_indices().nth(label.chars().count()).map_or(text.len(), |(position, _)| position);
        if text[..head].to_lowercase() == label {
            let rest = text[head..].trim_start_matches(|letter: char| !letter.is_alphanumeric());
            // A label needs an end, or it is the beginning of the number itself.
            if rest.len() < text.len() - head || label.ends_with(['.', ':']) {
                return rest;
            }
        }
    }
    text
}

/// The fold without judgement on whether it is a number at all.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        push_upper(letter, true, &mut out);
        if out.len() >= LENGTH_MAX {
            out.truncate(LENGTH_MAX);
            break;
        }
    }
    out
}

/// Whether a folded description token looks like a model or part number and not like a standard or a size.
pub(super) fn is_model(folded: &str) -> bool {
    const STANDARDS: [&str; 16] =
        ["USB", "DDR", "HDMI", "IP", "ISO", "DIN", "EN", "GOST", "RAL", "PM", "PN", "DN", "RJ", "CAT", "WIFI", "SATA"];
    if folded.len() < 4 || folded.len() > 40 {
        return false;
    }
    let letter_count = folded.bytes().filter(u8::is_ascii_uppercase).count();
    if letter_count == 0 || letter_count == folded.len() {
        return false;
    }
    let head_end = folded.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(folded.len());
    let (head, tail) = folded.split_at(head_end);
    // `DDR4`, `IP67`, `ISO9001`: the same on goods of any maker.
    !(STANDARDS.contains(&head) && tail.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{fold, is_model, part_number};

    #[test]
    fn spellings_of_one_part_number_meet() {
        let cases = [
            ("NO38-C8421", Some("NO38C8421")),
            ("no38 с8421", Some("NO38C8421")),
            ("P/N: NO38.C8421", Some("NO38C8421")),
            ("Арт. СА117Х4240", Some("CA117X4240")),
            ("Part No. 6205-2RS/C3", Some("62052RSC3")),
            ("MPN123", Some("MPN123")),
            ("ＡＢ１２", Some("AB12")),
            ("б/н", None),
            ("n/a", None),
            ("-", None),
            ("000", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(part_number(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn models_are_told_from_standards_and_words() {
        for token in ["NO38C8421", "TE411F107", "SN74HCT04DR", "62052RS", "USB3320C"] {
            assert!(is_model(token), "{token}");
        }
        for token in ["DDR4", "IP67", "ISO9001", "CISQO", "8542", "A1"] {
            assert!(!is_model(token), "{token}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,30}") {
            let once = fold(&text);
            prop_assert!(once.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{once}");
            prop_assert_eq!(fold(&once), once);
        }
    }
}
