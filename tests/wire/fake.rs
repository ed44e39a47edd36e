//! An engine that lives in memory, can be told to stumble, and judges nothing by itself.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use onward::api::{Acknowledged, CompanyName, CursorError, Dossier, Engine, EngineError, JobStarted, RecordOutcome};
use onward::audit::{
    AuditEntry, AuditHash, AuditKind, Checkpoint, ConsistencyProof, EntryProof, Frontier, Subtree, TreeHead,
    consistency_proof, inclusion_proof,
};
use onward::model::{
    Advice, AdviceReason, AdviceReasonKind, Alert, AlertEvent, AlertEventKind, AlertId, AlertSettings, AlertState,
    Amount, Bits, CauseKind, Company, Corridor, Country, DocumentKey, EvidenceMarks, Finding, FindingChange,
    FindingDifference, FindingKind, JobCounts, JobId, JobLine, JobResult, JobSource, JobState, Level, NamedCause,
    OrderKey, OrderLine, Probability, RecommendedAction, Record, RecordName, Replay, ReplayOutcome, ReviewAct,
    ReviewRefusal, ScreeningJob, ShipmentLine, StoreCondition, Subscription, Unit,
};
use tokio::sync::watch;

use crate::setup::order_key;

/// Most jobs of a tenant.
const FAKE_JOBS_MAX: usize = 3;

type StartResult = Result<JobStarted, EngineError>;
type PerTenant<K, V> = BTreeMap<(String, K), V>;

#[derive(Default)]
pub struct State {
    pub orders: PerTenant<OrderKey, OrderLine>,
    pub findings: PerTenant<OrderKey, Finding>,
    pub changes: BTreeMap<String, Vec<FindingChange>>,
    pub shipments: BTreeMap<DocumentKey, ShipmentLine>,
    pub companies: BTreeMap<CompanyName, Company>,
    pub alerts: PerTenant<u64, Alert>,
    pub events: BTreeMap<String, Vec<AlertEvent>>,
    pub audit: Vec<AuditEntry>,
    pub subscriptions: PerTenant<String, Subscription>,
    pub settings: BTreeMap<String, AlertSettings>,
    /// What every question is answered with, while it is set.
    pub stumble: Option<EngineError>,
    requests: PerTenant<String, (Vec<Record>, Vec<RecordOutcome>)>,
    pub jobs: PerTenant<u64, FakeJob>,
    /// Lines of jobs that are coming in.
    pub uploads: PerTenant<u64, Vec<JobLine>>,
    pub may_jobs_work: bool,
}

/// A job that does nothing by itself.
pub struct FakeJob {
    pub job: ScreeningJob,
    pub lines: Vec<JobLine>,
    pub results: Vec<JobResult>,
}

/// Clones are the same engine.
#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    store: &'static str,
    /// Accepting waits while this is false.
    gate: Arc<watch::Sender<bool>>,
    /// How many calls of `accept` have begun.
    begun: Arc<watch::Sender<usize>>,
    /// Screening on demand waits while this is true.
    is_screening_held: Arc<(Mutex<bool>, Condvar)>,
    /// Judging is never done while this is false.
    is_settled: Arc<watch::Sender<bool>>,
    commits: Arc<watch::Sender<u64>>,
    job_changes: Arc<watch::Sender<u64>>,
    condition: Arc<watch::Sender<StoreCondition>>,
}

impl Fake {
    pub fn new() -> Self {
        Self::of_store("store-a")
    }

    pub fn of_store(store: &'static str) -> Self {
        Self {
            state: Arc::default(),
            store,
            gate: Arc::new(watch::channel(true).0),
            begun: Arc::new(watch::channel(0).0),
            is_screening_held: Arc::default(),
            is_settled: Arc::new(watch::channel(true).0),
            commits: Arc::new(watch::channel(0).0),
            job_changes: Arc::new(watch::channel(0).0),
            condition: Arc::default(),
        }
    }

