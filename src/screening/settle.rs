//! Brings the holdings up to date with what was inserted, and says which order lines may be judged differently now.
//!
//! Only what was touched is resolved, linked and looked at again; the state afterwards is the same as if everything
//! had been done anew, which a test holds. What changes for a whole tenant or for all (likeness, coverage, a brand, twice
//! as many firms) is told apart from what came bears on by itself, because it may wait: see `backlog`.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;

use crate::goods::Brands;
use crate::model::{CauseKind, Day, GoodsForm, Probability, ShipmentRole};
use crate::resolve::{Candidate, Changes, Concerned, Grounds, Resolution, Scope};

use super::causes::{News, Reason};
use super::gather::{Cut, Cutter};
use super::holdings::{Entity, Holdings, List};
use super::record::{between, joined};
use super::weigh::despatch_day;

/// Candidates with a smaller share of a mention are not kept: they are too weak even for the list of parties.
const CANDIDATE_SHARE_MIN: f64 = 0.01;
/// Mentions resolved side by side.
const MENTIONS_PER_CHUNK: usize = 8_192;
/// Lines that name a new brand whose cases are looked up; where more do, every order line counts as affected.
const LINES_OF_BRAND_MAX: usize = 1_000;

/// Entities by internal number with their shares.
pub(super) type Shares = Box<[(u32, Probability)]>;

/// What waits for the next settling.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// New mentions.
    pub mentions: BTreeSet<u32>,
    /// Firms that changed: mentions whose answers hung on one may resolve otherwise.
    pub changes: Changes,
    pub orders: Vec<u32>,
    pub shipments: Vec<u32>,
    /// Entities whose register row is new.
    pub entities: BTreeSet<String>,
    /// Brands that no record had before.
    pub brands: BTreeSet<String>,
    /// How many firms there were at the last settling, rounded.
    pub firms_rounded: Option<u32>,
    /// What came, for telling why.
    pub news: News,
}

/// Lines that name a brand which no record had before.
#[derive(Default)]
struct Branded {
    orders: Vec<u32>,
    papers: Vec<u32>,
    /// Order lines in their cases before it was known: some may not be tied to them any more.
    tied_before: BTreeSet<u32>,
    /// They are too many to be looked up.
    are_many: bool,
}

/// A settling that has begun.
pub(super) struct Settling {
    waiting: Unsettled,
    branded: Branded,
    /// Firms with a word that became more frequent.
    reweighed: Changes,
    /// How many firms there were at its beginning, rounded.
    firms_rounded: u32,
    /// Every mention is resolved.
    resolves_all: bool,
}

/// Mentions that words concern whose weight changed.
#[derive(Default)]
pub(super) enum Reweighed {
    #[default]
    All,
    Some(BTreeSet<u32>),
}

impl Reweighed {
    pub(super) fn contains(&self, mention: u32) -> bool {
        match self {
            Self::All => true,
            Self::Some(mentions) => mentions.contains(&mention),
        }
    }
}

/// Mentions that were resolved again.
#[derive(Default)]
pub(super) struct Resolved {
    /// Those that stand for other firms than before, with those firms, by number.
    changed: Vec<(u32, Vec<Candidate>)>,
    /// What the answers hang on, of all that were resolved again, by number.
    grounds: Vec<(u32, Grounds)>,
    reweighed: Reweighed,
}

/// Order lines that may be judged differently after a settling, by their numbers in the holdings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Affected {
    /// Those whose cases have something of what came, or of what it made others stand for.
    pub near: BTreeSet<u32>,
    /// Others for which something changed that all order lines of a tenant share, or all that are held.
    pub far: BTreeSet<u32>,
}

impl Affected {
    /// All of them.
    pub fn orders(&self) -> BTreeSet<u32> {
        self.near.union(&self.far).copied().collect()
    }
}

/// What came of a settling.
pub(super) struct Settled {
    pub affected: Affected,
    /// Why the near ones are affected.
    pub news: News,
    /// Why the far ones are.
    pub lasting: News,
}

