//! Numbers of companies and persons: which register issued them, and what their own check digits say.
//!
//! Come here when a BIN is called invalid. Deliberately no look-up: whether the company exists is not known here.

use crate::model::{Country, Identifier, IdentifierKind, Validity};

/// Longest text that is still read as one number.
const LENGTH_MAX: usize = 40;

/// Reads an identifier as printed. `None` when nothing is printed; a wrong one comes back as [`Validity::Invalid`].
///
/// The country helps where lengths are shared: nine digits are a Belarusian UNP or an Uzbek STIR.
pub fn identifier(text: &str, country: Option<Country>) -> Option<Identifier> {
    let value: String =
        text.chars().filter(|c| c.is_alphanumeric()).take(LENGTH_MAX).flat_map(char::to_uppercase).collect();
    let value = strip_label(&value).to_owned();
    if value.is_empty() {
        return None;
    }
    let (kind, validity, value) = classify(value, country);
    Some(Identifier { kind, value, validity })
}

/// Some papers print the name of the number in its field.
fn strip_label(value: &str) -> &str {
    for label in
        ["БИН", "ИИН", "ЖСН", "БСН", "ИНН", "УНП", "ОГРНИП", "ОГРН", "BIN", "IIN", "INN", "UNP", "OGRNIP", "OGRN"]
    {
        if let Some(rest) = value.strip_prefix(label) {
            return rest;
        }
    }
    value
}

fn classify(value: String, country: Option<Country>) -> (IdentifierKind, Validity, String) {
    let letters = country.map_or("", |country| {
        if country == Country::KZ {
            "KZ"
        } else if country == Country::RU {
            "RU"
        } else {
            ""
        }
    });
    let other = country.map(|country| country.as_str().to_owned()).unwrap_or_default();
    let Some(digits) = digits(&value) else {
        return classify_letters(value, &other);
    };
    let checked = |is_good: bool| if is_good { Validity::Valid } else { Validity::Invalid };
    let (kind, validity) = match (digits.len(), letters, other.as_str()) {
        (12, "KZ", _) => (kazakh_kind(&digits), checked(is_kazakh(&digits))),
        (10, "RU" | "", "RU" | "") => (IdentifierKind::RuInnOrganisation, checked(is_inn10(&digits))),
        (12, "RU", _) => (IdentifierKind::RuInnPerson, checked(is_inn12(&digits))),
        (12, _, "") if is_kazakh(&digits) => (kazakh_kind(&digits), Validity::Valid),
        (12, _, "") if is_inn12(&digits) => (IdentifierKind::RuInnPerson, Validity::Valid),
        (12, _, "") => (kazakh_kind(&digits), Validity::Invalid),
        (13, "RU" | "", "RU" | "") => (IdentifierKind::RuOgrn, checked(is_ogrn(&digits))),
        (15, "RU" | "", "RU" | "") => (IdentifierKind::RuOgrnip, checked(is_ogrnip(&digits))),
        (9, _, "BY") => (IdentifierKind::ByUnp, checked(is_unp(&value))),
        (9, _, "UZ") => (IdentifierKind::UzStir, Validity::Unchecked),
        (14, _, "KG" | "") => (IdentifierKind::KgInn, Validity::Unchecked),
        (8, _, "AM") => (IdentifierKind::AmTin, Validity::Unchecked),
        (_, "KZ", _) => (IdentifierKind::KzBin, Validity::Invalid),
        (_, "RU", _) => (IdentifierKind::RuInnOrganisation, Validity::Invalid),
        _ => (IdentifierKind::Other, Validity::Unchecked),
    };
    // A Russian party in a Kazakh paper carries its INN in the field for the BIN, with the wrong country beside it.
    if validity == Validity::Invalid && letters == "KZ" && digits.len() == 10 && is_inn10(&digits) {
        return (IdentifierKind::RuInnOrganisation, Validity::Valid, value);
    }
    (kind, validity, value)
}

