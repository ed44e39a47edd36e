//! Numbers that name an item: serials, lots, GTINs, part numbers.
//!
//! Come here for the upper rungs of the ladder. Everything is symmetric: it does not matter which paper comes first.

use crate::goods::Feature;
use crate::model::GoodsForm;

/// A feature with the two values that gave it.
pub(super) type Found<'a> = (Feature, &'a str, &'a str);

/// Lists longer than this are compared letter by letter only, not with look-alike digits folded.
const CONFUSABLE_LIST_MAX: usize = 64;

/// Serial numbers: one in common decides; lists without a common one count against.
pub(super) fn serial_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let (ours, theirs) = (&one.serial_numbers, &other.serial_numbers);
    let (first_ours, first_theirs) = (ours.first()?, theirs.first()?);
    if let Some((mine, yours)) = first_common(ours, theirs).or_else(|| first_confusable(ours, theirs)) {
        return Some((Feature::SerialShared, mine, yours));
    }
    Some((Feature::SerialDifferent, first_ours, first_theirs))
}

/// Lot numbers, likewise.
pub(super) fn lot_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let (first_ours, first_theirs) = (one.lot_numbers.first()?, other.lot_numbers.first()?);
    Some(match first_common(&one.lot_numbers, &other.lot_numbers) {
        Some((mine, yours)) => (Feature::LotShared, mine, yours),
        None => (Feature::LotDifferent, first_ours, first_theirs),
    })
}

/// GTINs.
pub(super) fn gtin_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let (ours, theirs) = (one.gtin.as_deref()?, other.gtin.as_deref()?);
    Some((if ours == theirs { Feature::GtinSame } else { Feature::GtinDifferent }, ours, theirs))
}

/// Part numbers and models of the descriptions: the best agreement that any pair of them gives.
pub(super) fn part_feature<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let (ours, theirs) = (one.part_number.as_deref(), other.part_number.as_deref());
    if let (Some(ours), Some(theirs)) = (ours, theirs)
        && ours == theirs
    {
        return Some((Feature::PartNumberSame, ours, theirs));
    }
    if let Some(number) = ours.filter(|number| names(other, number)) {
        return Some((Feature::PartNumberSame, number, number));
    }
    if let Some(number) = theirs.filter(|number| names(one, number)) {
        return Some((Feature::PartNumberSame, number, number));
    }
    best_of_others(one, other)
}

/// Agreements below equality, then contradiction, then silence.
fn best_of_others<'a>(one: &'a GoodsForm, other: &'a GoodsForm) -> Option<Found<'a>> {
    let mut best: Option<Found<'a>> = None;
    for (ours, ours_is_field) in item_numbers(one) {
        for (theirs, theirs_is_field) in item_numbers(other) {
            let grade = match grade_of(ours, theirs) {
                Grade::Same => Feature::PartNumberInDescription,
                Grade::Confusable => Feature::PartNumberConfusable,
                Grade::Stem => Feature::PartNumberStem,
                Grade::Near => Feature::PartNumberNear,
                Grade::OneOff => Feature::PartNumberOneOff,
                Grade::Different if ours_is_field && theirs_is_field => Feature::PartNumberDifferent,
                Grade::Different => Feature::PartNumberOtherInDescription,
            };
            if best.is_none_or(|found| grade < found.0) {
                best = Some((grade, ours, theirs));
            }
        }
    }
    // Two descriptions that name different models without any part number column contradict each other less
    // than nothing at all: a description may name a norm or a size that looks like a model.
    let neither_has_field = one.part_number.is_none() && other.part_number.is_none();
    match best {
        Some((Feature::PartNumberOtherInDescription, ..)) if neither_has_field => None,
        Some(found) => Some(found),
        None => match (one.part_number.as_deref(), other.part_number.as_deref()) {
            (Some(ours), None) => Some((Feature::PartNumberUnnamed, ours, "")),
            (None, Some(theirs)) => Some((Feature::PartNumberUnnamed, "", theirs)),
            _ => None,
        },
    }
}

/// The part number, and the models that the description names.
fn item_numbers(form: &GoodsForm) -> impl Iterator<Item = (&str, bool)> {
    let field = form.part_number.as_deref().map(|number| (number, true));
    field.into_iter().chain(form.model_tokens.iter().map(|token| (token.as_str(), false)))
}

/// Whether a description names this part number, also when it is written in several words.
pub(super) fn names(form: &GoodsForm, number: &str) -> bool {
    if form.model_tokens.iter().any(|token| token == number) {
        return true;
    }
    // Short numbers without letters stand in descriptions by chance.
    let is_telling = number.len() >= 5 || (number.len() >= 4 && number.bytes().any(|byte| byte.is_ascii_uppercase()));
    is_telling && contains_joined(&form.description_folded, number)
}

/// Whether some consecutive whole words of the text, joined, are the needle.
pub(super) fn contains_joined(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some(first) = needle.first() else { return false };
    let mut at_word_start = true;
    for start in 0..text.len() {
        if at_word_start && text[start] == *first && joined_at(&text[start..], needle) {
            return true;
        }
        at_word_start = text[start] == b' ';
    }
    false
}

fn joined_at(text: &[u8], needle: &[u8]) -> bool {
    let mut met = 0;
    for byte in text {
        if met == needle.len() {
            return *byte == b' ';
        }
        if *byte == needle[met] {
            met += 1;
        } else if *byte != b' ' {
            return false;
        }
    }
    met == needle.len()
}

