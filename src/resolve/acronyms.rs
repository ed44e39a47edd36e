//! Does a short word stand for the first letters of others: `УКБТ` and `Ural Design Bureau of Technics`.
//!
//! Come here when an abbreviation that no table knows does not meet the words it stands for. A word counts with the
//! first letters of all its spellings, so that Russian abbreviations meet English names. Fixed abbreviations (НПО) are
//! in `data/abbreviations.tsv`; how much an agreement weighs is decided in `names`.

use super::prepared::WORDS_MAX;
use crate::normalize::WordEntry;

/// With which letters a word may be in an abbreviation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Initials {
    /// Its first letters in all its spellings, as bits, `a` lowest.
    letters: u32,
    /// The letter that may follow: `НИ` is the science of `НИИ`.
    second: Option<u8>,
    /// It may be left out: the `строительный` of `машиностроительный` is one word with what stands before it.
    is_silent: bool,
}

impl Initials {
    pub(super) const NONE: Self = Self { letters: 0, second: None, is_silent: false };

    pub(super) fn of(token: &str, entry: Option<&WordEntry>) -> Self {
        let mut letters = token.bytes().take(1).fold(0, |letters, letter| letters | bit(letter));
        if let Some(entry) = entry {
            letters = entry.spellings.iter().fold(0, |letters, spelling| {
                spelling.text.bytes().take(1).fold(letters, |letters, letter| letters | bit(letter))
            });
        }
        if entry.is_some() && token.starts_with('c') {
            // Folding reads a Latin `c` by what follows it, in a word or in its abbreviation.
            letters |= bit(b'k') | bit(b's');
        }
        if token == "engineering" {
            // What English calls engineering is machine building in Russian.
            letters |= bit(b'm');
        }
        let second = (token == "science").then_some(b'i');
        Self { letters, second, is_silent: matches!(token, "stroy" | "production" | "and") }
    }
}

fn bit(letter: u8) -> u32 {
    if letter.is_ascii_lowercase() { 1 << (letter - b'a') } else { 0 }
}

/// How many of these words, from the first on, the folded abbreviation stands for; none where it does not.
pub(super) fn words_meant(short: &[u8], words: &[Initials]) -> Option<usize> {
    meant(short, 0, words)
}

/// Whether the abbreviation stands for all of these words in any order: `УЗГА` and `Ural Civil Aviation Plant`.
pub(super) fn is_of_all(short: &[u8], words: &[Initials]) -> bool {
    short.len() >= SHUFFLED_LENGTH_MIN && words.len() <= WORDS_MAX && are_meant(short, 0, words, 0)
}

/// Letters of an abbreviation that may stand in another order than the words.
const SHUFFLED_LENGTH_MIN: usize = 4;

fn are_meant(short: &[u8], position: usize, words: &[Initials], used: u32) -> bool {
    let unused = |index: &usize| used & 1 << index == 0;
    if position == short.len() {
        return (0..words.len()).filter(unused).all(|index| words[index].is_silent);
    }
    (0..words.len()).filter(unused).filter(|index| words[*index].letters & letter_at(short, position) != 0).any(
        |index| {
            let used = used | 1 << index;
            let is_second = words[index].second.is_some_and(|second| short.get(position + 1) == Some(&second));
            are_meant(short, position + 1, words, used) || is_second && are_meant(short, position + 2, words, used)
        },
    )
}

/// The letters from `position` on, as initials of words: each word gives a letter or is swallowed by folding.
fn meant(short: &[u8], position: usize, words: &[Initials]) -> Option<usize> {
    let Some((word, rest)) = words.split_first() else { return (position == short.len()).then_some(0) };
    let mut most = (position == short.len()).then_some(0);
    let mut try_from = |position: usize| {
        if let Some(count) = meant(short, position, rest) {
            most = most.max(Some(count + 1));
        }
    };
    if position < short.len() && word.letters & letter_at(short, position) != 0 {
        try_from(position + 1);
        if word.second.is_some_and(|second| short.get(position + 1) == Some(&second)) {
            try_from(position + 2);
        }
    }
    if position > 0 && (word.is_silent || word.letters & swallowed_at(short, position) != 0) {
        try_from(position);
    }
    most
}

/// The initial that a folded letter may be: `x` is `k` before `s`.
fn letter_at(short: &[u8], position: usize) -> u32 {
    match short[position] {
        b'x' => bit(b'x') | bit(b'k'),
        letter => bit(letter),
    }
}

/// Initials that folding takes out between the letter before `position` and the one there.
fn swallowed_at(short: &[u8], position: usize) -> u32 {
    let before = match short[position - 1] {
        b'x' => bit(b'x') | bit(b's'),
        b'n' => bit(b'n') | bit(b'g'),
        letter => bit(letter),
    };
    let next = match short.get(position) {
        Some(b'a' | b'e' | b'o' | b'u') => bit(b'i'),
        Some(b's') => bit(b't'),
        Some(b'h') => bit(b'k'),
        _ => 0,
    };
    before | next
}

#[cfg(test)]
mod tests {
    use super::{Initials, is_of_all, words_meant};
    use crate::normalize::{name, word_entry};

    fn initials(words: &str) -> Vec<Initials> {
        name(words).tokens.iter().map(|token| Initials::of(token, word_entry(token))).collect()
    }

    #[test]
    fn letters_of_any_order_stand_for_all_the_words() {
        let rows = [
            ("УЗГБ", "Ural Gudron Battery Plant", true),
            ("УЗГБ", "Ural Gudron Battery Plant Bureau", false),
            ("УЗБ", "Ural Battery Plant", false),
            ("КНИМ", "Materials Research Institute Korvanar", true),
        ];
        for (short, words, expected) in rows {
            let short = name(short).tokens.concat();
            assert_eq!(is_of_all(short.as_bytes(), &initials(words)), expected, "{short} {words}");
        }
    }

    #[test]
    fn letters_stand_for_words_in_their_order() {
        let rows = [
            ("УКБТ", "Ural Design Bureau of Technics", Some(4)),
            ("НИИП", "НИИ приборостроения", Some(4)),
            ("ВНИИМ", "Всероссийский научно-исследовательский институт материалов", Some(4)),
            ("ЗСО", "Plant of Special Equipment", Some(3)),
            ("КСМ", "Korvanar Systems Montage", Some(3)),
            ("КМС", "Korvanar Systems Montage", None),
            ("УКБТЛ", "Ural Design Bureau of Technics", None),
            ("УКБ", "Ural Design Bureau of Technics", Some(3)),
        ];
        for (short, words, expected) in rows {
            let short = name(short).tokens.concat();
            assert_eq!(words_meant(short.as_bytes(), &initials(words)), expected, "{short} {words}");
        }
    }
}
