//! A company name as one paper spells it, folded so that its legitimate spellings meet.
//!
//! Come here to see the whole way of a name: brackets, words, legal forms, common words. Comparison is in `resolve`.

use super::common_words::{
    WordClass, common_word, compound, exact_key_of, expanded, is_filler, key_of, split_suffix, word_entry,
};
use super::legal_forms::{second_name, strip};
use super::script::{Gap, Word, fold, words};
use crate::model::NameForm;

/// Field limits at which trade systems cut names off, in characters.
const FIELD_LIMITS: [usize; 3] = [18, 24, 35];
/// Names longer than this are cut before folding; no register has longer ones.
const NAME_LENGTH_MAX: usize = 400;
/// Most words of a name that are kept.
const TOKENS_MAX: usize = 16;
/// The key of `имени`, `named after`.
const NAMED_AFTER: &str = "named_after";

/// Folds a company name: one skeleton for all scripts, legal forms taken out, translated words folded to one.
pub fn name(text: &str) -> NameForm {
    let length = text.trim().chars().count();
    let text: String = text.chars().take(NAME_LENGTH_MAX).collect();
    let is_closed = text.trim_end().ends_with(['"', '»', '”', '“', '’', '\'', ')']);
    let may_be_cut = FIELD_LIMITS.contains(&length) && !is_closed || has_open_quote(&text);
    let (outside, inside) = split_brackets(&text);
    let mut outer = merged(words(&outside));
    let mut inner = merged(words(&inside));
    if let Some(second) = second_name(&outer) {
        inner.splice(0..0, outer.drain(second..));
    }
    let stripped = strip(&mut outer, may_be_cut);
    let stripped_inside = strip(&mut inner, false);
    let is_branch = stripped.is_branch || stripped_inside.is_branch;
    take_out_town(&mut outer, is_branch);
    let mut tokens = tokens(&outer);
    let mut alias_tokens = self::tokens(&inner);
    if tokens.is_empty() || alias_tokens.iter().all(|token| is_of_place(token)) {
        // `VTB Bank (Belarus)` has no second name in its brackets.
        tokens.append(&mut alias_tokens);
    }
    tokens.truncate(TOKENS_MAX);
    NameForm {
        tokens,
        alias_tokens,
        legal_form: stripped.legal_form.or(stripped_inside.legal_form),
        is_branch,
        may_be_cut: may_be_cut && !stripped.is_behind,
    }
}

fn is_of_place(token: &str) -> bool {
    common_word(token).is_some_and(|word| matches!(word.class, WordClass::Place | WordClass::Country))
}

/// A town behind the name that is marked as one: `г. Костанай`, `, Kostanay`. Where branches are named it tells them
/// apart and only the mark goes.
fn take_out_town(words: &mut Vec<Word>, is_branch: bool) {
    let is_mark = |word: &Word| matches!(word.romanised.as_str(), "g" | "gor" | "gorod" | "k");
    if let Some(mark) = words.iter().rposition(|word| is_mark(word) && word.letters.is_empty()) {
        let behind = words.len() - mark - 1;
        if mark > 0 && behind <= 2 && words[mark].has_stop {
            if is_branch {
                words.remove(mark);
            } else {
                words.truncate(mark);
            }
            return;
        }
    }
    if is_branch {
        words.retain(|word| !matches!(word.romanised.as_str(), "v" | "in"));
    } else if let Some(comma) = words.iter().rposition(|word| word.gap == Gap::Comma)
        && comma > 0
        && words[comma..].iter().all(|word| key_of(&fold(&word.romanised)).is_some_and(is_of_place))
    {
        words.truncate(comma);
    }
}

/// What stands outside and inside of brackets.
fn split_brackets(text: &str) -> (String, String) {
    let mut outside = String::with_capacity(text.len());
    let mut inside = String::new();
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '(' | '[' => {
                depth += 1;
                outside.push(' ');
                inside.push(' ');
            }
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => inside.push(character),
            _ => outside.push(character),
        }
    }
    (outside, inside)
}