/// Order lines being collected, and why.
pub(super) struct Dirty {
    /// Every one.
    pub(super) all: bool,
    /// Those that what came bears on by itself.
    pub(super) orders: BTreeSet<u32>,
    /// Those that it bears on with many others.
    pub(super) far: BTreeSet<u32>,
    pub(super) news: News,
    /// Nothing was settled before, so that nothing has changed.
    pub(super) is_first: bool,
}

impl Dirty {
    pub(super) fn touch(&mut self, orders: &[u32], reasons: &[Reason]) {
        reasons.iter().for_each(|reason| self.news.mark(orders.iter().copied(), *reason));
        // Where everything is, so are these.
        if !self.all {
            self.orders.extend(orders);
        }
    }
}

impl Holdings {
    /// Takes up what was inserted since the last call.
    pub fn settle(&mut self) -> Affected {
        let settling = self.begin_settling();
        self.finish_settling(settling, None).affected
    }

    /// Begins to take up what was inserted; nothing may be inserted before it is finished.
    pub(super) fn begin_settling(&mut self) -> Settling {
        let mut waiting = std::mem::take(&mut self.unsettled);
        let firms_rounded = self.directory.firms_rounded();
        let mut branded = Branded::default();
        if !waiting.brands.is_empty() {
            branded = self.branded(&waiting);
            self.brands = Brands::new(self.brand_names.iter().map(String::as_str));
            self.found_trails.clear();
        }
        let resolves_all = waiting.firms_rounded != Some(firms_rounded)
            || self.watchers.len() + waiting.mentions.len() < self.mentions.len();
        let mut reweighed = Changes::default();
        if resolves_all {
            self.directory.forget_reweighed();
            waiting.mentions = (0..self.mentions.len() as u32).collect();
        } else {
            reweighed.add(self.directory.take_reweighed());
        }
        Settling { waiting, branded, reweighed, firms_rounded, resolves_all }
    }

    /// Resolves what waits, which takes longest, without changing anything: others may read meanwhile. Nothing at the
    /// first settling: then nearly all mentions are resolved, and the answers in words would be too many to hold. Breaks
    /// off when told to; then nothing may be made of what it gave.
    pub(super) fn resolve_waiting(&self, settling: &Settling, is_stopped: impl Fn() -> bool) -> Option<Resolved> {
        settling.waiting.firms_rounded?;
        let (mentions, reweighed) = self.to_resolve(settling);
        let mut resolved = Resolved { reweighed, ..Resolved::default() };
        for chunk in self.by_name(&mentions).chunks(MENTIONS_PER_CHUNK) {
            if is_stopped() {
                return None;
            }
            for ((_, mention), (candidates, grounds)) in chunk.iter().zip(self.candidates(chunk)) {
                if !self.has_shares(*mention, &candidates) {
                    resolved.changed.push((*mention, candidates));
                }
                resolved.grounds.push((*mention, grounds));
            }
        }
        resolved.changed.sort_unstable_by_key(|(mention, _)| *mention);
        resolved.grounds.sort_unstable_by_key(|(mention, _)| *mention);
        Some(resolved)
    }

    /// New mentions, and those held before that may stand for other firms now.
    fn to_resolve(&self, settling: &Settling) -> (BTreeSet<u32>, Reweighed) {
        let mut mentions = settling.waiting.mentions.clone();
        if settling.resolves_all {
            return (mentions, Reweighed::All);
        }
        mentions.extend(self.concerned(&settling.waiting.changes));
        let mut others = self.concerned(&settling.reweighed);
        others.retain(|mention| !mentions.contains(mention));
        mentions.extend(&others);
        (mentions, Reweighed::Some(others))
    }

    /// Mentions whose answers may read otherwise after a settling that has begun, though they may name the same firms with
    /// the same shares; nothing where all may.
    pub(super) fn reworded(&self, settling: &Settling) -> Option<BTreeSet<u32>> {
        if settling.resolves_all {
            return None;
        }
        let scope_of = |mention: u32| Scope(self.mentions[mention as usize].scope);
        let mut reworded = settling.waiting.mentions.clone();
        for changes in [&settling.waiting.changes, &settling.reweighed] {
            let Concerned { mentions, if_worth_changed } = self.watchers.concerned(&self.directory, changes, scope_of);
            reworded.extend(mentions);
            reworded.extend(if_worth_changed.into_keys());
        }
        Some(reworded)
    }

