//! How papers spell the names and addresses of invented firms, and how they garble numbers, brands and serials.
//!
//! The classes of variation are those that trade papers of the corridor show: legal form missing, translated, moved
//! or written out; capital letters; quotes; Kazakh letters by a Russian keyboard; other romanisations; translated
//! words; look-alike letters; typing errors; moved blanks; cut-off fields; readings in brackets; branches.

use super::Parameters;
use super::alphabet::{Scheme, capitalise_words, read_back, to_latin, to_russian_letters};
use super::dice::Dice;
use super::firm::{Firm, Form, Word};
use super::place::STREETS;
use crate::model::Country;

/// The register's own spelling.
pub(super) fn registered_name(firm: &Firm) -> String {
    let name = firm.join(|word| match word {
        Word::Text(text) => text.clone(),
        Word::Tail(tail) => tail.russian.to_owned(),
        Word::Number(number) => number.to_string(),
    });
    format!("{} «{name}»", russian_form(firm.form))
}

/// A firm as a Kazakh or Russian paper spells it.
pub(super) fn cyrillic_mention(firm: &Firm, parameters: &Parameters, dice: &mut Dice) -> String {
    let is_kazakh = firm.country == Country::KZ && dice.chance(0.15);
    let by_russian_keyboard = !is_kazakh && dice.chance(parameters.russian_keyboard_share);
    let translated = dice.chance(parameters.translated_word_share);
    let wants_kazakh = dice.chance(0.5);
    let read_twice = dice.chance(parameters.other_scheme_share * 0.1);
    let name = firm.join(|word| match word {
        Word::Text(text) if read_twice => read_back(&to_latin(text, Scheme::Plain)),
        Word::Text(text) if by_russian_keyboard => to_russian_letters(text),
        Word::Text(text) => text.clone(),
        Word::Tail(tail) if translated && wants_kazakh => tail.kazakh.to_owned(),
        Word::Tail(tail) if translated => tail.english.to_owned(),
        Word::Tail(tail) => tail.russian.to_owned(),
        Word::Number(number) => number.to_string(),
    });
    if dice.chance(parameters.bracket_reading_share) {
        return format!("{} «{name}» ({})", russian_form(firm.form), firm.latin_name(firm.scheme));
    }
    let name = garble(name, firm.city.russian, parameters, dice);
    let branch = if dice.chance(parameters.branch_share) { "Филиал " } else { "" };
    if dice.chance(parameters.form_missing_share) {
        return cut_off(quoted(&name, dice), parameters, dice);
    }
    let written = if is_kazakh {
        let long = dice.chance(0.15) && firm.form == Form::Partnership;
        let form = if long {
            "жауапкершілігі шектеулі серіктестігі"
        } else {
            kazakh_form(firm.form)
        };
        format!("«{name}» {form}")
    } else {
        let written_out = dice.chance(0.11);
        let form = if written_out { long_form(firm.form) } else { russian_form(firm.form) };
        match dice.weighted(&[0.76, 0.2, 0.04]) {
            0 => format!("{branch}{form} «{name}»"),
            1 => format!("{branch}{form} \"{name}\""),
            _ => format!("{branch}{form} {name}"),
        }
    };
    cut_off(written, parameters, dice)
}

/// A firm as an exporter's order spells it.
pub(super) fn latin_mention(firm: &Firm, parameters: &Parameters, dice: &mut Dice) -> String {
    let scheme = if dice.chance(parameters.other_scheme_share) { dice.pick(&Scheme::ALL) } else { firm.scheme };
    let translated = dice.chance(parameters.translated_word_share);
    let by_sound = dice.chance(0.25);
    let name = firm.join(|word| match word {
        Word::Text(text) => to_latin(text, scheme),
        Word::Tail(tail) if translated => to_latin(tail.kazakh, scheme),
        Word::Tail(tail) if by_sound => to_latin(tail.russian, Scheme::Plain),
        Word::Tail(tail) => tail.english.to_owned(),
        Word::Number(number) => number.to_string(),
    });
    if dice.chance(parameters.bracket_reading_share) {
        return format!("{name} ({})", registered_name(firm));
    }
    let name = garble(name, firm.city.latin, parameters, dice);
    let branch = if dice.chance(parameters.branch_share) { ", branch" } else { "" };
    if dice.chance(parameters.form_missing_share) {
        return cut_off(quoted(&name, dice), parameters, dice);
    }
    let forms = latin_forms(firm.form);
    let usual = forms.first().copied().unwrap_or_default();
    let form = if dice.chance(parameters.form_varied_share) { dice.pick(forms) } else { usual };
    let written = match dice.weighted(&[0.5, 0.2, 0.3]) {
        0 => format!("{name} {form}{branch}"),
        1 => format!("{name}, {form}{branch}"),
        _ => format!("{form} \"{name}\"{branch}"),
    };
    cut_off(written, parameters, dice)
}

