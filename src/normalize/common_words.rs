//! Which words firms share, and which spellings of them mean the same (Trade, Трейд, Сауда).
//!
//! Come here when a translated word does not meet its pair, or to learn how common a word is before anything is learnt.
//! One typing error in a longer word is forgiven. Rarity learnt from data is not here but in `resolve`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::script::{skeleton, words};
use super::table_hasher::TableHasher;

/// A word that many firms carry in their names. Roots that are only translated do not count as common.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CommonWord {
    /// How many of ten thousand firm names hold it, before anything is learnt.
    pub per_ten_thousand: f64,
    /// What it says of a firm.
    pub class: WordClass,
}

/// What a common word says of a firm, and so what it means when one of two names lacks it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WordClass {
    /// Often left out: Company, Group.
    Generic,
    /// What the firm does.
    Trade,
    /// The town where it is.
    Place,
    /// A country: names the branch of a group there.
    Country,
}

/// All that the table has on a word: its key in a `NameForm` leads to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WordEntry {
    /// How common it is; `None` for a root that is only translated.
    pub common: Option<CommonWord>,
    /// The word is taken out of a name that has other words: of, the, имени.
    pub is_filler: bool,
    /// Every folded spelling.
    pub spellings: Vec<Spelling>,
    /// The first spelling in Cyrillic letters, folded: how the word is heard where names are joined.
    pub heard: Option<String>,
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
const REST_LENGTH_MIN: usize = 3;
/// No folded spelling of the table is longer.
const SPELLING_LENGTH_MAX: usize = 48;

#[derive(Default)]
struct Words {
    /// Folded spelling to the folded key.
    spellings: HashMap<String, &'static str, TableHasher>,
    /// Folded spelling with one letter left out to the folded key, only where that is unambiguous.
    shortened: HashMap<String, Option<&'static str>, TableHasher>,
    /// Folded stem, which any ending of [`ENDINGS`] may follow, to the folded key.
    stems: HashMap<String, &'static str, TableHasher>,
    keys: HashMap<&'static str, WordEntry, TableHasher>,
}

/// Folded endings of Russian nouns and adjectives, in all cases.
const ENDINGS: [&str; 56] = [
    "", "oe", "ae", "ie", "ue", "a", "e", "i", "o", "u", "oi", "ei", "go", "ogo", "ego", "omu", "emu", "om", "em",
    "im", "ih", "imi", "ami", "ah", "ov", "ev", "ni", "no", "na", "ne", "nu", "nogo", "noi", "nih", "nim", "nie",
    "ski", "sko", "ska", "ske", "skogo", "skoi", "skih", "skom", "sk", "ki", "ka", "ko", "kogo", "koi", "kih", "ova",
    "ovo", "ovi", "ovoi", "ovogo",
];
/// Shortest folded stem.
const STEM_LENGTH_MIN: usize = 3;

/// Whether this is how a Russian noun or adjective ends, folded.
pub fn is_ending(folded: &str) -> bool {
    ENDINGS.contains(&folded)
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words::default();
    for line in include_str!("../../data/translated_words.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let (Some(key), Some(count), Some(class), Some(spellings)) =
            (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        let entry = words.keys.entry(key).or_default();
        entry.is_filler = class == "filler";
        entry.common =
            class_of(class).map(|class| CommonWord { per_ten_thousand: count.parse().unwrap_or(10.0), class });
        for spelling in spellings.split(' ') {
            let folded = skeleton(spelling);
            if entry.heard.is_none() && !spelling.is_ascii() {
                entry.heard = Some(folded.clone());
            }
            if spelling.ends_with('*') {
                words.stems.entry(folded.clone()).or_insert(key);
            }
            let spelling = Spelling { letters: letters_of(&folded), text: folded.clone() };
            entry.spellings.push(spelling);
            words.spellings.entry(folded).or_insert(key);
        }
    }
    // A stem is no word: what is one letter away from it is not misspelt.
    let is_word = |spelling: &String| !words.stems.contains_key(spelling);
    let all: Vec<(String, &'static str)> = words
        .spellings
        .iter()
        .filter(|(spelling, _)| is_word(spelling))
        .map(|(spelling, key)| (spelling.clone(), *key))
        .collect();
    for (spelling, key) in all.into_iter().filter(|(spelling, _)| spelling.len() >= FORGIVEN_LENGTH_MIN) {
        for position in first_forgiven(&spelling)..spelling.len() {
            let entry = words.shortened.entry(without(&spelling, position)).or_insert(Some(key));
            if *entry != Some(key) {
                *entry = None;
            }
        }
    }
    words
});

fn class_of(word: &str) -> Option<WordClass> {
    Some(match word {
        "generic" | "filler" => WordClass::Generic,
        "trade" => WordClass::Trade,
        "place" => WordClass::Place,
        "country" => WordClass::Country,
        _ => return None,
    })
}

type Keys = HashMap<String, Vec<&'static str>, TableHasher>;

/// Romanised, to the keys it stands for.
static ABBREVIATIONS: LazyLock<Keys> = LazyLock::new(|| {
    let spelled = |spelling| words(spelling).into_iter().map(|word| word.romanised).collect();
    abbreviations().filter(|(spelling, _)| !spelling.ends_with('*')).map(|(one, keys)| (spelled(one), keys)).collect()
});

/// Folded stem of a compound, to the keys it stands for.
static COMPOUNDS: LazyLock<Keys> = LazyLock::new(|| {
    abbreviations().filter_map(|(spelling, keys)| Some((skeleton(spelling.strip_suffix('*')?), keys))).collect()
});

fn abbreviations() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    include_str!("../../data/abbreviations.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(spelling, keys)| (spelling, keys.split(' ').collect()))
}

/// The keys that an abbreviation (НПО) stands for.
pub(super) fn expanded(romanised: &str) -> Option<&'static [&'static str]> {
    ABBREVIATIONS.get(romanised).map(Vec::as_slice)
}