fn classify_letters(value: String, country: &str) -> (IdentifierKind, Validity, String) {
    let folded: String = value.chars().map(fold_look_alike).collect();
    if folded.len() == 20 && folded.is_ascii() {
        let validity = if is_lei(&folded) { Validity::Valid } else { Validity::Invalid };
        return (IdentifierKind::Lei, validity, folded);
    }
    if folded.len() == 9 && matches!(country, "BY" | "") && is_unp(&folded) {
        return (IdentifierKind::ByUnp, Validity::Valid, folded);
    }
    let validity = match country {
        "KZ" | "RU" | "BY" => Validity::Invalid,
        _ => Validity::Unchecked,
    };
    let kind = match country {
        "KZ" => IdentifierKind::KzBin,
        "RU" => IdentifierKind::RuInnOrganisation,
        "BY" => IdentifierKind::ByUnp,
        _ => IdentifierKind::Other,
    };
    (kind, validity, folded)
}

fn fold_look_alike(letter: char) -> char {
    match letter {
        'А' => 'A',
        'В' => 'B',
        'С' => 'C',
        'Е' => 'E',
        'Н' => 'H',
        'К' => 'K',
        'М' => 'M',
        'О' => 'O',
        'Р' => 'P',
        'Т' => 'T',
        other => other,
    }
}

