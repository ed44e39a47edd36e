//! Which words firms share, and which spellings of them mean the same (Trade, Трейд, Сауда).
//!
//! Come here when a translated word does not meet its pair, or to learn how common a word is before anything is learnt.
//! One typing error in a longer word is forgiven. Rarity learnt from data is not here but in `resolve`.

use std::collections::HashMap;
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

/// Shortest spelling in which one typing error is forgiven.
const FORGIVEN_LENGTH_MIN: usize = 7;
/// Shortest word that is cut off the end of a joined spelling, and the shortest rest before it.
const SUFFIX_LENGTH_MIN: usize = 4;
const REST_LENGTH_MIN: usize = 4;

struct Words {
    /// Folded spelling to the folded key.
    spellings: HashMap<String, &'static str>,
    /// Folded spelling with one letter left out to the folded key, only where that is unambiguous.
    shortened: HashMap<String, Option<&'static str>>,
    keys: HashMap<&'static str, CommonWord>,
    /// All folded spellings of a key, roots included.
    by_key: HashMap<&'static str, Vec<String>>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words =
        Words { spellings: HashMap::new(), shortened: HashMap::new(), keys: HashMap::new(), by_key: HashMap::new() };
    for line in include_str!("../../data/translated_words.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let (Some(key), Some(count), Some(class), Some(spellings)) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        let word = CommonWord { per_ten_thousand: count.parse().unwrap_or(10.0), is_generic: class == "generic" };
        if class != "root" {
            words.keys.insert(key, word);
        }
        for spelling in spellings.split(' ') {
            let folded = skeleton(spelling);
            words.by_key.entry(key).or_default().push(folded.clone());
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

/// What is known of a word of a `NameForm`, if it is common.
pub fn common_word(token: &str) -> Option<CommonWord> {
    WORDS.keys.get(token).copied()
}

/// The folded spellings of a key that stands for several; empty for a word that stands for itself.
pub fn spellings_of(token: &str) -> &'static [String] {
    WORDS.by_key.get(token).map_or(&[], Vec::as_slice)
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
        .filter(|(_, key)| WORDS.keys.contains_key(key))
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
