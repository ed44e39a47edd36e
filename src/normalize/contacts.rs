//! Telephones, e-mail domains and persons in comparable form.
//!
//! Come here when a telephone does not meet its other spelling. Nothing is looked up or validated beyond its shape.

use super::script::{fold, words};

/// Domains that say nothing of the firm, because everybody has an address there.
const FREE_MAIL: [&str; 22] = [
    "mail.ru",
    "bk.ru",
    "list.ru",
    "inbox.ru",
    "internet.ru",
    "yandex.ru",
    "yandex.kz",
    "yandex.com",
    "ya.ru",
    "rambler.ru",
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "yahoo.com",
    "icloud.com",
    "mail.kz",
    "proton.me",
    "protonmail.com",
    "gmx.de",
    "web.de",
];

/// A telephone as digits with its country code, if it has enough of them. `8 7xx ...` is read as `+7 7xx ...`.
pub fn phone(text: &str) -> Option<String> {
    let first = text.split([';', ',', '/']).find(|part| part.chars().any(|character| character.is_ascii_digit()))?;
    let mut digits: String = first.chars().filter(char::is_ascii_digit).take(16).collect();
    if let Some(rest) = digits.strip_prefix("00") {
        digits = rest.to_owned();
    }
    if digits.len() == 11 && digits.starts_with('8') {
        digits.replace_range(0..1, "7");
    }
    if digits.len() == 10 && !first.trim_start().starts_with('+') {
        digits.insert(0, '7');
    }
    (digits.len() >= 10).then_some(digits)
}

/// The domain of an e-mail address, unless it is a free mail service.
pub fn email_domain(text: &str) -> Option<String> {
    let (_, domain) = text.trim().trim_end_matches(['>', '.']).rsplit_once('@')?;
    let domain = domain.trim().to_lowercase();
    let domain = domain.strip_prefix("www.").unwrap_or(&domain);
    let is_name = domain.contains('.') && domain.len() <= 253 && !domain.contains(char::is_whitespace);
    (is_name && !FREE_MAIL.contains(&domain)).then(|| domain.to_owned())
}

/// A person as `surname initials`: `Азимов К.Е.`, `Azimov Kairat E.` and `К. Е. Азимов` share it.
pub fn person(text: &str) -> Option<String> {
    let words = words(text);
    let is_initial = |romanised: &str| romanised.len() <= 2;
    let surname_index = words.iter().position(|word| !is_initial(&word.romanised))?;
    let mut initials = String::new();
    for (index, word) in words.iter().enumerate() {
        let letter = fold(&word.romanised).chars().next();
        if let Some(letter) = letter.filter(|_| index != surname_index && initials.len() < 2) {
            initials.push(letter);
        }
    }
    Some(format!("{} {initials}", fold(&words[surname_index].romanised)).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{email_domain, person, phone};

    #[test]
    fn contacts_meet_their_other_spellings() {
        for text in
            ["+7 (701) 555-66-77", "8 701 555 66 77", "77015556677", "7015556677", "007 701 5556677; 8 702 1112233"]
        {
            assert_eq!(phone(text).as_deref(), Some("77015556677"), "{text}");
        }
        assert_eq!(phone("+49 711 123456").as_deref(), Some("49711123456"));
        assert_eq!((phone("12-34-56"), phone("")), (None, None));
        assert_eq!(email_domain("Sales <info@Otrar-Demo.kz>").as_deref(), Some("otrar-demo.kz"));
        assert_eq!((email_domain("a@mail.ru"), email_domain("nothing")), (None, None));
        for text in ["Азимов К.Е.", "AZIMOV Kairat E.", "К. Е. Азимов", "Азимов Кайрат Ерланович"]
        {
            assert_eq!(person(text).as_deref(), Some("azimov ke"), "{text}");
        }
        assert_eq!(person(""), None);
    }
}