/// An address as a Kazakh or Russian paper has it.
pub(super) fn cyrillic_address(firm: &Firm, dice: &mut Dice) -> String {
    let office = if dice.chance(0.55) { format!(", офис {}", 1 + dice.below(120)) } else { String::new() };
    let street = if dice.chance(0.03) { dice.pick(STREETS) } else { firm.street };
    match dice.weighted(&[0.85, 0.1, 0.05]) {
        0 => format!("г. {}, ул. {street} {}{office}", firm.city.russian, firm.house),
        1 => format!("{}, {street} к-сі, {}-үй{office}", firm.city.russian, firm.house),
        _ => format!("Казахстан, {}, улица {street}, дом {}{office}", firm.city.russian, firm.house),
    }
}

/// An address as an order has it.
pub(super) fn latin_address(firm: &Firm, parameters: &Parameters, dice: &mut Dice) -> String {
    if dice.chance(parameters.address_city_only_share) {
        return firm.city.latin.to_owned();
    }
    match dice.weighted(&[0.6, 0.25, 0.15]) {
        0 => format!("{} {} str., {}", firm.street, firm.house, firm.city.latin),
        1 => format!("{} street {}, {}", to_latin(firm.street, Scheme::Plain), firm.house, firm.city.latin),
        _ => format!("{}, {} {}", firm.city.latin, to_latin(firm.street, Scheme::Plain), firm.house),
    }
}

/// A number with one digit wrong, or two exchanged.
pub(super) fn mistyped_number(number: &str, dice: &mut Dice) -> String {
    let mut digits: Vec<char> = number.chars().collect();
    if digits.len() < 2 {
        return number.to_owned();
    }
    let place = dice.index(digits.len() - 1);
    if dice.chance(0.4) && digits[place] != digits[place + 1] {
        digits.swap(place, place + 1);
    } else {
        let digit = digits[place].to_digit(10).unwrap_or(0);
        digits[place] = char::from_digit((digit + 1 + dice.below(9) as u32) % 10, 10).unwrap_or('0');
    }
    digits.into_iter().collect()
}

/// A serial number as another clerk writes it.
pub(super) fn varied_serial(serial: &str, dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => format!("S/N: {serial}"),
        1 => serial.replace('0', "O"),
        2 => serial.to_lowercase(),
        _ => format!("{}-{}", &serial[..serial.len().min(3)], &serial[serial.len().min(3)..]),
    }
}

/// A part number with packing suffix, other punctuation or look-alike letters.
pub(super) fn varied_part_number(part_number: &str, dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => format!("{part_number}{}", dice.pick(&["-TR", "/R", "-ND", "TR"])),
        1 => part_number.replace('-', " "),
        _ => look_alike(part_number),
    }
}

/// A word with one letter doubled, dropped or exchanged with its neighbour.
pub(super) fn typing_error(text: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let places: Vec<usize> = (1..letters.len().saturating_sub(1))
        .filter(|place| letters[*place].is_alphabetic() && letters[*place + 1].is_alphabetic())
        .collect();
    if places.is_empty() {
        return text.to_owned();
    }
    let place = places[dice.index(places.len())];
    match dice.below(4) {
        0 => letters.insert(place, letters[place]),
        1 => {
            letters.remove(place);
        }
        2 => letters.swap(place, place + 1),
        _ if letters[place].is_ascii() => letters[place] = dice.pick(&['a', 'o', 'e', 'n', 'i']),
        _ => letters[place] = dice.pick(&['а', 'о', 'е', 'н', 'и']),
    }
    letters.into_iter().collect()
}

