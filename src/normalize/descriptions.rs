//! Descriptions of goods: free text in any of three languages, taken apart into what can be compared.
//!
//! Come here to see how a description gives concepts, words, sizes and model tokens.
//! Brands are looked for by `goods`, which knows which brands there are.

use super::glossary::Glossary;
use super::goods_letters::{push_word_lower, push_word_upper, sound_key};
use super::part_numbers::{MODEL_TOKENS_MAX, fold, is_model};

/// Only so much of a description is read.
const READ_BYTES_MAX: usize = 2_000;

/// Words are cut to so many letters of their sound, which also takes most endings away.
const WORD_LENGTH_MAX: usize = 6;

/// A description, taken apart.
#[derive(Default)]
pub(super) struct Description {
    pub(super) concepts: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) model_tokens: Vec<String>,
    pub(super) folded: String,
}

/// Takes a description apart.
pub(super) fn describe(text: &str) -> Description {
    let mut description = Description::default();
    let mut words = String::with_capacity(text.len());
    let mut uppers = String::with_capacity(text.len());
    let mut number_before: Option<&str> = None;
    for raw in cut(text).split(is_blank).filter(|raw| !raw.is_empty()) {
        let token = raw.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '"');
        let number = number_before.take();
        if token.is_empty() {
            continue;
        }
        if let Some(size) = size_of(number, token) {
            description.words.push(size);
            continue;
        }
        if is_number(token) {
            number_before = Some(token);
        }
        let before = description.model_tokens.len();
        push_models(token, &mut description.model_tokens);
        let is_model_token = description.model_tokens.len() > before;
        for part in token.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty()) {
            if !description.folded.is_empty() {
                description.folded.push(' ');
            }
            let from = description.folded.len();
            push_word_upper(part, &mut description.folded);
            if !is_model_token && !part.bytes().all(|byte| byte.is_ascii_digit()) {
                push_word_lower(part, &mut words);
                words.push(' ');
                uppers.push_str(&description.folded[from..]);
                uppers.push(' ');
            }
        }
    }
    name(&words, &uppers, &mut description);
    description
}