#[derive(PartialEq, Eq, Debug)]
enum Grade {
    Same,
    Confusable,
    Stem,
    Near,
    OneOff,
    Different,
}

fn grade_of(one: &str, other: &str) -> Grade {
    if one == other {
        return Grade::Same;
    }
    if equal_confusable(one, other) {
        return Grade::Confusable;
    }
    let (shorter, longer) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if shorter.len() >= 5
        && let Some(suffix) = longer.strip_prefix(shorter)
        && is_packing_suffix(suffix)
    {
        return Grade::Stem;
    }
    if shorter.len() < 6 {
        return Grade::Different;
    }
    if is_slip(shorter.as_bytes(), longer.as_bytes()) {
        return Grade::Near;
    }
    let other_letters = one.bytes().zip(other.bytes()).filter(|(left, right)| left != right).count();
    if one.len() == other.len() && other_letters == 1 { Grade::OneOff } else { Grade::Different }
}

/// What makers and distributors add for reel, tray, tape, lead-free and the like: the same part in another packing.
fn is_packing_suffix(suffix: &str) -> bool {
    const SUFFIXES: [&str; 26] = [
        "R", "T", "TR", "T1", "T2", "TE", "TP", "RL", "RL7", "REEL", "REEL7", "TAPE", "TRAY", "TUBE", "BULK", "CT",
        "CTND", "ND", "DKR", "G", "G4", "E4", "PBF", "NOPB", "RNOPB", "LF",
    ];
    SUFFIXES.contains(&suffix)
}

/// The letter O for zero and so on: what a reader takes for the same.
const fn confusable(byte: u8) -> u8 {
    match byte {
        b'O' | b'Q' => b'0',
        b'I' | b'L' => b'1',
        b'Z' => b'2',
        b'S' => b'5',
        b'B' => b'8',
        other => other,
    }
}

fn equal_confusable(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).all(|(left, right)| confusable(left) == confusable(right))
}

/// One letter more, or two neighbours swapped. Another letter in the same place is another product.
fn is_slip(shorter: &[u8], longer: &[u8]) -> bool {
    let same_head = shorter.iter().zip(longer).take_while(|(left, right)| left == right).count();
    let (short_rest, long_rest) = (&shorter[same_head..], &longer[same_head..]);
    match long_rest.len() - short_rest.len() {
        0 => {
            long_rest.len() >= 2
                && short_rest[0] == long_rest[1]
                && short_rest[1] == long_rest[0]
                && short_rest[2..] == long_rest[2..]
        }
        // A letter more at the very end is a variant, not a slip.
        1 => !short_rest.is_empty() && short_rest == &long_rest[1..],
        _ => false,
    }
}

/// The first common element of two sorted lists.
fn first_common<'a>(ours: &'a [String], theirs: &'a [String]) -> Option<(&'a str, &'a str)> {
    let (few, many) = if ours.len() <= theirs.len() { (ours, theirs) } else { (theirs, ours) };
    let found = few.iter().find(|serial| many.binary_search(serial).is_ok())?;
    Some((found, found))
}

fn first_confusable<'a>(ours: &'a [String], theirs: &'a [String]) -> Option<(&'a str, &'a str)> {
    if ours.len().saturating_mul(theirs.len()) > CONFUSABLE_LIST_MAX * CONFUSABLE_LIST_MAX {
        return None;
    }
    // Short numbers agree by chance once letters are folded away.
    let same = |mine: &str, yours: &str| {
        let (mine, yours) = (mine.trim_start_matches(['0', 'O']), yours.trim_start_matches(['0', 'O']));
        mine.len() >= 6 && equal_confusable(mine, yours)
    };
    ours.iter()
        .find_map(|mine| theirs.iter().find(|yours| same(mine, yours)).map(|yours| (mine.as_str(), yours.as_str())))
}

#[cfg(test)]
mod tests {
    use super::{Grade, contains_joined, grade_of};

    #[test]
    fn part_numbers_are_graded() {
        let cases = [
            ("SN74HCT04D", "SN74HCT04D", Grade::Same),
            ("SN74HCTO4D", "SN74HCT04D", Grade::Confusable),
            ("SN74HCT04D", "SN74HCT04DR", Grade::Stem),
            ("LM317TNOPB", "LM317T", Grade::Stem),
            ("NO38C8421", "NO3C8421", Grade::Near),
            ("NO38C8421", "NO38C8412", Grade::Near),
            ("NO38C8421", "NO38C8422", Grade::OneOff),
            ("NO38C8421", "NO38C8433", Grade::Different),
            ("NO38C8421", "NO38C84213", Grade::Different),
            ("6205", "6206", Grade::Different),
            ("CI18F256", "CI18F2567", Grade::Different),
        ];
        for (one, other, grade) in cases {
            assert_eq!(grade_of(one, other), grade, "{one} {other}");
            assert_eq!(grade_of(other, one), grade, "{other} {one}");
        }
    }

    #[test]
    fn numbers_are_found_across_words_but_not_inside_them() {
        let text = "KOMMUTATOR CISQO CI18 F256 NEW";
        for (needle, expected) in
            [("CI18F256", true), ("CISQO", true), ("CI18F25", false), ("I18F256", false), ("NEW", true), ("", false)]
        {
            assert_eq!(contains_joined(text, needle), expected, "{needle}");
        }
    }
}
