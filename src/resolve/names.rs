//! Do two names mean one firm: rare words that agree speak for it, words and numbers on one side only against it.
//!
//! Come here to see the comparison of names; letters are compared in `similarity`, rarity comes from `statistics`.
//! No allocation before the evidence is written. Deliberately no look at identifiers or addresses.

use super::similarity::{LENGTH_MAX, distance, limit, may_be_near};
use super::statistics::{NameStatistics, is_number};
use super::weights as w;
use crate::model::{Bits, Evidence, EvidenceKind, LegalForm, NameForm, Probability};
use crate::normalize::{CommonWord, Spelling, WordEntry, letters_of, word_entry};
use std::sync::LazyLock;

/// Most words of a name that are compared.
const TOKENS_MAX: usize = 12;

/// How two names compare when nothing else is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameMatch {
    /// That both mean one firm, given that somebody asks.
    pub probability: Probability,
    /// Why.
    pub evidence: Vec<Evidence>,
}

static PRIOR_ONLY: LazyLock<NameStatistics> = LazyLock::new(NameStatistics::new);

/// Compares two names with the embedded frequencies only.
pub fn match_names(a: &NameForm, b: &NameForm) -> NameMatch {
    let name = compare_names(a, b, &PRIOR_ONLY);
    let form = legal_form_bits(a, b);
    let bits = w::PAIR_PRIOR_BITS + name + form.unwrap_or(0.0);
    let mut evidence = vec![Evidence {
        kind: EvidenceKind::Name,
        ours: a.tokens.join(" "),
        theirs: b.tokens.join(" "),
        bits: Bits::from_f64(name),
    }];
    if let Some(form) = form {
        evidence.push(legal_form_evidence(a, b, form));
    }
    NameMatch { probability: Probability::from_f64(1.0 / (1.0 + (-bits).exp2())), evidence }
}

/// Bits of the legal forms and of branch against company, where both names say something.
pub(super) fn legal_form_bits(a: &NameForm, b: &NameForm) -> Option<f64> {
    let branch = if a.is_branch == b.is_branch { 0.0 } else { w::BRANCH_DIFFERENT };
    let form = match (a.legal_form.and_then(family), b.legal_form.and_then(family)) {
        (Some(one), Some(other)) if one == other => w::LEGAL_FORM_SAME,
        (Some(_), Some(_)) => w::LEGAL_FORM_DIFFERENT,
        _ if branch == 0.0 => return None,
        _ => 0.0,
    };
    Some(form + branch)
}

fn family(form: LegalForm) -> Option<u8> {
    match form {
        LegalForm::LimitedLiability => Some(0),
        LegalForm::JointStock => Some(1),
        LegalForm::SoleTrader => Some(2),
        LegalForm::Cooperative => Some(3),
        LegalForm::StateEnterprise => Some(4),
        LegalForm::Branch | LegalForm::Representation | LegalForm::Other => None,
    }
}

pub(super) fn legal_form_evidence(a: &NameForm, b: &NameForm, bits: f64) -> Evidence {
    let word = |form: &NameForm| {
        let legal = form.legal_form.map(|legal| format!("{legal:?}")).unwrap_or_default();
        if form.is_branch && !matches!(form.legal_form, Some(LegalForm::Branch | LegalForm::Representation)) {
            format!("{legal} branch").trim_start().to_owned()
        } else {
            legal
        }
    };
    Evidence { kind: EvidenceKind::LegalForm, ours: word(a), theirs: word(b), bits: Bits::from_f64(bits) }
}

/// Bits of two names, names in brackets included. Symmetric.
pub(super) fn compare_names(a: &NameForm, b: &NameForm, statistics: &NameStatistics) -> f64 {
    let mut best = compare_tokens(Side::new(a, &a.tokens), Side::new(b, &b.tokens), statistics);
    if !a.alias_tokens.is_empty() {
        best = best
            .max(compare_tokens(Side::new(a, &a.alias_tokens), Side::new(b, &b.tokens), statistics) + w::ALIAS_USED);
    }
    if !b.alias_tokens.is_empty() {
        best = best
            .max(compare_tokens(Side::new(a, &a.tokens), Side::new(b, &b.alias_tokens), statistics) + w::ALIAS_USED);
    }
    best
}

/// One name while it is compared: which of its words are already explained.
struct Side<'a> {
    tokens: &'a [String],
    may_be_cut: bool,
    bits: [f64; TOKENS_MAX],
    entries: [Option<&'static WordEntry>; TOKENS_MAX],
    done: [bool; TOKENS_MAX],
}

