//! What the service needs of the engine behind it: one trait, with the words of the model only.
//!
//! Come here to put another engine behind the service, or to learn what a call may ask of it.
//! The real one is in `screening`; tests bring an engine that lives in memory.

use std::collections::BTreeSet;

use tokio::sync::watch;

use crate::audit::{AuditEntry, Checkpoint, ConsistencyProof, EntryProof};
use crate::model::{
    Advice, Alert, AlertEvent, AlertId, AlertSettings, Company, Corridor, Country, DocumentKey, Finding, FindingChange,
    JobId, JobLine, JobResult, JobSource, OrderKey, OrderLine, Record, Replay, ReviewAct, ReviewRefusal, ScreeningJob,
    ShipmentLine, StoreCondition, Subscription,
};

/// Accepts records, answers questions, tells of changes.
///
/// Every method takes the tenant that asks, and sees only what that tenant may see: "absent" and "not yours" give the
/// same answer. Lists are in the order of their keys, begin after `after`, and hold `limit` rows unless there are no
/// more. The methods that are not `async` may read from disk: the service calls them from threads that may block.
#[tonic::async_trait]
pub trait Engine: Clone + Send + Sync + 'static {
    /// Takes records in; durable when it returns. One outcome for each record, in their order.
    /// The same request id with the same records gives the first outcomes again and stores nothing.
    async fn accept(
        &self,
        tenant: &str,
        request_id: &str,
        records: Vec<Record>,
    ) -> Result<Vec<RecordOutcome>, EngineError>;

    /// Returns when everything that was accepted before the call is judged.
    async fn settled(&self) -> Result<(), EngineError>;

    /// Ticks after every commit that may have added alert events.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Whether anything can be stored just now, and when that changes.
    fn condition(&self) -> watch::Receiver<StoreCondition>;

    /// An order line of the tenant.
    fn order(&self, tenant: &str, key: &OrderKey) -> Result<Option<OrderLine>, EngineError>;
    /// Order lines of the tenant.
    fn orders(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<OrderLine>, EngineError>;

    /// A shipment line that the tenant may see.
    fn shipment(&self, tenant: &str, key: &DocumentKey) -> Result<Option<ShipmentLine>, EngineError>;
    /// Shipment lines that the tenant may see.
    fn shipments(
        &self,
        tenant: &str,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<ShipmentLine>, EngineError>;

    /// A company row that the tenant may see.
    fn company(&self, tenant: &str, key: &CompanyName) -> Result<Option<Company>, EngineError>;
    /// Company rows that the tenant may see.
    fn companies(&self, tenant: &str, after: Option<&CompanyName>, limit: usize) -> Result<Vec<Company>, EngineError>;

    /// The current finding on an order line.
    fn finding(&self, tenant: &str, key: &OrderKey) -> Result<Option<Finding>, EngineError>;
    /// Current findings, by order line.
    fn findings(&self, tenant: &str, after: Option<&OrderKey>, limit: usize) -> Result<Vec<Finding>, EngineError>;

    /// Revisions of the finding on an order line after one, the oldest first; none where there is no finding.
    fn changes_of_finding(
        &self,
        tenant: &str,
        key: &OrderKey,
        after_revision: u32,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError>;
    /// Findings of the tenant that replaced another one, after a place in the audit trail and not before a time in
    /// milliseconds since 1970, in the order in which they did.
    fn finding_changes(
        &self,
        tenant: &str,
        after_place: u64,
        start_millis: u64,
        limit: usize,
    ) -> Result<Vec<FindingChange>, EngineError>;

    /// Judges an order line of the tenant beside everything held, whether it is stored or not, and advises on it;
    /// nothing when another order line of this name is stored. May wait for a settling.
    fn screen(&self, tenant: &str, line: &OrderLine) -> Result<Option<Advice>, EngineError>;

    /// Judges the case of a stored finding of the tenant again; nothing where there is no finding. Changes nothing. May
    /// wait for a settling.
    fn replay(&self, tenant: &str, key: &OrderKey) -> Result<Option<Replay>, EngineError>;

    /// What belongs to a stored finding of the tenant, at one moment; nothing where there is no finding. May wait for a
    /// settling.
    fn dossier(&self, tenant: &str, key: &OrderKey) -> Result<Option<Dossier>, EngineError>;

    /// An alert of the tenant.
    fn alert(&self, tenant: &str, id: AlertId) -> Result<Option<Alert>, EngineError>;
    /// Alerts of the tenant, the oldest first.
    fn alerts(&self, tenant: &str, after: Option<AlertId>, limit: usize) -> Result<Vec<Alert>, EngineError>;
    /// Alert events after a sequence, in order and without gaps.
    fn alert_events(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AlertEvent>, EngineError>;
    /// The last alert event there is; 0 when there is none.
    fn newest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError>;
    /// The first alert event that is still held; 1 when there is none.
    fn oldest_alert_sequence(&self, tenant: &str) -> Result<u64, EngineError>;
    /// Events of one alert after a sequence, in order: its history.
    fn alert_activity(
        &self,
        tenant: &str,
        id: AlertId,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<AlertEvent>, EngineError>;

    /// Does what a person wants with an alert; durable when it returns. The same request id with the same act gives the
    /// first event again and does nothing.
    async fn review(
        &self,
        tenant: &str,
        id: AlertId,
        request_id: &str,
        act: ReviewAct,
    ) -> Result<Result<AlertEvent, ReviewRefusal>, EngineError>;
    /// How the tenant wants alerts to be worked on.
    fn alert_settings(&self, tenant: &str) -> Result<AlertSettings, EngineError>;
    /// Sets how the tenant wants alerts to be worked on; durable when it returns.
    async fn set_alert_settings(&self, tenant: &str, settings: AlertSettings) -> Result<(), EngineError>;

    /// Moves a named subscription of the tenant forward, never back; durable when it returns.
    async fn acknowledge(&self, tenant: &str, name: &str, sequence: u64) -> Result<Acknowledged, EngineError>;
    /// A named subscription of the tenant.
    fn subscription(&self, tenant: &str, name: &str) -> Result<Option<Subscription>, EngineError>;
    /// Named subscriptions of the tenant, by name.
    fn subscriptions(&self, tenant: &str, after: Option<&str>, limit: usize) -> Result<Vec<Subscription>, EngineError>;
    /// Forgets a named subscription; false when there is none.
    async fn forget_subscription(&self, tenant: &str, name: &str) -> Result<bool, EngineError>;

    /// Starts a screening job over stored order lines; durable when it returns. The same request id with the same source
    /// gives the first job as it stands.
    async fn start_job(&self, tenant: &str, request_id: &str, source: JobSource) -> Result<JobStarted, EngineError>;
    /// Makes room for the lines of a screening job; nothing when too many are open. What is neither finished nor given
    /// up keeps its place until the engine ends.
    async fn begin_upload(&self, tenant: &str, request_id: &str) -> Result<Option<JobId>, EngineError>;
    /// Adds lines to an upload; durable when it returns. How many there are, or nothing when it would be too many.
    async fn add_job_lines(&self, tenant: &str, upload: JobId, lines: Vec<JobLine>)
    -> Result<Option<u64>, EngineError>;
    /// Starts the job whose lines have come; durable when it returns. The same request id with the same lines gives the
    /// first job as it stands.
    async fn finish_upload(&self, tenant: &str, upload: JobId, request_id: &str) -> Result<JobStarted, EngineError>;
    /// Gives up an upload and its lines.
    async fn drop_upload(&self, tenant: &str, upload: JobId) -> Result<(), EngineError>;
    /// A screening job of the tenant.
    fn job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError>;
    /// Screening jobs of the tenant before an id, the newest first.
    fn jobs(&self, tenant: &str, before: Option<JobId>, limit: usize) -> Result<Vec<ScreeningJob>, EngineError>;
    /// Cancels a screening job of the tenant, which is durable when it returns; one that has ended stays as it is.
    async fn cancel_job(&self, tenant: &str, id: JobId) -> Result<Option<ScreeningJob>, EngineError>;
    /// Results of a screening job of the tenant after a line, in order and without gaps.
    fn job_results(
        &self,
        tenant: &str,
        id: JobId,
        after_line: u64,
        limit: usize,
    ) -> Result<Vec<JobResult>, EngineError>;
    /// Ticks when a screening job was started, got results or ended.
    fn job_changes(&self) -> watch::Receiver<u64>;
    /// Lets screening jobs be worked on, or makes them pause at once because the server ends.
    fn let_jobs_work(&self, may_work: bool);

    /// Audit entries of the tenant after a sequence, in order.
    fn audit_entries(&self, tenant: &str, after_sequence: u64, limit: usize) -> Result<Vec<AuditEntry>, EngineError>;

    /// How far the tenant's trail has come.
    fn checkpoint(&self, tenant: &str) -> Result<Checkpoint, EngineError>;

    /// An audit entry of the tenant with the proof that it is in the tenant's tree of this size, or of now; nothing where
    /// there is no such entry in such a tree.
    fn entry_proof(
        &self,
        tenant: &str,
        sequence: u64,
        tree_size: Option<u64>,
    ) -> Result<Option<EntryProof>, EngineError>;

    /// The proof that the tenant's tree of this size, or of now, goes on from the tree of an older size; nothing where
    /// there are no such trees.
    fn consistency_proof(
        &self,
        tenant: &str,
        old_size: u64,
        tree_size: Option<u64>,
    ) -> Result<Option<ConsistencyProof>, EngineError>;

    /// The corridors that are screened.
    fn corridors(&self) -> Vec<Corridor>;

    /// The text that stands for a place in the tenant's alert events.
    fn cursor(&self, tenant: &str, sequence: u64) -> String;
    /// The place that a text stands for.
    fn parse_cursor(&self, tenant: &str, text: &str) -> Result<u64, CursorError>;
}

/// What became of one accepted record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordOutcome {
    /// It is new and durable.
    Stored,
    /// The same record was there before.
    Unchanged,
    /// Another record with the same key was there before; that one is kept.
    Conflict,
}

/// What came of an acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acknowledged {
    /// The subscription stands here now.
    Done(Subscription),
    /// The position lies after the tenant's newest event.
    Ahead,
    /// The tenant has as many subscriptions as it may have.
    TooMany {
        /// How many that is.
        limit: usize,
    },
}

/// What came of starting a screening job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobStarted {
    /// The job as it stands.
    Started(Box<ScreeningJob>),
    /// The tenant has as many open jobs as it may have.
    TooMany {
        /// How many that is.
        limit: usize,
    },
}

/// A named subscription beside the events there are, as clients see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriptionState {
    /// How far the client has handled events.
    pub subscription: Subscription,
    /// The tenant's newest event.
    pub newest_sequence: u64,
    /// Resumes after the last event that was acknowledged.
    pub cursor: String,
}

