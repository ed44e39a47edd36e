//! Which words firms share, and which spellings of them mean the same (Trade, Трейд, Сауда).
//!
//! Come here when a translated word does not meet its pair, or to learn how common a word is before anything is learnt.
//! One typing error in a longer word is forgiven. Rarity learnt from data is not here but in `resolve`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use super::script::skeleton;

/// A word that many firms carry in their names. Roots that are only translated do not count as common.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CommonWord {
    /// How many of ten thousand firm names hold it, before anything is learnt.
    pub per_ten_thousand: f64,
    /// The word is often left out (Company, Group).
    pub is_generic: bool,
}

/// All that the table has on a word: its key in a `NameForm` leads to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WordEntry {
    /// How common it is; `None` for a root that is only translated.
    pub common: Option<CommonWord>,
    /// Every folded spelling.
    pub spellings: Vec<Spelling>,
}

/// One folded spelling of a common word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spelling {
    /// Its skeleton.
    pub text: String,
    /// Which letters it has, see [`letters_of`].
    pub letters: u32,
}

/// The letters of a skeleton as bits, `a` lowest: a quick way to see that two words cannot be near.
pub fn letters_of(folded: &str) -> u32 {
    folded.bytes().fold(0, |letters, letter| match letter {
        b'a'..=b'z' => letters | 1 << (letter - b'a'),
        _ => letters | 1 << 31,
    })
}

/// Shortest spelling in which one typing error is forgiven.
const FORGIVEN_LENGTH_MIN: usize = 7;
/// Shortest word that is cut off the end of a joined spelling, and the shortest rest before it.
const SUFFIX_LENGTH_MIN: usize = 4;
const REST_LENGTH_MIN: usize = 4;

struct Words {
    /// Folded spelling to the folded key.
    spellings: HashMap<String, &'static str, BuildHasherDefault<StableHasher>>,
    /// Folded spelling with one letter left out to the folded key, only where that is unambiguous.
    shortened: HashMap<String, Option<&'static str>, BuildHasherDefault<StableHasher>>,
    keys: HashMap<&'static str, WordEntry, BuildHasherDefault<StableHasher>>,
}

/// FNV-1a: quick for short keys. Only for tables of ours, where nobody can choose keys that collide.
#[derive(Default)]
struct StableHasher(u64);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words { spellings: HashMap::default(), shortened: HashMap::default(), keys: HashMap::default() };
    for line in include_str!("../../data/translated_words.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let (Some(key), Some(count), Some(class), Some(spellings)) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        let word = CommonWord { per_ten_thousand: count.parse().unwrap_or(10.0), is_generic: class == "generic" };
        let entry = words.keys.entry(key).or_default();
        entry.common = (class != "root").then_some(word);
        for spelling in spellings.split(' ') {
            let folded = skeleton(spelling);
            let spelling = Spelling { letters: letters_of(&folded), text: folded.clone() };
            entry.spellings.push(spelling);
            words.spellings.entry(folded).or_insert(key);
        }
    }
    let all: Vec<(String, &'static str)> =
        words.spellings.iter().map(|(spelling, key)| (spelling.clone(), *key)).collect();
    for (spelling, key) in all.into_iter().filter(|(spelling, _)| spelling.len() >= FORGIVEN_LENGTH_MIN) {
        for position in 0..spelling.len() {
            let entry = words.shortened.entry(without(&spelling, position)).or_insert(Some(key));
            if *entry != Some(key) {
                *entry = None;
            }
        }
    }
    words
});

fn without(word: &str, position: usize) -> String {
    let mut shorter = word.to_owned();
    shorter.remove(position);
    shorter
}

/// How common a word of a `NameForm` is, if it is.
pub fn common_word(token: &str) -> Option<CommonWord> {
    word_entry(token)?.common
}

/// What the table has on a word of a `NameForm`.
pub fn word_entry(token: &str) -> Option<&'static WordEntry> {
    WORDS.keys.get(token)
}

/// The key of a folded word that is spelt as the table has it.
pub(super) fn exact_key_of(folded: &str) -> Option<&'static str> {
    WORDS.spellings.get(folded).copied()
}

/// The key of a folded word, if it is a common one or one typing error away from it.
pub(super) fn key_of(folded: &str) -> Option<&'static str> {
    if let Some(key) = WORDS.spellings.get(folded) {
        return Some(key);
    }
    if folded.len() + 1 < FORGIVEN_LENGTH_MIN || !folded.is_ascii() {
        return None;
    }
    // One letter missing, one too many, one wrong or two swapped: all meet where one letter is left out.
    if let Some(Some(key)) = WORDS.shortened.get(folded) {
        return Some(key);
    }
    if folded.len() < FORGIVEN_LENGTH_MIN {
        return None;
    }
    (0..folded.len()).find_map(|position| {
        let shorter = without(folded, position);
        let exact =
            (shorter.len() + 1 >= FORGIVEN_LENGTH_MIN).then(|| WORDS.spellings.get(&shorter).copied()).flatten();
        exact.or_else(|| WORDS.shortened.get(&shorter).copied().flatten())
    })
}

/// Where a joined spelling (`novoimpulsmasineri`) ends in a common word: the length of the rest and the word's key.
pub(super) fn split_suffix(folded: &str) -> Option<(usize, &'static str)> {
    if !folded.is_ascii() || folded.len() < REST_LENGTH_MIN + SUFFIX_LENGTH_MIN {
        return None;
    }
    (REST_LENGTH_MIN..=folded.len() - SUFFIX_LENGTH_MIN)
        .find_map(|cut| WORDS.spellings.get(&folded[cut..]).map(|key| (cut, *key)))
        .filter(|(_, key)| common_word(key).is_some())
}

#[cfg(test)]
mod tests {
    use super::{common_word, key_of, split_suffix};
    use crate::normalize::script::skeleton;

    #[test]
    fn translations_and_typing_errors_meet() {
        let rows: [(&str, &[&str]); 6] = [
            ("trade", &["Trade", "Трейд", "Сауда", "Treyd", "TREID"]),
            ("group", &["Group", "Групп", "Grupp", "Топ"]),
            ("company", &["Company", "Компания", "Компани", "Kompani", "Компаниясы"]),
            ("solutions", &["Solutions", "Солюшнс", "Soliushns", "Soluttions", "Солюшсн", "Solutins"]),
            ("machinery", &["Machinery", "Машинери", "Mashineri", "Mashneri", "Машинерии"]),
            ("technology", &["Technology", "Технолоджи", "Tekhnolodzhi", "Tehnolodji", "Tkehnolodzhi"]),
        ];
        for (key, spellings) in rows {
            for spelling in spellings {
                assert_eq!(key_of(&skeleton(spelling)), Some(key), "{spelling}");
            }
        }
    }

    #[test]
    fn rare_words_are_left_alone() {
        for word in ["Тулпар", "Отрар", "Kazbek", "Байтерек", "Sungqar", "Asyl"] {
            assert_eq!(key_of(&skeleton(word)), None, "{word}");
        }
    }

    #[test]
    fn joined_common_words_are_cut_off() {
        assert_eq!(split_suffix(&skeleton("NovoimpulsMashineri")).map(|(_, key)| key), Some("machinery"));
        assert_eq!(split_suffix("otrar"), None);
        assert!(common_word("company").is_some_and(|word| word.is_generic));
    }
}
