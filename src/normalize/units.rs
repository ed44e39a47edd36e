//! Units of quantity: the many spellings and numeric codes of papers, read from `data/units.tsv`.
//!
//! Amounts are converted in `model::Unit`; pieces against kilograms are weighed where both papers are seen.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::Unit;

static SPELLINGS: LazyLock<HashMap<&'static str, Unit>> = LazyLock::new(|| {
    let table = include_str!("../../data/units.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut spellings = HashMap::new();
    for (code, words) in table.filter_map(|line| line.split_once('\t')) {
        if let Some(unit) = Unit::ALL.into_iter().find(|unit| unit.code() == code) {
            spellings.extend(words.split_whitespace().map(|word| (word, unit)));
        }
    }
    spellings
});

/// Reads a unit: Recommendation 20 code, numeric customs code, or a word in English, German, Russian or Kazakh.
pub fn unit(text: &str) -> Option<Unit> {
    // The code that nearly every record carries needs no folding.
    if text == "PCE" {
        return Some(Unit::Piece);
    }
    let keeps = |letter: &char| !letter.is_whitespace() && !matches!(letter, '.' | '(' | ')');
    let folded: String = text.chars().filter(keeps).flat_map(char::to_lowercase).take(40).collect();
    SPELLINGS.get(folded.as_str()).copied()
}

#[cfg(test)]
mod tests {
    use super::{SPELLINGS, unit};
    use crate::model::Unit;

    #[test]
    fn codes_and_words_are_read() {
        let cases = [
            ("PCE", Unit::Piece),
            ("C62", Unit::Piece),
            ("h87", Unit::Piece),
            ("796", Unit::Piece),
            ("шт.", Unit::Piece),
            ("ШТ", Unit::Piece),
            ("pcs", Unit::Piece),
            ("Stück", Unit::Piece),
            ("дана", Unit::Piece),
            ("798", Unit::ThousandPieces),
            ("тыс. шт.", Unit::ThousandPieces),
            ("166", Unit::Kilogram),
            ("кг", Unit::Kilogram),
            ("Kg.", Unit::Kilogram),
            ("163", Unit::Gram),
            ("168", Unit::Tonne),
            ("т", Unit::Tonne),
            ("006", Unit::Metre),
            ("пог. м", Unit::Metre),
            ("055", Unit::SquareMetre),
            ("м²", Unit::SquareMetre),
            ("113", Unit::CubicMetre),
            ("112", Unit::Litre),
            ("л", Unit::Litre),
            ("715", Unit::Pair),
            ("пара", Unit::Pair),
            ("704", Unit::Set),
            ("839", Unit::Set),
            ("компл.", Unit::Set),
            ("778", Unit::Pack),
            ("упак.", Unit::Pack),
        ];
        for (text, expected) in cases {
            assert_eq!(unit(text), Some(expected), "{text}");
        }
        for text in ["", "XYZ", "999", "шт кг", "furlong"] {
            assert_eq!(unit(text), None, "{text}");
        }
    }

    #[test]
    fn every_unit_has_its_row_and_reads_its_own_code() {
        for expected in Unit::ALL {
            assert_eq!(unit(expected.code()), Some(expected));
        }
        assert!(SPELLINGS.len() > 150, "{}", SPELLINGS.len());
    }
}
