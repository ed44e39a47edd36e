//! A folded name with what its comparison needs of every word: looked up once, not for every pair.
//!
//! Come here to see what is known of a word before anything is compared. The comparison itself is in `names`.

use std::sync::Arc;

use super::acronyms::Initials;
use super::statistics::{is_number, prior_frequency};
use crate::model::{LegalForm, NameForm};
use crate::normalize::{WordClass, WordEntry, letters_of, word_entry};

/// Most words of a name that are compared.
pub(super) const WORDS_MAX: usize = 16;

/// A folded name that is compared many times.
#[derive(Clone, PartialEq, Debug)]
pub struct PreparedName {
    form: Arc<NameForm>,
    words: Vec<Word>,
    alias_words: Vec<Word>,
}

impl PreparedName {
    /// Looks up the words of a folded name.
    pub fn new(form: impl Into<Arc<NameForm>>) -> Self {
        let form: Arc<NameForm> = form.into();
        let words = form.tokens.iter().take(WORDS_MAX).map(|token| Word::new(token)).collect();
        let alias_words = form.alias_tokens.iter().take(WORDS_MAX).map(|token| Word::new(token)).collect();
        Self { form, words, alias_words }
    }

    /// The folded name.
    pub fn form(&self) -> &Arc<NameForm> {
        &self.form
    }

    pub(super) fn lists(&self) -> [List<'_>; 2] {
        lists(&self.form, &self.words, &self.alias_words)
    }
}

/// What a word is in a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Digits.
    Number,
    /// A lone letter.
    Initial,
    /// Distinguishes firms.
    Rare,
    /// Many firms carry it.
    Common(WordClass),
}

/// What is known of a word of a folded name.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Word {
    /// Its first letters, so that most different words are told apart by one comparison.
    pub start: u64,
    /// Which letters it has, see `normalize::letters_of`.
    pub letters: u32,
    pub kind: Kind,
    /// How frequent it is before anything is learnt, and the bits that says.
    pub frequency: f64,
    pub prior_bits: f64,
    /// What the table of common and translated words has on it.
    pub entry: Option<&'static WordEntry>,
    /// With which letters it may be in an abbreviation.
    pub initials: Initials,
}

impl Word {
    fn new(token: &str) -> Self {
        let entry = word_entry(token);
        let common = entry.and_then(|entry| entry.common);
        let kind = match common {
            _ if is_number(token) => Kind::Number,
            Some(word) => Kind::Common(word.class),
            None if token.len() == 1 => Kind::Initial,
            None => Kind::Rare,
        };
        let mut start = [0; 8];
        let length = token.len().min(start.len());
        start[..length].copy_from_slice(&token.as_bytes()[..length]);
        let frequency = prior_frequency(common);
        Self {
            start: u64::from_le_bytes(start),
            letters: letters_of(token),
            kind,
            frequency,
            prior_bits: -frequency.log2(),
            entry,
            initials: Initials::of(token, entry),
        }
    }

    const NONE: Self = Self {
        start: 0,
        letters: 0,
        kind: Kind::Rare,
        frequency: 0.0,
        prior_bits: 0.0,
        entry: None,
        initials: Initials::NONE,
    };
}

/// The words of a name, or those in its brackets.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub tokens: &'a [String],
    pub words: &'a [Word],
    pub may_be_cut: bool,
    pub is_sole_trader: bool,
}

/// Prepares a name for one comparison, on the stack.
pub(super) fn prepare_on_the_way<T>(form: &NameForm, then: impl FnOnce([List<'_>; 2]) -> T) -> T {
    let (mut words, mut alias_words) = ([Word::NONE; WORDS_MAX], [Word::NONE; WORDS_MAX]);
    let fill = |words: &mut [Word; WORDS_MAX], tokens: &[String]| {
        words.iter_mut().zip(tokens).for_each(|(word, token)| *word = Word::new(token));
        tokens.len().min(WORDS_MAX)
    };
    let (count, alias_count) = (fill(&mut words, &form.tokens), fill(&mut alias_words, &form.alias_tokens));
    then(lists(form, &words[..count], &alias_words[..alias_count]))
}

fn lists<'a>(form: &'a NameForm, words: &'a [Word], alias_words: &'a [Word]) -> [List<'a>; 2] {
    let list = |tokens: &'a [String], words: &'a [Word]| List {
        tokens: &tokens[..words.len()],
        words,
        may_be_cut: form.may_be_cut,
        is_sole_trader: form.legal_form == Some(LegalForm::SoleTrader),
    };
    [list(&form.tokens, words), list(&form.alias_tokens, alias_words)]
}
