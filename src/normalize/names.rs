//! A company name as one paper spells it, folded so that its legitimate spellings meet.
//!
//! Come here to see the whole way of a name: brackets, words, legal forms, common words. Comparison is in `resolve`.

use super::common_words::{exact_key_of, key_of, split_suffix};
use super::legal_forms::strip;
use super::script::{Word, fold, words};
use crate::model::NameForm;

/// Field limits at which trade systems cut names off, in characters.
const FIELD_LIMITS: [usize; 3] = [18, 24, 35];
/// Names longer than this are cut before folding; no register has longer ones.
const NAME_LENGTH_MAX: usize = 400;
/// Most words of a name that are kept.
const TOKENS_MAX: usize = 16;

/// Folds a company name: one skeleton for all scripts, legal forms taken out, translated words folded to one.
pub fn name(text: &str) -> NameForm {
    let length = text.trim().chars().count();
    let text: String = text.chars().take(NAME_LENGTH_MAX).collect();
    let (outside, inside) = split_brackets(&text);
    let mut outer = merged(words(&outside));
    let stripped = strip(&mut outer);
    let mut inner = merged(words(&inside));
    let stripped_inside = strip(&mut inner);
    let mut tokens = tokens(&outer);
    let mut alias_tokens = self::tokens(&inner);
    if tokens.is_empty() {
        std::mem::swap(&mut tokens, &mut alias_tokens);
    }
    NameForm {
        tokens,
        alias_tokens,
        legal_form: stripped.legal_form.or(stripped_inside.legal_form),
        is_branch: stripped.is_branch || stripped_inside.is_branch,
        may_be_cut: FIELD_LIMITS.contains(&length) || has_open_quote(&text),
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

/// Letters with full stops between them are one word: `L.L.P.`, `К.Е.`.
fn merged(words: Vec<Word>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    let mut run_is_open = false;
    for word in words {
        let is_letter =
            word.romanised.len() <= 2 && word.has_stop && !word.romanised.as_bytes().iter().any(u8::is_ascii_digit);
        match out.last_mut() {
            Some(previous) if run_is_open && word.romanised.len() <= 2 => {
                previous.romanised.push_str(&word.romanised);
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

/// Skeletons in order; common words as their keys, joined common words split off.
fn tokens(words: &[Word]) -> Vec<String> {
    let mut folded: Vec<String> = words.iter().take(TOKENS_MAX).map(|word| fold(&word.romanised)).collect();
    folded.retain(|word| !word.is_empty());
    move_blanks(&mut folded);
    let mut found = Vec::with_capacity(folded.len() + 1);
    for word in folded {
        if let Some(key) = key_of(&word) {
            found.push(key.to_owned());
        } else if let Some((cut, key)) = split_suffix(&word) {
            found.push(word[..cut].to_owned());
            found.push(key.to_owned());
        } else {
            found.push(word);
        }
    }
    found
}

/// A blank typed one letter too late or too early (`Optimas nab`, `Kazkoksh esnab`) goes where it makes a common word.
fn move_blanks(folded: &mut [String]) {
    for index in 1..folded.len() {
        let (before, after) = folded.split_at_mut(index);
        let (left, right) = (&mut before[index - 1], &mut after[0]);
        if !left.is_ascii() || !right.is_ascii() || exact_key_of(right).is_some() {
            continue;
        }
        let last = &left[left.len() - 1..];
        if left.len() > 2 && exact_key_of(&format!("{last}{right}")).is_some() {
            *right = format!("{last}{right}");
            left.pop();
        } else if right.len() > 3 && exact_key_of(&right[1..]).is_some() && exact_key_of(left).is_none() {
            left.push(char::from(right.as_bytes()[0]));
            right.remove(0);
        }
    }
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
