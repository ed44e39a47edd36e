//! Goods in comparable form: what `normalize` makes of code, brand, part number and description.

use serde::{Deserialize, Serialize};

/// A code of the Harmonized System or of a national tariff built on it: 2, 4, 6, 8, 10 or 14 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct HsCode(String);

impl HsCode {
    /// Takes digits only, of an allowed length.
    pub fn from_digits(digits: &str) -> Option<Self> {
        let good = matches!(digits.len(), 2 | 4 | 6 | 8 | 10 | 14) && digits.bytes().all(|byte| byte.is_ascii_digit());
        (good && digits != "00" && !digits.starts_with("00")).then(|| Self(digits.to_owned()))
    }

    /// All digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The chapter, two digits.
    pub fn chapter(&self) -> &str {
        &self.0[..2]
    }

    /// The heading, four digits, where the code is that long.
    pub fn heading(&self) -> Option<&str> {
        self.0.get(..4)
    }

    /// The subheading, six digits, where the code is that long. All tariffs share these six.
    pub fn subheading(&self) -> Option<&str> {
        self.0.get(..6)
    }
}

/// Goods as one paper describes them, folded for comparison.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct GoodsForm {
    /// Tariff code.
    pub hs_code: Option<HsCode>,
    /// Brand: upper-case Latin letters and digits, homoglyphs folded.
    pub brand: Option<String>,
    /// Maker's part number: upper-case letters and digits, homoglyphs folded, punctuation removed.
    pub part_number: Option<String>,
    /// GTIN padded to 14 digits, only when its check digit agrees.
    pub gtin: Option<String>,
    /// Serial numbers: upper-case letters and digits; ranges written out up to the limit of `normalize`.
    pub serial_numbers: Vec<String>,
    /// Lot numbers, folded likewise.
    pub lot_numbers: Vec<String>,
    /// Concepts of the description shared across languages (glossary entries), sorted.
    pub concepts: Vec<String>,
    /// Remaining description words folded to skeletons, sorted, without duplicates.
    pub words: Vec<String>,
    /// Description tokens that may be part numbers or models: letters and digits mixed, folded like part numbers.
    pub model_tokens: Vec<String>,
    /// The whole description folded as brands are (upper-case Latin), to look for brands inside it.
    pub description_folded: String,
}
