//! Letters of goods papers: look-alikes, accents, and Cyrillic spellings of Latin brands.
//!
//! Come here when a part number, brand or description word must be folded letter by letter.
//! Names of parties are folded elsewhere: there Kazakh letters matter, here look-alikes do.

use unicode_normalization::UnicodeNormalization;

/// The Latin capital that this Cyrillic or Greek capital cannot be told from in print.
pub(super) const fn latin_look_alike(letter: char) -> Option<char> {
    Some(match letter {
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ё' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    })
}

/// The Cyrillic small letter that this Latin small letter cannot be told from in print.
pub(super) const fn cyrillic_look_alike(letter: char) -> Option<char> {
    Some(match letter {
        'a' => 'а',
        'b' => 'в',
        'c' => 'с',
        'e' => 'е',
        'h' => 'н',
        'k' => 'к',
        'm' => 'м',
        'o' => 'о',
        'p' => 'р',
        't' => 'т',
        'x' => 'х',
        'y' => 'у',
        _ => return None,
    })
}

/// True for letters of the Cyrillic block.
pub(super) const fn is_cyrillic(letter: char) -> bool {
    matches!(letter, '\u{400}'..='\u{52f}')
}

/// Adds one letter or digit as Latin capitals; others add nothing. Cyrillic is read as a look-alike where
/// `by_look`, by its sound otherwise.
pub(super) fn push_upper(letter: char, by_look: bool, out: &mut String) {
    if letter.is_ascii() {
        if letter.is_ascii_alphanumeric() {
            out.push(letter.to_ascii_uppercase());
        }
        return;
    }
    for capital in letter.to_uppercase() {
        if by_look && let Some(latin) = latin_look_alike(capital) {
            out.push(latin);
        } else if let Some(latin) = sound_of_cyrillic(capital) {
            out.push_str(latin);
        } else {
            push_without_accent(capital, out);
        }
    }
}

fn push_without_accent(capital: char, out: &mut String) {
    match capital {
        'Ø' => out.push('O'),
        'Ł' => out.push('L'),
        'Đ' | 'Ð' => out.push('D'),
        'Æ' => out.push_str("AE"),
        'Œ' => out.push_str("OE"),
        'ẞ' => out.push_str("SS"),
        'İ' | 'ı' => out.push('I'),
        _ => {
            for piece in std::iter::once(capital).nfkd() {
                if piece.is_ascii_alphanumeric() {
                    out.push(piece.to_ascii_uppercase());
                } else if let Some(latin) = latin_look_alike(piece) {
                    out.push(latin);
                }
            }
        }
    }
}

const fn sound_of_cyrillic(capital: char) -> Option<&'static str> {
    Some(match capital {
        'А' | 'Ә' => "A",
        'Б' => "B",
        'В' => "V",
        'Г' | 'Ғ' | 'Ґ' => "G",
        'Д' => "D",
        'Е' | 'Ё' | 'Э' | 'Є' => "E",
        'Ж' => "ZH",
        'З' => "Z",
        'И' | 'І' | 'Ї' => "I",
        'Й' | 'Ы' => "Y",
        'К' | 'Қ' => "K",
        'Л' => "L",
        'М' => "M",
        'Н' | 'Ң' => "N",
        'О' | 'Ө' => "O",
        'П' => "P",
        'Р' => "R",
        'С' => "S",
        'Т' => "T",
        'У' | 'Ұ' | 'Ү' | 'Ў' => "U",
        'Ф' => "F",
        'Х' => "KH",
        'Һ' => "H",
        'Ц' => "TS",
        'Ч' => "CH",
        'Ш' => "SH",
        'Щ' => "SHCH",
        'Ю' => "YU",
        'Я' => "YA",
        'Ј' => "J",
        'Ъ' | 'Ь' => "",
        _ => return None,
    })
}

/// Adds one word as Latin capitals and digits. Cyrillic letters beside Latin ones or digits are taken for
/// look-alikes, and so is a word of fewer than five letters that all have look-alikes; other Cyrillic words are
/// written by their sound.
pub(super) fn push_word_upper(word: &str, out: &mut String) {
    if word.is_ascii() {
        word.chars().for_each(|letter| push_upper(letter, false, out));
        return;
    }
    let (mut cyrillic, mut other, mut look_alike) = (0, 0, 0);
    for letter in word.chars().filter(|letter| letter.is_alphanumeric()) {
        if is_cyrillic(letter) {
            cyrillic += 1;
            look_alike += usize::from(letter.to_uppercase().all(|capital| latin_look_alike(capital).is_some()));
        } else {
            other += 1;
        }
    }
    let by_look = cyrillic > 0 && (other > 0 || (look_alike == cyrillic && cyrillic < 5));
    word.chars().for_each(|letter| push_upper(letter, by_look, out));
}

/// Adds one word in small letters without accents, in the script that most of its letters have.
pub(super) fn push_word_lower(word: &str, out: &mut String) {
    if word.is_ascii() {
        out.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        return;
    }
    let cyrillic_count = word.chars().filter(|letter| is_cyrillic(*letter)).count();
    let latin_count = word.chars().filter(char::is_ascii_alphabetic).count();
    for letter in word.chars().flat_map(char::to_lowercase) {
        match letter {
            'ё' => out.push('е'),
            'ß' => out.push_str("ss"),
            'ä' | 'á' | 'à' | 'â' | 'å' | 'ã' => out.push('a'),
            'ö' | 'ó' | 'ò' | 'ô' | 'õ' | 'ø' => out.push('o'),
            'ü' | 'ú' | 'ù' | 'û' => out.push('u'),
            'é' | 'è' | 'ê' | 'ë' => out.push('e'),
            'í' | 'ì' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ç' => out.push('c'),
            'ñ' => out.push('n'),
            'a'..='z' if cyrillic_count > latin_count => out.push(cyrillic_look_alike(letter).unwrap_or(letter)),
            _ if is_cyrillic(letter) && cyrillic_count <= latin_count => {
                let latin = letter.to_uppercase().next().and_then(latin_look_alike);
                out.push(latin.map_or(letter, |latin| latin.to_ascii_lowercase()));
            }
            _ if letter.is_alphanumeric() => out.push(letter),
            _ => {}
        }
    }
}

/// How a Latin-capital word sounds, roughly: spellings of one brand in two scripts meet (`SCHAFLER`, `SHEFLER`).
/// Vowels become `A`; digits stay. Empty in, empty out.
pub fn sound_key(folded: &str) -> String {
    let bytes = folded.as_bytes();
    let mut key = String::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let (sound, length) = sound_at(&bytes[index..]);
        for letter in sound.bytes() {
            if letter != b' ' && key.as_bytes().last() != Some(&letter) {
                key.push(char::from(letter));
            }
        }
        if sound.is_empty() && bytes[index].is_ascii_digit() {
            key.push(char::from(bytes[index]));
        }
        index += length;
    }
    key
}

