//! Two folded words written as one: what folding makes of the letters where they meet.
//!
//! Come here when a name with a blank does not meet the same name without it. Which words are joined is decided in
//! `names`; how a single word is folded, in `normalize`.

/// Appends a folded word to the letters in the buffer, folds the seam and says how many letters there are then; none
/// where they do not fit.
pub(super) fn join(buffer: &mut [u8], length: usize, word: &str) -> Option<usize> {
    let start = length;
    let mut length = length;
    for &letter in word.as_bytes() {
        if length == start && length > 0 {
            let last = &mut buffer[length - 1];
            match (*last, letter) {
                (b'k', b's') => {
                    *last = b'x';
                    continue;
                }
                (b's', b'h') => {
                    *last = b'w';
                    continue;
                }
                _ => {}
            }
            length = fold_seam(&buffer[..length], letter);
            if buffer[..length].ends_with(&[letter]) || letter == b'g' && buffer[..length].ends_with(b"n") {
                continue;
            }
        }
        *buffer.get_mut(length)? = letter;
        length += 1;
    }
    Some(length)
}

/// What folding leaves of the letters before a seam, when the word after it begins with `next`.
fn fold_seam(before: &[u8], next: u8) -> usize {
    let is_vowel = matches!(next, b'a' | b'e' | b'i' | b'o' | b'u');
    let goes = match before.last() {
        Some(b'i') => is_vowel && next != b'i',
        Some(b't') => next == b's',
        _ => false,
    };
    before.len() - usize::from(goes)
}

#[cfg(test)]
mod tests {
    use super::join;
    use crate::normalize::skeleton;

    #[test]
    fn joined_words_are_folded_as_one_word_is() {
        let pairs = [
            ("Тұмар", "лан"),
            ("Kazkok", "Snab"),
            ("Kazkos", "Hesnab"),
            ("Тайфун", "Групп"),
            ("Ала", "Азия"),
            ("Volt", "Snab"),
            ("All", "Lan"),
        ];
        for (one, other) in pairs {
            let mut buffer = [0; 32];
            let length = join(&mut buffer, 0, &skeleton(one)).unwrap();
            let length = join(&mut buffer, length, &skeleton(other)).unwrap();
            assert_eq!(
                std::str::from_utf8(&buffer[..length]),
                Ok(skeleton(&format!("{one}{}", other.to_lowercase())).as_str())
            );
        }
    }
}
