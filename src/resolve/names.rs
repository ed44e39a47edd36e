//! Do two names mean one firm: rare words that agree speak for it, words and numbers on one side only against it.
//!
//! Come here to see the comparison of names; letters are compared in `similarity`, rarity comes from `statistics`.
//! No allocation before the evidence is written. Deliberately no look at identifiers or addresses.

use std::sync::LazyLock;

use super::acronyms::{Initials, is_of_all, words_meant};
use super::joined::{Outline, join};
use super::prepared::{Kind, List, PreparedName, WORDS_MAX, prepare_on_the_way};
use super::similarity::{LENGTH_MAX, distance, is_other_start, limit, limit_wide, may_be_near};
use super::statistics::NameStatistics;
use super::weights as w;
use crate::model::{Bits, Evidence, EvidenceKind, LegalForm, NameForm, Probability};
use crate::normalize::{Spelling, WordClass, is_ending, is_mixed};

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
    matched(a, b, compare_names(a, b, &PRIOR_ONLY))
}

/// The same, for names that are compared many times.
pub fn match_prepared(a: &PreparedName, b: &PreparedName) -> NameMatch {
    matched(a.form(), b.form(), compare_lists(a.lists(), b.lists(), &PRIOR_ONLY))
}

fn matched(a: &NameForm, b: &NameForm, name: f64) -> NameMatch {
    let form = legal_form_bits(a, b);
    let mut sum = name + form.unwrap_or(0.0);
    if form.is_some_and(|bits| bits < 0.0) {
        sum = sum.min(w::LEGAL_FORM_DIFFERENT_CAP);
    }
    let told = 1.0 / (1.0 + (-(w::PAIR_PRIOR_BITS + sum)).exp2());
    let probability = w::UNRECOGNISED_SHARE + told * (1.0 - w::UNRECOGNISED_SHARE - w::NAMESAKE_SHARE);
    let mut evidence = vec![Evidence {
        kind: EvidenceKind::Name,
        ours: a.tokens.join(" "),
        theirs: b.tokens.join(" "),
        bits: Bits::from_f64(name),
    }];
    if let Some(form) = form {
        evidence.push(legal_form_evidence(a, b, form.min(sum - name)));
    }
    NameMatch { probability: Probability::from_f64(probability), evidence }
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
    prepare_on_the_way(a, |a| prepare_on_the_way(b, |b| compare_lists(a, b, statistics)))
}

/// The same, of a name that is compared with many.
pub(super) fn compare_with_prepared(a: &NameForm, b: &PreparedName, statistics: &NameStatistics) -> f64 {
    prepare_on_the_way(a, |a| compare_lists(a, b.lists(), statistics))
}

/// The words of a name and those in its brackets, against those of another.
fn compare_lists(a: [List<'_>; 2], b: [List<'_>; 2], statistics: &NameStatistics) -> f64 {
    // Which word is paired with which may depend on the order, so the order is made the same both ways.
    let (a, b) = if order_of(&b) < order_of(&a) { (b, a) } else { (a, b) };
    let bits = |one: List<'_>, other: List<'_>, is_alias: bool| {
        let mut cap = f64::INFINITY;
        let (one, other) = (Side::new(one, statistics), Side::new(other, statistics));
        let bits = compare_words(one, other, is_alias, statistics, &mut |found| cap = cap.min(found.cap()));
        bits.min(cap).max(w::NAME_FLOOR)
    };
    let mut best = bits(a[0], b[0], false);
    if !a[1].tokens.is_empty() {
        best = best.max(bits(a[1], b[0], true) + w::ALIAS_USED);
    }
    if !b[1].tokens.is_empty() {
        best = best.max(bits(a[0], b[1], true) + w::ALIAS_USED);
    }
    best
}

fn order_of<'a>(lists: &[List<'a>; 2]) -> (&'a [String], &'a [String], bool, bool) {
    (lists[0].tokens, lists[1].tokens, lists[0].may_be_cut, lists[0].is_sole_trader)
}