fn garble(mut name: String, city: &str, parameters: &Parameters, dice: &mut Dice) -> String {
    if dice.chance(parameters.typing_error_share) {
        name = typing_error(&name, dice);
    }
    if dice.chance(parameters.blank_moved_share) {
        let from = if name.contains('-') { "-" } else { " " };
        let to = if dice.chance(0.5) {
            ""
        } else if from == "-" {
            " "
        } else {
            "-"
        };
        name = name.replacen(from, to, 1);
    }
    if dice.chance(parameters.city_added_share) {
        name = format!("{name} {city}");
    }
    if dice.chance(parameters.upper_case_share) {
        name = name.to_uppercase();
    } else if dice.chance(0.02) {
        name = capitalise_words(&name.to_lowercase());
    }
    if dice.chance(parameters.look_alike_share) {
        name = look_alike(&name);
    }
    name
}

/// Some letters replaced by those of the other alphabet that look the same.
fn look_alike(text: &str) -> String {
    const PAIRS: [(char, char); 10] = [
        ('а', 'a'),
        ('е', 'e'),
        ('о', 'o'),
        ('с', 'c'),
        ('р', 'p'),
        ('А', 'A'),
        ('Е', 'E'),
        ('О', 'O'),
        ('С', 'C'),
        ('Р', 'P'),
    ];
    text.chars()
        .map(|letter| {
            let pair = PAIRS.iter().find(|(cyrillic, latin)| *cyrillic == letter || *latin == letter);
            pair.map_or(letter, |(cyrillic, latin)| if *cyrillic == letter { *latin } else { *cyrillic })
        })
        .collect()
}

fn quoted(name: &str, dice: &mut Dice) -> String {
    match dice.weighted(&[0.65, 0.2, 0.15]) {
        0 => name.to_owned(),
        1 => format!("\"{name}\""),
        _ => format!("«{name}»"),
    }
}

/// Fields of older message formats hold 35 characters; some clerks stop earlier.
fn cut_off(text: String, parameters: &Parameters, dice: &mut Dice) -> String {
    if !dice.chance(parameters.cut_off_share) {
        return text;
    }
    let length = if text.chars().count() > 35 { 35 } else { dice.between(20, 30) as usize };
    text.chars().take(length).collect()
}

fn russian_form(form: Form) -> &'static str {
    match form {
        Form::Partnership => "ТОО",
        Form::JointStock => "АО",
        Form::SoleTrader => "ИП",
        Form::RussianLimited => "ООО",
        Form::KyrgyzLimited => "ОсОО",
        Form::ArmenianLimited => "ООО",
    }
}

fn long_form(form: Form) -> &'static str {
    match form {
        Form::Partnership => "Товарищество с ограниченной ответственностью",
        Form::JointStock => "Акционерное общество",
        Form::SoleTrader => "Индивидуальный предприниматель",
        _ => "Общество с ограниченной ответственностью",
    }
}

fn kazakh_form(form: Form) -> &'static str {
    match form {
        Form::JointStock => "АҚ",
        Form::SoleTrader => "ЖК",
        _ => "ЖШС",
    }
}

fn latin_forms(form: Form) -> &'static [&'static str] {
    match form {
        Form::Partnership => &["LLP", "TOO", "Ltd", "L.L.P.", "LTD.", "ZhShS", "LLC", "LLP", "Ltd"],
        Form::JointStock => &["JSC", "AO", "AQ"],
        Form::SoleTrader => &["IE", "IP", "ZhK"],
        Form::RussianLimited => &["LLC", "OOO", "Ltd"],
        Form::KyrgyzLimited => &["LLC", "OsOO"],
        Form::ArmenianLimited => &["LLC"],
    }
}

#[cfg(test)]
mod tests {
    use super::{look_alike, mistyped_number, typing_error};
    use crate::simulation::dice::{Dice, Purpose};

    #[test]
    fn garbled_text_differs_but_little() {
        let mut dice = Dice::of(5, Purpose::Story, 0);
        for _ in 0..200 {
            let number = mistyped_number("940140000385", &mut dice);
            let wrong = number.chars().zip("940140000385".chars()).filter(|(ours, theirs)| ours != theirs).count();
            assert!(number.len() == 12 && (1..=2).contains(&wrong), "{number}");
            let name = typing_error("Магистраль", &mut dice);
            assert!((9..=11).contains(&name.chars().count()), "{name}");
        }
        assert_eq!(look_alike("АО Cора"), "AO Сopa");
    }
}