fn sound_at(rest: &[u8]) -> (&'static str, usize) {
    const LONG: [(&[u8], &str); 16] = [
        (b"SHCH", "S"),
        (b"SCH", "S"),
        (b"DZH", "J"),
        (b"SH", "S"),
        (b"CH", "S"),
        (b"TS", "S"),
        (b"TZ", "S"),
        (b"ZH", "S"),
        (b"PH", "F"),
        (b"TH", "T"),
        (b"KH", "H"),
        (b"CK", "K"),
        (b"CE", "SA"),
        (b"CI", "SA"),
        (b"CY", "SA"),
        (b"QU", "KV"),
    ];
    if let Some((pattern, sound)) = LONG.iter().find(|(pattern, _)| rest.starts_with(pattern)) {
        return (sound, pattern.len());
    }
    let sound = match rest[0] {
        b'A' | b'E' | b'I' | b'O' | b'U' | b'Y' => "A",
        b'B' => "B",
        b'C' | b'K' | b'Q' => "K",
        b'D' => "D",
        b'F' => "F",
        b'G' => "G",
        b'H' => "H",
        b'J' => "J",
        b'L' => "L",
        b'M' => "M",
        b'N' => "N",
        b'P' => "P",
        b'R' => "R",
        b'S' | b'Z' => "S",
        b'T' => "T",
        b'V' | b'W' => "V",
        b'X' => "KS",
        _ => "",
    };
    (sound, 1)
}

#[cfg(test)]
mod tests {
    use super::{push_word_lower, push_word_upper, sound_key};

    fn upper(word: &str) -> String {
        let mut out = String::new();
        push_word_upper(word, &mut out);
        out
    }

    fn lower(word: &str) -> String {
        let mut out = String::new();
        push_word_lower(word, &mut out);
        out
    }

    #[test]
    fn look_alikes_are_read_by_look_and_whole_cyrillic_words_by_sound() {
        let cases = [
            ("СА117Х4240", "CA117X4240"),
            ("Сisqo", "CISQO"),
            ("Самсонг", "SAMSONG"),
            ("Dräga", "DRAGA"),
            ("ВМТ", "BMT"),
            ("МОТОР", "MOTOR"),
            ("Øresund", "ORESUND"),
            ("Straße", "STRASSE"),
        ];
        for (word, folded) in cases {
            assert_eq!(upper(word), folded, "{word}");
        }
    }

    #[test]
    fn words_take_the_script_of_most_of_their_letters() {
        for (word, folded) in
            [("Cмapтфон", "смартфон"), ("Pumр", "pump"), ("Kühlschrank", "kuhlschrank"), ("Счёт", "счет")]
        {
            assert_eq!(lower(word), folded, "{word}");
        }
    }

    #[test]
    fn brands_of_two_scripts_sound_alike_and_others_do_not() {
        let same = [
            ("Schäfler", "Шефлер"),
            ("Cisqo", "Циско"),
            ("Hynex", "Хайнекс"),
            ("Xilith", "Ксилит"),
            ("Boschet", "Бошет"),
            ("Juniqer", "Джуникер"),
        ];
        for (latin, cyrillic) in same {
            assert_eq!(sound_key(&upper(latin)), sound_key(&upper(cyrillic)), "{latin} {cyrillic}");
        }
        for (one, other) in [("Norvex", "Hynex"), ("Altura", "Analix"), ("Mahlo", "Mannix")] {
            assert_ne!(sound_key(&upper(one)), sound_key(&upper(other)));
        }
    }
}