impl<'a> Side<'a> {
    fn new(form: &NameForm, tokens: &'a [String]) -> Self {
        let tokens = &tokens[..tokens.len().min(TOKENS_MAX)];
        Self {
            tokens,
            may_be_cut: form.may_be_cut,
            bits: [0.0; TOKENS_MAX],
            entries: [None; TOKENS_MAX],
            done: [false; TOKENS_MAX],
        }
    }

    fn weigh(&mut self, statistics: &NameStatistics) {
        for (index, token) in self.tokens.iter().enumerate() {
            self.entries[index] = word_entry(token);
            self.bits[index] = statistics.bits_of(token, self.common(index));
        }
    }

    fn common(&self, index: usize) -> Option<CommonWord> {
        self.entries[index]?.common
    }

    fn spellings(&self, index: usize) -> &'static [Spelling] {
        self.entries[index].map_or(&[], |entry| &entry.spellings)
    }

    fn letters(&self) -> [u32; TOKENS_MAX] {
        let mut letters = [0; TOKENS_MAX];
        for (bits, token) in letters.iter_mut().zip(self.tokens) {
            *bits = letters_of(token);
        }
        letters
    }

    fn left(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tokens.len()).filter(|index| !self.done[*index])
    }

    /// The words left over that are no numbers, joined into the buffer; their bits; how many they are.
    fn joined_left(&self, buffer: &mut [u8; LENGTH_MAX]) -> Option<(usize, f64, usize)> {
        let (mut length, mut bits, mut count) = (0, 0.0, 0);
        for index in self.left().filter(|index| !is_number(&self.tokens[*index])) {
            let token = self.tokens[index].as_bytes();
            buffer.get_mut(length..length + token.len())?.copy_from_slice(token);
            length += token.len();
            bits += self.bits[index];
            count += 1;
        }
        Some((length, bits, count))
    }

    fn close_words(&mut self) {
        for index in 0..self.tokens.len() {
            self.done[index] |= !is_number(&self.tokens[index]);
        }
    }
}

fn compare_tokens(mut a: Side<'_>, mut b: Side<'_>, statistics: &NameStatistics) -> f64 {
    if a.tokens.is_empty() || b.tokens.is_empty() {
        return 0.0;
    }
    a.weigh(statistics);
    b.weigh(statistics);
    let mut bits = equal_words(&mut a, &mut b);
    bits += joined_words(&mut a, &mut b, 0);
    bits += misspelt_words(&mut a, &mut b, statistics);
    bits += joined_words(&mut a, &mut b, 100);
    bits += cut_word(&mut a, &mut b) + cut_word(&mut b, &mut a);
    let (numbers_a, numbers_b) = (numbers_left(&a), numbers_left(&b));
    bits += words_left(&a) + words_left(&b);
    if numbers_a && numbers_b {
        bits = bits.min(w::NUMBER_DIFFERENT_CAP);
    } else if numbers_a || numbers_b {
        bits = bits.min(w::NUMBER_MISSING_CAP);
    }
    bits.max(w::NAME_FLOOR)
}

fn equal_words(a: &mut Side<'_>, b: &mut Side<'_>) -> f64 {
    let mut bits = 0.0;
    let mut order_kept = true;
    let mut last = 0;
    for i in 0..a.tokens.len() {
        let Some(j) = (0..b.tokens.len()).find(|j| !b.done[*j] && a.tokens[i] == b.tokens[*j]) else { continue };
        (a.done[i], b.done[j]) = (true, true);
        bits += a.bits[i];
        order_kept &= j >= last;
        last = j;
    }
    if order_kept { bits } else { bits + w::WORD_ORDER }
}

/// Words left over that agree when their blanks are ignored.
fn joined_words(a: &mut Side<'_>, b: &mut Side<'_>, allowed: u32) -> f64 {
    let (mut one, mut other) = ([0; LENGTH_MAX], [0; LENGTH_MAX]);
    let (Some((length_a, bits_a, count_a)), Some((length_b, bits_b, count_b))) =
        (a.joined_left(&mut one), b.joined_left(&mut other))
    else {
        return 0.0;
    };
    if length_a == 0 || length_b == 0 || count_a == 1 && count_b == 1 {
        return 0.0;
    }
    // The same number of words that differ one by one were already found to be different words.
    let allowed = if count_a == count_b { 0 } else { allowed.min(limit(length_a.min(length_b))) };
    let Some(apart) = distance(&one[..length_a], &other[..length_b], allowed) else { return 0.0 };
    a.close_words();
    b.close_words();
    bits_a.min(bits_b) + w::WORDS_JOINED + spelling_bits(apart)
}