/// One name while it is compared: which of its words are not yet explained.
struct Side<'a> {
    list: List<'a>,
    bits: [f64; WORDS_MAX],
    /// The words not yet explained, as bits by their place.
    left: u32,
}

impl<'a> Side<'a> {
    fn new(list: List<'a>, statistics: &NameStatistics) -> Self {
        let mut bits = [0.0; WORDS_MAX];
        for (bits, (word, token)) in bits.iter_mut().zip(list.words.iter().zip(list.tokens)) {
            *bits = match word.kind {
                Kind::Number => w::NUMBER_BITS,
                Kind::Initial => w::INITIAL_SAME,
                _ => statistics.bits_from(token, word.frequency, word.prior_bits),
            };
        }
        Self { list, bits, left: (1_u32 << list.words.len()) - 1 }
    }

    fn token(&self, index: usize) -> &'a str {
        &self.list.tokens[index]
    }

    fn kind(&self, index: usize) -> Kind {
        self.list.words[index].kind
    }

    fn is_left(&self, index: usize) -> bool {
        self.left & 1 << index != 0
    }

    fn explain(&mut self, index: usize) {
        self.left &= !(1 << index);
    }

    fn spellings(&self, index: usize) -> &'static [Spelling] {
        self.list.words[index].entry.map_or(&[], |entry| &entry.spellings)
    }

    fn left(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.left;
        std::iter::from_fn(move || {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (index < 32).then_some(index)
        })
    }

    /// Words that are no numbers, left over.
    fn words_left(&self) -> impl Iterator<Item = usize> + use<'a> {
        let words = self.list.words;
        self.left().filter(move |index| words[*index].kind != Kind::Number)
    }

    fn has_left(&self, kind: Kind) -> bool {
        self.left().any(|index| self.kind(index) == kind)
    }

    /// Every letter that the words left over have in any spelling, and those of words that have but one.
    fn letters_possible(&self) -> (u32, u32) {
        self.words_left().fold((0, 0), |(all, sure), index| {
            let letters = self.list.words[index].letters;
            match self.spellings(index) {
                [] => (all | letters, sure | letters),
                spellings => (spellings.iter().fold(all, |all, spelling| all | spelling.letters), sure),
            }
        })
    }

    /// How many ways there are to spell the words left over, see [`Side::joined_left`].
    fn ways(&self) -> usize {
        self.words_left().map(|index| self.spellings(index).len()).max().unwrap_or(0)
    }

    /// A word as it is joined: one of the table as it is heard in Russian, or by the spelling of that number.
    fn word_joined(&self, index: usize, way: usize) -> &'a str {
        let Some(entry) = self.list.words[index].entry else { return self.token(index) };
        let spelt = entry.spellings.get(way.wrapping_sub(1)).or(entry.spellings.first());
        let heard = if way == 0 { entry.heard.as_deref() } else { None };
        heard.or(spelt.map(|spelling| spelling.text.as_str())).unwrap_or(self.token(index))
    }

    /// The words left over that are no numbers, joined as one word would be folded, and their bits.
    fn joined_left(&self, buffer: &mut [u8; LENGTH_MAX], way: usize) -> Option<(usize, f64)> {
        let (mut length, mut bits) = (0, 0.0);
        for index in self.words_left() {
            length = join(buffer, length, self.word_joined(index, way))?;
            bits += self.bits[index];
        }
        Some((length, bits))
    }

    /// What is known of the words left over before they are joined.
    fn outline(&self, way: usize) -> Outline {
        Outline::of(self.words_left().map(|index| self.word_joined(index, way)))
    }

    fn explain_words(&mut self) {
        for index in self.words_left() {
            self.explain(index);
        }
    }
}

/// What agreement adds up to: words that distinguish firms, and words that firms share.
#[derive(Clone, Copy, Default)]
struct Agreement {
    rare: f64,
    common: f64,
    /// The rare words that agree are as likely two words.
    is_doubtful: bool,
}

