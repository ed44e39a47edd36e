//! Which words of a name only say what kind of firm it is, in Kazakh, Russian, English and the rest.
//!
//! Come here when a legal form sticks to a name or a name loses a word. The table is `data/legal_forms.tsv`.
//! How legal forms weigh when two names are compared is decided in `resolve`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::common_words::key_of;
use super::script::{Gap, Word, fold, words};
use super::table_hasher::TableHasher;
use crate::model::LegalForm;

/// Spellings longer than this are compared as skeletons, shorter ones letter by letter.
const EXACT_LENGTH_MAX: usize = 4;
/// Spellings up to this length count only at the start or the end of a name: `ip`, `ak`, `sa`.
const EDGE_LENGTH_MAX: usize = 2;
/// Most words that a spelling in the table has.
const PHRASE_WORDS_MAX: usize = 8;

/// Every legal form as the pieces of its words, joined by blanks.
static FORMS: LazyLock<HashMap<String, LegalForm, TableHasher>> =
    LazyLock::new(|| spellings().map(|(form, spelling)| (phrase(&pieces(&words(spelling))), form)).collect());

/// How many words the longest legal form has that begins with a piece.
static REACH: LazyLock<HashMap<&'static str, usize, TableHasher>> = LazyLock::new(|| {
    let mut reach = HashMap::default();
    for form in FORMS.keys() {
        let longest: &mut usize = reach.entry(form.split(' ').next().unwrap_or_default()).or_default();
        *longest = form.split(' ').count().max(*longest);
    }
    reach
});