fn spelling_bits(apart: u32) -> f64 {
    if apart == 0 { 0.0 } else { w::SPELLING_BASE + w::SPELLING_PER_EDIT * f64::from(apart) / 100.0 }
}

/// Pairs of words that differ by what a typing error or another romanisation explains; the nearest pair first.
fn misspelt_words(a: &mut Side<'_>, b: &mut Side<'_>, statistics: &NameStatistics) -> f64 {
    let mut bits = 0.0;
    if a.left().next().is_none() || b.left().next().is_none() {
        return bits;
    }
    let (letters_a, letters_b) = (a.letters(), b.letters());
    loop {
        let mut nearest: Option<(u32, usize, usize)> = None;
        for i in a.left().filter(|i| !is_number(&a.tokens[*i])) {
            for j in b.left().filter(|j| !is_number(&b.tokens[*j])) {
                if let Some(apart) = words_apart((a, i, letters_a[i]), (b, j, letters_b[j])) {
                    if nearest.is_none_or(|known| apart < known.0) {
                        nearest = Some((apart, i, j));
                    }
                }
            }
        }
        let Some((apart, i, j)) = nearest else { return bits };
        (a.done[i], b.done[j]) = (true, true);
        let is_word =
            |side: &Side<'_>, index: usize| side.common(index).is_some() || statistics.is_attested(&side.tokens[index]);
        bits += a.bits[i].max(b.bits[j]) + spelling_bits(apart);
        if is_word(a, i) && is_word(b, j) {
            bits += w::SPELLING_BOTH_ATTESTED;
        }
    }
}

/// How far two words are apart, if an error can explain it; a translated word may be near by any of its spellings.
fn words_apart((a, i, letters): Facing<'_>, (b, j, others): Facing<'_>) -> Option<u32> {
    let apart = |one: &str, other: &str, letters: u32, others: u32| {
        let limit = limit(one.len().max(other.len()));
        may_be_near(letters, others, limit).then(|| distance(one.as_bytes(), other.as_bytes(), limit)).flatten()
    };
    let (one, other) = (&a.tokens[i], &b.tokens[j]);
    match (a.spellings(i), b.spellings(j)) {
        ([], []) => apart(one, other, letters, others),
        (list, []) => list.iter().filter_map(|known| apart(&known.text, other, known.letters, others)).min(),
        ([], list) => list.iter().filter_map(|known| apart(one, &known.text, letters, known.letters)).min(),
        _ => None,
    }
}

/// A word of a side, by its index, with its letters.
type Facing<'a> = (&'a Side<'a>, usize, u32);

/// The last word of `a` is the beginning of a word of `b`: a name that a field limit cut off.
fn cut_word(a: &mut Side<'_>, b: &mut Side<'_>) -> f64 {
    let last = a.tokens.len() - 1;
    let expected = a.may_be_cut;
    if is_number(&a.tokens[last]) || !(expected || a.tokens[last].len() >= 4) {
        return 0.0;
    }
    if a.done[last] {
        // Nothing of the next words was left before the cut.
        if expected && b.left().count() <= 2 && b.left().all(|index| index > 0 && !is_number(&b.tokens[index])) {
            let count = b.left().count() as f64;
            b.close_words();
            return w::CUT_EXPECTED * count;
        }
        return 0.0;
    }
    let Some(whole) = (0..b.tokens.len()).find(|j| !b.done[*j] && is_cut_of(&a.tokens[last], b, *j)) else {
        return 0.0;
    };
    (a.done[last], b.done[whole]) = (true, true);
    if expected {
        // What stood behind the cut is gone as well.
        (whole + 1..b.tokens.len()).for_each(|index| b.done[index] = true);
    }
    let known = a.tokens[last].len() as f64 / b.tokens[whole].len() as f64;
    b.bits[whole] * known.min(1.0) + if expected { w::CUT_EXPECTED } else { w::CUT_UNEXPECTED }
}

fn is_cut_of(short: &str, side: &Side<'_>, index: usize) -> bool {
    let is_start = |long: &str| long.len() > short.len() && long.starts_with(short);
    is_start(&side.tokens[index]) || side.spellings(index).iter().any(|spelling| is_start(&spelling.text))
}

fn numbers_left(side: &Side<'_>) -> bool {
    side.left().any(|index| is_number(&side.tokens[index]))
}

fn words_left(side: &Side<'_>) -> f64 {
    side.left()
        .filter(|index| !is_number(&side.tokens[*index]))
        .map(|index| match side.common(index) {
            Some(word) if word.is_generic => w::WORD_MISSING_GENERIC,
            Some(_) => w::WORD_MISSING_COMMON,
            None => w::WORD_MISSING_RARE,
        })
        .sum()
}
