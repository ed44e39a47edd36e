//! Screening files: records in, findings and parties out, by the same judgement as the service.
//!
//! Findings and parties are handed on as they are made, in a stated order, so that a run holds few of them at a time.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use crate::model::{CaseOrder, Corridor, Country, Evidence, Finding, MentionForm, Probability, Record};
use crate::resolve::{Explainer, Scope};

use super::gather::Cut;
use super::holdings::{Held, Holdings};
use super::judge::judge;
use super::kept::{BlockReader, KeptError};
use super::policy::Policy;
use super::pool::PartyId;
use super::renewal::{Before, Renewal};

/// Records being gathered for one run. They are folded and indexed as they come, so that no second copy of a large
/// file is held.
#[derive(Debug)]
pub struct Batch {
    tenant: String,
    policy: Policy,
    holdings: Holdings,
    /// What was held when a kept state was taken up.
    before: Option<Before>,
    conflict_count: u64,
}

/// Records that are resolved and wait to be judged.
#[derive(Debug)]
pub struct Screening {
    policy: Policy,
    holdings: Holdings,
    /// What this run has to do, where it goes on from a kept state.
    renewal: Option<Renewal>,
}

/// What comes of an order line or of a party: the rows of it that an earlier run handed on may stand.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome<T> {
    /// No earlier run had it.
    New(T),
    /// In the place of what an earlier run handed on.
    Again(T),
    /// What the earlier run handed on.
    AsBefore,
}

impl<T> Outcome<T> {
    /// The same with what was made of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::New(value) => Outcome::New(make(value)),
            Self::Again(value) => Outcome::Again(make(value)),
            Self::AsBefore => Outcome::AsBefore,
        }
    }
}

impl<T, E> Outcome<Result<T, E>> {
    /// The error, if it came to one.
    pub fn transpose(self) -> Result<Outcome<T>, E> {
        match self {
            Self::New(value) => value.map(Outcome::New),
            Self::Again(value) => value.map(Outcome::Again),
            Self::AsBefore => Ok(Outcome::AsBefore),
        }
    }
}

/// Who was taken for whom: one distinct mention and one candidate entity.
#[derive(Clone, PartialEq, Debug)]
pub struct PartyRow<'a> {
    /// `buyer`, `consignor` or `consignee`.
    pub role: &'static str,
    /// Name as printed.
    pub name: &'a str,
    /// Identifier as printed.
    pub identifier: &'a str,
    /// Country on the paper.
    pub country: Option<Country>,
    /// The entity's stable name.
    pub entity: &'a str,
    /// Its share of the mention.
    pub probability: Probability,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// A step of a batch run, for progress bars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Mentions are resolved.
    Resolving,
    /// Cases are judged.
    Judging,
}

/// Order lines judged side by side before their findings are handed on; a larger case is judged whole.
const ORDERS_PER_ROUND: usize = 4_096;
/// Rows of the list of parties explained side by side before they are handed on.
const PARTIES_PER_ROUND: usize = 8_192;

impl Batch {
    /// Nothing gathered yet, for this tenant's orders.
    pub fn new(tenant: &str, policy: Policy) -> Self {
        let holdings = Holdings::new(policy.clone(), Corridor::default());
        Self { tenant: tenant.to_owned(), policy, holdings, before: None, conflict_count: 0 }
    }

    /// The same for a run whose end is kept, see [`Screening::holdings`].
    pub fn to_be_kept(tenant: &str, policy: Policy) -> Self {
        let holdings = Holdings::expecting_more(policy.clone(), Corridor::default());
        Self { tenant: tenant.to_owned(), policy, holdings, before: None, conflict_count: 0 }
    }

    /// Goes on from the end of an earlier run of the same tenant under the same rules, which kept its records and firms.
    pub fn going_on(
        tenant: &str,
        policy: Policy,
        records: &mut BlockReader<impl Read + Send>,
        firms: &mut BlockReader<impl Read + Send>,
    ) -> Result<Self, KeptError> {
        let holdings = Holdings::taken_up(records, firms, policy.clone(), Corridor::default())?;
        if holdings.tenants.iter().any(|held| held != tenant) {
            return Err(KeptError::OtherTenant);
        }
        let before = Some(Before::of(&holdings));
        Ok(Self { tenant: tenant.to_owned(), policy, holdings, before, conflict_count: 0 })
    }