impl Agreement {
    fn add(&mut self, kind: Kind, bits: f64) {
        if matches!(kind, Kind::Common(_)) { self.common += bits } else { self.rare += bits }
    }

    /// Common words come together (`научно-производственное объединение`), so many of them say no more than a few.
    fn bits(self) -> f64 {
        self.rare + self.common.min(w::COMMON_WORDS_CAP)
    }
}

/// Bits of two lists of words before what contradicts bounds them; what contradicts is told to `found`. A second name
/// in brackets is most often short for the first, so it says nothing where it is short for another.
fn compare_words(
    mut a: Side<'_>,
    mut b: Side<'_>,
    is_alias: bool,
    statistics: &NameStatistics,
    found: &mut impl FnMut(Contradiction),
) -> f64 {
    if a.list.tokens.is_empty() || b.list.tokens.is_empty() {
        return 0.0;
    }
    let mut agreement = Agreement::default();
    let mut against = equal_words(&mut a, &mut b, &mut agreement);
    if a.left | b.left == 0 {
        let bits = agreement.bits() + against;
        return if a.list.tokens == b.list.tokens { bits.max(w::NAME_IDENTICAL_MIN) } else { bits };
    }
    against += joined_words(&mut a, &mut b, &mut agreement, 0);
    against += joined_pairs(&mut a, &mut b, &mut agreement) + joined_pairs(&mut b, &mut a, &mut agreement);
    if !is_alias {
        against += acronyms(&mut a, &mut b, &mut agreement) + acronyms(&mut b, &mut a, &mut agreement);
    }
    mixed_words(&mut a, &mut b);
    let is_person = is_person(&a, &b);
    if is_person {
        initials(&mut a, &mut b, &mut agreement);
    }
    against += misspelt_words(&mut a, &mut b, &mut agreement, statistics);
    against += joined_words(&mut a, &mut b, &mut agreement, 100);
    against += cut_word(&mut a, &mut b, &mut agreement) + cut_word(&mut b, &mut a, &mut agreement);
    contradictions(&a, &b, is_person, found);
    if agreement.is_doubtful {
        found(Contradiction::Doubtful);
    }
    agreement.bits() + against + left_over(&a, is_person) + left_over(&b, is_person)
}

fn equal_words(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement) -> f64 {
    let mut order_kept = true;
    let mut last = 0;
    for i in 0..a.list.words.len() {
        let start = a.list.words[i].start;
        let found = b.left().find(|j| b.list.words[*j].start == start && a.token(i) == b.token(*j));
        let Some(j) = found else { continue };
        a.explain(i);
        b.explain(j);
        agreement.add(a.kind(i), a.bits[i]);
        order_kept &= j >= last;
        last = j;
    }
    if order_kept { 0.0 } else { w::WORD_ORDER }
}

/// Words left over that agree when their blanks are ignored.
fn joined_words(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement, allowed: u32) -> f64 {
    let (count_a, count_b) = (a.words_left().count(), b.words_left().count());
    // The same number of words that differ one by one were already found to be different words.
    if count_a == 0 || count_b == 0 || count_a == 1 && count_b == 1 || allowed > 0 && count_a == count_b {
        return 0.0;
    }
    let ((all_a, sure_a), (all_b, sure_b)) = (a.letters_possible(), b.letters_possible());
    if (sure_a & !all_b | sure_b & !all_a).count_ones() > JOINED_LETTERS_MAX {
        return 0.0;
    }
    let ways = a.ways().max(b.ways());
    let Some((apart, bits)) = (0..=ways).find_map(|way| joined_apart(a, b, allowed, way)) else { return 0.0 };
    a.explain_words();
    b.explain_words();
    agreement.add(Kind::Rare, bits);
    w::WORDS_JOINED + spelling_bits(apart)
}

