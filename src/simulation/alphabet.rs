//! Kazakh and Russian Cyrillic in Latin letters, in the several ways that trade papers use, and back.
//!
//! Written apart from `normalize` on purpose: a world spelt with the reader's own tables would test nothing.

/// One way of writing Cyrillic in Latin letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Scheme {
    /// As passports and most trade papers do: zh, kh, y, without marks.
    #[default]
    Plain,
    /// Kazakh Latin of 2021: ä, ğ, q, ñ, ö, ū, ü, ş.
    Kazakh2021,
    /// Kazakh Latin of 2018: á, ǵ, q, ń, ó, ú, ý.
    Kazakh2018,
    /// Kazakh letters by sound without marks: q, gh, ng, oe, ue.
    Sound,
    /// Short habits of traders: j, h, w, x.
    Short,
    /// State standard of 2006 for Russian passports of the time: ia, iu, tc.
    Standard2006,
    /// Marks of ISO 9 kept on consonants only.
    Scientific,
}

impl Scheme {
    /// Every scheme.
    pub(super) const ALL: [Self; 7] = [
        Self::Plain,
        Self::Kazakh2021,
        Self::Kazakh2018,
        Self::Sound,
        Self::Short,
        Self::Standard2006,
        Self::Scientific,
    ];
}

/// Writes Cyrillic in Latin letters; other characters stay.
pub(super) fn to_latin(text: &str, scheme: Scheme) -> String {
    let mut latin = String::with_capacity(text.len());
    for letter in text.chars() {
        let lower = letter.to_lowercase().next().unwrap_or(letter);
        match letter_to_latin(lower, scheme) {
            Some(letters) if lower == letter => latin.push_str(letters),
            Some(letters) => {
                let mut rest = letters.chars();
                latin.extend(rest.next().into_iter().flat_map(char::to_uppercase));
                latin.push_str(rest.as_str());
            }
            None => latin.push(letter),
        }
    }
    latin
}

/// Kazakh letters as somebody with a Russian keyboard types them.
pub(super) fn to_russian_letters(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            'ә' => 'а',
            'ғ' => 'г',
            'қ' => 'к',
            'ң' => 'н',
            'ө' => 'о',
            'ұ' | 'ү' => 'у',
            'һ' => 'х',
            'і' => 'и',
            'Ә' => 'А',
            'Ғ' => 'Г',
            'Қ' => 'К',
            'Ң' => 'Н',
            'Ө' => 'О',
            'Ұ' | 'Ү' => 'У',
            'Һ' => 'Х',
            'І' => 'И',
            other => other,
        })
        .collect()
}

/// Latin letters read back into Cyrillic, as a clerk would who never saw the original.
pub(super) fn read_back(latin: &str) -> String {
    const PAIRS: &[(&str, &str)] = &[
        ("shch", "щ"),
        ("zh", "ж"),
        ("kh", "х"),
        ("ch", "ч"),
        ("sh", "ш"),
        ("ts", "ц"),
        ("yu", "ю"),
        ("ya", "я"),
        ("ye", "е"),
        ("a", "а"),
        ("b", "б"),
        ("c", "к"),
        ("d", "д"),
        ("e", "е"),
        ("f", "ф"),
        ("g", "г"),
        ("h", "х"),
        ("i", "и"),
        ("j", "ж"),
        ("k", "к"),
        ("l", "л"),
        ("m", "м"),
        ("n", "н"),
        ("o", "о"),
        ("p", "п"),
        ("q", "к"),
        ("r", "р"),
        ("s", "с"),
        ("t", "т"),
        ("u", "у"),
        ("v", "в"),
        ("w", "в"),
        ("x", "кс"),
        ("y", "ы"),
        ("z", "з"),
    ];
    let lower = latin.to_lowercase();
    let mut rest = lower.as_str();
    let mut cyrillic = String::with_capacity(latin.len() * 2);
    while let Some(first) = rest.chars().next() {
        let pair = PAIRS.iter().find(|(letters, _)| rest.starts_with(letters));
        let (taken, given) = pair.map_or((first.len_utf8(), None), |(letters, read)| (letters.len(), Some(*read)));
        match given {
            Some(read) => cyrillic.push_str(read),
            None => cyrillic.push(first),
        }
        rest = &rest[taken..];
    }
    capitalise_words(&cyrillic)
}

