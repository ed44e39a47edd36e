//! Which mentions may stand for other firms after a change: what each answer hung on, and who hangs on what.
//!
//! Come here because a new paper changes one firm, and thousands of mentions share a word with it. An answer hangs on
//! the firms that were compared, on what those were worth that bore on it, and on the list of those that share the
//! rarest keys. What is noted of it says of nearly all mentions that they stand for the same firms as before.
//! Nothing is compared here: that is `directory`'s.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::directory::{Directory, Scope, Touched};
use super::index::{Index, firm_mark};
use super::keys::{hash, mention_keys};
use crate::model::MentionForm;

/// The lowest bit of a mark: the firm bore on the answer.
const BORE: u32 = 1;
/// No place in an index.
const NOWHERE: u32 = u32::MAX;

/// What an answer hung on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Grounds {
    /// Marks of the firms whose change may change it, sorted, each once; see [`BORE`].
    marks: Box<[u32]>,
    /// What those that bore on it were worth, in the order of their marks.
    worths: Box<[Worth]>,
    /// What the mention's own words weigh together, in bits.
    words_bits: f64,
    /// Prior and evidence, in bits, of what was likeliest.
    top_bits: f64,
    /// What it takes to be compared: of firms with a number, and of those without. Nothing where nobody else was asked.
    known: Option<Bound>,
    named: Option<Bound>,
}

/// Stands for all that an answer takes from a firm that bore on it: where two are the same, so is the answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Worth(u64);

impl Worth {
    /// That of a firm which nobody knows yet, and whose number the mention bears.
    pub(super) const UNKNOWN: Self = Self(0);

    /// Of a firm with a number: its bits, whether its name agrees, and whether nothing but the mention tells of it.
    pub(super) fn known(bits: f64, name_agrees: bool, is_only_itself: bool) -> Self {
        Self(hash(b"known", &[&bits.to_be_bytes()[..], &[name_agrees.into(), is_only_itself.into()]].concat()))
    }

    /// Of a firm known by its name that the mention may stand for: how many papers bear it out, rounded.
    pub(super) fn named(support: Option<u32>) -> Self {
        Self(hash(b"named", &support.map_or(0, |support| support + 1).to_be_bytes()))
    }
}

/// What it takes to be compared with a mention.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Bound {
    /// The lowest scores that were enough among the firms that all see and those of the tenant; 0 where there is room.
    least_scores: [u16; 2],
    /// Where the last of those compared is held, if all that score as it does were not, which the key decides.
    last: u32,
}

impl Bound {
    pub(super) fn new(least_scores: [u32; 2], last: Option<u32>) -> Self {
        let short = |score| u16::try_from(score).unwrap_or(u16::MAX);
        Self { least_scores: least_scores.map(short), last: last.unwrap_or(NOWHERE) }
    }

    /// Whether a firm that shares this much with the mention is compared with it, or crowds out others.
    fn admits(&self, score: u32, key: &str, index: &Index, is_private: bool) -> bool {
        let least = u32::from(self.least_scores[usize::from(is_private)]);
        let stands_behind = || self.last != NOWHERE && key > index.profile(self.last).key.as_str();
        score > least || score == least && !stands_behind()
    }
}

impl Grounds {
    /// Firms by their marks, each with what it was worth if it bore on the answer; and what the mention's words weigh.
    pub(super) fn new(
        firms: impl Iterator<Item = (u32, Option<Worth>)>,
        words_bits: f64,
        top_bits: f64,
        known: Option<Bound>,
        named: Option<Bound>,
    ) -> Self {
        let mut firms: Vec<(u32, Option<Worth>)> = firms.collect();
        // Of two with one mark the one that bore on the answer counts.
        firms.sort_unstable_by(|one, other| other.cmp(one));
        firms.dedup_by_key(|(mark, _)| *mark);
        firms.reverse();
        let marks = firms.iter().map(|(mark, worth)| mark | if worth.is_some() { BORE } else { 0 }).collect();
        let worths = firms.iter().filter_map(|(_, worth)| *worth).collect();
        Self { marks, worths, words_bits, top_bits, known, named }
    }

    /// Prior and evidence, in bits, of what was likeliest.
    pub(super) fn top_bits(&self) -> f64 {
        self.top_bits
    }

    /// What the mention's own words weighed together, in bits.
    pub(super) fn words_bits(&self) -> f64 {
        self.words_bits
    }

    /// What a firm was worth, if it bore on the answer.
    pub(super) fn worth(&self, mark: u32) -> Option<Worth> {
        let place = self.place(mark).filter(|place| self.marks[*place] & BORE == BORE)?;
        let before = self.marks[..place].iter().filter(|mark| *mark & BORE == BORE).count();
        Some(self.worths[before])
    }

    /// Where a firm stands that was compared.
    fn place(&self, mark: u32) -> Option<usize> {
        self.marks.binary_search_by_key(&mark, |known| *known & !BORE).ok()
    }
}

/// What was touched since mentions were resolved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    firms: HashSet<(Scope, String)>,
    /// Firms that gained keys, with those.
    gained: HashMap<(Scope, String), Vec<u64>>,
    /// Keys that count for less now.
    stepped: HashSet<(Scope, u64)>,
}

impl Changes {
    /// Adds what an insertion touched.
    pub fn add(&mut self, touched: Touched) {
        let Touched { scope, entities, gained_keys, stepped_keys } = touched;
        if !gained_keys.is_empty() {
            for entity in &entities {
                self.gained.entry((scope, entity.clone())).or_default().extend(&gained_keys);
            }
        }
        self.firms.extend(entities.into_iter().map(|entity| (scope, entity)));
        self.stepped.extend(stepped_keys.into_iter().map(|key| (scope, key)));
    }
}

