//! The firms that one layer of a directory holds, and which of them share a blocking key.
//!
//! Come here to see what is remembered of a firm: its names, addresses, telephones, and how many papers bear it out.
//! Everything is a set or a count, so the order of insertion leaves no trace. Comparison is not here.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::HashMap;

use super::keys::hash;
use crate::model::{Address, Company, Country, Identifier, NameForm};

/// A key that more firms share than this says too little and brings no candidates.
pub(super) const POSTINGS_MAX: usize = 400;

/// A key that more firms share than this is looked at only where it may bring one of the best.
const POSTING_FEW: usize = 16;

/// Most spellings of one firm that are compared with a mention.
const NAMES_EXAMINED_MAX: usize = 4;

/// A spelling of a firm's name, and how many different papers bear it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ProfileName {
    pub form: Arc<NameForm>,
    pub count: u32,
    pub is_registered: bool,
}

impl ProfileName {
    /// The least is the most telling: registered spellings before others, then by count, which is rounded so that it
    /// changes seldom.
    fn rank(&self) -> Reverse<(bool, Option<u32>)> {
        Reverse((self.is_registered, self.count.checked_ilog2()))
    }
}

/// What is known of one firm.
#[derive(Clone, Default, Debug)]
pub(super) struct Profile {
    pub key: String,
    /// Stands for the key where many are noted, see [`firm_mark`].
    pub mark: u32,
    pub country: Option<Country>,
    pub identifier: Option<Identifier>,
    /// Register rows, the most telling one last.
    pub companies: Vec<Arc<Company>>,
    /// Spellings in the order of their forms.
    names: Vec<ProfileName>,
    /// In the same order, what stands for the words of each: most are asked for in vain, and lie all over the memory.
    words_marks: Vec<u32>,
    /// Places of the most telling ones: registered spellings first, then by count.
    telling: Vec<u32>,
    pub addresses: Vec<Arc<Address>>,
    pub phones: Vec<String>,
    pub email_domains: Vec<String>,
    /// How many different papers bear the firm's number (or name, where no number is known).
    pub support: u32,
    /// Blocking keys of all the above, sorted.
    pub keys: Vec<u64>,
}

/// What one register row or paper adds to a firm.
pub(super) struct Contribution {
    pub key: String,
    pub country: Option<Country>,
    pub identifier: Option<Identifier>,
    pub company: Option<Arc<Company>>,
    pub names: Vec<Arc<NameForm>>,
    pub address: Arc<Address>,
    pub phone: Option<String>,
    pub email_domain: Option<String>,
    pub keys: Vec<u64>,
}

/// What an insertion did to a firm.
pub(super) struct Change {
    /// Something that bears on answers changed.
    pub is_visible: bool,
    /// The firm was not held before.
    pub is_new: bool,
    /// Words that no name of the firm had before.
    pub new_words: Vec<String>,
    /// Blocking keys that the firm did not have before.
    pub gained_keys: Vec<u64>,
    /// Those that count for less now, for all firms that share them.
    pub stepped_keys: Vec<u64>,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Index {
    profiles: Vec<Profile>,
    by_key: HashMap<String, u32>,
    postings: HashMap<u64, Posting>,
    /// For each word all firms that bear it, in brackets too: whom it concerns when the word becomes more frequent.
    bearers: HashMap<u64, Vec<u32>>,
}

/// Words that a firm did not have before.
#[derive(Default)]
struct NewWords {
    /// Those of its names, sorted: what is counted.
    counted: Vec<String>,
    /// Hashes of those and of the words in brackets.
    borne: Vec<u64>,
}

/// The firms that share a key; most keys have one.
#[derive(Clone, Debug)]
enum Posting {
    One(u32),
    Many(Vec<u32>),
}

impl Posting {
    fn firms(&self) -> &[u32] {
        match self {
            Self::One(index) => std::slice::from_ref(index),
            Self::Many(indices) => indices,
        }
    }

    /// How much sharing the key says; nothing when too many do.
    fn rarity(&self) -> Option<u32> {
        let sharing = self.firms().len();
        (sharing <= POSTINGS_MAX).then(|| 12 - sharing.ilog2())
    }

    /// Adds a firm; says whether the others count for less by it.
    fn push(&mut self, index: u32) -> bool {
        let before = self.rarity();
        self.add(index);
        self.rarity() != before
    }

    fn add(&mut self, index: u32) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, index]),
            // One beyond the limit is enough to know that the key is of no use.
            Self::Many(indices) if indices.len() <= POSTINGS_MAX => indices.push(index),
            Self::Many(_) => {}
        }
    }
}

