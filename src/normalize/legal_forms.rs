//! Which words of a name only say what kind of firm it is, in Kazakh, Russian, English and the rest.
//!
//! Come here when a legal form sticks to a name or a name loses a word. The table is `data/legal_forms.tsv`.
//! How legal forms weigh when two names are compared is decided in `resolve`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::script::{Word, fold, words};
use crate::model::LegalForm;

/// Spellings longer than this are compared as skeletons, shorter ones letter by letter.
const EXACT_LENGTH_MAX: usize = 4;
/// Spellings up to this length count only at the start or the end of a name: `ip`, `ak`, `sa`.
const EDGE_LENGTH_MAX: usize = 2;
/// Most words that a spelling in the table has.
const PHRASE_WORDS_MAX: usize = 8;

static FORMS: LazyLock<HashMap<String, LegalForm>> = LazyLock::new(|| {
    include_str!("../../data/legal_forms.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(form, spelling)| Some((phrase(&words(spelling)), generic(form)?)))
        .collect()
});

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

fn phrase(words: &[Word]) -> String {
    let mut joined = String::with_capacity(32);
    for word in words {
        if !joined.is_empty() {
            joined.push(' ');
        }
        if word.romanised.len() <= EXACT_LENGTH_MAX {
            joined.push_str(&word.romanised);
        } else {
            joined.push_str(&fold(&word.romanised));
        }
    }
    joined
}

/// The legal forms that were found in a name.
pub(super) struct Stripped {
    /// The form of the firm itself, else of its branch.
    pub legal_form: Option<LegalForm>,
    /// A branch or representation is named.
    pub is_branch: bool,
}

/// Takes the legal forms out of the words of a name, wherever they stand; a name is never left without words.
pub(super) fn strip(words: &mut Vec<Word>) -> Stripped {
    let mut stripped = Stripped { legal_form: None, is_branch: false };
    // Phrases first and short words at the edges last, so that what stood between is at the edge by then.
    for edges_only in [false, true] {
        while let Some((start, length, form)) = find(words, edges_only) {
            if length == words.len() {
                break;
            }
            words.drain(start..start + length);
            stripped.note(form);
        }
    }
    stripped
}

impl Stripped {
    fn note(&mut self, form: LegalForm) {
        let is_branch = matches!(form, LegalForm::Branch | LegalForm::Representation);
        self.is_branch |= is_branch;
        if self.legal_form.is_none_or(|known| matches!(known, LegalForm::Branch | LegalForm::Representation)) {
            self.legal_form = Some(form);
        }
    }
}

/// The longest legal form among the words: where it starts, how many words it has, what it is.
fn find(words: &[Word], edges_only: bool) -> Option<(usize, usize, LegalForm)> {
    for length in (1..=PHRASE_WORDS_MAX.min(words.len())).rev() {
        for start in 0..=words.len() - length {
            let is_edge = start == 0 || start + length == words.len();
            let is_short = length == 1 && words[start].romanised.len() <= EDGE_LENGTH_MAX;
            if is_short != edges_only || is_short && !is_edge {
                continue;
            }
            if let Some(form) = FORMS.get(&phrase(&words[start..start + length])) {
                return Some((start, length, *form));
            }
        }
    }
    None
}