    /// Takes records in; the spellings of one call are folded side by side, so a few thousand at a time are best. Of two
    /// records of the same name the first is kept.
    pub fn take(&mut self, records: Vec<Record>) {
        // Papers and registers are for all to see, as they are in the service: name statistics learn from them.
        let owner = |record: &Record| matches!(record, Record::Order(_)).then_some(self.tenant.as_str());
        let taken = self.holdings.insert_all(records.into_iter().map(|record| (owner(&record), record)).collect());
        self.conflict_count += taken.iter().filter(|held| **held == Held::Conflict).count() as u64;
    }

    /// Records that were left out because one with the same name and another content was held already.
    pub fn conflict_count(&self) -> u64 {
        self.conflict_count
    }

    /// How many shipment lines and company rows are gathered, those of earlier runs too.
    pub fn paper_counts(&self) -> [u64; 2] {
        let Holdings { shipments, companies, .. } = &self.holdings;
        [shipments.len(), companies.len()].map(|count| count as u64)
    }

    /// Resolves who is who. `progress` hears the stage, what is done and what there is to do; it must be cheap.
    pub fn resolve(mut self, progress: &(dyn Fn(Stage, u64, u64) + Sync)) -> Screening {
        progress(Stage::Resolving, 0, 1);
        if !self.holdings.expects_more {
            self.holdings.close();
        }
        let renewal = match self.before {
            Some(before) => Some(Renewal::of(&mut self.holdings, before)),
            None => {
                self.holdings.settle();
                None
            }
        };
        Screening { policy: self.policy, holdings: self.holdings, renewal }
    }
}

impl Screening {
    /// What is held, to be kept for a later run: of a run that was [to be kept](Batch::to_be_kept) or
    /// [went on](Batch::going_on) itself.
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// How many order lines are judged, where an earlier run judged the others.
    pub fn judged_anew_count(&self) -> Option<u64> {
        self.renewal.as_ref().map(|renewal| renewal.judged_count as u64)
    }

    /// Judges everything that an earlier run did not, or that may be judged differently now. `word` is called side by
    /// side, with a finding and the order line it is on; `hand_on` hears what came of it, one order line after the other
    /// by key, and ends the run with its first error.
    pub fn findings<T: Send, E>(
        &self,
        progress: &(dyn Fn(Stage, u64, u64) + Sync),
        word: impl Fn(Finding, &CaseOrder) -> T + Sync,
        mut hand_on: impl FnMut(Outcome<T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let holdings = &self.holdings;
        let in_order = holdings.orders_by_key();
        let rank_of = ranks(&in_order);
        let total = self.judged_anew_count().unwrap_or(in_order.len() as u64);
        let done = AtomicU64::new(0);
        let judged = |cut: &Cut| -> Vec<(u32, T)> {
            let case = holdings.case(cut);
            let findings = judge(&case, &self.policy);
            let before = done.fetch_add(findings.len() as u64, Ordering::Relaxed);
            progress(Stage::Judging, before + findings.len() as u64, total);
            let ranks = holdings.orders_in_order(cut).into_iter().map(|order| rank_of[order as usize]);
            ranks.zip(findings.into_iter().zip(&case.orders).map(|(finding, order)| word(finding, order))).collect()
        };
        let mut cuts: Box<dyn Iterator<Item = Cut> + Send + '_> = match &self.renewal {
            Some(Renewal { cuts: Some(cuts), .. }) => Box::new(cuts.iter().cloned()),
            _ => Box::new(holdings.cuts_around(in_order.iter().copied())),
        };
        let mut round = next_round(&mut cuts);
        let judge_round = || {
            // The next cases are cut while these are judged.
            let judge_this = || round.par_iter().flat_map_iter(judged).collect::<Vec<_>>();
            let (words, next) = rayon::join(judge_this, || next_round(&mut cuts));
            round = next;
            (!words.is_empty()).then_some(words)
        };
        // A case may hold order lines from anywhere: what is early waits for what stands before it.
        let mut early: BTreeMap<u32, T> = BTreeMap::new();
        let mut next = 0;
        let mut hand_on_from = |early: &mut BTreeMap<u32, T>| {
            while let Some(order) = in_order.get(next as usize) {
                let outcome = match &self.renewal {
                    Some(renewal) if !renewal.judges(*order) => Outcome::AsBefore,
                    renewal => {
                        let Some(word) = early.remove(&next) else { return Ok(()) };
                        let is_known = renewal.as_ref().is_some_and(|renewal| renewal.before.has_order(*order));
                        if is_known { Outcome::Again(word) } else { Outcome::New(word) }
                    }
                };
                hand_on(outcome)?;
                next += 1;
            }
            Ok(())
        };
        ahead(judge_round, |words| {
            early.extend(words);
            hand_on_from(&mut early)
        })?;
        hand_on_from(&mut early)
    }