    /// Mentions held before that changes may make stand for other firms.
    fn concerned(&self, changes: &Changes) -> BTreeSet<u32> {
        let scope_of = |mention: u32| Scope(self.mentions[mention as usize].scope);
        let Concerned { mut mentions, if_worth_changed } = self.watchers.concerned(&self.directory, changes, scope_of);
        let answers_otherwise = |(mention, firms): &(u32, Vec<&str>)| {
            let form = &self.mentions[*mention as usize].form;
            self.directory.answers_otherwise(form, scope_of(*mention), self.watchers.grounds(*mention), firms)
        };
        let doubtful: Vec<(u32, Vec<&str>)> = if_worth_changed.into_iter().collect();
        let changed: Vec<u32> =
            doubtful.into_par_iter().filter(answers_otherwise).map(|(mention, _)| mention).collect();
        mentions.extend(changed);
        mentions
    }

    /// Takes up what was inserted, with what was resolved beforehand.
    pub(super) fn finish_settling(&mut self, settling: Settling, resolved: Option<Resolved>) -> Settled {
        let (resolved, unresolved) = match resolved {
            Some(resolved) => (resolved, BTreeSet::new()),
            None => {
                let (mentions, reweighed) = self.to_resolve(&settling);
                (Resolved { reweighed, ..Resolved::default() }, mentions)
            }
        };
        let Settling { mut waiting, branded, firms_rounded, .. } = settling;
        let (news, is_first) = (std::mem::take(&mut waiting.news), waiting.firms_rounded.is_none());
        let mut dirty = Dirty { all: is_first, orders: BTreeSet::new(), far: BTreeSet::new(), news, is_first };
        let (orders_before, shipments_before) =
            (self.orders.len() - waiting.orders.len(), self.shipments.len() - waiting.shipments.len());
        let before = (orders_before, shipments_before);
        let Resolved { changed, grounds, reweighed } = resolved;
        self.note(grounds);
        let mut changed: Vec<(u32, Shares)> =
            changed.into_iter().map(|(mention, candidates)| (mention, self.shares(candidates))).collect();
        changed.extend(self.resolve_changed(&unresolved, is_first));
        let moved = self.move_changed(changed, &reweighed, before, &mut dirty);
        let papers: Vec<u32> = waiting.shipments.iter().copied().chain(moved.shipments).collect();
        let placed: Vec<u32> = waiting.orders.iter().copied().chain(moved.orders).collect();
        self.link(&placed, &papers);
        let mut look_again: BTreeSet<u32> = placed.iter().copied().collect();
        look_again.extend(self.orders_to_look_at(&papers));
        // Where everything is judged again, whoever shares a case with what moved is in it already.
        let bearing = if dirty.all { &waiting.shipments } else { &papers };
        dirty.orders.extend(if is_first { BTreeSet::new() } else { self.orders_of_papers(bearing) });
        self.meet_entities(&waiting.entities, &mut dirty);
        look_again.extend(self.arrivals_extended(&waiting.shipments, &mut dirty));
        // Of the others only those of which the look finds something else: what papers are tied to is in already.
        dirty.orders.extend(placed);
        self.meet_brands(branded, &mut look_again, &mut dirty);
        if dirty.all {
            look_again = (0..self.orders.len() as u32).collect();
        }
        if dirty.all && !is_first {
            dirty.far.extend(&look_again);
        }
        self.look_again(&look_again, &mut dirty);
        self.unsettled.firms_rounded = Some(firms_rounded);
        let Dirty { all, orders: near, mut far, news, .. } = dirty;
        far.retain(|order| !near.contains(order));
        let lasting = news.lasting(all && !is_first);
        Settled { affected: Affected { near, far }, news, lasting }
    }