impl Index {
    pub fn get(&self, key: &str) -> Option<&Profile> {
        self.by_key.get(key).map(|index| &self.profiles[*index as usize])
    }

    pub fn profile(&self, index: u32) -> &Profile {
        &self.profiles[index as usize]
    }

    /// How much sharing a key says, as it counts in [`Index::candidates`]; nothing when too many firms do.
    pub fn rarity(&self, key: u64) -> Option<u32> {
        self.postings.get(&key)?.rarity()
    }

    /// Firms that share keys with a mention, with a score that grows with the rarity of what is shared.
    /// At most about `wanted` of them: the best by score, with all that score the same as the last.
    pub fn candidates(&self, keys: &[u64], wanted: usize) -> Vec<(u32, u32)> {
        let posting = |key: &u64| {
            let posting = self.postings.get(key)?;
            Some((*key, posting.firms(), posting.rarity()?))
        };
        let mut shared: Vec<(u64, &[u32], u32)> = keys.iter().filter_map(posting).collect();
        shared.sort_unstable_by_key(|(_, firms, _)| firms.len());
        // What sharing all the keys that are left says.
        let mut left: u32 = shared.iter().map(|(.., rarity)| rarity).sum();
        let mut hits: Vec<(u32, u32)> = Vec::with_capacity(64);
        for (place, (_, firms, rarity)) in shared.iter().enumerate() {
            if firms.len() > POSTING_FEW && hits.len() >= wanted {
                merge(&mut hits);
                let least = least_of_best(&hits, wanted);
                // Whoever shares only keys that are left is not among the best, so the firms found are asked instead.
                if least > left {
                    hits.retain(|(_, score)| score + left >= least);
                    self.add_shared(&mut hits, &shared[place..]);
                    break;
                }
            }
            hits.extend(firms.iter().map(|index| (*index, *rarity)));
            left -= rarity;
        }
        merge(&mut hits);
        let least = least_of_best(&hits, wanted);
        hits.retain(|(_, score)| *score >= least);
        hits
    }

    /// Adds what sharing these keys says of firms that have other keys already.
    fn add_shared(&self, hits: &mut [(u32, u32)], shared: &[(u64, &[u32], u32)]) {
        for (index, score) in hits {
            let held = &self.profiles[*index as usize].keys;
            let found = shared.iter().filter(|(key, ..)| held.binary_search(key).is_ok());
            *score += found.map(|(.., rarity)| rarity).sum::<u32>();
        }
    }

    pub fn insert(&mut self, contribution: Contribution) -> Change {
        let (index, is_new) = self.index_of(&contribution.key);
        let profile = &mut self.profiles[index as usize];
        let is_registered = contribution.company.is_some();
        let mut is_visible = is_new;
        if let Some(company) = contribution.company {
            is_visible |= insert_company(&mut profile.companies, company);
        } else {
            is_visible |= doubles(&mut profile.support);
        }
        profile.country = least(profile.country, contribution.country);
        profile.identifier = least(profile.identifier.take(), contribution.identifier);
        let mut new_words = NewWords::default();
        for form in contribution.names {
            is_visible |= profile.insert_name(form, is_registered, &mut new_words);
        }
        let is_told = *contribution.address != Address::default();
        is_visible |= is_told && insert_sorted(&mut profile.addresses, contribution.address);
        is_visible |= contribution.phone.is_some_and(|phone| insert_sorted(&mut profile.phones, phone));
        is_visible |= contribution.email_domain.is_some_and(|domain| insert_sorted(&mut profile.email_domains, domain));
        let (mut gained_keys, mut stepped_keys) = (Vec::new(), Vec::new());
        for key in contribution.keys {
            if insert_sorted(&mut profile.keys, key) {
                is_visible = true;
                gained_keys.push(key);
                if add_posting(&mut self.postings, key, index) {
                    stepped_keys.push(key);
                }
            }
        }
        self.add_bearer(new_words.borne, index);
        Change { is_visible, is_new, new_words: new_words.counted, gained_keys, stepped_keys }
    }

    /// Takes up a firm that was held before, with all that is known of it: the next one in the order in which they came.
    pub fn restore(&mut self, profile: Profile) {
        let index = self.profiles.len() as u32;
        for key in &profile.keys {
            add_posting(&mut self.postings, *key, index);
        }
        let words = profile.names.iter().flat_map(|name| name.form.tokens.iter().chain(&name.form.alias_tokens));
        let borne = words.map(|word| word_hash(word)).collect();
        self.add_bearer(borne, index);
        self.by_key.insert(profile.key.clone(), index);
        self.profiles.push(profile);
    }