/// Every word with a capital letter.
pub(super) fn capitalise_words(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at_start = true;
    for letter in text.chars() {
        if at_start {
            result.extend(letter.to_uppercase());
        } else {
            result.push(letter);
        }
        at_start = !letter.is_alphanumeric();
    }
    result
}

fn letter_to_latin(letter: char, scheme: Scheme) -> Option<&'static str> {
    let special = match scheme {
        Scheme::Plain => None,
        Scheme::Kazakh2021 => kazakh_2021(letter),
        Scheme::Kazakh2018 => kazakh_2018(letter),
        Scheme::Sound => by_sound(letter),
        Scheme::Short => short(letter),
        Scheme::Standard2006 => standard_2006(letter),
        Scheme::Scientific => scientific(letter),
    };
    special.or_else(|| plain(letter))
}

fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'а' | 'ә' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ғ' => "g",
        'д' => "d",
        'е' | 'ё' | 'э' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' => "i",
        'й' | 'ы' => "y",
        'к' | 'қ' => "k",
        'л' => "l",
        'м' => "m",
        'н' | 'ң' => "n",
        'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' | 'ұ' | 'ү' => "u",
        'ф' => "f",
        'х' => "kh",
        'һ' => "h",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ю' => "yu",
        'я' => "ya",
        _ => return None,
    })
}

fn kazakh_2021(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ә' => "ä",
        'ғ' => "ğ",
        'қ' => "q",
        'ң' => "ñ",
        'ө' => "ö",
        'ұ' => "ū",
        'ү' => "ü",
        'х' => "h",
        'ж' => "j",
        'ш' => "ş",
        'и' | 'й' => "i",
        'і' => "ı",
        'ц' => "ts",
        _ => return None,
    })
}

fn kazakh_2018(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ә' => "á",
        'ғ' => "ǵ",
        'қ' => "q",
        'ң' => "ń",
        'ө' => "ó",
        'ұ' => "u",
        'ү' => "ú",
        'у' => "ý",
        'х' => "h",
        'ж' => "j",
        'и' | 'й' => "ı",
        'і' => "i",
        _ => return None,
    })
}

fn by_sound(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ә' => "ae",
        'ғ' => "gh",
        'қ' => "q",
        'ң' => "ng",
        'ө' => "oe",
        'ү' => "ue",
        'е' => "ye",
        _ => return None,
    })
}

fn short(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ж' => "j",
        'х' => "h",
        'ц' => "c",
        'ы' => "i",
        'й' => "i",
        'у' | 'ұ' => "u",
        'ү' => "yu",
        'қ' => "k",
        'в' => "w",
        'щ' => "sch",
        _ => return None,
    })
}

fn standard_2006(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ц' => "tc",
        'ю' => "iu",
        'я' => "ia",
        'й' => "i",
        'ъ' => "ie",
        _ => return None,
    })
}

fn scientific(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ж' => "ž",
        'ш' => "š",
        'ч' => "č",
        'ц' => "c",
        'х' => "h",
        'й' => "j",
        'ю' => "ju",
        'я' => "ja",
        'щ' => "šč",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Scheme, read_back, to_latin, to_russian_letters};

    #[test]
    fn one_word_has_as_many_spellings_as_there_are_habits() {
        let cases = [
            (Scheme::Plain, "Zhuldyz Orken"),
            (Scheme::Kazakh2021, "Jūldyz Örken"),
            (Scheme::Kazakh2018, "Juldyz Órken"),
            (Scheme::Sound, "Zhuldyz Oerkyen"),
            (Scheme::Short, "Juldiz Orken"),
            (Scheme::Scientific, "Žuldyz Orken"),
        ];
        for (scheme, expected) in cases {
            assert_eq!(to_latin("Жұлдыз Өркен", scheme), expected, "{scheme:?}");
        }
        assert_eq!(to_russian_letters("Жұлдыз Өркен"), "Жулдыз Оркен");
        assert_eq!(read_back("Zhuldyz Orken 22"), "Жулдыз Оркен 22");
    }
}