    /// Lines that name a new brand, with who is tied to them while it is still unknown: by a brand in a paper's text a trail
    /// may come to weigh too little to tie anything.
    fn branded(&self, waiting: &Unsettled) -> Branded {
        let new = Brands::new(waiting.brands.iter().map(String::as_str));
        let names = |goods: &GoodsForm| new.find(&goods.description_folded).is_some();
        let orders = self.orders.par_iter().enumerate().filter(|(_, held)| names(&held.goods));
        let orders: Vec<u32> = orders.map(|(order, _)| order as u32).collect();
        let papers = self.shipments.par_iter().enumerate().filter(|(_, held)| names(&held.goods));
        let papers: Vec<u32> = papers.map(|(paper, _)| paper as u32).collect();
        if orders.len() + papers.len() > LINES_OF_BRAND_MAX {
            return Branded { are_many: true, ..Branded::default() };
        }
        let mut tied_before = BTreeSet::new();
        if waiting.firms_rounded.is_some() {
            tied_before.extend(self.orders_of_cases(orders.iter().copied()));
            tied_before.extend(self.orders_of_papers(&papers));
        }
        Branded { orders, papers, tied_before, are_many: false }
    }

    /// Order lines in whose cases a new brand is named.
    fn meet_brands(&self, branded: Branded, look_again: &mut BTreeSet<u32>, dirty: &mut Dirty) {
        let Branded { orders, papers, tied_before, are_many } = branded;
        dirty.all |= are_many;
        if dirty.all {
            return;
        }
        look_again.extend(&orders);
        look_again.extend(self.orders_to_look_at(&papers));
        dirty.far.extend(tied_before);
        dirty.far.extend(self.orders_of_cases(orders.into_iter()));
        dirty.far.extend(self.orders_of_papers(&papers));
    }

    /// Notes what answers hang on, by the numbers of their mentions. A batch run, which settles once, does without.
    fn note(&mut self, grounds: Vec<(u32, Grounds)>) {
        for (mention, grounds) in grounds {
            self.watchers.note(mention, &self.mentions[mention as usize].form, grounds);
        }
    }

    /// Cases that hold some of these order lines, each once.
    pub fn cuts_of(&self, orders: &BTreeSet<u32>) -> Vec<Cut> {
        self.cuts_around(orders.iter().copied()).collect()
    }

    /// Mentions that stand for other firms than before, with their new shares.
    fn resolve_changed(&mut self, mentions: &BTreeSet<u32>, is_first: bool) -> Vec<(u32, Shares)> {
        let mut changed = Vec::new();
        let mut noted = Vec::new();
        // In chunks, so that answers in words never are many.
        for chunk in self.by_name(mentions).chunks(MENTIONS_PER_CHUNK) {
            let resolved = self.candidates(chunk);
            for ((_, mention), (candidates, grounds)) in chunk.iter().zip(resolved) {
                let shares = self.shares(candidates);
                if self.mentions[*mention as usize].shares != shares {
                    changed.push((*mention, shares));
                }
                if self.expects_more || !is_first {
                    noted.push((*mention, grounds));
                }
            }
        }
        changed.sort_unstable_by_key(|(mention, _)| *mention);
        noted.sort_unstable_by_key(|(mention, _)| *mention);
        self.note(noted);
        changed
    }

    /// Mentions by a number that stands for their name, so that those of one name stand together: then each name is
    /// compared once.
    fn by_name(&self, mentions: &BTreeSet<u32>) -> Vec<(u64, u32)> {
        let mentions: Vec<u32> = mentions.iter().copied().collect();
        let name_of = |mention: u32| {
            let mut hasher = DefaultHasher::new();
            self.mentions[mention as usize].form.name.hash(&mut hasher);
            hasher.finish()
        };
        let mut by_name: Vec<(u64, u32)> = mentions.par_iter().map(|mention| (name_of(*mention), *mention)).collect();
        by_name.par_sort_unstable();
        by_name
    }

