//! What is asked of every letter while names and addresses are folded, looked up once for the letters of trade papers.
//!
//! Come here when a letter is romanised wrongly: the readings are in `data/letters.tsv`. How words are cut is `script`.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::table_hasher::TableHasher;

/// Letters folded one by one; see the header of the file.
static READINGS: LazyLock<HashMap<char, &'static str, TableHasher>> = LazyLock::new(|| {
    include_str!("../../data/letters.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(letter, romanised)| Some((letter.chars().next()?, romanised)))
        .collect()
});

/// Latin with its accents, Greek and Cyrillic with the Kazakh letters stand below this.
const TABLE_LENGTH: u32 = 0x530;

static TABLE: LazyLock<Vec<Letter>> =
    LazyLock::new(|| (0..TABLE_LENGTH).map(|code| Letter::look_up(char::from_u32(code).unwrap_or('\0'))).collect());

/// What folding asks of a letter.
#[derive(Clone, Copy)]
pub(super) struct Letter {
    letter: char,
    /// A letter or a digit of any script.
    pub is_alphanumeric: bool,
    /// A digit of any script.
    pub is_numeric: bool,
    /// A capital.
    pub is_capital: bool,
    /// The small letter, where it is a single one.
    small: Option<char>,
    reading: Option<&'static str>,
}

impl Letter {
    /// What there is to know of a letter.
    pub(super) fn of(letter: char) -> Self {
        TABLE.get(letter as usize).copied().unwrap_or_else(|| Self::look_up(letter))
    }

    fn look_up(letter: char) -> Self {
        let mut small = letter.to_lowercase();
        Self {
            letter,
            is_alphanumeric: letter.is_alphanumeric(),
            is_numeric: letter.is_numeric(),
            is_capital: letter.is_uppercase(),
            small: if small.len() == 1 { small.next() } else { None },
            reading: READINGS.get(&letter).copied(),
        }
    }

    /// The first letter of the small form.
    pub(super) fn first_small(self) -> char {
        self.small.or_else(|| self.letter.to_lowercase().next()).unwrap_or(self.letter)
    }

    /// Appends the small form.
    pub(super) fn push_small(self, out: &mut Vec<char>) {
        match self.small {
            Some(small) => out.push(small),
            None => out.extend(self.letter.to_lowercase()),
        }
    }
}

/// Appends the Latin letters and digits that trade papers write for a small letter.
pub(super) fn romanise(letter: char, out: &mut String) {
    if letter.is_ascii() {
        out.push(letter);
    } else if let Some(reading) = Letter::of(letter).reading {
        out.push_str(reading);
    } else {
        for piece in std::iter::once(letter).nfkd() {
            if piece.is_ascii_alphanumeric() {
                out.push(piece.to_ascii_lowercase());
            } else if let Some(reading) = READINGS.get(&piece) {
                out.push_str(reading);
            }
        }
    }
}
