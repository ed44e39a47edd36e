//! How far apart two folded words are, in hundredths of a typing error.
//!
//! Come here to see which letters count as near. An optimal string alignment (insert, leave out, replace, swap
//! neighbours) with lower costs where romanisation schemes differ. No allocation; what the distance means is elsewhere.

/// Longest word that is compared letter by letter.
pub(super) const LENGTH_MAX: usize = 48;
/// One whole typing error.
pub(super) const WHOLE: u32 = 100;

/// Another letter in the place of one that neither sounds nor looks like it: rather another word than an error.
const OTHER_LETTER: u32 = 150;

/// More than any limit, and far from overflow.
const BEYOND: u32 = 1 << 20;
/// Least cost of a letter left out.
const CHEAPEST_LEFT_OUT: u32 = 45;

/// Letters that spellings of one word exchange. Up to 70: schemes of romanisation and the Kazakh alphabets differ there.
/// Above: only the ear confuses them, so in a short word they make another word.
const NEAR: [(u8, u8, u8); 30] = [
    (b'i', b'j', 35),
    (b'i', b'e', 35),
    (b'u', b'o', 60),
    (b'c', b's', 35),
    (b'c', b'k', 35),
    (b'c', b'h', 40),
    (b'k', b'h', 40),
    (b'g', b'h', 50),
    (b'g', b'j', 50),
    (b's', b'z', 35),
    (b'j', b'z', 45),
    (b'u', b'v', 40),
    (b'v', b'f', 40),
    (b'x', b'h', 35),
    (b'x', b'k', 60),
    (b'x', b's', 60),
    (b'w', b's', 105),
    (b'w', b'c', 60),
    (b'w', b'j', 105),
    (b'a', b'e', 105),
    (b'a', b'o', 110),
    (b'u', b'i', 110),
    (b'e', b'o', 110),
    (b'a', b'i', 110),
    (b'a', b'u', 110),
    (b'e', b'u', 110),
    (b'i', b'o', 110),
    (b'k', b'g', 110),
    (b't', b'd', 110),
    (b'b', b'p', 110),
];

const fn replacement_costs() -> [[u8; 26]; 26] {
    let mut costs = [[OTHER_LETTER as u8; 26]; 26];
    let mut index = 0;
    while index < NEAR.len() {
        let (one, other, cost) = NEAR[index];
        costs[(one - b'a') as usize][(other - b'a') as usize] = cost;
        costs[(other - b'a') as usize][(one - b'a') as usize] = cost;
        index += 1;
    }
    costs
}

static REPLACEMENT: [[u8; 26]; 26] = replacement_costs();

fn replace(one: u8, other: u8) -> u32 {
    if one == other {
        0
    } else if one.is_ascii_lowercase() && other.is_ascii_lowercase() {
        u32::from(REPLACEMENT[usize::from(one - b'a')][usize::from(other - b'a')])
    } else {
        OTHER_LETTER
    }
}

/// Letters that schemes write or leave out are cheaper to leave out.
fn leave_out(letter: u8) -> u32 {
    match letter {
        b'i' | b'j' | b'h' => CHEAPEST_LEFT_OUT,
        b'a' | b'e' | b'o' | b'u' => 80,
        _ => WHOLE,
    }
}

/// The distance, or `None` when it exceeds `limit` (hundredths of an error) or a word is too long.
pub(super) fn distance(one: &[u8], other: &[u8], limit: u32) -> Option<u32> {
    let (one, other) = without_common_ends(one, other);
    if one.len() > LENGTH_MAX || other.len() > LENGTH_MAX || !is_length_near(one.len().abs_diff(other.len()), limit) {
        return None;
    }
    // Cells further off the diagonal than the cheapest letters left out allow are beyond the limit.
    let reach = (limit / CHEAPEST_LEFT_OUT) as usize;
    let mut rows = [[BEYOND; LENGTH_MAX + 1]; 3];
    rows[0][0] = 0;
    for (index, letter) in other.iter().take(reach).enumerate() {
        rows[0][index + 1] = rows[0][index] + leave_out(*letter);
    }
    let mut least_before = 0;
    for (i, &letter) in one.iter().enumerate() {
        let (start, end) = ((i + 1).saturating_sub(reach), (i + 1 + reach).min(other.len()));
        let (above, row) = (i % 3, (i + 1) % 3);
        let edge = start.saturating_sub(1);
        rows[row][edge] = if start == 0 { rows[above][0] + leave_out(letter) } else { BEYOND };
        let mut least = rows[row][edge];
        for j in start.max(1)..=end {
            let facing = other[j - 1];
            let mut cost = (rows[above][j - 1] + replace(letter, facing))
                .min(rows[above][j] + leave_out(letter))
                .min(rows[row][j - 1] + leave_out(facing));
            if i > 0 && j > 1 && letter == other[j - 2] && one[i - 1] == facing {
                cost = cost.min(rows[(i + 2) % 3][j - 2] + WHOLE);
            }
            rows[row][j] = cost;
            least = least.min(cost);
        }
        if end < other.len() {
            rows[row][end + 1] = BEYOND;
        }
        if least.min(least_before) > limit {
            return None;
        }
        least_before = least;
    }
    Some(rows[one.len() % 3][other.len()]).filter(|cost| *cost <= limit)
}