fn spellings() -> impl Iterator<Item = (LegalForm, &'static str)> {
    include_str!("../../data/legal_forms.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(form, spelling)| Some((generic(form)?, spelling)))
}

fn generic(word: &str) -> Option<LegalForm> {
    Some(match word {
        "limited" => LegalForm::LimitedLiability,
        "joint" => LegalForm::JointStock,
        "sole" => LegalForm::SoleTrader,
        "branch" => LegalForm::Branch,
        "representation" => LegalForm::Representation,
        "cooperative" => LegalForm::Cooperative,
        "state" => LegalForm::StateEnterprise,
        "other" => LegalForm::Other,
        _ => return None,
    })
}

/// Words as legal forms are compared.
fn pieces(words: &[Word]) -> Vec<String> {
    words.iter().map(piece).collect()
}

/// A short word letter by letter, a longer one folded.
fn piece(word: &Word) -> String {
    if word.romanised.len() <= EXACT_LENGTH_MAX { word.romanised.clone() } else { fold(&word.romanised) }
}

/// Pieces with blanks between them; those of which nothing was left in front have none.
fn phrase(pieces: &[String]) -> String {
    let mut joined = String::with_capacity(32);
    for piece in pieces {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(piece);
    }
    joined
}

/// The legal forms that were found in a name.
pub(super) struct Stripped {
    /// The form of the firm itself, else of its branch.
    pub legal_form: Option<LegalForm>,
    /// A branch or representation is named.
    pub is_branch: bool,
    /// A whole legal form ends the name, so nothing of the name was cut off.
    pub is_behind: bool,
}

/// Takes the legal forms out of the words of a name, wherever they stand; a name is never left without words.
pub(super) fn strip(words: &mut Vec<Word>, may_be_cut: bool) -> Stripped {
    let mut stripped = Stripped { legal_form: None, is_branch: false, is_behind: false };
    let mut pieces = pieces(words);
    if may_be_cut {
        let is_in_front = [false, true].map(|edges_only| find(words, &pieces, edges_only, false));
        if !is_in_front.iter().any(|found| matches!(found, Some((0, ..)))) {
            strip_cut(words, &mut stripped);
            pieces.truncate(words.len());
        }
    }
    // Phrases first and short words at the edges last, so that what stood between is at the edge by then.
    for edges_only in [false, true] {
        while let Some((start, length, form)) = find(words, &pieces, edges_only, stripped.legal_form.is_some()) {
            if length == words.len() {
                break;
            }
            stripped.is_behind |= start > 0 && start + length == words.len();
            words.drain(start..start + length);
            pieces.drain(start..start + length);
            stripped.note(form);
        }
    }
    stripped
}

impl Stripped {
    fn note(&mut self, form: LegalForm) {
        self.is_branch |= is_of_branch(form);
        if self.legal_form.is_none_or(is_of_branch) {
            self.legal_form = Some(form);
        }
    }
}

/// Forms of the West stand behind a name only; in front of it these letters are something else (`SPA Импульс`).
const BEHIND_ONLY: [&str; 14] = ["spa", "as", "se", "ab", "sa", "ag", "bv", "nv", "oy", "sl", "kg", "ug", "ou", "srl"];

/// Whether a word that reads like a legal form can be one where it stands.
fn may_be_form(words: &[Word], start: usize, is_known: bool) -> bool {
    let word = &words[start];
    // Beside another form these are words of the name: `Ak Bars JSC`.
    if is_known && word.romanised == "ak" {
        return false;
    }
    if start == 0 && BEHIND_ONLY.contains(&word.romanised.as_str()) {
        return false;
    }
    // Two letters with full stops behind a person's name, or beside a legal form, are initials: `ИП Есенов А.Б.`
    let is_pair = word.letters.len() == 2;
    let after_person = start > 0 && is_surname(&words[start - 1].romanised);
    !(is_pair && (is_known || after_person))
}

fn is_surname(romanised: &str) -> bool {
    const ENDINGS: [&str; 9] = ["ov", "ev", "ova", "eva", "in", "ina", "enko", "uly", "kyzy"];
    romanised.len() >= 5 && ENDINGS.iter().any(|ending| romanised.ends_with(ending))
}

/// Where a second name begins in a list of names: `AO Luch, JSC Luch Plant`, `Luch JSC, Zavod Luch AO`.
pub(super) fn second_name(words: &[Word]) -> Option<usize> {
    let is_firm = |word: &Word| FORMS.get(&piece(word)).is_some_and(|form| !is_of_branch(*form));
    let in_front = words.first().is_some_and(is_firm);
    (1..words.len().saturating_sub(1)).filter(|&index| words[index].gap == Gap::Comma).find(|&index| {
        in_front && is_firm(&words[index]) && !is_firm(&words[index + 1])
            || index > 1 && is_firm(&words[index - 1]) && words[index + 1..].iter().any(is_firm)
    })
}

fn is_of_branch(form: LegalForm) -> bool {
    matches!(form, LegalForm::Branch | LegalForm::Representation)
}

/// Takes out the beginning of a legal form behind a name that a field limit cut off.
fn strip_cut(words: &mut Vec<Word>, stripped: &mut Stripped) {
    for start in 1..words.len() {
        let rest = folded_phrase(&words[start..]);
        // Cut off inside of a word, or behind one that no firm has in its name.
        let is_known = rest.len() < WHOLE_WORD_LENGTH_MIN || key_of(&rest).is_some();
        let is_cut_of = |long: &str| match long.as_bytes().get(rest.len()) {
            None => false,
            Some(b' ') => !is_known && long.starts_with(&rest),
            Some(_) => long.starts_with(&rest),
        };
        if rest.len() < CUT_LENGTH_MIN {
            let last = &words[start].romanised;
            let short = matches!(last.len(), 2..=4)
                && (last.starts_with("zhs") || last.starts_with("jsh") || matches!(last.as_str(), "ll" | "lt"));
            if short && !FORMS.contains_key(last) {
                words.truncate(start);
                stripped.note(LegalForm::LimitedLiability);
            }
            return;
        }
        if let Some((_, form)) = LONG_FORMS.iter().find(|(long, _)| is_cut_of(long)) {
            words.truncate(start);
            stripped.note(*form);
            return;
        }
    }
}

fn folded_phrase(words: &[Word]) -> String {
    let folded: Vec<String> = words.iter().map(|word| fold(&word.romanised)).collect();
    folded.join(" ")
}

/// Letters of a cut-off legal form that are enough to know it by.
const CUT_LENGTH_MIN: usize = 3;
/// Letters of a whole word that is only found in legal forms.
const WHOLE_WORD_LENGTH_MIN: usize = 10;

/// Long forms, folded, in a stated order.
static LONG_FORMS: LazyLock<Vec<(String, LegalForm)>> = LazyLock::new(|| {
    let mut long: Vec<(String, LegalForm)> =
        spellings().map(|(form, spelling)| (folded_phrase(&words(spelling)), form)).collect();
    long.retain(|(spelling, _)| spelling.len() > 12);
    long.sort();
    long
});

/// The longest legal form among the words: where it starts, how many words it has, what it is.
fn find(words: &[Word], pieces: &[String], edges_only: bool, is_known: bool) -> Option<(usize, usize, LegalForm)> {
    // No form begins with most words.
    let reach = |start: usize| match pieces[start].as_str() {
        "" => PHRASE_WORDS_MAX,
        piece => REACH.get(piece).copied().unwrap_or(0),
    };
    let starts: Vec<(usize, usize)> =
        (0..words.len()).map(|start| (start, reach(start))).filter(|(_, reach)| *reach > 0).collect();
    let longest = starts.iter().map(|(_, reach)| *reach).max().unwrap_or(0);
    for length in (1..=longest.min(PHRASE_WORDS_MAX).min(words.len())).rev() {
        for start in starts.iter().filter(|(_, reach)| *reach >= length).map(|(start, _)| *start) {
            if start + length > words.len() {
                continue;
            }
            let is_edge = start == 0 || start + length == words.len();
            let is_short = length == 1 && words[start].romanised.len() <= EDGE_LENGTH_MAX;
            if is_short != edges_only || is_short && !is_edge {
                continue;
            }
            if length == 1 && !may_be_form(words, start, is_known) {
                continue;
            }
            if let Some(form) = FORMS.get(&phrase(&pieces[start..start + length])) {
                return Some((start, length, *form));
            }
        }
    }
    None
}