    /// Changes a job, as a step of it would.
    pub fn with_job(&self, tenant: &str, id: u64, change: impl FnOnce(&mut FakeJob)) {
        change(self.state().jobs.get_mut(&keyed(tenant, &id)).unwrap());
        self.job_changes.send_modify(|changes| *changes += 1);
    }

    fn start(&self, tenant: &str, request_id: &str, source: JobSource, lines: Vec<JobLine>) -> StartResult {
        let mut state = self.ask()?;
        let of_tenant = |(owner, _): &&(String, u64)| owner == tenant;
        let held = state.jobs.iter().find(|(key, held)| of_tenant(key) && held.job.request_id == request_id);
        match held.map(|(_, held)| held) {
            Some(held) if held.job.source == source && held.lines == lines => {
                return Ok(JobStarted::Started(Box::new(held.job.clone())));
            }
            Some(_) => return Err(EngineError::RequestIdReused),
            None => {}
        }
        let count = state.jobs.keys().filter(of_tenant).count();
        if count >= FAKE_JOBS_MAX {
            return Ok(JobStarted::TooMany { limit: FAKE_JOBS_MAX });
        }
        let id = JobId(count as u64 + 1);
        let line_count = (source == JobSource::Uploaded).then_some(lines.len() as u64);
        let (request_id, counts) = (request_id.to_owned(), JobCounts::default());
        let job = ScreeningJob {
            id,
            request_id,
            source,
            state: JobState::Running,
            through_sequence: 0,
            line_count,
            counts,
            after: None,
            running_millis: 0,
            created_at_millis: 1_700_000_000_123,
            ended_at_millis: None,
            failure: String::new(),
        };
        state.jobs.insert(keyed(tenant, &id.0), FakeJob { job: job.clone(), lines, results: Vec::new() });
        Ok(JobStarted::Started(Box::new(job)))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn set_gate(&self, is_open: bool) {
        self.gate.send_replace(is_open);
    }

    /// Holds everything that is screened on demand still, or lets it go on.
    pub fn hold_screening(&self, is_held: bool) {
        *self.is_screening_held.0.lock().unwrap() = is_held;
        self.is_screening_held.1.notify_all();
    }

    /// Says what the store can do.
    pub fn set_condition(&self, condition: StoreCondition) {
        self.condition.send_replace(condition);
    }

    pub fn set_settled(&self, is_settled: bool) {
        self.is_settled.send_replace(is_settled);
    }

    /// Waits until so many calls of `accept` have begun.
    pub async fn accepts_begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }

    /// Adds an alert event, as a commit would.
    pub fn raise(&self, tenant: &str, order: OrderKey) -> u64 {
        let mut state = self.state();
        let events = state.events.entry(tenant.to_owned()).or_default();
        let sequence = events.last().map_or(1, |event| event.sequence + 1);
        let alert = alert(tenant, sequence, order);
        let at_millis = alert.raised_at_millis;
        let (kind, changes, act) = (AlertEventKind::Raised, Vec::new(), None);
        events.push(AlertEvent { sequence, at_millis, kind, alert: alert.clone(), changes, act });
        state.alerts.insert((tenant.to_owned(), sequence), alert);
        drop(state);
        self.commits.send_modify(|commits| *commits += 1);
        sequence
    }

    pub fn put_finding(&self, finding: Finding) {
        let mut state = self.state();
        let before = state.findings.insert((finding.tenant.clone(), finding.order.clone()), finding.clone());
        let changes = state.changes.entry(finding.tenant.clone()).or_default();
        let place = changes.len() as u64 + 1;
        let revision = changes.iter().filter(|change| change.order == finding.order).count() as u32 + 1;
        changes.push(FindingChange {
            order: finding.order.clone(),
            revision,
            place,
            judged_at_millis: Some(place * 1_000),
            causes: vec![NamedCause { kind: CauseKind::OrderLine, record: Some(RecordName::Order(order_key(7))) }],
            has_more_causes: true,
            difference: FindingDifference::between(before.as_ref(), &finding),
        });
    }