/// Finds concepts and keeps the sounds of the words that none explains.
fn name(words: &str, uppers: &str, description: &mut Description) {
    let lower: Vec<&str> = words.split_terminator(' ').collect();
    let named = Glossary::embedded().name(&lower);
    description.concepts = named.concepts.iter().map(|concept| (*concept).to_owned()).collect();
    for (upper, explained) in uppers.split_terminator(' ').zip(named.explained) {
        if !explained && upper.len() >= 3 {
            let mut sound = sound_key(upper);
            sound.truncate(WORD_LENGTH_MAX);
            if sound.len() >= 3 {
                description.words.push(sound);
            }
        }
    }
    description.words.sort_unstable();
    description.words.dedup();
    description.model_tokens.sort_unstable();
    description.model_tokens.dedup();
    description.model_tokens.truncate(MODEL_TOKENS_MAX);
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(READ_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What stands between tokens; hyphens, slashes and points may be inside one.
fn is_blank(letter: char) -> bool {
    // As a pattern: a search in a text of these takes as long as the text happens to be placed. The ranges are `%&'()*`,
    // `:;<=>?` and `{|}`.
    let is_mark = matches!(letter, '!' | '%'..='*' | ',' | ':'..='?' | '[' | ']' | '`' | '{'..='}');
    letter.is_whitespace() || is_mark || matches!(letter, '«' | '»' | '“' | '”' | '„')
}

fn is_number(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && token.as_bytes()[0].is_ascii_digit()
}

fn push_models(token: &str, models: &mut Vec<String>) {
    if !token.bytes().any(|byte| byte.is_ascii_digit()) || is_number(token) {
        return;
    }
    let folded = fold(token);
    if is_model(&folded) {
        models.push(folded);
    }
}

/// A number with a unit, as `#GB=256`: from one token (`256GB`, `14"`) or from a number and the token after it.
fn size_of(number_before: Option<&str>, token: &str) -> Option<String> {
    if let Some(number) = number_before {
        let unit = size_unit(token, false)?;
        return Some(format!("#{unit}={}", plain(number)));
    }
    let end = token.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
    if end == 0 {
        return None;
    }
    let unit = size_unit(token[end..].trim_start_matches('-'), true)?;
    Some(format!("#{unit}={}", plain(&token[..end])))
}

fn plain(number: &str) -> &str {
    let number = number.trim_end_matches('.');
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// The unit of a size in three languages. Single letters count only when the number stands right before them.
fn size_unit(text: &str, attached: bool) -> Option<&'static str> {
    const UNITS: [(&str, &[&str]); 25] = [
        ("KB", &["kb", "кб"]),
        ("MB", &["mb", "мб"]),
        ("GB", &["gb", "гб", "gbyte"]),
        ("TB", &["tb", "тб"]),
        ("MM", &["mm", "мм"]),
        ("CM", &["cm", "см"]),
        ("IN", &["inch", "inches", "zoll", "дюйм", "дюйма", "дюймов", "дюймовый", "\"", "in"]),
        ("ML", &["ml", "мл"]),
        ("L", &["litre", "litres", "liter", "литр", "литра", "литров"]),
        ("KG", &["kg", "кг"]),
        ("G", &["gr", "гр"]),
        ("V", &["volt", "volts", "вольт"]),
        ("W", &["watt", "watts", "вт", "ватт"]),
        ("KW", &["kw", "квт"]),
        ("KVA", &["kva", "ква"]),
        ("MAH", &["mah", "мач"]),
        ("AH", &["ah", "ач"]),
        ("MHZ", &["mhz", "мгц"]),
        ("GHZ", &["ghz", "ггц"]),
        ("KHZ", &["khz", "кгц"]),
        ("BAR", &["bar", "бар"]),
        ("MPX", &["mp", "мп", "мпикс", "megapixel"]),
        ("PF", &["pf", "пф"]),
        ("UF", &["uf", "µf", "мкф"]),
        ("NF", &["nf", "нф"]),
    ];
    const LETTERS: [(&str, &[&str]); 6] = [
        ("V", &["v", "в"]),
        ("W", &["w"]),
        ("A", &["a", "а"]),
        ("L", &["l", "л"]),
        ("G", &["g", "г"]),
        ("M", &["m", "м"]),
    ];
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let lower = text.to_lowercase();
    let find = |table: &'static [(&'static str, &'static [&'static str])]| {
        table.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(unit, _)| *unit)
    };
    find(&UNITS).or_else(|| if attached { find(&LETTERS) } else { None })
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn one_product_in_three_languages_names_the_same_goods() {
        let cases: [&[&str]; 12] = [
            &["Laptop computer 14 inch", "Notebook 14 Zoll", "Ноутбук 14 дюймов"],
            &["CNC horizontal lathe", "CNC-Horizontaldrehmaschine", "Станок токарный горизонтальный с ЧПУ"],
            &[
                "Ceramic capacitors, multilayer",
                "Keramik-Mehrschichtkondensatoren",
                "Конденсаторы керамические многослойные",
            ],
            &["Deep groove ball bearings", "Rillenkugellager", "Подшипники шариковые радиальные"],
            &["Oscilloscope, digital storage", "Digitales Speicheroszilloskop", "Осциллограф цифровой запоминающий"],
            &["Pump parts", "Pumpenteile", "Части насосов жидкостных"],
            &[
                "Gear boxes for motor vehicles",
                "Schaltgetriebe für Kraftfahrzeuge",
                "Коробки передач для моторных транспортных средств",
            ],
            &[
                "Electronic memories, DRAM modules",
                "Speicherschaltungen, DRAM-Module",
                "Запоминающие устройства, модули DRAM",
            ],
            &["Video game console", "Videospielkonsole", "Игровая приставка"],
            &["Washing machine", "Waschmaschine", "Машина стиральная"],
            &["Unmanned aerial vehicle", "Drohne", "Квадрокоптер, БПЛА"],
            &["Power supply 24V", "Netzteil 24 V", "Блок питания 24В"],
        ];
        for texts in cases {
            let goods = |text: &str| -> Vec<String> {
                describe(text).concepts.into_iter().filter(|concept| !concept.starts_with('~')).collect()
            };
            let first = goods(texts[0]);
            assert!(!first.is_empty(), "{texts:?}");
            for text in &texts[1..] {
                let shared = goods(text).iter().filter(|concept| first.contains(concept)).count();
                assert!(shared > 0, "{:?} {text}: {:?}", first, goods(text));
            }
        }
    }

    #[test]
    fn sizes_meet_across_languages_and_are_no_models() {
        let cases = [
            ("Smartphone 256 GB", "#GB=256"),
            ("Смартфон 256ГБ", "#GB=256"),
            ("Духи 100 мл", "#ML=100"),
            ("Fernseher 55 Zoll", "#IN=55"),
            ("TV 55\"", "#IN=55"),
            ("Кабель 2.50 мм", "#MM=2.5"),
        ];
        for (text, size) in cases {
            let description = describe(text);
            assert!(description.words.iter().any(|word| word == size), "{text}: {:?}", description.words);
            assert!(description.model_tokens.is_empty(), "{text}");
        }
        // A preposition after a number is not volts.
        assert!(describe("10 в коробке").words.iter().all(|word| !word.starts_with('#')));
    }

    #[test]
    fn part_numbers_are_found_inside() {
        let cases = [
            ("Осциллограф цифровой, Tektonic TE411-F107", "TE411F107"),
            ("Осциллограф (ТЕ411-F107)", "TE411F107"),
            ("арт.NO249B8147; 5 шт", "APTNO249B8147"),
            ("Chips NO38-C8421", "NO38C8421"),
        ];
        for (text, token) in cases {
            assert_eq!(describe(text).model_tokens, [token], "{text}");
        }
        assert_eq!(describe("Осциллограф, Tektonic TE411-F107").folded, "OSTSILLOGRAF TEKTONIC TE411 F107");
        assert!(describe("DDR4 модуль IP67 ГОСТ-8338").model_tokens.len() <= 1);
    }

    #[test]
    fn general_words_leave_nothing() {
        for text in
            ["Товары прочие", "Other goods", "Sonstige Waren", "изделия разные", "", "-", "Прочее", "Сборный груз"]
        {
            let description = describe(text);
            assert!(description.concepts.is_empty() && description.words.is_empty(), "{text} {:?}", description.words);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let long = "ж".repeat(10_000);
        assert!(describe(&long).folded.len() <= 2_000);
        let many: String = (0..2_000).map(|index| format!("AB{index}CD ")).collect();
        assert!(describe(&many).model_tokens.len() <= super::MODEL_TOKENS_MAX);
    }
}