/// Quotation marks that are opened and never closed tell of a cut-off name.
fn has_open_quote(text: &str) -> bool {
    let plain = text.chars().filter(|character| *character == '"').count();
    let opened = text.chars().filter(|character| *character == '«').count();
    let closed = text.chars().filter(|character| *character == '»').count();
    plain % 2 == 1 || opened > closed
}

/// Letters with full stops between them are one word: `L.L.P.`, `А.Қ.`; which letters it was made of stays known.
fn merged(words: Vec<Word>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    let mut run_is_open = false;
    for word in words {
        let is_letter =
            word.romanised.len() <= 2 && word.has_stop && !word.romanised.as_bytes().iter().any(u8::is_ascii_digit);
        let continues = match word.gap {
            Gap::None => word.romanised.len() <= 2,
            Gap::Blank => is_letter && word.romanised.len() == 1,
            Gap::Comma => false,
        };
        match out.last_mut() {
            Some(previous) if run_is_open && continues => {
                if previous.letters.is_empty() {
                    previous.letters.push(previous.romanised.clone());
                }
                previous.romanised.push_str(&word.romanised);
                previous.letters.push(word.romanised);
                run_is_open = is_letter;
            }
            _ => {
                run_is_open = is_letter;
                out.push(word);
            }
        }
    }
    out
}

/// Skeletons in order; common words as their keys, abbreviations as the words they stand for, fillers left out.
fn tokens(words: &[Word]) -> Vec<String> {
    let words = &words[..words.len().min(TOKENS_MAX)];
    let mut folded: Vec<String> = Vec::with_capacity(words.len() + 2);
    let mut found: Vec<String> = Vec::with_capacity(words.len() + 2);
    for (index, word) in words.iter().enumerate() {
        if is_ordinal_ending(words, index) || is_lone_conjunction(words, index) {
            continue;
        }
        if let Some(keys) = expanded(&word.romanised).filter(|_| word.letters.len() != INITIALS) {
            // Kept apart from words by a sign that folding never makes.
            folded.extend(keys.iter().map(|key| format!("{KEY_SIGN}{key}")));
        } else if word.letters.is_empty() {
            folded.push(fold(&word.romanised));
        } else {
            // Initials: each letter may stand for a name.
            folded.extend(word.letters.iter().map(|letter| fold(letter)));
        }
    }
    folded.retain(|word| !word.is_empty());
    move_blanks(&mut folded);
    for word in folded {
        push_keys(&mut found, word);
    }
    leave_out_fillers(&mut found);
    if let Some(office) = found.windows(2).position(|pair| pair == ["design", "bureau"])
        && found[office + 2..].iter().any(|token| token == "bank")
    {
        // `КБ` of a bank is a commercial bank.
        found.splice(office..office + 2, ["commercial".to_owned()]);
    }
    for index in 1..found.len() {
        // What Russian calls instrument building and radio technics is engineering in English.
        if found[index] == "design"
            && found[index - 1] == "device"
            && found.get(index + 1).is_none_or(|next| next != "bureau")
        {
            found[index] = "stroy".to_owned();
        }
        if found[index] == "engineering" {
            match found[index - 1].as_str() {
                "device" | "machine" => found[index] = "stroy".to_owned(),
                "radio" => found[index] = "technical".to_owned(),
                _ => {}
            }
        }
    }
    if let Some(saint) = found.windows(2).position(|pair| pair == ["st", "petersburg"]) {
        found.remove(saint);
    }
    leave_out_repeated(&mut found);
    found
}

/// Two letters with full stops are a person's initials and no abbreviation.
const INITIALS: usize = 2;
const KEY_SIGN: char = '=';

/// `27th`, `35-й`: what is left of an ordinal number behind its digits.
fn is_ordinal_ending(words: &[Word], index: usize) -> bool {
    let is_digits = |word: &Word| word.romanised.bytes().all(|letter| letter.is_ascii_digit());
    let ending = words[index].romanised.as_str();
    index > 0
        && is_digits(&words[index - 1])
        && match words[index].gap {
            Gap::None => matches!(ending, "th" | "st" | "nd" | "rd" | "y" | "ya"),
            Gap::Blank => matches!(ending, "y" | "ya") && !words[index].has_stop,
            Gap::Comma => false,
        }
}