    fn ask(&self) -> Result<MutexGuard<'_, State>, EngineError> {
        let state = self.state();
        state.stumble.clone().map_or(Ok(state), Err)
    }
}

pub fn alert(tenant: &str, id: u64, order: OrderKey) -> Alert {
    Alert {
        id: AlertId(id),
        tenant: tenant.to_owned(),
        order,
        state: if id.is_multiple_of(3) { AlertState::Closed } else { AlertState::Open },
        revision: 1,
        raised_at_millis: 1_700_000_000_123,
        changed_at_millis: 1_700_000_000_999,
        kind: FindingKind::OnwardShipment,
        level: Level::High,
        score: Probability::from_f64(0.87),
        priority: Amount::from_whole(1_000),
        attributed: Amount::from_whole(5),
        unit: Unit::Piece,
        summary: "5 PCE went on".to_owned(),
        case_hash: [1; 32],
        fingerprint: [2; 32],
        assignee: String::new(),
        proposal: None,
        suppression: None,
        marks: EvidenceMarks::default(),
    }
}

pub fn audit_entry(tenant: &str, sequence: u64) -> AuditEntry {
    AuditEntry {
        sequence,
        at_unix_millis: 1_700_000_000_000,
        kind: AuditKind::BatchAccepted,
        tenant: tenant.to_owned(),
        subject: format!("request/{sequence}"),
        detail_hash: [3; 32],
        previous: [4; 32],
        hash: [5; 32],
    }
}

/// The entries of a tree of a size, or all.
fn cut(entries: &[AuditEntry], size: Option<u64>) -> Option<&[AuditEntry]> {
    entries.get(..size.map_or(entries.len(), |size| size as usize))
}

fn tree_of(entries: &[AuditEntry]) -> TreeHead {
    let mut tree = Frontier::default();
    for entry in entries {
        tree.push(entry.leaf_hash(), |_, _| Ok::<_, ()>(())).unwrap();
    }
    tree.head()
}

fn node_of(entries: &[AuditEntry], place: Subtree) -> AuditHash {
    let first = (place.index << place.level) as usize;
    tree_of(&entries[first..][..1 << place.level]).root
}

fn store<K: Ord, V: PartialEq>(rows: &mut BTreeMap<K, V>, key: K, value: V) -> RecordOutcome {
    match rows.get(&key) {
        Some(held) if *held == value => RecordOutcome::Unchanged,
        Some(_) => RecordOutcome::Conflict,
        None => {
            rows.insert(key, value);
            RecordOutcome::Stored
        }
    }
}

fn rows_after<K: Ord + Clone, V: Clone>(rows: &BTreeMap<K, V>, after: Option<&K>, limit: usize) -> Vec<V> {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    rows.range((start, Bound::Unbounded)).take(limit).map(|(_, value)| value.clone()).collect()
}

fn tenant_rows<K: Ord + Clone, V: Clone>(
    rows: &PerTenant<K, V>,
    tenant: &str,
    after: Option<&K>,
    limit: usize,
) -> Vec<V> {
    let of_tenant = rows.iter().filter(|((owner, _), _)| owner == tenant);
    of_tenant
        .filter(|((_, key), _)| after.is_none_or(|after| key > after))
        .take(limit)
        .map(|(_, v)| v.clone())
        .collect()
}

fn keyed<K: Clone>(tenant: &str, key: &K) -> (String, K) {
    (tenant.to_owned(), key.clone())
}