    /// Who was taken for whom: rows for each party as papers print it, by role, name, identifier, country; one row for
    /// each distinct candidate, by falling share. Mentions that differ only in address or telephone share rows and
    /// average their shares; the evidence shown is that of the first of them in the order of their folded forms.
    pub fn parties<E>(&self, mut hand_on: impl FnMut(Outcome<Vec<PartyRow<'_>>>) -> Result<(), E>) -> Result<(), E> {
        let holdings = &self.holdings;
        let mut carried = holdings.printed_mentions(self.renewal.as_ref().map(|renewal| renewal.before));
        carried.par_sort_unstable();
        let printed: Vec<&[Printed<'_>]> = carried.chunk_by(Printed::reads_like).collect();
        let mut rounds = printed.chunks(PARTIES_PER_ROUND);
        let explain_round = || {
            let names = rounds.next()?.chunk_by(|one, other| one[0].name == other[0].name).collect::<Vec<_>>();
            Some(names.par_iter().map(|of_name| self.rows_of_name(of_name)).collect::<Vec<_>>())
        };
        ahead(explain_round, |rows| rows.into_iter().flatten().try_for_each(&mut hand_on))
    }

    /// Rows of parties that are printed with one name, in their order.
    fn rows_of_name<'a>(&'a self, of_name: &[&[Printed<'a>]]) -> Vec<Outcome<Vec<PartyRow<'a>>>> {
        let mut explainer = self.holdings.directory.explainer();
        let outcome = |alike: &&[Printed<'a>]| {
            let stands = |renewal: &Renewal| {
                let is_same = |printed: &Printed<'_>| printed.new_count == 0 && !renewal.rewords(printed.mention);
                alike.iter().all(is_same)
            };
            if self.renewal.as_ref().is_some_and(stands) {
                return Outcome::AsBefore;
            }
            let rows = self.holdings.party_rows(alike, &mut explainer);
            let is_known = alike.iter().any(|printed| printed.record_count > printed.new_count);
            if is_known { Outcome::Again(rows) } else { Outcome::New(rows) }
        };
        of_name.iter().map(outcome).collect()
    }
}

/// Rounds that may wait to be handed on.
const ROUNDS_WAITING_MAX: usize = 1;

/// Makes rounds on a thread of their own until there are none left, while this one hands on those made before; ends with
/// the first error.
fn ahead<R: Send, E>(
    mut make: impl FnMut() -> Option<R> + Send,
    mut hand_on: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        let (made, waiting) = sync_channel(ROUNDS_WAITING_MAX);
        // Nobody takes a round only when handing on failed.
        scope.spawn(move || while make().is_some_and(|round| made.send(round).is_ok()) {});
        waiting.into_iter().try_for_each(&mut hand_on)
    })
}

/// The place of each order line among those in order, by its number.
fn ranks(in_order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; in_order.len()];
    for (order, rank) in in_order.iter().zip(0..) {
        ranks[*order as usize] = rank;
    }
    ranks
}

/// The next cuts that have together at least [`ORDERS_PER_ROUND`] order lines, or all that are left.
fn next_round(cuts: &mut impl Iterator<Item = Cut>) -> Vec<Cut> {
    let (mut round, mut order_count) = (Vec::new(), 0);
    while order_count < ORDERS_PER_ROUND
        && let Some(cut) = cuts.next()
    {
        order_count += cut.orders().count();
        round.push(cut);
    }
    round
}

/// A party as papers print it, and the mention that it is there. In the order of the list of parties.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Printed<'a> {
    role: &'static str,
    name: &'a str,
    identifier: &'a str,
    country: Option<Country>,
    form: &'a MentionForm,
    mention: u32,
    /// Records that print it so.
    record_count: u32,
    /// Those of them that no earlier run had.
    new_count: u32,
}