/// Two neighbours of `a` that are one word of `b`, whatever else is left over.
fn joined_pairs(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement) -> f64 {
    if a.left.count_ones() < 2 || b.left == 0 {
        return 0.0;
    }
    let mut against = 0.0;
    for i in a.words_left() {
        if !a.is_left(i) || !a.is_left(i + 1) || a.kind(i) == Kind::Number || a.kind(i + 1) == Kind::Number {
            continue;
        }
        let Some(j) = b.words_left().find(|j| is_joined(a, i, b.token(*j))) else { continue };
        a.explain(i);
        a.explain(i + 1);
        b.explain(j);
        agreement.add(b.kind(j), b.bits[j]);
        against += w::WORDS_JOINED;
    }
    against
}

/// Whether a word and the next one, each in any spelling, are this one when their blank goes.
fn is_joined(side: &Side<'_>, index: usize, whole: &str) -> bool {
    // The last letter of a word may change at the seam.
    let begins =
        |word: &str| word.len() < whole.len() && whole.as_bytes().starts_with(&word.as_bytes()[..word.len() - 1]);
    let mut buffer = [0; LENGTH_MAX];
    each_spelling(side, index).filter(|head| begins(head)).any(|head| {
        each_spelling(side, index + 1).any(|tail| {
            let length = join(&mut buffer, 0, head).and_then(|length| join(&mut buffer, length, tail));
            length.is_some_and(|length| buffer[..length] == *whole.as_bytes())
        })
    })
}

fn each_spelling<'a>(side: &Side<'a>, index: usize) -> impl Iterator<Item = &'a str> + use<'a> {
    let spellings = side.spellings(index);
    let own = spellings.is_empty().then(|| side.token(index));
    own.into_iter().chain(spellings.iter().map(|spelling| spelling.text.as_str()))
}

/// Common words that translators exchange neither agree nor contradict.
fn mixed_words(a: &mut Side<'_>, b: &mut Side<'_>) {
    for i in a.words_left() {
        let mixed = |j: &usize| matches!(b.kind(*j), Kind::Common(_)) && is_mixed(a.token(i), b.token(*j));
        if !matches!(a.kind(i), Kind::Common(_)) {
            continue;
        }
        let Some(j) = b.words_left().find(mixed) else { continue };
        explain_mixed(a, i);
        explain_mixed(b, j);
    }
}

fn explain_mixed(side: &mut Side<'_>, index: usize) {
    side.explain(index);
    // `машиностроительный` is one word, and engineering in English.
    let next = index + 1;
    if next < side.list.words.len()
        && side.is_left(next)
        && side.token(index) == "machine"
        && side.token(next) == "stroy"
    {
        side.explain(next);
    }
}

/// Words of `a` that are the first letters of neighbours in `b`: `УКБТ` and `Ural Design Bureau of Technics`.
fn acronyms(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement) -> f64 {
    if a.left == 0 || b.left.count_ones() < 2 {
        return 0.0;
    }
    let mut against = 0.0;
    let mut initials = [Initials::NONE; WORDS_MAX];
    initials.iter_mut().zip(b.list.words).for_each(|(initials, word)| *initials = word.initials);
    for i in a.words_left() {
        let short = a.token(i).as_bytes();
        // Two letters are chance, unless a rare word agrees and they stand for all that is left.
        let is_lenient = agreement.rare >= w::RARE_WORD_AGREES && a.left.count_ones() == 1;
        let length_min = if is_lenient { ACRONYM_LENGTH_MIN - 1 } else { ACRONYM_LENGTH_MIN };
        let is_short = (length_min..=ACRONYM_LENGTH_MAX).contains(&short.len());
        if a.kind(i) != Kind::Rare || a.list.words[i].entry.is_some() || !is_short {
            continue;
        }
        let Some((start, count, bits)) = words_of_acronym(short, b, &initials) else { continue };
        if count < 2 || short.len() < ACRONYM_LENGTH_MIN && count < b.left.count_ones() as usize {
            continue;
        }
        a.explain(i);
        (start..start + count).for_each(|index| b.explain(index));
        agreement.rare += (w::ACRONYM_PER_LETTER * short.len() as f64).min(a.bits[i]);
        against += bits;
    }
    against
}

