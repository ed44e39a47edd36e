//! The real engine behind the wire: `screening::Service` in the words of [`Engine`].
//!
//! Come here for which reads go to which view of the store and what a fault of the store means to a caller.
//! Nothing is judged and nothing is kept here.

use std::collections::BTreeSet;

use tokio::sync::watch;

use super::engine::{Acknowledged, CompanyName, CursorError, Dossier, Engine, EngineError, JobStarted, RecordOutcome};
use crate::alerts::{CursorError as StoreCursorError, Cursors};
use crate::audit::{AuditEntry, Checkpoint, ConsistencyProof, EntryProof};
use crate::model::{
    Advice, Alert, AlertEvent, AlertId, AlertSettings, Company, Corridor, DocumentKey, Finding, FindingChange, JobId,
    JobLine, JobResult, JobSource, OrderKey, OrderLine, Record, Replay, ReviewAct, ReviewRefusal, ScreeningJob,
    ShipmentLine, StoreCondition, Subscription,
};
use crate::screening::{Screened, Service, ServiceError};
use crate::store::{
    AcceptBatch, AckOutcome, CompanyKey, JOBS_OPEN_MAX, JobStart, RecordOutcome as StoreOutcome, SUBSCRIPTIONS_MAX,
    StoreError, StoredFinding, TenantView, UploadOutcome,
};

#[tonic::async_trait]
impl Engine for Service {
    async fn accept(
        &self,
        tenant: &str,
        request_id: &str,
        records: Vec<Record>,
    ) -> Result<Vec<RecordOutcome>, EngineError> {
        let (tenant, request_id) = (tenant.to_owned(), request_id.to_owned());
        // Papers and registers are seen by all tenants, as in a batch run; orders never are.
        let batch = AcceptBatch { tenant, request_id, records, shared: true, raw: None };
        let accepted = Self::accept(self, batch).await.map_err(of_store)?;
        Ok(accepted.outcomes.into_iter().map(of_record).collect())
    }

    async fn settled(&self) -> Result<(), EngineError> {
        Self::settled(self).await.map_err(of_judging)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.store().alert_commits()
    }

    fn condition(&self) -> watch::Receiver<StoreCondition> {
        self.store().condition()
    }

    fn order(&self, tenant: &str, key: &OrderKey) -> Result<Option<OrderLine>, EngineError> {
        see(self, tenant, |view| view.order(key))
    }