impl Printed<'_> {
    fn reads_like(&self, other: &Self) -> bool {
        (self.role, self.name, self.identifier, self.country)
            == (other.role, other.name, other.identifier, other.country)
    }
}

impl Holdings {
    /// Every party of every record that is resolved, each spelling of each mention once: a large firm is named a million
    /// times in the same letters. All are new to a first run.
    fn printed_mentions(&self, before: Option<Before>) -> Vec<Printed<'_>> {
        let before = before.unwrap_or_default();
        let orders = self.orders.iter().zip(0..);
        let buyers = orders.map(|(held, order)| ("buyer", held.row.buyer, Some(held.buyer), !before.has_order(order)));
        let acting = self.shipments.iter().zip(0..).flat_map(|(held, shipment)| {
            let is_new = !before.has_shipment(shipment);
            [
                ("consignor", held.row.consignor, held.consignor, is_new),
                ("consignee", held.row.consignee, held.consignee, is_new),
            ]
        });
        let mut records: HashMap<(&'static str, PartyId, u32), (u32, u32)> = HashMap::new();
        for (role, party, mention, is_new) in buyers.chain(acting) {
            if let Some(mention) = mention {
                let (record_count, new_count) = records.entry((role, party, mention)).or_default();
                (*record_count, *new_count) = (*record_count + 1, *new_count + u32::from(is_new));
            }
        }
        let printed = |((role, party, mention), (record_count, new_count))| {
            let (name, identifier, country) = self.pool.printed(party);
            let form = &self.mentions[mention as usize].form;
            Printed { role, name, identifier, country, form, mention, record_count, new_count }
        };
        records.into_iter().map(printed).collect()
    }

    /// Rows of parties that are printed alike, in the order of their forms.
    fn party_rows<'a>(&'a self, alike: &[Printed<'a>], explainer: &mut Explainer<'_>) -> Vec<PartyRow<'a>> {
        // Sum of shares, and the first mention that may stand for the entity.
        let mut entities: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
        for printed in alike {
            for (entity, share) in self.mentions[printed.mention as usize].shares.iter() {
                let entry = entities.entry(*entity).or_insert((0, printed.mention));
                entry.0 += u64::from(share.millionths()) * u64::from(printed.record_count);
            }
        }
        let record_count: u32 = alike.iter().map(|printed| printed.record_count).sum();
        let row = |(entity, (sum, mention)): (u32, (u64, u32))| {
            let (entity, mention) = (self.entities[entity as usize].key.as_str(), &self.mentions[mention as usize]);
            let Printed { role, name, identifier, country, .. } = alike[0];
            let probability = Probability::from_f64(sum as f64 / f64::from(record_count) / 1e6);
            let evidence = explainer.explain(&mention.form, Scope(mention.scope), entity);
            PartyRow { role, name, identifier, country, entity, probability, evidence }
        };
        let mut rows: Vec<PartyRow<'a>> = entities.into_iter().map(row).collect();
        rows.sort_by(|left, right| right.probability.cmp(&left.probability).then(left.entity.cmp(right.entity)));
        rows
    }
}