/// Which words left over an abbreviation stands for: where they start, how many they are, what their order costs.
fn words_of_acronym(short: &[u8], side: &Side<'_>, initials: &[Initials]) -> Option<(usize, usize, f64)> {
    let meant = |start: usize| Some((words_meant(short, &initials[start..end_of_run(side, start)])?, start));
    let in_order = side.words_left().filter_map(meant).max_by_key(|(count, start)| (*count, WORDS_MAX - start));
    if let Some((count, start)) = in_order {
        return Some((start, count, 0.0));
    }
    let start = side.words_left().next()?;
    let end = end_of_run(side, start);
    let is_all = (end - start) as u32 == side.left.count_ones() && is_of_all(short, &initials[start..end]);
    is_all.then_some((start, end - start, w::WORD_ORDER))
}

/// The end of the words left over that stand beside each other from `start` on.
fn end_of_run(side: &Side<'_>, start: usize) -> usize {
    (start..side.list.words.len())
        .find(|index| !side.is_left(*index) || side.kind(*index) == Kind::Number)
        .unwrap_or(side.list.words.len())
}

/// Letters of an abbreviation, folded.
const ACRONYM_LENGTH_MIN: usize = 3;
const ACRONYM_LENGTH_MAX: usize = 8;

/// How far the joined words left over are apart, and the bits of the side that says less.
fn joined_apart(a: &Side<'_>, b: &Side<'_>, allowed: u32, way: usize) -> Option<(u32, f64)> {
    if !a.outline(way).may_be_near(&b.outline(way), allowed) {
        return None;
    }
    let (mut one, mut other) = ([0; LENGTH_MAX], [0; LENGTH_MAX]);
    let ((length_a, bits_a), (length_b, bits_b)) = (a.joined_left(&mut one, way)?, b.joined_left(&mut other, way)?);
    let allowed = allowed.min(limit(length_a.min(length_b)));
    Some((distance(&one[..length_a], &other[..length_b], allowed)?, bits_a.min(bits_b)))
}

/// Letters on one side only, beyond which joined words cannot agree: one error and what folding takes at a seam.
const JOINED_LETTERS_MAX: u32 = 5;

/// A sole trader, or initials in a row: then words may be shortened to their first letter.
fn is_person(a: &Side<'_>, b: &Side<'_>) -> bool {
    let has_initials =
        |side: &Side<'_>| side.list.words.iter().filter(|word| word.kind == Kind::Initial).count() >= INITIALS_MIN;
    a.list.is_sole_trader || b.list.is_sole_trader || has_initials(a) || has_initials(b)
}

const INITIALS_MIN: usize = 2;

/// `Ким С.К.` and `Ким Сергей Кайратович`: an initial agrees with the word that it begins, in the same order.
fn initials(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement) {
    for (i, j) in a.words_left().zip(b.words_left()) {
        let is_short = a.kind(i) == Kind::Initial || b.kind(j) == Kind::Initial;
        if is_short && is_same_start(a.token(i), b.token(j)) {
            a.explain(i);
            b.explain(j);
            agreement.rare += w::INITIAL_SAME;
        }
    }
}

fn is_same_start(one: &str, other: &str) -> bool {
    let start = |text: &str| text.bytes().next().map(|letter| [letter]);
    start(one).zip(start(other)).is_some_and(|(one, other)| distance(&one, &other, INITIALS_NEAR_MAX).is_some())
}

/// How far two initials may be apart: `Y` and `Е`, `J` and `Ж`.
const INITIALS_NEAR_MAX: u32 = 45;

fn spelling_bits(apart: u32) -> f64 {
    if apart == 0 { 0.0 } else { w::SPELLING_BASE + w::SPELLING_PER_EDIT * f64::from(apart) / 100.0 }
}

