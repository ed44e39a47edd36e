//! Two folded words written as one: what folding makes of the letters where they meet.
//!
//! Come here when a name with a blank does not meet the same name without it. Which words are joined is decided in
//! `names`; how a single word is folded, in `normalize`.

use super::similarity::is_length_near;

/// Appends a folded word to the letters in the buffer, folds the seam and says how many letters there are then; none
/// where they do not fit.
pub(super) fn join(buffer: &mut [u8], length: usize, word: &str) -> Option<usize> {
    let start = length;
    let mut length = length;
    for &letter in word.as_bytes() {
        if length == start && length > 0 {
            let last = &mut buffer[length - 1];
            match (*last, letter) {
                (b'k', b's') => {
                    *last = b'x';
                    continue;
                }
                (b's', b'h') => {
                    *last = b'w';
                    continue;
                }
                _ => {}
            }
            length = fold_seam(&buffer[..length], letter);
            if buffer[..length].ends_with(&[letter]) || letter == b'g' && buffer[..length].ends_with(b"n") {
                continue;
            }
        }
        *buffer.get_mut(length)? = letter;
        length += 1;
    }
    Some(length)
}

/// What folding leaves of the letters before a seam, when the word after it begins with `next`.
fn fold_seam(before: &[u8], next: u8) -> usize {
    let is_vowel = matches!(next, b'a' | b'e' | b'i' | b'o' | b'u');
    let goes = match before.last() {
        Some(b'i') => is_vowel && next != b'i',
        Some(b't') => next == b's',
        _ => false,
    };
    before.len() - usize::from(goes)
}

/// Letters that folding takes where two words meet: one before the seam and one behind it.
const SEAM_LETTERS_MAX: usize = 2;

/// How long joined words are, and the letter they begin with where that is sure: so that most that are far apart need not
/// be joined.
pub(super) struct Outline {
    shortest: usize,
    longest: usize,
    start: Option<u8>,
}

impl Outline {
    /// The outline of words that are joined in this order.
    pub(super) fn of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let (mut longest, mut seams, mut start) = (0, 0, None);
        for (place, word) in words.enumerate() {
            if place == 0 {
                // A lone letter may change at the seam.
                start = word.bytes().next().filter(|_| word.len() > 1);
            }
            (longest, seams) = (longest + word.len(), place);
        }
        Self { shortest: longest.saturating_sub(SEAM_LETTERS_MAX * seams), longest, start }
    }

    /// Whether joined words of these outlines can be within so many hundredths of an error.
    pub(super) fn may_be_near(&self, other: &Self, allowed: u32) -> bool {
        let longer_by = self.shortest.saturating_sub(other.longest).max(other.shortest.saturating_sub(self.longest));
        let starts_apart = self.start.zip(other.start).is_some_and(|(start, facing)| start != facing);
        is_length_near(longer_by, allowed) && !(allowed == 0 && starts_apart)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::similarity::distance;
    use super::{Outline, join};
    use crate::normalize::skeleton;

    fn joined(words: &[String]) -> Vec<u8> {
        let mut buffer = [0; 48];
        let length = words.iter().try_fold(0, |length, word| join(&mut buffer, length, word)).unwrap();
        buffer[..length].to_vec()
    }

    fn are_outlined_near(one: &[String], other: &[String], allowed: u32) -> bool {
        let outline = |words: &[String]| Outline::of(words.iter().map(String::as_str));
        outline(one).may_be_near(&outline(other), allowed)
    }

    /// Words of letters that change where they meet others.
    fn folded() -> impl Strategy<Value = String> {
        "[aeikstghn]{1,5}".prop_map(|word| skeleton(&word)).prop_filter("a word", |word| !word.is_empty())
    }

    proptest! {
        #[test]
        fn an_outline_rules_out_nothing_that_is_near(
            one in proptest::collection::vec(folded(), 1..4),
            other in proptest::collection::vec(folded(), 1..4),
            allowed in prop_oneof![Just(0_u32), Just(100), Just(230)],
        ) {
            if distance(&joined(&one), &joined(&other), allowed).is_some() {
                prop_assert!(are_outlined_near(&one, &other, allowed));
            }
            // One of them and itself in one word are equal.
            let whole = [String::from_utf8(joined(&one)).unwrap()];
            prop_assert!(are_outlined_near(&one, &whole, 0));
        }
    }

    #[test]
    fn a_lone_letter_may_go_with_the_one_before_it() {
        // `Мерей-Импульс-Э`, cut off, and `МЕРЙЕ-ИМПУЛЬС`.
        let (words, word) = (["merei", "e"].map(str::to_owned), ["mere".to_owned()]);
        assert_eq!(joined(&words), b"mere");
        assert!(are_outlined_near(&words, &word, 0));
    }

    #[test]
    fn joined_words_are_folded_as_one_word_is() {
        let pairs = [
            ("Тұмар", "лан"),
            ("Kazkok", "Snab"),
            ("Kazkos", "Hesnab"),
            ("Тайфун", "Групп"),
            ("Ала", "Азия"),
            ("Volt", "Snab"),
            ("All", "Lan"),
        ];
        for (one, other) in pairs {
            let mut buffer = [0; 32];
            let length = join(&mut buffer, 0, &skeleton(one)).unwrap();
            let length = join(&mut buffer, length, &skeleton(other)).unwrap();
            assert_eq!(
                std::str::from_utf8(&buffer[..length]),
                Ok(skeleton(&format!("{one}{}", other.to_lowercase())).as_str())
            );
        }
    }
}