    fn add_bearer(&mut self, mut words: Vec<u64>, index: u32) {
        words.sort_unstable();
        words.dedup();
        for word in words {
            self.bearers.entry(word).or_default().push(index);
        }
    }

    /// All firms in the order in which they came.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The firms that bear a word in a name or in its brackets.
    pub fn bearers(&self, word: &str) -> impl Iterator<Item = &Profile> {
        let bearers = self.bearers.get(&word_hash(word)).into_iter().flatten();
        bearers.map(|index| &self.profiles[*index as usize])
    }

    fn index_of(&mut self, key: &str) -> (u32, bool) {
        if let Some(index) = self.by_key.get(key) {
            return (*index, false);
        }
        let index = self.profiles.len() as u32;
        self.by_key.insert(key.to_owned(), index);
        self.profiles.push(Profile { key: key.to_owned(), mark: firm_mark(key), ..Profile::default() });
        (index, true)
    }
}

impl Profile {
    /// A firm with these spellings, which stand in the order of their forms.
    pub fn named(key: String, names: Vec<ProfileName>) -> Self {
        let words_marks = names.iter().map(|name| words_mark(&name.form.tokens)).collect();
        let mut profile = Self { mark: firm_mark(&key), key, names, words_marks, ..Self::default() };
        profile.rank_names();
        profile
    }

    /// All spellings in the order of their forms.
    pub fn names(&self) -> &[ProfileName] {
        &self.names
    }

    /// The support rounded down to a power of two.
    pub fn support_rounded(&self) -> u32 {
        self.support.checked_ilog2().map_or(0, |power| 1 << power)
    }

    /// The most telling spellings, the most telling first.
    pub fn telling_names(&self) -> impl Iterator<Item = &ProfileName> {
        self.telling.iter().filter_map(|place| self.names.get(*place as usize))
    }

    /// The most telling spelling that has just these words, for which `mark` stands: see [`words_mark`].
    pub fn name_with(&self, tokens: &[String], mark: u32) -> Option<&ProfileName> {
        let alike = self.words_marks.iter().zip(&self.names).filter(|(held, _)| **held == mark);
        let equal = alike.map(|(_, name)| name).filter(|name| name.form.tokens == tokens);
        equal.min_by_key(|name| name.rank())
    }

    fn insert_name(&mut self, form: Arc<NameForm>, is_registered: bool, new_words: &mut NewWords) -> bool {
        if form.tokens.is_empty() {
            return false;
        }
        let is_visible = match self.names.binary_search_by(|name| name.form.cmp(&form)) {
            Ok(place) => {
                let known = &mut self.names[place];
                let rises = is_registered && !known.is_registered;
                known.is_registered |= is_registered;
                rises | (!is_registered && doubles(&mut known.count))
            }
            Err(place) => {
                self.note_new_words(&form, new_words);
                self.words_marks.insert(place, words_mark(&form.tokens));
                self.names.insert(place, ProfileName { form, count: u32::from(!is_registered), is_registered });
                true
            }
        };
        if is_visible {
            self.rank_names();
        }
        is_visible
    }

    fn note_new_words(&self, form: &NameForm, new_words: &mut NewWords) {
        let is_new = |word: &&String| !self.names.iter().any(|name| name.form.tokens.contains(word));
        let mut words: Vec<String> = form.tokens.iter().filter(is_new).cloned().collect();
        words.sort_unstable();
        words.dedup();
        new_words.counted.retain(|word| !words.contains(word));
        new_words.counted.append(&mut words);
        let borne = |form: &NameForm, word: &String| form.tokens.contains(word) || form.alias_tokens.contains(word);
        let is_new = |word: &&String| !self.names.iter().any(|name| borne(&name.form, word));
        let words = form.tokens.iter().chain(&form.alias_tokens).filter(is_new);
        new_words.borne.extend(words.map(|word| word_hash(word)));
    }

    /// Equal ranks stand in the order of their forms, which is the order of their places.
    fn rank_names(&mut self) {
        let rank = |place: &u32| (self.names[*place as usize].rank(), *place);
        let mut places: Vec<u32> = (0..self.names.len() as u32).collect();
        if places.len() > NAMES_EXAMINED_MAX {
            places.select_nth_unstable_by_key(NAMES_EXAMINED_MAX - 1, rank);
            places.truncate(NAMES_EXAMINED_MAX);
        }
        places.sort_unstable_by_key(rank);
        self.telling = places;
    }
}