    fn orders(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<OrderLine>, EngineError> {
        see(self, tenant, |view| view.orders(after, limit))
    }

    fn shipment(&self, tenant: &str, key: &DocumentKey) -> Result<Option<ShipmentLine>, EngineError> {
        see(self, tenant, |view| view.shipment(key))
    }

    fn shipments(
        &self,
        tenant: &str,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<ShipmentLine>, EngineError> {
        see(self, tenant, |view| view.shipments(after, limit))
    }

    fn company(&self, tenant: &str, key: &CompanyName) -> Result<Option<Company>, EngineError> {
        see(self, tenant, |view| view.company(&company_key(key)))
    }

    fn companies(&self, tenant: &str, after: Option<&CompanyName>, limit: usize) -> Result<Vec<Company>, EngineError> {
        see(self, tenant, |view| view.companies(after.map(company_key).as_ref(), limit))
    }

    fn finding(&self, tenant: &str, key: &OrderKey) -> Result<Option<Finding>, EngineError> {
        see(self, tenant, |view| Ok(view.finding(key)?.map(|stored| stored.finding)))
    }

    fn findings(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<Finding>, EngineError> {
        see(self, tenant, |view| Ok(view.findings(after, limit)?.into_iter().map(|stored| stored.finding).collect()))
    }

    fn changes_of_finding(
        &self,
        tenant: &str,
        key: &OrderKey,
        after_revision: u32,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError> {
        see(self, tenant, |view| view.changes_of_order(key, after_revision, limit))
    }

    fn finding_changes(
        &self,
        tenant: &str,
        after_place: u64,
        start_millis: u64,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError> {
        see(self, tenant, |view| view.changes(after_place, start_millis, limit))
    }

    fn screen(&self, tenant: &str, line: &OrderLine) -> Result<Option<Advice>, EngineError> {
        match Self::screen(self, tenant, line) {
            Ok(Screened::Advised(advice)) => Ok(Some(*advice)),
            Ok(Screened::Conflict) => Ok(None),
            Err(fault) => Err(of_judging(fault)),
        }
    }

    fn replay(&self, tenant: &str, key: &OrderKey) -> Result<Option<Replay>, EngineError> {
        Self::replay(self, tenant, key).map_err(of_judging)
    }

    fn dossier(&self, tenant: &str, key: &OrderKey) -> Result<Option<Dossier>, EngineError> {
        // Of one moment: where the firms cannot be told, that is no fault of the store.
        let found = self.store().read(|snapshot| {
            let view = snapshot.tenant(tenant)?;
            let Some((stored, form)) = view.finding_with_form(key)? else { return Ok(Ok(None)) };
            match self.companies_of(tenant, &stored.finding) {
                Ok(companies) => dossier(&view, stored, form, &companies).map(|dossier| Ok(Some(dossier))),
                Err(fault) => Ok(Err(of_judging(fault))),
            }
        });
        found.map_err(of_store)?
    }

    fn alert(&self, tenant: &str, id: AlertId) -> Result<Option<Alert>, EngineError> {
        see(self, tenant, |view| view.alert(id))
    }

    fn alerts(&self, tenant: &str, after: Option<AlertId>, limit: usize) -> Result<Vec<Alert>, EngineError> {
        see(self, tenant, |view| view.alerts(after, limit))
    }

    fn alert_events(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AlertEvent>, EngineError> {
        see(self, tenant, |view| view.alert_events(after_sequence, limit))
    }

    fn newest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError> {
        see(self, tenant, |view| view.newest_event_sequence())
    }

    fn oldest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError> {
        see(self, tenant, |view| view.oldest_event_sequence())
    }

    fn alert_activity(
        &self,
        tenant: &str,
        id: AlertId,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<AlertEvent>, EngineError> {
        see(self, tenant, |view| view.events_of_alert(id, after_sequence, limit))
    }

    async fn review(
        &self,
        tenant: &str,
        id: AlertId,
        request_id: &str,
        act: ReviewAct,
    ) -> Result<Result<AlertEvent, ReviewRefusal>, EngineError> {
        Self::review(self, tenant, id, request_id, act).await.map_err(of_store)
    }

    fn alert_settings(&self, tenant: &str) -> Result<AlertSettings, EngineError> {
        see(self, tenant, |view| view.alert_settings())
    }

    async fn set_alert_settings(&self, tenant: &str, settings: AlertSettings) -> Result<(), EngineError> {
        self.store().set_alert_settings(tenant, settings).await.map_err(of_store)
    }

    async fn acknowledge(&self, tenant: &str, name: &str, sequence: u64) -> Result<Acknowledged, EngineError> {
        Ok(match self.store().acknowledge(tenant, name, sequence).await.map_err(of_store)? {
            AckOutcome::Done(subscription) => Acknowledged::Done(subscription),
            AckOutcome::Ahead => Acknowledged::Ahead,
            AckOutcome::TooMany => Acknowledged::TooMany { limit: SUBSCRIPTIONS_MAX },
        })
    }

    fn subscription(&self, tenant: &str, name: &str) -> Result<Option<Subscription>, EngineError> {
        see(self, tenant, |view| view.subscription(name))
    }

    fn subscriptions(&self, tenant: &str, after: Option<&str>, limit: usize) -> Result<Vec<Subscription>, EngineError> {
        see(self, tenant, |view| view.subscriptions(after, limit))
    }

    async fn forget_subscription(&self, tenant: &str, name: &str) -> Result<bool, EngineError> {
        self.store().forget_subscription(tenant, name).await.map_err(of_store)
    }

    async fn start_job(&self, tenant: &str, request_id: &str, source: JobSource) -> Result<JobStarted, EngineError> {
        Self::jobs(self).start_job(tenant, request_id, source).await.map(of_start).map_err(of_store)
    }

    async fn begin_upload(&self, tenant: &str, request_id: &str) -> Result<Option<JobId>, EngineError> {
        self.store().begin_upload(tenant, request_id).await.map_err(of_store)
    }

    async fn add_job_lines(
        &self,
        tenant: &str,
        upload: JobId,
        lines: Vec<JobLine>,
    ) -> Result<Option<u64>, EngineError> {
        match self.store().add_job_lines(tenant, upload, lines).await.map_err(of_store)? {
            UploadOutcome::Lines(count) => Ok(Some(count)),
            UploadOutcome::TooMany => Ok(None),
            UploadOutcome::Gone => Err(EngineError::Fault { cause: format!("upload {upload} is gone") }),
        }
    }

    async fn finish_upload(&self, tenant: &str, upload: JobId, request_id: &str) -> Result<JobStarted, EngineError> {
        Self::jobs(self).finish_upload(tenant, upload, request_id).await.map(of_start).map_err(of_store)
    }

    async fn drop_upload(&self, tenant: &str, upload: JobId) -> Result<(), EngineError> {
        self.store().drop_upload(tenant, upload).await.map_err(of_store)
    }

    fn job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError> {
        see(self, tenant, |view| view.screening_job(id))
    }

    fn jobs(&self, tenant: &str, before: Option<JobId>, limit: usize) -> Result<Vec<ScreeningJob>, EngineError> {
        see(self, tenant, |view| view.screening_jobs(before, limit))
    }

    async fn cancel_job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError> {
        Self::jobs(self).cancel(tenant, id).await.map_err(of_store)
    }

    fn job_results(
        &self,
        tenant: &str,
        id: JobId,
        after_line: u64,
        limit: usize,
    ) -> Result<Vec<JobResult>, EngineError> {
        see(self, tenant, |view| view.job_results(id, after_line, limit))
    }

    fn job_changes(&self) -> watch::Receiver<u64> {
        Self::jobs(self).changes()
    }

    fn let_jobs_work(&self, may_work: bool) {
        Self::jobs(self).let_work(may_work);
    }

    fn audit_entries(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AuditEntry>, EngineError> {
        see(self, tenant, |view| view.audit_entries(after_sequence, limit))
    }

    fn checkpoint(&self, tenant: &str) -> Result<Checkpoint, EngineError> {
        see(self, tenant, |view| view.checkpoint())
    }

    fn entry_proof(
        &self,
        tenant: &str,
        sequence: u64,
        tree_size: Option<u64>,
    ) -> Result<Option<EntryProof>, EngineError> {
        see(self, tenant, |view| view.entry_proof(sequence, tree_size))
    }

    fn consistency_proof(
        &self,
        tenant: &str,
        old_size: u64,
        tree_size: Option<u64>,
    ) -> Result<Option<ConsistencyProof>, EngineError> {
        see(self, tenant, |view| view.consistency_proof(old_size, tree_size))
    }

    fn corridors(&self) -> Vec<Corridor> {
        vec![self.corridor()]
    }

    fn cursor(&self, tenant: &str, sequence: u64) -> String {
        Cursors::new(self.store()).format(tenant, sequence)
    }

    fn parse_cursor(&self, tenant: &str, text: &str) -> Result<u64, CursorError> {
        Cursors::new(self.store()).parse(tenant, text).map_err(|refused| match refused {
            StoreCursorError::OtherStore => CursorError::OtherStore,
            StoreCursorError::Malformed | StoreCursorError::OtherVersion { .. } | StoreCursorError::OtherTenant => {
                CursorError::Malformed
            }
        })
    }
}

/// One look at the newest state of the store, with the eyes of a tenant.
fn see<T>(
    service: &Service,
    tenant: &str,
    read: impl Fn(TenantView<'_>) -> Result<T, StoreError>,
) -> Result<T, EngineError> {
    service.store().read(|snapshot| snapshot.tenant(tenant).and_then(&read)).map_err(of_store)
}

fn dossier(
    view: &TenantView<'_>,
    stored: StoredFinding,
    form: Vec<u8>,
    companies: &[Company],
) -> Result<Dossier, StoreError> {
    let StoredFinding { revision, finding } = stored;
    let own = view.batch_of_order(&finding.order)?;
    let mut batches: BTreeSet<u64> = own.into_iter().collect();
    for key in finding.other_orders() {
        batches.extend(view.batch_of_order(key)?);
    }
    for key in finding.papers() {
        batches.extend(view.batch_of_shipment(key)?);
    }
    for company in companies {
        batches.extend(view.batch_of_company(&CompanyKey::of(company))?);
    }
    // An order line is judged after it came.
    let first = own.and(batches.first());
    Ok(Dossier {
        trail_after: first.map_or(0, |first| first.saturating_sub(1)),
        companies: companies.iter().map(CompanyName::of).collect(),
        alert: view.alert_of_order(&finding.order)?,
        newest_alert_sequence: view.newest_event_sequence()?,
        checkpoint: view.checkpoint()?,
        revision,
        finding,
        form,
        batches,
    })
}

fn company_key(name: &CompanyName) -> CompanyKey {
    CompanyKey::new(name.country, &name.identifier)
}

fn of_start(started: JobStart) -> JobStarted {
    match started {
        JobStart::Started(job) => JobStarted::Started(job),
        JobStart::TooMany => JobStarted::TooMany { limit: JOBS_OPEN_MAX },
    }
}

fn of_record(outcome: StoreOutcome) -> RecordOutcome {
    match outcome {
        StoreOutcome::Stored { .. } => RecordOutcome::Stored,
        StoreOutcome::Unchanged => RecordOutcome::Unchanged,
        StoreOutcome::Conflict => RecordOutcome::Conflict,
    }
}

fn of_judging(fault: ServiceError) -> EngineError {
    match fault {
        ServiceError::TakingUp => EngineError::NotReady,
        ServiceError::StoreFull => EngineError::Full,
        ServiceError::StoreFailing(cause) => EngineError::Unavailable { cause },
        fault => EngineError::Fault { cause: fault.to_string() },
    }
}

fn of_store(fault: StoreError) -> EngineError {
    match fault {
        StoreError::RequestIdReused => EngineError::RequestIdReused,
        StoreError::OutOfSpace => EngineError::Full,
        StoreError::Broken { cause } => EngineError::Unavailable { cause },
        fault => EngineError::Fault { cause: fault.to_string() },
    }
}