    /// The firms that mentions may stand for by what is known now, with what that hangs on, in the same order.
    fn candidates(&self, by_name: &[(u64, u32)]) -> Vec<(Vec<Candidate>, Grounds)> {
        let of_name = |alike: &[(u64, u32)]| {
            let held = alike.iter().map(|(_, mention)| &self.mentions[*mention as usize]);
            self.directory.resolve_all(held.map(|mention| (&*mention.form, Scope(mention.scope))))
        };
        let names: Vec<&[(u64, u32)]> = by_name.chunk_by(|one, other| one.0 == other.0).collect();
        let kept = |(Resolution { mut candidates }, grounds): (Resolution, Grounds)| {
            candidates.retain(|candidate| candidate.probability.to_f64() >= CANDIDATE_SHARE_MIN);
            (candidates, grounds)
        };
        names.par_iter().flat_map_iter(|alike| of_name(alike).into_iter().map(kept)).collect()
    }

    /// Whether a mention stands for these firms already.
    fn has_shares(&self, mention: u32, candidates: &[Candidate]) -> bool {
        let shares = &self.mentions[mention as usize].shares;
        let is_same = |(share, found): (&(u32, Probability), &Candidate)| {
            share.1 == found.probability && self.entities[share.0 as usize].key == found.entity
        };
        shares.len() == candidates.len() && shares.iter().zip(candidates).all(is_same)
    }

    /// Shares of a resolution by internal entity numbers; unknown entities get one.
    fn shares(&mut self, candidates: Vec<Candidate>) -> Shares {
        let mut shares = Vec::with_capacity(candidates.len());
        for Candidate { entity: key, probability } in candidates {
            let entity = match self.entity_ids.get(&key) {
                Some(entity) => *entity,
                None => {
                    let entity = self.entities.len() as u32;
                    self.entity_ids.insert(key.clone(), entity);
                    self.entities.push(Entity { key, ..Entity::default() });
                    entity
                }
            };
            shares.push((entity, probability));
        }
        shares.into_boxed_slice()
    }

    /// Enters records into the lists of their entities.
    fn link(&mut self, orders: &[u32], shipments: &[u32]) {
        let mut entered = Entered::default();
        for order in orders {
            let held = &self.orders[*order as usize];
            let row = (held.followed_from(), *order);
            entered.enter(self.mentions[held.buyer as usize].followed(), List::Orders, row);
        }
        for shipment in shipments {
            let held = &self.shipments[*shipment as usize];
            let row = (held.row.date, *shipment);
            let received = match held.role {
                ShipmentRole::Arrival => List::ArrivalsReceived,
                ShipmentRole::Transfer | ShipmentRole::Onward => List::TransfersReceived,
            };
            for (mention, list) in [(held.consignor, List::Sent), (held.consignee, received)] {
                let Some(mention) = mention else { continue };
                entered.enter(self.mentions[mention as usize].followed(), list, row);
            }
        }
        for ((entity, list), rows) in entered.rows {
            insert_sorted(self.entities[entity as usize].list_mut(list), rows);
        }
        self.forget_trails(orders, shipments);
    }

    /// Order lines that share a case with one of these papers, of every tenant.
    fn orders_of_papers(&self, papers: &[u32]) -> BTreeSet<u32> {
        let (mut orders, mut cutter) = (BTreeSet::new(), Cutter::new(self));
        for tenant in 0..self.tenants.len() as u32 {
            let mut met: BTreeSet<u32> = BTreeSet::new();
            for paper in papers {
                if !met.contains(paper) {
                    let cut = cutter.around_shipment(tenant, *paper);
                    met.extend(cut.shipments());
                    orders.extend(cut.orders());
                }
            }
        }
        orders
    }

    /// Order lines that papers may carry, by their buyers and days alone.
    fn orders_to_look_at(&self, papers: &[u32]) -> BTreeSet<u32> {
        let orders_of = |(entity, (from, until)): (u32, (Day, Day))| {
            between(&self.entities[entity as usize].orders, from, until).iter().map(|(_, order)| *order)
        };
        self.days_to_look_at(papers).into_iter().flat_map(orders_of).collect()
    }

