//! The store as plain lists and maps: what it must hold after some work, and what a real one does hold.
//!
//! Come here when the store promises something new: the promise is repeated here in the simplest possible way.

use std::collections::BTreeMap;

use super::samples;
use crate::audit::{AuditKind, Checkpoint, Frontier, verify};
use crate::model::{AlertEventKind, Finding, OrderKey, Record};
use crate::store::{AcceptBatch, RecordOutcome, RecordScope, Snapshot, TenantView};

/// One piece of work.
#[derive(Clone, Debug)]
pub enum Work {
    Accept(AcceptBatch),
    Judge(Vec<Finding>, Option<u64>),
}

/// What is there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plain {
    pub log: Vec<(RecordScope, Record)>,
    pub findings: BTreeMap<(String, OrderKey), Vec<Finding>>,
    pub events: BTreeMap<String, Vec<(AlertEventKind, OrderKey, String)>>,
    pub trail: Vec<(AuditKind, String, String)>,
    pub judged_through: u64,
}

/// What was answered before, by tenant and request id.
pub type Requests = BTreeMap<(String, String), Vec<RecordOutcome>>;

impl Plain {
    /// Does the work; for a batch, the outcome of each record.
    pub fn apply(&mut self, work: &Work, requests: &mut Requests) -> Vec<RecordOutcome> {
        match work {
            Work::Accept(batch) => self.accept(batch, requests),
            Work::Judge(findings, judged_through) => {
                let mut sorted = findings.clone();
                sorted.sort_by_key(|finding| (finding.tenant.clone(), finding.order.clone()));
                sorted.iter().for_each(|finding| self.judge(finding));
                self.judged_through = self.judged_through.max(judged_through.unwrap_or(0));
                Vec::new()
            }
        }
    }

    fn accept(&mut self, batch: &AcceptBatch, requests: &mut Requests) -> Vec<RecordOutcome> {
        let request = (batch.tenant.clone(), batch.request_id.clone());
        if let Some(outcomes) = requests.get(&request) {
            return outcomes.clone();
        }
        let outcomes: Vec<RecordOutcome> =
            batch.records.iter().map(|record| self.accept_record(record, batch)).collect();
        self.trail.push((AuditKind::BatchAccepted, batch.tenant.clone(), format!("batch/{}", batch.request_id)));
        requests.insert(request, outcomes.clone());
        outcomes
    }

    fn accept_record(&mut self, record: &Record, batch: &AcceptBatch) -> RecordOutcome {
        let is_shared = batch.shared && !matches!(record, Record::Order(_));
        let own = RecordScope::Tenant(batch.tenant.as_str().into());
        let scope = if is_shared { RecordScope::Shared } else { own };
        let same_key = |held: &&(RecordScope, Record)| key(&held.1) == key(record);
        if let Some((_, held)) = self.log.iter().filter(same_key).find(|(of, _)| *of == scope) {
            return if held == record { RecordOutcome::Unchanged } else { RecordOutcome::Conflict };
        }
        if self.log.contains(&(RecordScope::Shared, record.clone())) {
            return RecordOutcome::Unchanged;
        }
        self.log.push((scope, record.clone()));
        RecordOutcome::Stored { sequence: self.log.len() as u64 }
    }

    fn judge(&mut self, finding: &Finding) {
        let Finding { tenant, order, .. } = finding;
        let revisions = self.findings.entry((tenant.clone(), order.clone())).or_default();
        if revisions.last() != Some(finding) {
            revisions.push(finding.clone());
            let subject = format!("order/{}/{}", order.order_id, order.line_no);
            self.trail.push((AuditKind::CaseJudged, tenant.clone(), subject));
        }
        let events = self.events.entry(tenant.clone()).or_default();
        let of_order = || events.iter().enumerate().filter(|(_, event)| event.1 == *order);
        let last = of_order().next_back().map(|(_, event)| (event.0 != AlertEventKind::Closed, event.2.clone()));
        let kind = match (last, finding.score.to_f64() >= 0.5) {
            (None, true) => AlertEventKind::Raised,
            (Some((false, _)), true) => AlertEventKind::Reopened,
            (Some((true, _)), false) => AlertEventKind::Closed,
            (Some((true, summary)), true) if summary != finding.summary => AlertEventKind::Updated,
            _ => return,
        };
        let id = of_order().next().map_or(events.len(), |(index, _)| index) + 1;
        events.push((kind, order.clone(), finding.summary.clone()));
        let audit_kind = match kind {
            AlertEventKind::Raised | AlertEventKind::Reopened => AuditKind::AlertRaised,
            AlertEventKind::Updated | AlertEventKind::Lowered => AuditKind::AlertUpdated,
            _ => AuditKind::AlertClosed,
        };
        self.trail.push((audit_kind, tenant.clone(), format!("alert/{id}")));
    }