/// Adds a firm to those that share a key; says whether the others count for less by it.
fn add_posting(postings: &mut HashMap<u64, Posting>, key: u64, index: u32) -> bool {
    match postings.entry(key) {
        Entry::Occupied(mut posting) => posting.get_mut().push(index),
        Entry::Vacant(place) => {
            place.insert(Posting::One(index));
            false
        }
    }
}

/// Adds up what was found of each firm.
fn merge(hits: &mut Vec<(u32, u32)>) {
    hits.sort_unstable();
    hits.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
}

/// The least score among so many of the best; nothing where there are fewer.
fn least_of_best(hits: &[(u32, u32)], wanted: usize) -> u32 {
    if hits.len() < wanted {
        return 0;
    }
    let mut scores: Vec<u32> = hits.iter().map(|hit| hit.1).collect();
    *scores.select_nth_unstable_by(wanted - 1, |a, b| b.cmp(a)).1
}

/// A number that stands for the key of a firm. Two firms may have one mark; whoever is told of a change by it asks the
/// firm itself. Even, so that the lowest bit can say something more.
pub(super) fn firm_mark(key: &str) -> u32 {
    shortened(hash(b"firm", key.as_bytes())) & !1
}

/// A number that stands for the words of a name in their order. Others may have the same one.
pub(super) fn words_mark(tokens: &[String]) -> u32 {
    shortened(tokens.iter().fold(0, |mark: u64, token| mark.rotate_left(7) ^ word_hash(token)))
}

/// Half as long, hanging on all of it.
fn shortened(hash: u64) -> u32 {
    ((hash >> 32) ^ hash) as u32
}

fn word_hash(word: &str) -> u64 {
    hash(b"token", word.as_bytes())
}

/// Counts one more and says whether the answer-bearing rounded count changed.
fn doubles(count: &mut u32) -> bool {
    let before = count.checked_ilog2();
    *count = count.saturating_add(1);
    before != count.checked_ilog2()
}

fn insert_sorted<T: Ord>(list: &mut Vec<T>, value: T) -> bool {
    match list.binary_search(&value) {
        Ok(_) => false,
        Err(position) => {
            list.insert(position, value);
            true
        }
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The most telling row last: the latest registration, then by content.
fn insert_company(companies: &mut Vec<Arc<Company>>, company: Arc<Company>) -> bool {
    fn rank(row: &Company) -> (Option<crate::model::Day>, [&str; 8], &Vec<String>) {
        let texts = [
            &row.name,
            &row.name_latin,
            &row.address,
            &row.phone,
            &row.director,
            &row.activity_code,
            &row.status,
            &row.identifier,
        ];
        (row.registered, texts.map(String::as_str), &row.owners)
    }
    match companies.binary_search_by(|known| rank(known).cmp(&rank(&company))) {
        Ok(_) => false,
        Err(position) => {
            companies.insert(position, company);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Contribution, Index};

    /// Half of the firms hold each of the first eight keys, an eighth each of the others.
    fn keys_of(draw: u32) -> Vec<u64> {
        let is_drawn = |bit: u32| draw & 1 << bit != 0;
        let is_held = |key: &u32| if *key < 8 { is_drawn(*key) } else { (0..3).all(|more| is_drawn(key + 8 * more)) };
        (0..16).filter(is_held).map(u64::from).collect()
    }

    proptest! {
        #[test]
        fn candidates_are_the_best_of_all_who_share_a_key(
            draws in prop::collection::vec(any::<u32>(), 0..150),
            asked in any::<u32>(),
            wanted in 1_usize..12,
        ) {
            let mut index = Index::default();
            for (number, draw) in draws.iter().enumerate() {
                index.insert(Contribution {
                    key: format!("KZ:{number}"),
                    country: None,
                    identifier: None,
                    company: None,
                    names: Vec::new(),
                    address: Default::default(),
                    phone: None,
                    email_domain: None,
                    keys: keys_of(*draw),
                });
            }
            let keys = keys_of(asked);
            let score = |draw: &u32| -> u32 {
                let shared = keys_of(*draw).into_iter().filter(|key| keys.contains(key));
                shared.map(|key| index.rarity(key).unwrap_or_default()).sum()
            };
            let mut expected: Vec<(u32, u32)> = (0..).zip(draws.iter().map(score)).filter(|hit| hit.1 > 0).collect();
            let mut scores: Vec<u32> = expected.iter().map(|hit| hit.1).collect();
            scores.sort_unstable_by(|one, other| other.cmp(one));
            if let Some(least) = scores.get(wanted - 1) {
                expected.retain(|hit| hit.1 >= *least);
            }
            prop_assert_eq!(index.candidates(&keys, wanted), expected);
        }
    }
}