/// Whether words of which one is so much longer can be within the limit at all.
pub(super) fn is_length_near(longer_by: usize, limit: u32) -> bool {
    longer_by <= (limit / CHEAPEST_LEFT_OUT) as usize
}

/// Whether two words begin so differently that they are rather two words: few errors are made in the first letter.
pub(super) fn is_other_start(one: &str, other: &str) -> bool {
    let ([first, rest @ ..], [facing, facing_rest @ ..]) = (one.as_bytes(), other.as_bytes()) else { return true };
    let is_swapped = rest.first() == Some(facing) && facing_rest.first() == Some(first);
    !is_swapped
        && replace(*first, *facing) > START_NEAR_MAX
        && leave_out(*first).min(leave_out(*facing)) > CHEAPEST_LEFT_OUT
}

/// First letters further apart than this are not two spellings of one.
const START_NEAR_MAX: u32 = 45;

fn without_common_ends<'a>(mut one: &'a [u8], mut other: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    while let ([first, rest @ ..], [facing, facing_rest @ ..]) = (one, other) {
        if first != facing {
            break;
        }
        (one, other) = (rest, facing_rest);
    }
    while let ([rest @ .., last], [facing_rest @ .., facing]) = (one, other) {
        if last != facing {
            break;
        }
        (one, other) = (rest, facing_rest);
    }
    (one, other)
}

/// Letters that no spelling exchanges or leaves out cheaply.
const HARD_LETTERS: u32 = letters(b"bdlmnpqrty");
/// Least cost of an edit for each letter that only one of two words has: a hard one, and any other, of which the
/// cheapest edit changes two.
const HARD_LETTER_COST: u32 = 55;
const LETTER_COST: u32 = 17;

const fn letters(list: &[u8]) -> u32 {
    let mut letters = 0;
    let mut index = 0;
    while index < list.len() {
        letters |= 1 << (list[index] - b'a');
        index += 1;
    }
    letters
}

/// Whether words with these letters (see `normalize::letters_of`) can be within the limit at all.
pub(super) fn may_be_near(letters: u32, others: u32, limit: u32) -> bool {
    let different = letters ^ others;
    let hard = (different & HARD_LETTERS).count_ones();
    let rest = (different & !HARD_LETTERS).count_ones();
    hard * HARD_LETTER_COST + rest * LETTER_COST <= limit
}

/// How much may differ between words of this length where something else speaks for them too.
pub(super) fn limit_wide(length: usize) -> u32 {
    if length < WIDE_LENGTH_MIN { limit(length) } else { limit(length).max(OTHER_LETTER) }
}

/// Letters of a word in which any one error is looked for.
const WIDE_LENGTH_MIN: usize = 4;

/// How much may differ between words of this length before they are two words.
pub(super) fn limit(length: usize) -> u32 {
    match length {
        0..=2 => 0,
        3 => 60,
        4..=5 => 100,
        6..=7 => 130,
        8..=10 => 150,
        _ => 230,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{distance, may_be_near};
    use crate::normalize::letters_of;

    #[test]
    fn near_letters_cost_less_than_others() {
        let rows = [
            ("alatau", "alatau", 0),
            ("alatau", "alatua", 100),
            ("alatau", "alatu", 80),
            ("jugturan", "ugturan", 45),
            ("kunar", "kubar", 150),
            ("kvark", "kvars", 150),
            ("evraza", "evrasa", 35),
        ];
        for (one, other, expected) in rows {
            assert_eq!(distance(one.as_bytes(), other.as_bytes(), 300), Some(expected), "{one} {other}");
        }
        assert_eq!(distance(b"abcdef", b"uvwxyz", 200), None);
    }

    proptest! {
        #[test]
        fn the_quick_look_at_letters_never_hides_a_near_word(one in "[a-z]{1,9}", other in "[a-z]{1,9}", limit in 0_u32..300) {
            if distance(one.as_bytes(), other.as_bytes(), limit).is_some() {
                prop_assert!(may_be_near(letters_of(&one), letters_of(&other), limit));
            }
        }

        #[test]
        fn the_band_changes_no_distance_within_the_limit(one in "[a-k]{0,9}", other in "[a-k]{0,9}", limit in 0_u32..300) {
            let whole = distance(one.as_bytes(), other.as_bytes(), 2000);
            prop_assert_eq!(distance(one.as_bytes(), other.as_bytes(), limit), whole.filter(|cost| *cost <= limit));
        }

        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(one in "[a-z]{0,10}", other in "[a-z]{0,10}") {
            let there = distance(one.as_bytes(), other.as_bytes(), 1000);
            prop_assert_eq!(there, distance(other.as_bytes(), one.as_bytes(), 1000));
            prop_assert_eq!(there == Some(0), one == other);
        }
    }
}