/// Pairs of words that differ by what a typing error, a case ending or another romanisation explains; nearest first.
fn misspelt_words(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement, statistics: &NameStatistics) -> f64 {
    let mut against = 0.0;
    // Where another rare word agrees, an error may be anywhere and any.
    let is_lenient = agreement.rare >= w::RARE_WORD_AGREES;
    while a.left != 0 && b.left != 0 {
        let mut nearest: Option<(Near, usize, usize)> = None;
        for i in a.words_left() {
            for j in b.words_left() {
                let found = words_near(a, i, b, j);
                if let Some(near) = found.filter(|near| nearest.is_none_or(|known| *near < known.0)) {
                    nearest = Some((near, i, j));
                }
            }
        }
        let Some((near, i, j)) = nearest else { break };
        a.explain(i);
        b.explain(j);
        let kind = if a.bits[i] >= b.bits[j] { a.kind(i) } else { b.kind(j) };
        agreement.add(kind, a.bits[i].max(b.bits[j]));
        agreement.is_doubtful |= near.is_doubtful && !is_lenient;
        against += spelling_bits(near.apart);
        let is_word = |side: &Side<'_>, index: usize| {
            matches!(side.kind(index), Kind::Common(_)) || statistics.is_attested(side.token(index))
        };
        if is_word(a, i) && is_word(b, j) {
            against += w::SPELLING_BOTH_ATTESTED;
        }
    }
    against
}

/// Two words that are near.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Near {
    /// In hundredths of an error.
    apart: u32,
    /// As likely two words as one: another letter in a short word, another first letter.
    is_doubtful: bool,
}

/// How near two words are, if an error can explain it; a translated word may be near by any of its spellings.
fn words_near(a: &Side<'_>, i: usize, b: &Side<'_>, j: usize) -> Option<Near> {
    let near = |one: &str, other: &str, letters: u32, others: u32, is_known: bool| {
        let length = one.len().max(other.len());
        let wide = limit_wide(length);
        if !may_be_near(letters, others, wide) {
            return None;
        }
        let apart = distance(one.as_bytes(), other.as_bytes(), wide)?;
        // A longer word of the table is known, so an error in it is forgiven more easily.
        let is_forgiven = is_known && length >= KNOWN_LENGTH_MIN;
        Some(Near { apart, is_doubtful: !is_forgiven && (apart > limit(length) || is_other_start(one, other)) })
    };
    let of_trade = |kind: Kind| matches!(kind, Kind::Common(WordClass::Generic | WordClass::Trade));
    let (one, other) = (a.token(i), b.token(j));
    let (letters, others) = (a.list.words[i].letters, b.list.words[j].letters);
    match (a.spellings(i), b.spellings(j)) {
        ([], []) if is_same_stem(one, other) => Some(Near { apart: ENDING_APART, is_doubtful: false }),
        ([], []) => near(one, other, letters, others, false),
        (list, []) => {
            let is_known = of_trade(a.kind(i));
            list.iter().filter_map(|known| near(&known.text, other, known.letters, others, is_known)).min()
        }
        ([], list) => {
            let is_known = of_trade(b.kind(j));
            list.iter().filter_map(|known| near(one, &known.text, letters, known.letters, is_known)).min()
        }
        _ => None,
    }
}

/// Letters of a word of the table in which any one error is forgiven.
const KNOWN_LENGTH_MIN: usize = 6;
/// Another case or the adjective of a noun (`Муром`, `Муромский`), in hundredths of an error.
const ENDING_APART: u32 = 70;
/// Shortest stem, folded; that of an adjective of a town (`Тульский`) may be shorter by one.
const STEM_LENGTH_MIN: usize = 4;

/// Whether two words are one but for a Russian ending; a lone vowel is left to the distance of spelling.
fn is_same_stem(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let (rest, facing) = (one.len() - same, other.len() - same);
    let is_adjective = |ending: &str| ending.starts_with("sk");
    let length_min = STEM_LENGTH_MIN - usize::from(is_adjective(&one[same..]) || is_adjective(&other[same..]));
    same >= length_min
        && rest.max(facing) >= 2
        && one.is_ascii()
        && other.is_ascii()
        && is_ending(&one[same..])
        && is_ending(&other[same..])
}

