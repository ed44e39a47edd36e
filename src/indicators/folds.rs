//! Small folds of raw party fields, only as fine as the flags need them.
//!
//! Who is who is decided in `resolve`; here two addresses either are the same line or are not.

use crate::model::{Country, Day};

/// An address as its sorted telling words; `None` when fewer than three remain: a town alone is no address.
pub(super) fn address_key(address: &str) -> Option<String> {
    const FILLERS: [&str; 20] = [
        "г",
        "город",
        "ул",
        "улица",
        "пр",
        "проспект",
        "д",
        "дом",
        "оф",
        "офис",
        "кв",
        "str",
        "street",
        "st",
        "avenue",
        "ave",
        "office",
        "city",
        "көшесі",
        "қаласы",
    ];
    let lower = address.to_lowercase();
    let mut words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !FILLERS.contains(word))
        .collect();
    words.sort_unstable();
    let has_number = words.iter().any(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
    (words.len() >= 3 && has_number).then(|| words.join(" "))
}

/// A person as surname and initials; `None` when only one word is there.
pub(super) fn person_key(person: &str) -> Option<String> {
    let lower = person.to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let surname = words.next()?;
    let initials: String = words.filter_map(|word| word.chars().next()).take(2).collect();
    (!initials.is_empty()).then(|| format!("{surname} {initials}"))
}

/// The country whose numbering plan a telephone number belongs to; `None` when too short or of a plan not held here.
pub(super) fn phone_country(phone: &str) -> Option<&'static str> {
    // Kazakhstan and Russia share +7: 6 and 7 after it are Kazakh. Longest prefix first.
    const PLANS: [(&str, &str); 20] = [
        ("375", "BY"),
        ("374", "AM"),
        ("996", "KG"),
        ("998", "UZ"),
        ("992", "TJ"),
        ("993", "TM"),
        ("994", "AZ"),
        ("995", "GE"),
        ("971", "AE"),
        ("852", "HK"),
        ("76", "KZ"),
        ("77", "KZ"),
        ("90", "TR"),
        ("86", "CN"),
        ("49", "DE"),
        ("44", "GB"),
        ("48", "PL"),
        ("39", "IT"),
        ("33", "FR"),
        ("7", "RU"),
    ];
    let mut digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    if digits.len() == 11 && digits.starts_with('8') && !phone.trim_start().starts_with('+') {
        digits.replace_range(..1, "7");
    }
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    if digits.len() < 10 {
        return None;
    }
    PLANS.iter().find(|(prefix, _)| digits.starts_with(prefix)).map(|(_, country)| *country)
}

/// The month that a Kazakh business number was given in, read from its first four digits: its first day.
pub(super) fn registered_by_number(identifier: &str, country: Option<Country>) -> Option<Day> {
    let digits: Vec<u8> = identifier.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let is_business_number =
        country.is_none_or(|country| country == Country::KZ) && digits.len() == 12 && matches!(digits[4], 4..=6);
    if !is_business_number {
        return None;
    }
    let year = i16::from(digits[0] * 10 + digits[1]);
    let month = (digits[2] * 10 + digits[3]) as i8;
    // Numbers began in the nineties for older firms: two digits above 80 are of the last century.
    Day::from_calendar(if year > 80 { 1900 + year } else { 2000 + year }, month, 1)
}

#[cfg(test)]
mod tests {
    use super::{address_key, person_key, phone_country, registered_by_number};
    use crate::model::Country;

    #[test]
    fn addresses_are_the_same_line_or_not() {
        let one = address_key("г. Астана, ул. Назарбаева 18, офис 3");
        assert!(one.is_some());
        assert_eq!(one, address_key("Назарбаева 18-3, Астана"));
        assert_ne!(one, address_key("г. Астана, ул. Назарбаева 18, офис 4"));
        for text in ["", "Астана", "г. Астана, ул. Назарбаева", "Алматы, Бостандык, Горная"]
        {
            assert_eq!(address_key(text), None, "{text}");
        }
    }

    #[test]
    fn persons_meet_with_full_names_and_initials() {
        assert_eq!(person_key("Азияров К.Е."), person_key("АЗИЯРОВ Канат Ерланович"));
        assert_ne!(person_key("Азияров К.Е."), person_key("Азияров М.Е."));
        assert_eq!(person_key("Азияров"), None);
    }

    #[test]
    fn telephones_tell_their_country() {
        let cases = [
            ("+7 798 003 53 33", Some("KZ")),
            ("8 (701) 123-45-67", Some("KZ")),
            ("+7 916 123 45 67", Some("RU")),
            ("+996 312 123456", Some("KG")),
            ("0049 30 1234567", Some("DE")),
            ("123", None),
            ("", None),
            ("+1 212 555 0100", None),
        ];
        for (phone, country) in cases {
            assert_eq!(phone_country(phone), country, "{phone}");
        }
    }

    #[test]
    fn business_numbers_carry_a_month_and_personal_ones_do_not() {
        let month = |number: &str| registered_by_number(number, Some(Country::KZ)).map(|day| day.to_string());
        assert_eq!(month("230340005167").as_deref(), Some("2023-03-01"));
        assert_eq!(month("990740000683").as_deref(), Some("1999-07-01"));
        for number in ["061211600012", "239940005167", "123", ""] {
            assert_eq!(month(number), None, "{number}");
        }
        assert_eq!(registered_by_number("230340005167", Some(Country::RU)), None);
    }
}