/// Mentions by number with what their answers hung on.
#[derive(Clone, Default, Debug)]
pub struct Watchers {
    pub(super) grounds: Vec<Grounds>,
    pub(super) by_key: HashMap<u64, Vec<u32>>,
    pub(super) by_mark: HashMap<u32, Vec<u32>>,
}

/// Mentions that a change concerns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concerned<'c> {
    /// Those that may resolve otherwise.
    pub mentions: BTreeSet<u32>,
    /// Those that do only if one of these firms, with which they were compared, is worth something else to them now: see
    /// [`Directory::answers_otherwise`].
    pub if_worth_changed: HashMap<u32, Vec<&'c str>>,
}

impl Watchers {
    /// How many mentions are noted: those with the numbers below.
    pub fn len(&self) -> usize {
        self.grounds.len()
    }

    /// Whether none is noted.
    pub fn is_empty(&self) -> bool {
        self.grounds.is_empty()
    }

    /// Notes what the answer for a mention hung on: the next one, or one that is noted already.
    pub fn note(&mut self, mention: u32, form: &MentionForm, grounds: Grounds) {
        let Some(known) = self.grounds.get_mut(mention as usize) else {
            debug_assert_eq!(mention as usize, self.grounds.len(), "mentions are noted in the order of their numbers");
            mention_keys(form).into_iter().for_each(|key| self.by_key.entry(key).or_default().push(mention));
            grounds.marks.iter().for_each(|mark| self.by_mark.entry(mark & !BORE).or_default().push(mention));
            self.grounds.push(grounds);
            return;
        };
        let old = std::mem::replace(known, grounds);
        let new = &self.grounds[mention as usize];
        for mark in old.marks.iter().map(|mark| mark & !BORE).filter(|mark| new.place(*mark).is_none()) {
            if let Some(mentions) = self.by_mark.get_mut(&mark)
                && let Some(place) = mentions.iter().position(|held| *held == mention)
            {
                mentions.swap_remove(place);
            }
        }
        for mark in new.marks.iter().map(|mark| mark & !BORE).filter(|mark| old.place(*mark).is_none()) {
            self.by_mark.entry(mark).or_default().push(mention);
        }
    }

    /// The mentions, of those noted, that changes concern. `scope_of` tells as whose mention each was resolved.
    pub fn concerned<'c>(
        &self,
        directory: &Directory,
        changes: &'c Changes,
        scope_of: impl Fn(u32) -> Scope,
    ) -> Concerned<'c> {
        let sees = |mention: u32, scope: Scope| scope == Scope::SHARED || scope_of(mention) == scope;
        let mut found = Concerned::default();
        for (scope, key) in &changes.stepped {
            let sharing = self.by_key.get(key).into_iter().flatten().copied();
            let listening = sharing.filter(|mention| self.grounds[*mention as usize].known.is_some());
            found.mentions.extend(listening.filter(|mention| sees(*mention, *scope)));
        }
        for ((scope, firm), gained) in &changes.gained {
            let admitting = self.admitting(directory, *scope, firm, gained);
            found.mentions.extend(admitting.into_iter().filter(|mention| sees(*mention, *scope)));
        }
        for (scope, firm) in &changes.firms {
            let comparing = self.by_mark.get(&firm_mark(firm)).into_iter().flatten();
            for mention in comparing.filter(|mention| sees(**mention, *scope)) {
                found.if_worth_changed.entry(*mention).or_default().push(firm);
            }
        }
        let Concerned { mentions, if_worth_changed } = &mut found;
        if_worth_changed.retain(|mention, _| !mentions.contains(mention));
        found
    }

    /// What the answer for a mention hung on.
    pub fn grounds(&self, mention: u32) -> &Grounds {
        &self.grounds[mention as usize]
    }

    /// Mentions that share a key which a firm gained, and enough of its keys to be compared with it.
    fn admitting(&self, directory: &Directory, scope: Scope, firm: &str, gained: &[u64]) -> Vec<u32> {
        let Some((index, is_named)) = directory.index_of(scope, firm) else { return Vec::new() };
        let Some(profile) = index.get(firm) else { return Vec::new() };
        let gained: HashSet<u64> = gained.iter().copied().collect();
        // Mention, rarity of the key, whether it is new to the firm.
        let mut sharing: Vec<(u32, u32, bool)> = Vec::new();
        for key in &profile.keys {
            let (Some(rarity), Some(mentions)) = (index.rarity(*key), self.by_key.get(key)) else { continue };
            let is_gained = gained.contains(key);
            sharing.extend(mentions.iter().map(|mention| (*mention, rarity, is_gained)));
        }
        sharing.sort_unstable_by_key(|(mention, ..)| *mention);
        let admits = |shared: &&[(u32, u32, bool)]| {
            let grounds = &self.grounds[shared[0].0 as usize];
            let bound = if is_named { grounds.named } else { grounds.known };
            let score = shared.iter().map(|(_, rarity, _)| rarity).sum();
            shared.iter().any(|(.., is_gained)| *is_gained)
                && bound.is_some_and(|bound| bound.admits(score, firm, index, scope != Scope::SHARED))
        };
        sharing.chunk_by(|one, other| one.0 == other.0).filter(admits).map(|shared| shared[0].0).collect()
    }
}