fn digits(value: &str) -> Option<Vec<u32>> {
    value.chars().map(|character| character.is_ascii().then(|| character.to_digit(10)).flatten()).collect()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Digit 5 of a BIN says what kind of entity it is (4 to 6); in an IIN it is the first digit of a day (0 to 3).
fn kazakh_kind(digits: &[u32]) -> IdentifierKind {
    if digits[4] <= 3 { IdentifierKind::KzIin } else { IdentifierKind::KzBin }
}

fn is_kazakh(digits: &[u32]) -> bool {
    let mut check = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11;
    if check == 10 {
        check = weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11;
    }
    check == digits[11] && digits.iter().any(|digit| *digit > 0)
}

fn is_inn10(digits: &[u32]) -> bool {
    weighted(digits, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == digits[9] && digits.iter().any(|digit| *digit > 0)
}

fn is_inn12(digits: &[u32]) -> bool {
    weighted(digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == digits[10]
        && weighted(digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == digits[11]
        && digits.iter().any(|digit| *digit > 0)
}

fn remainder(digits: &[u32], divisor: u64) -> u64 {
    digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit)) % divisor
}

fn is_ogrn(digits: &[u32]) -> bool {
    matches!(digits[0], 1 | 5) && remainder(&digits[..12], 11) % 10 == u64::from(digits[12])
}

/// The last digit of the remainder counts, so remainders 10, 11 and 12 give 0, 1 and 2.
fn is_ogrnip(digits: &[u32]) -> bool {
    matches!(digits[0], 3 | 4) && remainder(&digits[..14], 13) % 10 == u64::from(digits[14])
}

/// The first two places of a Belarusian number may be letters, whose position in `ABCEHKMOPT` is their value.
fn is_unp(value: &str) -> bool {
    let value_of = |(index, letter): (usize, char)| match letter.to_digit(10) {
        Some(digit) => Some(digit),
        None if index < 2 => "ABCEHKMOPT".find(letter).map(|position| position as u32),
        None => None,
    };
    let Some(values) = value.chars().enumerate().map(value_of).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    values.len() == 9 && weighted(&values, &[29, 23, 19, 17, 13, 7, 5, 3]) % 11 == values[8]
}

/// ISO 17442: letters count as 10 to 35, the whole number leaves 1 when divided by 97.
fn is_lei(value: &str) -> bool {
    let mut number = 0_u32;
    for letter in value.chars() {
        let Some(part) = letter.to_digit(36) else { return false };
        number = if part < 10 { (number * 10 + part) % 97 } else { (number * 100 + part) % 97 };
    }
    number == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::identifier;
    use crate::model::{Country, IdentifierKind, Validity};

    fn read(text: &str, country: &str) -> (IdentifierKind, Validity) {
        let found = identifier(text, Country::parse(country)).unwrap();
        (found.kind, found.validity)
    }

    #[test]
    fn published_numbers_pass_their_check() {
        let bins = [
            "940140000385",
            "990140004654",
            "230340005167",
            "200240037215",
            "160840001662",
            "100340008066",
            "990740000683",
            "260740001461",
            "000740000728",
            "150140010013",
        ];
        for bin in bins {
            assert_eq!(read(bin, "KZ"), (IdentifierKind::KzBin, Validity::Valid), "{bin}");
            assert_eq!(read(&format!("БИН {bin}"), ""), (IdentifierKind::KzBin, Validity::Valid), "{bin}");
        }
        assert_eq!(read("061211600012", "KZ"), (IdentifierKind::KzIin, Validity::Valid));
        assert_eq!(read("7707083893", "RU"), (IdentifierKind::RuInnOrganisation, Validity::Valid));
        assert_eq!(read("7707083893", "KZ"), (IdentifierKind::RuInnOrganisation, Validity::Valid));
        assert_eq!(read("500100732259", "RU"), (IdentifierKind::RuInnPerson, Validity::Valid));
        assert_eq!(read("1027700132195", "RU"), (IdentifierKind::RuOgrn, Validity::Valid));
        assert_eq!(read("5493001KJTIIGC8Y1R12", "US"), (IdentifierKind::Lei, Validity::Valid));
        assert_eq!(read("200988541", "BY"), (IdentifierKind::ByUnp, Validity::Valid));
    }

    #[test]
    fn an_ogrnip_is_checked_by_the_last_digit_of_its_remainder() {
        // Numbers made so that the remainder is 5, 10, 11 and 12.
        for prefix in [30_450_011_600_015_u64, 31_450_011_600_000, 31_450_011_600_001, 31_450_011_600_002] {
            let number = format!("{prefix}{}", prefix % 13 % 10);
            assert_eq!(read(&number, "RU"), (IdentifierKind::RuOgrnip, Validity::Valid), "{number}");
        }
    }

    #[test]
    fn what_is_wrong_is_noted_and_what_is_empty_is_nothing() {
        for (text, country) in [("940140000386", "KZ"), ("12", "KZ"), ("ABC", "KZ"), ("7707083894", "RU"), ("1", "RU")]
        {
            assert_eq!(read(text, country).1, Validity::Invalid, "{text}");
        }
        assert_eq!(identifier(" - ", Country::parse("KZ")), None);
        assert_eq!(read("01234567890123", "KG"), (IdentifierKind::KgInn, Validity::Unchecked));
        assert_eq!(read("HRB 12345", "DE"), (IdentifierKind::Other, Validity::Unchecked));
        assert_eq!(read("000000000000", "KZ").1, Validity::Invalid);
    }

    proptest! {
        #[test]
        fn reading_again_changes_nothing(text in "[ 0-9A-ZБИН-]{0,24}", country in "(KZ|RU|BY|DE|)") {
            let country = Country::parse(&country);
            if let Some(first) = identifier(&text, country) {
                prop_assert_eq!(identifier(&first.value, country).map(|again| (again.kind, again.validity)), Some((first.kind, first.validity)));
            }
        }

        #[test]
        fn one_wrong_digit_never_passes_unnoticed_in_a_bin(serial in 0_u32..100_000, position in (0_usize..12).prop_filter("the eleventh digit has weight 11, so the check is blind to it", |position| *position != 10), shift in 1_u32..10) {
            let prefix = format!("180640{serial:05}");
            let whole: Vec<String> = (0..10).map(|check| format!("{prefix}{check}")).filter(|bin| read(bin, "KZ").1 == Validity::Valid).collect();
            prop_assert!(whole.len() <= 1);
            if let Some(bin) = whole.first() {
                let mut wrong: Vec<u8> = bin.bytes().collect();
                wrong[position] = b'0' + ((u32::from(wrong[position] - b'0') + shift) % 10) as u8;
                let wrong = String::from_utf8(wrong).unwrap();
                // The second pass of the check lets a few through; the first pass alone catches them all.
                let first_pass = |text: &str| text.bytes().take(11).enumerate().map(|(i, d)| (i as u32 + 1) * u32::from(d - b'0')).sum::<u32>() % 11;
                if first_pass(bin) != 10 && first_pass(&wrong) != 10 {
                    prop_assert_eq!(read(&wrong, "KZ").1, Validity::Invalid);
                }
            }
        }
    }
}
