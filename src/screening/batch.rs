//! Screening files: records in, findings and parties out, by the same judgement as the service.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::model::{
    Company, Corridor, Country, Evidence, Finding, OrderLine, Party, Probability, Record, ShipmentLine,
};

use super::holdings::{Holdings, Mention};
use super::judge::judge;
use super::policy::Policy;

/// What to screen.
#[derive(Debug, Default)]
pub struct BatchInput {
    /// Whose orders these are.
    pub tenant: String,
    /// The exporter's order lines.
    pub orders: Vec<OrderLine>,
    /// Papers on goods moving.
    pub shipments: Vec<ShipmentLine>,
    /// Rows of company registers.
    pub companies: Vec<Company>,
}

/// Who was taken for whom: one distinct mention and one candidate entity.
#[derive(Clone, PartialEq, Debug)]
pub struct PartyRow {
    /// `buyer`, `consignor` or `consignee`.
    pub role: &'static str,
    /// Name as printed.
    pub name: String,
    /// Identifier as printed.
    pub identifier: String,
    /// Country on the paper.
    pub country: Option<Country>,
    /// The entity's stable name.
    pub entity: String,
    /// Its share of the mention.
    pub probability: Probability,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// What came of it.
#[derive(Debug)]
pub struct BatchOutput {
    /// One finding for each order line, by key.
    pub findings: Vec<Finding>,
    /// One row for each distinct mention and candidate, by role, name, identifier, country, falling share.
    pub parties: Vec<PartyRow>,
}

/// A step of a batch run, for progress bars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Records are normalised and indexed.
    Indexing,
    /// Mentions are resolved.
    Resolving,
    /// Cases are judged.
    Judging,
}

/// Records folded side by side before they are taken in.
const RECORDS_PER_CHUNK: usize = 16_384;

/// Screens everything. `progress` hears the stage, what is done and what there is to do; it must be cheap.
pub fn screen(input: BatchInput, policy: &Policy, progress: &(dyn Fn(Stage, u64, u64) + Sync)) -> BatchOutput {
    let BatchInput { tenant, orders, shipments, companies } = input;
    let total = (orders.len() + shipments.len() + companies.len()) as u64;
    let mut holdings = Holdings::new(policy.clone(), Corridor::default());
    let records = companies
        .into_iter()
        .map(|company| Record::Company(Box::new(company)))
        .chain(shipments.into_iter().map(|line| Record::Shipment(Box::new(line))))
        .chain(orders.into_iter().map(|line| Record::Order(Box::new(line))));
    let mut done = 0;
    let mut records = records.peekable();
    while records.peek().is_some() {
        let chunk: Vec<Record> = records.by_ref().take(RECORDS_PER_CHUNK).collect();
        done += chunk.len() as u64;
        holdings.prepare(&chunk);
        for record in chunk {
            // Papers and registers are for all to see, as they are in the service: name statistics learn from them.
            let owner = matches!(record, Record::Order(_)).then_some(tenant.as_str());
            holdings.insert(owner, record);
        }
        progress(Stage::Indexing, done, total);
    }
    progress(Stage::Resolving, 0, 1);
    holdings.settle();
    let findings = judge_all(&holdings, policy, progress);
    BatchOutput { findings, parties: holdings.parties() }
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
    pub fn parties(&self) -> Vec<PartyRow> {
        type Printed = (&'static str, String, String, Option<Country>);
        type Shares<'a> = BTreeMap<&'a str, (u64, &'a Mention, &'a [Evidence])>;
        let mut totals: BTreeMap<Printed, (u32, Shares<'_>)> = BTreeMap::new();
        let mut add = |role: &'static str, party: &Party, mention: u32| {
            let key = (role, party.name.clone(), party.identifier.clone(), party.country);
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
            add("buyer", &order.base.line.buyer, order.buyer);
        }
        for shipment in &self.shipments {
            if let Some(mention) = shipment.consignor {
                add("consignor", &shipment.base.line.consignor, mention);
            }
            if let Some(mention) = shipment.consignee {
                add("consignee", &shipment.base.line.consignee, mention);
            }
        }
        let mut rows = Vec::new();
        for ((role, name, identifier, country), (count, entities)) in totals {
            let mut of_mention: Vec<PartyRow> = entities
                .into_iter()
                .map(|(entity, (sum, _, evidence))| PartyRow {
                    role,
                    name: name.clone(),
                    identifier: identifier.clone(),
                    country,
                    entity: entity.to_owned(),
                    probability: Probability::from_f64(sum as f64 / f64::from(count) / 1e6),
                    evidence: evidence.to_vec(),
                })
                .collect();
            of_mention
                .sort_by(|left, right| right.probability.cmp(&left.probability).then(left.entity.cmp(&right.entity)));
            rows.extend(of_mention);
        }
        rows
    }
}