    /// Reads all of a store, and asserts on the way that its parts agree with each other.
    pub fn read(snapshot: &Snapshot) -> Self {
        let mut plain = Self { judged_through: snapshot.judged_through().unwrap(), ..Self::default() };
        let entries = snapshot.audit_entries(0, 10_000).unwrap();
        verify(&entries).unwrap();
        plain.trail = entries.into_iter().map(|entry| (entry.kind, entry.tenant, entry.subject)).collect();
        for (place, logged) in (1..).zip(snapshot.records_since(0, 10_000).unwrap()) {
            assert_eq!(logged.sequence, place, "the record log has a gap");
            plain.log.push((logged.scope, logged.record));
        }
        for tenant in snapshot.tenants().unwrap() {
            plain.read_tenant(snapshot, &tenant);
        }
        let counts = snapshot.counts().unwrap();
        assert_eq!(counts.orders + counts.shipments + counts.companies, plain.log.len() as u64);
        assert_eq!(counts.findings, plain.findings.len() as u64);
        plain
    }

    fn read_tenant(&mut self, snapshot: &Snapshot, tenant: &str) {
        let view = snapshot.tenant(tenant).unwrap();
        let own = RecordScope::Tenant(tenant.into());
        let mut lines: Vec<_> =
            self.log.iter().filter(|(scope, record)| *scope == own && matches!(record, Record::Order(_))).collect();
        lines.sort_by_key(|(_, record)| key(record));
        let indexed: Vec<_> = view.orders(None, 10_000).unwrap();
        assert_eq!(indexed.len(), lines.len());
        for (line, (_, record)) in indexed.into_iter().zip(lines) {
            assert_eq!(*record, Record::Order(Box::new(line)));
        }
        for stored in view.findings(None, 10_000).unwrap() {
            let order = stored.finding.order.clone();
            let mut revisions: Vec<Finding> = Vec::new();
            for (revision, before) in (1..).zip(view.finding_history(&order).unwrap()) {
                assert_eq!(before.revision, revision);
                revisions.push(before.finding);
            }
            assert_eq!(stored.revision as usize, revisions.len() + 1);
            for (revision, change) in (1..).zip(view.changes_of_order(&order, 0, 10_000).unwrap()) {
                assert_eq!(change.revision, revision);
                assert!(change.place > 0, "a revision without its cause");
            }
            revisions.push(stored.finding);
            self.findings.insert((tenant.to_owned(), order), revisions);
        }
        self.check_tree(&view, tenant);
        let mut alerts = BTreeMap::new();
        let events = self.events.entry(tenant.to_owned()).or_default();
        for (sequence, event) in (1..).zip(view.alert_events(0, 10_000).unwrap()) {
            assert_eq!(event.sequence, sequence, "the events of {tenant} have a gap");
            events.push((event.kind, event.alert.order.clone(), event.alert.summary.clone()));
            alerts.insert(event.alert.id, event.alert);
        }
        assert_eq!(view.alerts(None, 10_000).unwrap(), alerts.into_values().collect::<Vec<_>>());
        if events.is_empty() {
            self.events.remove(tenant);
        }
    }

    /// The tree of a tenant is the one over its entries of the common trail, and proves them.
    fn check_tree(&self, view: &TenantView<'_>, tenant: &str) {
        let entries = view.audit_entries(0, 10_000).unwrap();
        assert_eq!(entries.len(), self.trail.iter().filter(|(_, owner, _)| owner == tenant).count());
        let mut tree = Frontier::default();
        for entry in &entries {
            assert_eq!(entry.tenant, tenant);
            tree.push(entry.leaf_hash(), |_, _| Ok::<_, ()>(())).unwrap();
        }
        assert_eq!(view.checkpoint().unwrap(), Checkpoint { tree: tree.head(), newest: entries.last().cloned() });
        for entry in [entries.first(), entries.get(entries.len() / 2), entries.last()].into_iter().flatten() {
            let proof = view.entry_proof(entry.sequence, None).unwrap().unwrap();
            assert_eq!((proof.verify(), &proof.entry, proof.tree), (Ok(()), entry, tree.head()));
        }
    }

    /// The same with tenants that have no events left out, as a store that is read has it.
    pub fn trimmed(&self) -> Self {
        let mut plain = self.clone();
        plain.events.retain(|_, events| !events.is_empty());
        plain
    }
}

/// Work by chance on few keys, so that it collides.
pub fn random_work(dice: &mut super::disk::Dice, number: u64) -> Work {
    let tenant = ["steppe", "taiga"][dice.below(2) as usize];
    if dice.below(2) == 0 {
        let records = (0..=dice.below(5))
            .map(|_| {
                let number = dice.below(40) as u32;
                let text = ["bearing", "pump"][usize::from(dice.below(6) == 0)];
                match dice.below(3) {
                    0 => samples::order(number, text),
                    1 => samples::shipment(number, text),
                    _ => samples::company(number, text),
                }
            })
            .collect();
        let mut batch = samples::batch(tenant, &format!("request-{number}"), records);
        batch.shared = dice.below(3) > 0;
        return Work::Accept(batch);
    }
    let findings = (0..=dice.below(4))
        .map(|_| samples::finding(tenant, dice.below(20) as u32, dice.below(5) as u32 * 20))
        .collect();
    Work::Judge(findings, (dice.below(2) == 0).then_some(number))
}

fn key(record: &Record) -> (u8, String, u32) {
    match record {
        Record::Order(line) => (0, line.key.order_id.clone(), line.key.line_no),
        Record::Shipment(line) => (1, line.key.number.clone(), line.key.line_no),
        Record::Company(company) => (2, company.identifier.clone(), 0),
    }
}