/// `и` and `в` between words.
fn is_lone_conjunction(words: &[Word], index: usize) -> bool {
    let is_word = |word: &Word| word.romanised.len() > 2;
    matches!(words[index].romanised.as_str(), "i" | "v")
        && !words[index].has_stop
        && index > 0
        && index + 1 < words.len()
        && is_word(&words[index - 1])
        && is_word(&words[index + 1])
}

fn push_keys(found: &mut Vec<String>, folded: String) {
    if let Some(key) = folded.strip_prefix(KEY_SIGN) {
        found.push(key.to_owned());
    } else if let Some(keys) = compound(&folded) {
        found.extend(keys.iter().map(|key| (*key).to_owned()));
    } else if let Some(key) = key_of(&folded) {
        found.push(key.to_owned());
    } else if let Some((cut, key)) = split_suffix(&folded) {
        push_keys(found, folded[..cut].to_owned());
        found.push(key.to_owned());
    } else {
        found.push(folded);
    }
}

/// A rare word said twice (`ШВАБЕЛЬ, АО ШВАБЕЛЬ`) is said once, and so are generic neighbours (`научно-исследовательский`).
fn leave_out_repeated(found: &mut Vec<String>) {
    for index in (1..found.len()).rev() {
        let is_repeated = match word_entry(&found[index]).map(|entry| entry.common.map(|word| word.class)) {
            Some(Some(WordClass::Generic)) => found[index - 1] == found[index],
            Some(_) => false,
            None => found[index].len() > 1 && !is_number(&found[index]) && found[..index].contains(&found[index]),
        };
        if is_repeated {
            found.remove(index);
        }
    }
}

fn is_number(token: &str) -> bool {
    token.bytes().next().is_some_and(|letter| letter.is_ascii_digit())
}

/// So many words of what a house does tell it from others without a name.
const TELLING_WORDS_MIN: usize = 4;

fn is_of_work(token: &str) -> bool {
    common_word(token).is_some_and(|word| word.class == WordClass::Trade)
}

/// Takes out `of` and `the`, and whom a house is named after where it has a name of its own besides.
fn leave_out_fillers(found: &mut Vec<String>) {
    let is_rare = |token: &String| word_entry(token).is_none() && token.len() > 1;
    let is_initial = |token: &String| token.len() == 1 && !is_number(token);
    if let Some(named_after) = found.iter().position(|token| token == NAMED_AFTER)
        && (found[..named_after].iter().any(is_rare)
            || found[..named_after].iter().filter(|word| is_of_work(word)).count() >= TELLING_WORDS_MIN)
    {
        found.truncate(named_after);
    }
    // Whom it is named after is known by the surname.
    if let Some(named_after) = found.iter().position(|token| token == NAMED_AFTER) {
        let count = found[named_after + 1..].iter().take_while(|token| is_initial(token)).count();
        if found.len() > named_after + 1 + count {
            found.drain(named_after + 1..named_after + 1 + count);
        }
    }
    // `A.N. Ganichev Association Splav`: two initials and a surname before what kind of house it is.
    let person = (0..found.len().saturating_sub(3)).find(|&start| {
        is_initial(&found[start])
            && is_initial(&found[start + 1])
            && is_rare(&found[start + 2])
            && word_entry(&found[start + 3]).is_some()
            && found[start + 3..].iter().any(is_rare)
    });
    if let Some(start) = person {
        found.drain(start..start + 3);
    }
    // `A.N. Ganichev Institute` and `Institute im. Ganicheva`: the surname stays.
    let is_person_in_front = found.len() > 3
        && is_initial(&found[0])
        && is_initial(&found[1])
        && is_rare(&found[2])
        && word_entry(&found[3]).is_some();
    if is_person_in_front {
        found.drain(..2);
    }
    if found.iter().any(|token| !is_filler(token)) {
        found.retain(|token| !is_filler(token));
    }
}