/// What belongs to a stored finding. Records that it names are read by their names: they never change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dossier {
    /// The finding.
    pub finding: Finding,
    /// Counts the judgements on the order line that differed, from 1.
    pub revision: u32,
    /// The finding's bytes, whose SHA-256 the trail has.
    pub form: Vec<u8>,
    /// Register rows of the firms that buyer, senders and receivers may stand for.
    pub companies: Vec<CompanyName>,
    /// The alert on the order line.
    pub alert: Option<Alert>,
    /// The tenant's newest alert event; 0 when there is none.
    pub newest_alert_sequence: u64,
    /// How far the tenant's trail has come.
    pub checkpoint: Checkpoint,
    /// Audit entries of the tenant's batches that brought the order line and what the finding names.
    pub batches: BTreeSet<u64>,
    /// No entry that bears on the finding lies before or at this place.
    pub trail_after: u64,
}

/// Names a company row: country and identifier as they came. Ordered as the engine lists them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct CompanyName {
    /// Country of the register, where the row says.
    pub country: Option<Country>,
    /// Identifier as printed.
    pub identifier: String,
}

impl CompanyName {
    /// The name of a row.
    pub fn of(company: &Company) -> Self {
        Self { country: company.country, identifier: company.identifier.clone() }
    }
}

/// Why the engine did not do it. Causes are for the log, never for clients.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EngineError {
    /// The request id was used before for another content.
    #[error("the request id was used before for another content")]
    RequestIdReused,
    /// It cannot just now; trying again later helps.
    #[error("not available just now: {cause}")]
    Unavailable {
        /// What happened.
        cause: String,
    },
    /// It was started a short time ago; trying again later helps.
    #[error("not everything that is stored is taken up yet")]
    NotReady,
    /// There is no space left to store anything.
    #[error("no space left")]
    Full,
    /// A fault: trying again does not help.
    #[error("fault: {cause}")]
    Fault {
        /// What happened.
        cause: String,
    },
}

/// Why a text stands for no place in the tenant's alert events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CursorError {
    /// No cursor of this service for this tenant, or one that was changed. A cursor of another tenant gives this too,
    /// so that nobody learns that it would be one.
    #[error("no cursor of this tenant")]
    Malformed,
    /// From another store.
    #[error("from another store")]
    OtherStore,
}