    /// Entities that papers name, with the days on which order lines that such a paper may carry were placed: each day
    /// once for each entity, however many papers there are.
    fn days_to_look_at(&self, papers: &[u32]) -> Vec<(u32, (Day, Day))> {
        let policy = &self.policy;
        let mut looks: Vec<(u32, (Day, Day))> = Vec::new();
        for paper in papers {
            let held = &self.shipments[*paper as usize];
            let (from, until) = policy.orders_of_paper(held.row.date);
            for mention in held.consignor.iter().chain(&held.consignee) {
                let entities = self.mentions[*mention as usize].followed().iter();
                looks.extend(entities.map(|(entity, _)| (*entity, (from, until))));
            }
        }
        joined(looks)
    }

    /// Order lines that share a case with one of these: each case is cut once.
    pub(super) fn orders_of_cases(&self, orders: impl Iterator<Item = u32>) -> BTreeSet<u32> {
        let (mut met, mut cutter) = (BTreeSet::new(), Cutter::new(self));
        for order in orders {
            if !met.contains(&order) {
                met.extend(cutter.around_order(order).orders());
            }
        }
        met
    }

    /// Order lines in whose cases an entity with a new register row is seen.
    fn meet_entities(&self, keys: &BTreeSet<String>, dirty: &mut Dirty) {
        if dirty.all {
            return;
        }
        for entity in keys.iter().filter_map(|key| self.entity_ids.get(key)) {
            let entity = &self.entities[*entity as usize];
            dirty.orders.extend(self.orders_of_cases(entity.orders.iter().map(|(_, order)| *order)));
            let lists = [&entity.sent, &entity.transfers_received, &entity.arrivals_received];
            let papers: Vec<u32> = lists.into_iter().flatten().map(|(_, paper)| *paper).collect();
            dirty.orders.extend(self.orders_of_papers(&papers));
        }
    }

    /// Order lines whose arrival became due, or stopped being so, because arrivals are held for more days now.
    fn arrivals_extended(&mut self, papers: &[u32], dirty: &mut Dirty) -> Vec<u32> {
        let arrivals = papers.iter().map(|paper| &self.shipments[*paper as usize]);
        let days = arrivals.filter(|held| held.role == ShipmentRole::Arrival).map(|held| held.row.date);
        let new = days.fold(self.arrival_days, |days, day| {
            let (first, last) = days.unwrap_or((day, day));
            Some((first.min(day), last.max(day)))
        });
        if new == self.arrival_days {
            return Vec::new();
        }
        let old = std::mem::replace(&mut self.arrival_days, new);
        let is_due = |days: Option<(Day, Day)>, order: u32| {
            let despatched = despatch_day(&self.orders[order as usize].facts());
            let deadline = despatched.plus_days(self.policy.transit_days_max);
            days.is_some_and(|(first, last)| first <= despatched && deadline <= last)
        };
        let orders = (0..self.orders.len() as u32).filter(|order| is_due(old, *order) != is_due(new, *order));
        let orders: Vec<u32> = orders.collect();
        if !dirty.is_first {
            let is_outermost = |paper: &&u32| {
                let held = &self.shipments[**paper as usize];
                let day = held.row.date;
                held.role == ShipmentRole::Arrival && new.is_some_and(|(first, last)| day == first || day == last)
            };
            let paper = papers.iter().find(is_outermost);
            let record = paper.and_then(|paper| dirty.news.papers.get(paper)).and_then(|reason| reason.record);
            dirty.news.mark(orders.iter().copied(), Reason { kind: CauseKind::ArrivalDays, record });
        }
        orders
    }
}

/// Records on their way into the lists of entities.
#[derive(Default)]
struct Entered {
    rows: HashMap<(u32, List), Vec<(Day, u32)>>,
}

impl Entered {
    fn enter(&mut self, entities: &[(u32, Probability)], list: List, row: (Day, u32)) {
        for (entity, _) in entities {
            self.rows.entry((*entity, list)).or_default().push(row);
        }
    }
}

/// A few rows are put where they belong; many are sorted in together, because each one put into a list of a million moves
/// half of it.
fn insert_sorted(list: &mut Vec<(Day, u32)>, rows: Vec<(Day, u32)>) {
    const FEW: usize = 8;
    if rows.len() > FEW {
        list.extend(rows);
        list.sort();
        list.dedup();
        return;
    }
    for row in rows {
        if let Err(place) = list.binary_search(&row) {
            list.insert(place, row);
        }
    }
}