/// The last word of `a` is the beginning of a word of `b`: a name that a field limit cut off.
fn cut_word(a: &mut Side<'_>, b: &mut Side<'_>, agreement: &mut Agreement) -> f64 {
    let last = a.list.words.len() - 1;
    let expected = a.list.may_be_cut;
    if a.kind(last) == Kind::Number || b.left == 0 || !(expected || a.token(last).len() >= CUT_LENGTH_MIN) {
        return 0.0;
    }
    if !a.is_left(last) {
        // Nothing of the next words was left before the cut.
        let count = b.left().count();
        let end = b.list.words.len() - count;
        // A number is one more word where the cut would have to fall between two words.
        let is_number = b.has_left(Kind::Number);
        if expected && !is_number && a.left == 0 && count <= 2 && end > 0 && b.left().all(|index| index >= end) {
            b.left = 0;
            return w::CUT_EXPECTED * count as f64;
        }
        return 0.0;
    }
    let Some(whole) = b.left().find(|j| is_cut_of(a.token(last), b, *j)) else { return 0.0 };
    a.explain(last);
    b.explain(whole);
    if expected {
        // What stood behind the cut is gone as well.
        (whole + 1..b.list.words.len()).for_each(|index| b.explain(index));
    }
    let known = a.token(last).len() as f64 / b.token(whole).len() as f64;
    agreement.add(b.kind(whole), b.bits[whole] * known.min(1.0));
    if expected { w::CUT_EXPECTED } else { w::CUT_UNEXPECTED }
}

/// Letters of a cut-off word that are enough where nothing says that the name is cut off.
const CUT_LENGTH_MIN: usize = 4;

fn is_cut_of(short: &str, side: &Side<'_>, index: usize) -> bool {
    let is_start = |long: &str| long.len() > short.len() && long.starts_with(short);
    is_start(side.token(index)) || side.spellings(index).iter().any(|spelling| is_start(&spelling.text))
}

/// What the words that only this side has say against; numbers speak in [`contradictions`].
fn left_over(side: &Side<'_>, is_person: bool) -> f64 {
    let (mut rare, mut common) = (0.0, 0.0);
    for index in side.left() {
        match side.kind(index) {
            Kind::Number => {}
            Kind::Initial if is_person => rare += w::INITIAL_MISSING,
            Kind::Initial => rare += w::WORD_MISSING_COMMON,
            Kind::Rare if is_person && is_patronymic(side.token(index)) => rare += w::PATRONYMIC_MISSING,
            Kind::Rare => rare += w::WORD_MISSING_RARE,
            // What was said before is no news.
            Kind::Common(_) if side.list.tokens[..index].contains(&side.list.tokens[index]) => {}
            Kind::Common(WordClass::Generic) => common += w::WORD_MISSING_GENERIC,
            Kind::Common(WordClass::Place) => common += w::WORD_MISSING_PLACE,
            Kind::Common(WordClass::Trade | WordClass::Country) => common += w::WORD_MISSING_COMMON,
        }
    }
    rare + f64::max(common, -w::COMMON_WORDS_CAP)
}

fn is_patronymic(token: &str) -> bool {
    PATRONYMIC_ENDINGS.iter().any(|ending| token.len() > ending.len() + 2 && token.ends_with(ending))
}

/// Folded.
const PATRONYMIC_ENDINGS: [&str; 8] = ["ovic", "evic", "ovna", "evna", "uli", "ulu", "kizi", "icna"];

/// What contradicts that two names are one firm's: it bounds the whole, however much else agrees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Contradiction {
    /// Two numbers that differ.
    NumberDifferent,
    /// A number on one side only.
    NumberMissing,
    /// Rare words on both sides that do not agree.
    BothRare,
    /// A rare word on one side only.
    OneRare,
    /// Common words on both sides that do not agree.
    BothCommon,
    /// A country on one side only: it names another house of the group.
    CountryMissing,
    /// Initials that do not agree with those or the names of the other side.
    InitialsDifferent,
    /// The only rare words that agree differ by a letter that makes another word.
    Doubtful,
}