/// The keys that a compound (машиностроительный) stands for.
pub(super) fn compound(folded: &str) -> Option<&'static [&'static str]> {
    by_stem(folded, |stem| COMPOUNDS.get(stem)).map(Vec::as_slice)
}

/// What the longest known stem of a word leads to, where an ending is all that follows it.
fn by_stem<T>(folded: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    if !folded.is_ascii() || folded.len() < STEM_LENGTH_MIN {
        return None;
    }
    let shortest = STEM_LENGTH_MIN.max(folded.len().saturating_sub(5));
    (shortest..=folded.len())
        .rev()
        .filter(|length| is_ending(&folded[*length..]))
        .find_map(|length| find(&folded[..length]))
}

/// Pairs of keys, both ways round.
static MIXED: LazyLock<HashSet<(&'static str, &'static str), TableHasher>> = LazyLock::new(|| {
    include_str!("../../data/mixed_words.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .flat_map(|(one, other)| [(one, other), (other, one)])
        .collect()
});

/// Whether translators exchange the words of these keys (Technics, Technology).
pub fn is_mixed(one: &str, other: &str) -> bool {
    MIXED.contains(&(one, other))
}

/// Whether the word of this key is taken out of a name that has others.
pub(super) fn is_filler(key: &str) -> bool {
    word_entry(key).is_some_and(|entry| entry.is_filler)
}

/// The first letter is seldom wrong, and another one makes another word unless the word is long.
fn first_forgiven(word: &str) -> usize {
    usize::from(word.len() < FORGIVEN_LENGTH_MIN + 1)
}

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
    if let Some(key) = by_stem(folded, |stem| WORDS.stems.get(stem).copied()) {
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
    // The word without one letter; the next letter takes the place of the one that is left out then.
    let first = first_forgiven(folded);
    let mut shorter = without(folded, first).into_bytes();
    (first..folded.len()).find_map(|position| {
        if position > first {
            shorter[position - 1] = folded.as_bytes()[position - 1];
        }
        let shorter = std::str::from_utf8(&shorter).ok()?;
        let exact = (shorter.len() + 1 >= FORGIVEN_LENGTH_MIN).then(|| WORDS.spellings.get(shorter).copied()).flatten();
        exact.or_else(|| WORDS.shortened.get(shorter).copied().flatten())
    })
}

/// The common word that is spelt from `cut` on. Folding took its first letter away in `тайфунгрупп` and `алаэкспорт`.
fn suffix_at(folded: &str, cut: usize) -> Option<&'static str> {
    let suffix = &folded[cut..];
    if let Some(exact) = WORDS.spellings.get(suffix) {
        return Some(exact);
    }
    let lost = match folded.as_bytes()[cut - 1] {
        b'n' => b'g',
        b'a' | b'o' | b'u' => b'e',
        _ => return None,
    };
    let mut whole = [lost; SPELLING_LENGTH_MAX];
    whole.get_mut(1..=suffix.len())?.copy_from_slice(suffix.as_bytes());
    WORDS.spellings.get(std::str::from_utf8(&whole[..=suffix.len()]).ok()?).copied()
}

/// Where a joined spelling (`novoimpulsmasineri`) ends in a common word: the length of the rest and the word's key.
pub(super) fn split_suffix(folded: &str) -> Option<(usize, &'static str)> {
    if !folded.is_ascii() || folded.len() < REST_LENGTH_MIN + SUFFIX_LENGTH_MIN {
        return None;
    }
    (REST_LENGTH_MIN..=folded.len() - SUFFIX_LENGTH_MIN)
        .find_map(|cut| suffix_at(folded, cut).map(|key| (cut, key)))
        .filter(|(_, key)| {
            common_word(key).is_some_and(|word| matches!(word.class, WordClass::Generic | WordClass::Trade))
        })
}

#[cfg(test)]
mod tests {
    use super::{SPELLING_LENGTH_MAX, WORDS, WordClass, common_word, key_of, split_suffix};
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
    fn every_spelling_fits_where_suffixes_are_looked_up() {
        assert!(WORDS.spellings.keys().all(|spelling| spelling.len() <= SPELLING_LENGTH_MAX));
        assert_eq!(split_suffix(&skeleton("алаэкспорт")).map(|(_, key)| key), Some("export"));
    }

    #[test]
    fn rare_words_are_left_alone() {
        for word in ["Тулпар", "Отрар", "Kazbek", "Байтерек", "Sungqar", "Asyl", "Прибой", "Интеграл", "Вершина"]
        {
            assert_eq!(key_of(&skeleton(word)), None, "{word}");
        }
    }

    #[test]
    fn joined_common_words_are_cut_off() {
        assert_eq!(split_suffix(&skeleton("NovoimpulsMashineri")).map(|(_, key)| key), Some("machinery"));
        assert_eq!(split_suffix("otrar"), None);
        assert_eq!(split_suffix(&skeleton("Вершина")), None);
        assert!(common_word("company").is_some_and(|word| word.class == WordClass::Generic));
    }
}