#[tonic::async_trait]
impl Engine for Fake {
    async fn accept(
        &self,
        tenant: &str,
        request_id: &str,
        records: Vec<Record>,
    ) -> Result<Vec<RecordOutcome>, EngineError> {
        self.begun.send_modify(|begun| *begun += 1);
        self.gate.subscribe().wait_for(|is_open| *is_open).await.unwrap();
        let mut state = self.ask()?;
        let request = keyed(tenant, &request_id.to_owned());
        match state.requests.get(&request) {
            Some((held, outcomes)) if *held == records => return Ok(outcomes.clone()),
            Some(_) => return Err(EngineError::RequestIdReused),
            None => {}
        }
        let outcomes: Vec<_> = records
            .iter()
            .map(|record| match record {
                Record::Order(line) => store(&mut state.orders, keyed(tenant, &line.key), (**line).clone()),
                Record::Shipment(line) => store(&mut state.shipments, line.key.clone(), (**line).clone()),
                Record::Company(company) => store(&mut state.companies, CompanyName::of(company), (**company).clone()),
            })
            .collect();
        state.requests.insert(request, (records, outcomes.clone()));
        Ok(outcomes)
    }

    async fn settled(&self) -> Result<(), EngineError> {
        drop(self.ask()?);
        self.is_settled.subscribe().wait_for(|is_settled| *is_settled).await.unwrap();
        Ok(())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    fn condition(&self) -> watch::Receiver<StoreCondition> {
        self.condition.subscribe()
    }

    fn order(&self, tenant: &str, key: &OrderKey) -> Result<Option<OrderLine>, EngineError> {
        Ok(self.ask()?.orders.get(&keyed(tenant, key)).cloned())
    }

    fn orders(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<OrderLine>, EngineError> {
        Ok(tenant_rows(&self.ask()?.orders, tenant, after, limit))
    }

    fn shipment(&self, _: &str, key: &DocumentKey) -> Result<Option<ShipmentLine>, EngineError> {
        Ok(self.ask()?.shipments.get(key).cloned())
    }

    fn shipments(&self, _: &str, after: Option<&DocumentKey>, limit: usize) -> Result<Vec<ShipmentLine>, EngineError> {
        Ok(rows_after(&self.ask()?.shipments, after, limit))
    }

    fn company(&self, _: &str, key: &CompanyName) -> Result<Option<Company>, EngineError> {
        Ok(self.ask()?.companies.get(key).cloned())
    }

    fn companies(&self, _: &str, after: Option<&CompanyName>, limit: usize) -> Result<Vec<Company>, EngineError> {
        Ok(rows_after(&self.ask()?.companies, after, limit))
    }

    fn finding(&self, tenant: &str, key: &OrderKey) -> Result<Option<Finding>, EngineError> {
        Ok(self.ask()?.findings.get(&keyed(tenant, key)).cloned())
    }

    fn findings(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<Finding>, EngineError> {
        Ok(tenant_rows(&self.ask()?.findings, tenant, after, limit))
    }

    fn changes_of_finding(
        &self,
        tenant: &str,
        key: &OrderKey,
        after_revision: u32,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError> {
        let state = self.ask()?;
        let all = state.changes.get(tenant).into_iter().flatten();
        let rows = all.filter(|change| change.order == *key && change.revision > after_revision);
        Ok(rows.take(limit).cloned().collect())
    }

    fn finding_changes(
        &self,
        tenant: &str,
        after_place: u64,
        start_millis: u64,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError> {
        let state = self.ask()?;
        let all = state.changes.get(tenant).into_iter().flatten();
        let rows = all.filter(|change| change.revision > 1 && change.place > after_place);
        let rows = rows.filter(|change| change.judged_at_millis.is_some_and(|millis| millis >= start_millis));
        Ok(rows.take(limit).cloned().collect())
    }

    /// Releases what it knows nothing of; a finding that was put there decides by its level.
    fn screen(&self, tenant: &str, line: &OrderLine) -> Result<Option<Advice>, EngineError> {
        let (is_held, changed) = &*self.is_screening_held;
        drop(changed.wait_while(is_held.lock().unwrap(), |is_held| *is_held).unwrap());
        let state = self.ask()?;
        if state.orders.get(&keyed(tenant, &line.key)).is_some_and(|held| held != line) {
            return Ok(None);
        }
        let found = state.findings.get(&keyed(tenant, &line.key)).cloned();
        let finding = found.ok_or(EngineError::NotReady)?;
        let action = [RecommendedAction::Release, RecommendedAction::Hold][usize::from(finding.level == Level::High)];
        let (kind, text) = (AdviceReasonKind::BuyersRecord, "2 of 3 lines".to_owned());
        let reasons = vec![AdviceReason { kind, text, bits: Bits(-1_200) }];
        Ok(Some(Advice { action, risk: finding.score, reasons, finding }))
    }

    /// Nothing ever changes here, so that the case is always the same; what is a fault is asked of the real engine.
    fn replay(&self, tenant: &str, key: &OrderKey) -> Result<Option<Replay>, EngineError> {
        let finding = self.finding(tenant, key)?;
        Ok(finding.map(|finding| Replay {
            outcome: ReplayOutcome::SameBytes,
            stored_hash: [6; 32],
            stored_case_hash: finding.case_hash,
            case_hash: Some(finding.case_hash),
            judged: Some((Box::new(finding), [6; 32])),
        }))
    }

    fn dossier(&self, tenant: &str, key: &OrderKey) -> Result<Option<Dossier>, EngineError> {
        let Some(finding) = self.finding(tenant, key)? else { return Ok(None) };
        let alerts = self.alerts(tenant, None, usize::MAX)?;
        let companies = self.ask()?.companies.keys().cloned().collect();
        Ok(Some(Dossier {
            revision: 1,
            form: vec![6; 6],
            companies,
            alert: alerts.into_iter().find(|alert| alert.order == *key),
            newest_alert_sequence: self.newest_alert_sequence(tenant)?,
            checkpoint: self.checkpoint(tenant)?,
            batches: self.audit_entries(tenant, 0, usize::MAX)?.iter().map(|entry| entry.sequence).collect(),
            trail_after: 0,
            finding,
        }))
    }

    fn alert(&self, tenant: &str, id: AlertId) -> Result<Option<Alert>, EngineError> {
        Ok(self.ask()?.alerts.get(&keyed(tenant, &id.0)).cloned())
    }

    fn alerts(&self, tenant: &str, after: Option<AlertId>, limit: usize) -> Result<Vec<Alert>, EngineError> {
        Ok(tenant_rows(&self.ask()?.alerts, tenant, after.map(|id| id.0).as_ref(), limit))
    }

    fn alert_events(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AlertEvent>, EngineError> {
        let state = self.ask()?;
        let events = state.events.get(tenant).map_or(&[][..], Vec::as_slice);
        Ok(events.iter().filter(|event| event.sequence > after_sequence).take(limit).cloned().collect())
    }

    fn newest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError> {
        let state = self.ask()?;
        Ok(state.events.get(tenant).and_then(|events| events.last()).map_or(0, |event| event.sequence))
    }

    fn oldest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError> {
        let state = self.ask()?;
        Ok(state.events.get(tenant).and_then(|events| events.first()).map_or(1, |event| event.sequence))
    }

    fn alert_activity(
        &self,
        tenant: &str,
        id: AlertId,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<AlertEvent>, EngineError> {
        let mut events = self.alert_events(tenant, after_sequence, usize::MAX)?;
        events.retain(|event| event.alert.id == id);
        events.truncate(limit);
        Ok(events)
    }

    /// What may be done with alerts is asked of the real engine.
    async fn review(
        &self,
        _: &str,
        _: AlertId,
        _: &str,
        _: ReviewAct,
    ) -> Result<Result<AlertEvent, ReviewRefusal>, EngineError> {
        self.ask().map(|_| Err(ReviewRefusal::NotFound))
    }

    fn alert_settings(&self, tenant: &str) -> Result<AlertSettings, EngineError> {
        Ok(self.ask()?.settings.get(tenant).copied().unwrap_or_default())
    }

    async fn set_alert_settings(&self, tenant: &str, settings: AlertSettings) -> Result<(), EngineError> {
        self.ask()?.settings.insert(tenant.to_owned(), settings);
        Ok(())
    }

    async fn acknowledge(&self, tenant: &str, name: &str, sequence: u64) -> Result<Acknowledged, EngineError> {
        let mut state = self.ask()?;
        let (created_at_millis, acked_at_millis) = (1_700_000_000_000, 1_700_000_000_000 + sequence);
        let new = Subscription { name: name.to_owned(), sequence, created_at_millis, acked_at_millis };
        let held = state.subscriptions.entry(keyed(tenant, &name.to_owned())).or_insert_with(|| new.clone());
        *held = Subscription { sequence: held.sequence.max(sequence), ..new };
        Ok(Acknowledged::Done(held.clone()))
    }

    fn subscription(&self, tenant: &str, name: &str) -> Result<Option<Subscription>, EngineError> {
        Ok(self.ask()?.subscriptions.get(&keyed(tenant, &name.to_owned())).cloned())
    }

    fn subscriptions(&self, tenant: &str, after: Option<&str>, limit: usize) -> Result<Vec<Subscription>, EngineError> {
        Ok(tenant_rows(&self.ask()?.subscriptions, tenant, after.map(str::to_owned).as_ref(), limit))
    }

    async fn forget_subscription(&self, tenant: &str, name: &str) -> Result<bool, EngineError> {
        Ok(self.ask()?.subscriptions.remove(&keyed(tenant, &name.to_owned())).is_some())
    }

    async fn start_job(&self, tenant: &str, request_id: &str, source: JobSource) -> StartResult {
        self.start(tenant, request_id, source, Vec::new())
    }

    async fn begin_upload(&self, tenant: &str, _: &str) -> Result<Option<JobId>, EngineError> {
        let mut state = self.ask()?;
        let id = state.uploads.keys().map(|(_, id)| id + 1).max().unwrap_or(100);
        state.uploads.insert(keyed(tenant, &id), Vec::new());
        drop(state);
        self.job_changes.send_modify(|changes| *changes += 1);
        Ok(Some(JobId(id)))
    }

    async fn add_job_lines(
        &self,
        tenant: &str,
        upload: JobId,
        lines: Vec<JobLine>,
    ) -> Result<Option<u64>, EngineError> {
        let mut state = self.ask()?;
        let held = state.uploads.get_mut(&keyed(tenant, &upload.0)).unwrap();
        held.extend(lines);
        let count = held.len() as u64;
        drop(state);
        self.job_changes.send_modify(|changes| *changes += 1);
        Ok(Some(count))
    }

    async fn finish_upload(&self, tenant: &str, upload: JobId, request_id: &str) -> StartResult {
        let lines = self.ask()?.uploads.remove(&keyed(tenant, &upload.0)).unwrap();
        self.start(tenant, request_id, JobSource::Uploaded, lines)
    }

    async fn drop_upload(&self, tenant: &str, upload: JobId) -> Result<(), EngineError> {
        self.ask()?.uploads.remove(&keyed(tenant, &upload.0));
        self.job_changes.send_modify(|changes| *changes += 1);
        Ok(())
    }

    fn job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError> {
        Ok(self.ask()?.jobs.get(&keyed(tenant, &id.0)).map(|held| held.job.clone()))
    }

    fn jobs(&self, tenant: &str, before: Option<JobId>, limit: usize) -> Result<Vec<ScreeningJob>, EngineError> {
        let state = self.ask()?;
        let of_tenant = state.jobs.iter().rev().filter(|((owner, _), _)| owner == tenant);
        let jobs = of_tenant.map(|(_, held)| held.job.clone());
        Ok(jobs.filter(|job| before.is_none_or(|before| job.id < before)).take(limit).collect())
    }

    async fn cancel_job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError> {
        let mut state = self.ask()?;
        let Some(held) = state.jobs.get_mut(&keyed(tenant, &id.0)) else { return Ok(None) };
        if held.job.state == JobState::Running {
            (held.job.state, held.job.ended_at_millis) = (JobState::Cancelled, Some(1_700_000_001_000));
        }
        let job = held.job.clone();
        drop(state);
        self.job_changes.send_modify(|changes| *changes += 1);
        Ok(Some(job))
    }

    fn job_results(
        &self,
        tenant: &str,
        id: JobId,
        after_line: u64,
        limit: usize,
    ) -> Result<Vec<JobResult>, EngineError> {
        let state = self.ask()?;
        let held = state.jobs.get(&keyed(tenant, &id.0));
        let results = held.map_or(&[][..], |held| &held.results);
        Ok(results.iter().filter(|result| result.line > after_line).take(limit).cloned().collect())
    }

    fn job_changes(&self) -> watch::Receiver<u64> {
        self.job_changes.subscribe()
    }

    fn let_jobs_work(&self, may_work: bool) {
        self.state().may_jobs_work = may_work;
    }

    fn audit_entries(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AuditEntry>, EngineError> {
        let state = self.ask()?;
        let entries = state.audit.iter().filter(|entry| entry.tenant == tenant && entry.sequence > after_sequence);
        Ok(entries.take(limit).cloned().collect())
    }

    fn checkpoint(&self, tenant: &str) -> Result<Checkpoint, EngineError> {
        let entries = self.audit_entries(tenant, 0, usize::MAX)?;
        Ok(Checkpoint { tree: tree_of(&entries), newest: entries.last().cloned() })
    }

    fn entry_proof(&self, tenant: &str, sequence: u64, size: Option<u64>) -> Result<Option<EntryProof>, EngineError> {
        let entries = self.audit_entries(tenant, 0, usize::MAX)?;
        let Some(entries) = cut(&entries, size) else { return Ok(None) };
        let Some(place) = entries.iter().position(|entry| entry.sequence == sequence) else { return Ok(None) };
        let node = |place| Ok::<_, EngineError>(node_of(entries, place));
        let hashes = inclusion_proof(place as u64, entries.len() as u64, node)?;
        let entry = entries[place].clone();
        Ok(hashes.map(|hashes| EntryProof { entry, leaf: place as u64, tree: tree_of(entries), hashes }))
    }

    fn consistency_proof(
        &self,
        tenant: &str,
        old_size: u64,
        size: Option<u64>,
    ) -> Result<Option<ConsistencyProof>, EngineError> {
        let entries = self.audit_entries(tenant, 0, usize::MAX)?;
        let Some(entries) = cut(&entries, size) else { return Ok(None) };
        let node = |place| Ok::<_, EngineError>(node_of(entries, place));
        let hashes = consistency_proof(old_size, entries.len() as u64, node)?;
        Ok(hashes.map(|hashes| ConsistencyProof { tree: tree_of(entries), hashes }))
    }

    fn corridors(&self) -> Vec<Corridor> {
        vec![Corridor { ostensible: Country::RU, actual: Country::KZ }, Corridor::default()]
    }

    fn cursor(&self, tenant: &str, sequence: u64) -> String {
        format!("{}/{tenant}/{sequence}", self.store)
    }

    fn parse_cursor(&self, tenant: &str, text: &str) -> Result<u64, CursorError> {
        let parts: Vec<_> = text.split('/').collect();
        match parts[..] {
            [store, _, _] if store != self.store => Err(CursorError::OtherStore),
            [_, owner, sequence] if owner == tenant => sequence.parse().map_err(|_| CursorError::Malformed),
            _ => Err(CursorError::Malformed),
        }
    }
}
