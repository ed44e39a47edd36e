//! Blocking keys: what two mentions must share to be compared at all.
//!
//! Come here when the right firm is not among the candidates. A name gives one key for every rare word, keys for all
//! rare words together with one letter left out in turn (so that one error still meets), and one for the whole name;
//! number, telephone and full address give one each. How well candidates agree is not decided here.

use super::statistics::is_number;
use crate::model::{Address, Identifier, MentionForm, NameForm};
use crate::normalize::common_word;

/// Shorter consonant frames are too unspecific and give way to the word itself; frames of this length go beside it.
const FRAME_LENGTH_MIN: usize = 3;
/// Frames are cut here before letters are left out, which bounds the number of keys.
const FRAME_LENGTH_MAX: usize = 14;

/// A stable 64-bit hash (FNV-1a), the same on every machine and version.
pub(super) fn hash(kind: &[u8], value: &[u8]) -> u64 {
    kind.iter()
        .chain(b":")
        .chain(value)
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// All keys of a mention, sorted, each once.
pub(super) fn mention_keys(form: &MentionForm) -> Vec<u64> {
    let mut keys = Vec::with_capacity(24);
    name_keys(&form.name, &mut keys);
    if let Some(identifier) = &form.identifier {
        keys.push(identifier_key(identifier));
    }
    keys.extend(form.phone.as_ref().map(|phone| phone_key(phone)));
    keys.extend(address_key(&form.address));
    keys.sort_unstable();
    keys.dedup();
    keys
}

pub(super) fn identifier_key(identifier: &Identifier) -> u64 {
    hash(b"id", identifier.value.as_bytes())
}

pub(super) fn phone_key(phone: &str) -> u64 {
    hash(b"phone", phone.as_bytes())
}

/// Only an address with city, street and house is specific enough to bring candidates.
pub(super) fn address_key(address: &Address) -> Option<u64> {
    let (city, street, house) = (address.city.as_ref()?, address.street.as_ref()?, address.house.as_ref()?);
    Some(hash(b"address", format!("{city}|{street}|{house}").as_bytes()))
}

/// Keys of a name and of the name in its brackets.
pub(super) fn name_keys(name: &NameForm, keys: &mut Vec<u64>) {
    token_keys(&name.tokens, keys);
    if !name.alias_tokens.is_empty() {
        token_keys(&name.alias_tokens, keys);
    }
}

fn token_keys(tokens: &[String], keys: &mut Vec<u64>) {
    let mut head = String::with_capacity(32);
    let mut whole = String::with_capacity(48);
    for token in tokens {
        whole.push_str(token);
        if is_number(token) || common_word(token).is_some() {
            continue;
        }
        head.push_str(token);
        keys.push(hash(b"word", &frame(token)));
    }
    if whole.is_empty() {
        return;
    }
    keys.push(hash(b"whole", whole.as_bytes()));
    if head.is_empty() {
        // Only common words: each of them is all there is to find the firm by, so pairs of them are used.
        common_pairs(tokens, keys);
        return;
    }
    let sure = consonants(&head);
    if sure.len() >= FRAME_LENGTH_MIN {
        left_out_keys(&sure, keys);
    }
    if sure.len() <= FRAME_LENGTH_MIN {
        left_out_keys(head.as_bytes(), keys);
    }
}

fn common_pairs(tokens: &[String], keys: &mut Vec<u64>) {
    let words: Vec<&String> = tokens.iter().filter(|token| !is_number(token)).take(4).collect();
    for (index, word) in words.iter().enumerate() {
        for other in &words[index + 1..] {
            let (first, second) = if word <= other { (word, other) } else { (other, word) };
            keys.push(hash(b"pair", format!("{first} {second}").as_bytes()));
        }
        if words.len() == 1 {
            keys.push(hash(b"word", &frame(word)));
        }
    }
}

fn left_out_keys(frame: &[u8], keys: &mut Vec<u64>) {
    let frame = &frame[..frame.len().min(FRAME_LENGTH_MAX)];
    keys.push(hash(b"head", frame));
    let mut shorter = Vec::with_capacity(frame.len());
    for position in 0..frame.len() {
        if position > 0 && frame[position] == frame[position - 1] {
            continue;
        }
        shorter.clear();
        shorter.extend_from_slice(&frame[..position]);
        shorter.extend_from_slice(&frame[position + 1..]);
        keys.push(hash(b"head", &shorter));
    }
}

/// The sure consonants of a word, or the word itself if they are too few.
fn frame(word: &str) -> Vec<u8> {
    let sure = consonants(word);
    if sure.len() >= FRAME_LENGTH_MIN { sure } else { word.as_bytes().to_vec() }
}

/// What survives other romanisations and most slips in vowels.
fn consonants(word: &str) -> Vec<u8> {
    word.bytes()
        .filter_map(|letter| match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' | b'j' | b'h' | b'v' => None,
            b'z' | b'c' => Some(b's'),
            other => Some(other),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::name_keys;
    use crate::normalize::name;

    fn meet(one: &str, other: &str) -> bool {
        let keys = |text: &str| {
            let mut keys = Vec::new();
            name_keys(&name(text), &mut keys);
            keys
        };
        let ours = keys(one);
        keys(other).iter().any(|key| ours.contains(key))
    }

    #[test]
    fn spellings_and_single_errors_share_a_key_and_strangers_do_not() {
        let rows = [
            ("ТОО «Югтуран»", "Jugturn LLP"),
            ("ТОО «Каспий Комплект»", "CASPIAN KOOMPLEKT, LTD."),
            ("ТОО «Казкокше Снаб»", "LTD. \"KAZKOKSH ESNAB\""),
            ("ИП «Шапагат Мерей Холдинг»", "IE \"Shapaga tMerey Holding\""),
            ("ТОО «Новоимпульс Машинери»", "Novoimupls Mashineri"),
            ("ТОО «Вега»", "Vga LLP"),
            ("ТОО «Кунар Техно»", "Tekhno Kunar"),
            ("ТОО «Прайм Технолоджи»", "Prime Technology"),
        ];
        for (one, other) in rows {
            assert!(meet(one, other), "{one} and {other}");
        }
        for (one, other) in [("ТОО «Отрар Сервис»", "Tulpar Service LLP"), ("ТОО «Вега»", "ТОО «Отан»")]
        {
            assert!(!meet(one, other), "{one} and {other}");
        }
    }
}
