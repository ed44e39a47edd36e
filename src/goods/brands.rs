//! Brands known from the data held: how another brand is found inside a description.
//!
//! Come here when a description must be asked "does it name a brand, and which?".
//! Brands are learnt from brand columns; there is no list of brands in the project.

use std::collections::HashSet;

/// Folded brand names (`normalize::brand`), ready to be found in folded descriptions.
#[derive(Clone, Debug)]
pub struct Brands {
    folded: HashSet<String>,
    /// Two first letters of any brand: most words of a description are passed over by them.
    openings: Box<[bool; OPENING_COUNT]>,
    longest: usize,
}

const OPENING_COUNT: usize = 36 * 36;

/// A brand is written in at most so many words.
const BRAND_WORDS_MAX: usize = 4;

/// Words that stand in brand columns but also in descriptions of anybody's goods.
const COMMON: [&str; 24] = [
    "UNIVERSAL",
    "STANDARD",
    "ORIGINAL",
    "NEW",
    "ELECTRONIC",
    "ELECTRIC",
    "DIGITAL",
    "AUTO",
    "PARTS",
    "OTHER",
    "PREMIUM",
    "CLASSIC",
    "PROFESSIONAL",
    "MEDICAL",
    "INDUSTRIAL",
    "CHINA",
    "GERMANY",
    "KITAY",
    "GERMANIYA",
    "ROSSIYA",
    "STEEL",
    "TOOLS",
    "SERVER",
    "SWITCH",
];

impl Brands {
    /// Takes folded brands in any order; too short, numeric and common words are left out.
    pub fn new<'a>(brands: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self { folded: HashSet::new(), openings: Box::new([false; OPENING_COUNT]), longest: 0 };
        for brand in brands {
            let is_name =
                brand.len() >= 3 && !brand.bytes().all(|byte| byte.is_ascii_digit()) && !COMMON.contains(&brand);
            if let Some(opening) = opening(brand)
                && is_name
                && !known.folded.contains(brand)
            {
                known.openings[opening] = true;
                known.longest = known.longest.max(brand.len());
                known.folded.insert(brand.to_owned());
            }
        }
        known
    }

    /// How many brands are known.
    pub fn len(&self) -> usize {
        self.folded.len()
    }

    /// True when none is known.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// The first brand that a folded description names; of those that begin at one word the longest.
    pub fn find(&self, description_folded: &str) -> Option<&str> {
        if self.folded.is_empty() {
            return None;
        }
        let mut start = 0;
        loop {
            let rest = &description_folded[start..];
            if opening(rest).is_some_and(|opening| self.openings[opening])
                && let Some(brand) = self.at_start(rest)
            {
                return Some(brand);
            }
            start += rest.find(' ')? + 1;
        }
    }

    fn at_start(&self, rest: &str) -> Option<&str> {
        let mut joined = String::new();
        let mut found = None;
        for word in rest.split(' ').take(BRAND_WORDS_MAX) {
            joined.push_str(word);
            if joined.len() > self.longest {
                break;
            }
            found = self.folded.get(joined.as_str()).or(found);
        }
        found.map(String::as_str)
    }
}

/// The number of the first two letters or digits, read over a blank: `D LINK` begins like `DLINK`.
fn opening(text: &str) -> Option<usize> {
    let number = |byte: u8| match byte {
        b'0'..=b'9' => Some(usize::from(byte - b'0')),
        b'A'..=b'Z' => Some(usize::from(byte - b'A') + 10),
        _ => None,
    };
    let mut letters = text.bytes().filter(|byte| *byte != b' ').filter_map(number);
    Some(letters.next()? * 36 + letters.next()?)
}

#[cfg(test)]
mod tests {
    use super::Brands;

    #[test]
    fn brands_are_found_as_whole_words_in_any_order_of_learning() {
        let forward = Brands::new(["TEKSIL", "SONIAPLAYBOX", "SONIA", "DLINK", "UNIVERSAL", "12"]);
        let backward = Brands::new(["12", "UNIVERSAL", "DLINK", "SONIA", "SONIAPLAYBOX", "TEKSIL", "TEKSIL"]);
        assert_eq!((forward.len(), backward.len()), (4, 4));
        let cases = [
            ("ELEMENTY FILTRUYUSHCHIE TEKSIL", Some("TEKSIL")),
            ("CONSOLE SONIA PLAYBOX 5", Some("SONIAPLAYBOX")),
            ("SONIA PLAY", Some("SONIA")),
            ("D LINK SWITCH", Some("DLINK")),
            ("TEKSILOVY", None),
            ("ATEKSIL", None),
            ("UNIVERSAL 12", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(forward.find(text), expected, "{text}");
            assert_eq!(backward.find(text), expected, "{text}");
        }
    }
}