/// A blank typed one letter too late or too early (`Optimas nab`, `Kazkoksh esnab`) goes where it makes a common word.
fn move_blanks(folded: &mut [String]) {
    for index in 1..folded.len() {
        let (before, after) = folded.split_at_mut(index);
        let (left, right) = (&mut before[index - 1], &mut after[0]);
        let is_whole = |word: &str| word.starts_with(KEY_SIGN) || !word.is_ascii();
        if is_whole(left) || is_whole(right) || right.len() < 3 || exact_key_of(right).is_some() {
            continue;
        }
        let last = &left[left.len() - 1..];
        if left.len() > 2 && is_of_trade(&format!("{last}{right}")) {
            *right = format!("{last}{right}");
            left.pop();
        } else if right.len() > 4 && is_of_trade(&right[1..]) && exact_key_of(left).is_none() {
            left.push(char::from(right.as_bytes()[0]));
            right.remove(0);
        }
    }
}

fn is_of_trade(folded: &str) -> bool {
    exact_key_of(folded)
        .and_then(common_word)
        .is_some_and(|word| matches!(word.class, WordClass::Generic | WordClass::Trade))
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::model::LegalForm;

    #[test]
    fn spellings_of_one_firm_fold_to_the_same_words() {
        let rows: [&[&str]; 8] = [
            &[
                "ТОО «Қыран Глобал»",
                "Kyran Global LLP",
                "QYRAN GLOBAL, L.L.P.",
                "«Қыран Глобал» ЖШС",
                "Товарищество с ограниченной ответственностью «КЫРАН ГЛОБАЛ»",
                "TOVARISHCHESTVO S OGRANICHENNOY OTVETSTVENNOSTYU \"KYRAN GLOBAL\"",
                "«Қыран Глобал» жауапкершілігі шектеулі серіктестігі",
                "LTD. \"Qyran Global\"",
                "Kyran Global Limited Liability Partnership",
            ],
            &["АО «Нур Комплект»", "NUR KOMPLEKT AO", "Nur Complect JSC", "«Нур Комплект» АҚ", "АО \"НУР KОМПЛЕКТ\""],
            &["ИП «Интерасыл Солюшнс»", "Interasyl Solutions, IP", "«Интерасыл Солюшнс» ЖК", "Interasyl Soluttions IE"],
            &["ТОО «Новоимпульс Машинери»", "NovoimpulsMashineri L.L.P.", "Novoimpuls Machinery Ltd"],
            &["ТОО «Жайык Сауда»", "Zhayyk Trade LLP", "JAIYK TREYD TOO"],
            &["ООО «Шаңырақ Электроникс»", "OOO Shanyrak Electronics", "Shangyraq Elektroniks LLC"],
            &["ТОО «Оптима Снаб»", "«ОптимаС наб» ЖШС", "OptimaS nab Ltd", "Optim asnab LLP"],
            &["ОсОО «Ала-Тоо Групп»", "OsOO \"Ala-Too Group\""],
        ];
        for spellings in rows {
            let expected = name(spellings[0]);
            for spelling in spellings {
                let form = name(spelling);
                assert_eq!((&form.tokens, form.legal_form), (&expected.tokens, expected.legal_form), "{spelling}");
            }
        }
    }

    #[test]
    fn brackets_branches_numbers_and_cuts_are_noted() {
        let both = name("«SMART PERSONAL» (СМАРТ ПЕРСОНАЛ)");
        assert_eq!(both.tokens, both.alias_tokens);
        let branch = name("Филиал ТОО «Отрар» в г. Алматы");
        assert!(branch.is_branch && branch.legal_form == Some(LegalForm::LimitedLiability));
        assert_eq!(name("ТОО «Тараз Групп 1108»").tokens, ["taraz", "group", "1108"]);
        assert_eq!(name("35-я Тараз Групп").tokens, ["35", "taraz", "group"]);
        let telling = name("ОКБ «Электроавтоматика» им. Героя Волнарома").tokens;
        assert_eq!(telling, ["experimental", "design", "bureau", "electro", "automation"]);
        assert!(name("Ltd \"Magistral Jibek Ind").may_be_cut);
        assert!(!name("Ltd \"Magistral Jibek Industry\"").may_be_cut);
    }

    #[test]
    fn a_name_is_never_left_without_words() {
        for text in ["ТОО", "LLP", "ИП", "(LLP)", "АО АҚ"] {
            assert!(!name(text).tokens.is_empty(), "{text}");
        }
        assert!(name("").tokens.is_empty());
        assert!(name("«»").tokens.is_empty());
    }
}
