//! Screening files: records in, findings and parties out, by the same judgement as the service.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::{Corridor, Country, Evidence, Finding, Party, Probability, Record};

use super::holdings::{Holdings, Mention};
use super::judge::judge;
use super::policy::Policy;

/// Records being gathered for one run. They are folded and indexed as they come, so that no second copy of a large
/// file is held.
#[derive(Debug)]
pub struct Batch {
    tenant: String,
    policy: Policy,
    holdings: Holdings,
    waiting: Vec<Record>,
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
    pub evidence: &'a [Evidence],
}

/// What came of it.
#[derive(Debug)]
pub struct BatchOutput {
    /// One finding for each order line, by key.
    pub findings: Vec<Finding>,
    holdings: Holdings,
}

/// A step of a batch run, for progress bars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Mentions are resolved.
    Resolving,
    /// Cases are judged.
    Judging,
}

/// Records folded side by side before they are taken in.
const RECORDS_PER_CHUNK: usize = 16_384;

impl Batch {
    /// Nothing gathered yet, for this tenant's orders.
    pub fn new(tenant: &str, policy: Policy) -> Self {
        let holdings = Holdings::new(policy.clone(), Corridor::default());
        Self { tenant: tenant.to_owned(), policy, holdings, waiting: Vec::new() }
    }

    /// Takes one record in. Of two records of the same name the first is kept.
    pub fn take(&mut self, record: Record) {
        self.waiting.push(record);
        if self.waiting.len() >= RECORDS_PER_CHUNK {
            self.index();
        }
    }

    fn index(&mut self) {
        self.holdings.prepare(&self.waiting);
        for record in self.waiting.drain(..) {
            // Papers and registers are for all to see, as they are in the service: name statistics learn from them.
            let owner = matches!(record, Record::Order(_)).then_some(self.tenant.as_str());
            self.holdings.insert(owner, record);
        }
    }

    /// Screens everything. `progress` hears the stage, what is done and what there is to do; it must be cheap.
    pub fn screen(mut self, progress: &(dyn Fn(Stage, u64, u64) + Sync)) -> BatchOutput {
        self.index();
        progress(Stage::Resolving, 0, 1);
        self.holdings.settle();
        let findings = judge_all(&self.holdings, &self.policy, progress);
        BatchOutput { findings, holdings: self.holdings }
    }
}

impl BatchOutput {
    /// One row for each distinct mention and candidate, by role, name, identifier, country, falling share.
    pub fn parties(&self) -> Vec<PartyRow<'_>> {
        self.holdings.parties()
    }
}

fn judge_all(holdings: &Holdings, policy: &Policy, progress: &(dyn Fn(Stage, u64, u64) + Sync)) -> Vec<Finding> {
    let cuts = holdings.cuts();
    let total = holdings.order_count() as u64;
    let done = std::sync::atomic::AtomicU64::new(0);
    let mut findings: Vec<Finding> = cuts
        .par_iter()
        .flat_map_iter(|cut| {
            let findings = judge(&holdings.case(cut), policy);
            let count = findings.len() as u64;
            let before = done.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
            progress(Stage::Judging, before + count, total);
            findings
        })
        .collect();
    findings.sort_by(|left, right| (&left.tenant, &left.order).cmp(&(&right.tenant, &right.order)));
    findings
}

impl Holdings {
    /// Who was taken for whom. Mentions that differ only in address or phone share a row and average their shares;
    /// the evidence shown is that of the first of them in the order of their folded forms.
    pub fn parties<'a>(&'a self) -> Vec<PartyRow<'a>> {
        type Printed<'a> = (&'static str, &'a str, &'a str, Option<Country>);
        type Shares<'a> = BTreeMap<&'a str, (u64, &'a Mention, &'a [Evidence])>;
        let mut totals: BTreeMap<Printed<'_>, (u32, Shares<'_>)> = BTreeMap::new();
        let mut add = |(role, party, mention): (&'static str, &'a Party, u32)| {
            let key = (role, party.name.as_str(), party.identifier.as_str(), party.country);
            let mention = &self.mentions[mention as usize];
            let (count, entities) = totals.entry(key).or_default();
            *count += 1;
            for candidate in mention.candidates.iter() {
                let entry = entities.entry(&candidate.entity).or_insert((0, mention, &candidate.evidence));
                entry.0 += u64::from(candidate.probability.millionths());
                if mention.form < entry.1.form {
                    (entry.1, entry.2) = (mention, &candidate.evidence);
                }
            }
        };
        for order in &self.orders {
            add(("buyer", &order.base.line.buyer, order.buyer));
        }
        for shipment in &self.shipments {
            if let Some(mention) = shipment.consignor {
                add(("consignor", &shipment.base.line.consignor, mention));
            }
            if let Some(mention) = shipment.consignee {
                add(("consignee", &shipment.base.line.consignee, mention));
            }
        }
        let mut rows = Vec::new();
        for ((role, name, identifier, country), (count, entities)) in totals {
            let mut of_mention: Vec<PartyRow<'_>> = entities
                .into_iter()
                .map(|(entity, (sum, _, evidence))| PartyRow {
                    role,
                    name,
                    identifier,
                    country,
                    entity,
                    probability: Probability::from_f64(sum as f64 / f64::from(count) / 1e6),
                    evidence,
                })
                .collect();
            of_mention
                .sort_by(|left, right| right.probability.cmp(&left.probability).then(left.entity.cmp(right.entity)));
            rows.extend(of_mention);
        }
        rows
    }
}