impl Contradiction {
    /// Bits of the whole name are at most this.
    pub(super) fn cap(self) -> f64 {
        match self {
            Self::NumberDifferent => w::NUMBER_DIFFERENT_CAP,
            Self::NumberMissing => w::NUMBER_MISSING_CAP,
            Self::BothRare => w::BOTH_RARE_CAP,
            Self::OneRare => w::ONE_RARE_CAP,
            Self::BothCommon => w::BOTH_COMMON_CAP,
            Self::CountryMissing => w::COUNTRY_MISSING_CAP,
            Self::InitialsDifferent => w::INITIALS_DIFFERENT_CAP,
            Self::Doubtful => w::DOUBTFUL_CAP,
        }
    }
}

fn contradictions(a: &Side<'_>, b: &Side<'_>, is_person: bool, found: &mut impl FnMut(Contradiction)) {
    match (a.has_left(Kind::Number), b.has_left(Kind::Number)) {
        (true, true) if !is_same_number(a, b) => found(Contradiction::NumberDifferent),
        (true, false) | (false, true) => found(Contradiction::NumberMissing),
        _ => {}
    }
    let has_rare = |side: &Side<'_>| {
        side.left().any(|index| side.kind(index) == Kind::Rare && !(is_person && is_patronymic(side.token(index))))
    };
    let has_trade = |side: &Side<'_>| {
        side.has_left(Kind::Common(WordClass::Trade)) || side.has_left(Kind::Common(WordClass::Generic))
    };
    let has_country = |side: &Side<'_>| side.has_left(Kind::Common(WordClass::Country));
    let has_place = |side: &Side<'_>| has_country(side) || side.has_left(Kind::Common(WordClass::Place));
    let has_name = |side: &Side<'_>| side.has_left(Kind::Rare) || side.has_left(Kind::Initial);
    match (has_rare(a), has_rare(b)) {
        (true, true) => found(Contradiction::BothRare),
        (true, false) | (false, true) => found(Contradiction::OneRare),
        (false, false) => {}
    }
    if has_trade(a) && has_trade(b) || has_place(a) && has_place(b) {
        found(Contradiction::BothCommon);
    }
    if has_country(a) || has_country(b) {
        found(Contradiction::CountryMissing);
    }
    if (a.has_left(Kind::Initial) || b.has_left(Kind::Initial)) && has_name(a) && has_name(b) {
        found(Contradiction::InitialsDifferent);
    }
}

/// What contradicts in two names, for counting.
#[cfg(test)]
pub(super) fn contradictions_between(a: &NameForm, b: &NameForm) -> Vec<Contradiction> {
    let mut all = Vec::new();
    prepare_on_the_way(a, |a| {
        prepare_on_the_way(b, |b| {
            let (a, b) = (Side::new(a[0], &PRIOR_ONLY), Side::new(b[0], &PRIOR_ONLY));
            compare_words(a, b, false, &PRIOR_ONLY, &mut |found| all.push(found));
        });
    });
    all
}

/// A blank inside a number: `2 005`.
fn is_same_number(a: &Side<'_>, b: &Side<'_>) -> bool {
    fn digits<'a>(side: &'a Side<'_>) -> impl Iterator<Item = u8> + 'a {
        side.left().filter(|index| side.kind(*index) == Kind::Number).flat_map(|index| side.token(index).bytes())
    }
    let counts = (digits(a).count(), digits(b).count());
    // A digit too many or too few is an error; another digit is another number.
    let is_slip = counts.0.abs_diff(counts.1) == 1 && counts.0.max(counts.1) >= SLIP_DIGITS_MIN && {
        let (short, long) = if counts.0 < counts.1 { (a, b) } else { (b, a) };
        let mut rest = digits(long);
        digits(short).all(|digit| rest.any(|other| other == digit))
    };
    is_slip || digits(a).eq(digits(b))
}

/// Digits of a number in which one too many or too few is an error.
const SLIP_DIGITS_MIN: usize = 4;
