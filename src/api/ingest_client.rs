//! Sending records: many batches in flight, slower when told so, again when unanswered.
//!
//! Come here for how a client keeps the ingest contract. Every batch is kept until it is answered, so a lost connection
//! or a restarted server costs time and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use super::client::{Client, ClientError, Patience};
use super::ingest::{BATCHES_PER_STREAM_MAX, RECORDS_PER_BATCH_MAX};
use super::wire::company_service_client::CompanyServiceClient;
use super::wire::order_service_client::OrderServiceClient;
use super::wire::shipment_service_client::ShipmentServiceClient;
use super::wire::{self, BatchStatus, RecordStatus};
use super::{errors, to_proto};
use crate::model::Record;

/// Which of the three ingest streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// Order lines.
    Orders,
    /// Shipment lines.
    Shipments,
    /// Company rows.
    Companies,
}

/// Records that are sent together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Names the batch: the same id for the same records, also in another run, and no other batch with it.
    pub request_id: String,
    /// 1 to [`RECORDS_PER_BATCH_MAX`] records of the stream's kind; 100 to 250 are fastest.
    pub records: Vec<Record>,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchReport {
    /// Which one.
    pub request_id: String,
    /// One outcome for each record; empty when the batch was refused as a whole.
    pub outcomes: Vec<wire::RecordOutcome>,
    /// Why the batch was refused as a whole, by `error_reason.proto`.
    pub refused: Option<&'static str>,
}

/// What became of all batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IngestSummary {
    /// Batches with an outcome for each record.
    pub batches: u64,
    /// Batches that were refused as a whole.
    pub refused_batches: u64,
    /// New records.
    pub stored: u64,
    /// Records that were there before.
    pub unchanged: u64,
    /// Records whose key was there before with another content.
    pub conflicts: u64,
    /// Records that break the rules.
    pub rejected: u64,
    /// How often the server said "slow down".
    pub slowed_down: u64,
    /// How often the stream had to be opened again.
    pub reopened: u64,
}

/// Sends everything that comes out of `batches`.
pub(super) async fn ingest(
    client: &Client,
    kind: RecordKind,
    batches: mpsc::Receiver<Batch>,
    report: impl FnMut(BatchReport) + Send,
) -> Result<IngestSummary, ClientError> {
    match kind {
        RecordKind::Orders => Sender::<OrdersCall, _>::new(client, batches, report).run().await,
        RecordKind::Shipments => Sender::<ShipmentsCall, _>::new(client, batches, report).run().await,
        RecordKind::Companies => Sender::<CompaniesCall, _>::new(client, batches, report).run().await,
    }
}

/// An outcome, whichever method it came from.
struct Outcome {
    request_id: String,
    status: BatchStatus,
    outcomes: Vec<wire::RecordOutcome>,
    retry_after: Duration,
    reason: wire::ErrorReason,
}

/// What the three ingest methods differ in.
trait IngestCall {
    type Request: Clone + Send + 'static;
    type Response: Send + 'static;
    /// The records as a request; `None` when one of them is of another kind.
    fn request(batch: &Batch) -> Option<Self::Request>;
    fn outcome(response: Self::Response) -> Outcome;
    fn open(
        client: &Client,
        requests: impl Stream<Item = Self::Request> + Send + 'static,
    ) -> impl Future<Output = Result<Response<Streaming<Self::Response>>, Status>> + Send;
}

macro_rules! ingest_call {
    ($call:ident, $request:ident, $response:ident, $field:ident, $record:ident, $to_wire:ident, $client:ident, $method:ident) => {
        struct $call;

        impl IngestCall for $call {
            type Request = wire::$request;
            type Response = wire::$response;

            fn request(batch: &Batch) -> Option<wire::$request> {
                let records = batch.records.iter().map(|record| match record {
                    Record::$record(record) => Some(to_proto::$to_wire(record)),
                    _ => None,
                });
                Some(wire::$request { request_id: batch.request_id.clone(), $field: records.collect::<Option<_>>()? })
            }

            fn outcome(response: wire::$response) -> Outcome {
                Outcome {
                    status: response.status(),
                    reason: response.reason(),
                    retry_after: Duration::from_millis(response.retry_after_millis.into()),
                    request_id: response.request_id,
                    outcomes: response.outcomes,
                }
            }

            async fn open(
                client: &Client,
                requests: impl Stream<Item = wire::$request> + Send + 'static,
            ) -> Result<Response<Streaming<wire::$response>>, Status> {
                let mut service: $client<Channel> = $client::new(client.channel());
                service.$method(client.request(requests)).await
            }
        }
    };
}

ingest_call!(
    OrdersCall,
    IngestOrdersRequest,
    IngestOrdersResponse,
    orders,
    Order,
    order_line,
    OrderServiceClient,
    ingest_orders
);
ingest_call!(
    ShipmentsCall,
    IngestShipmentsRequest,
    IngestShipmentsResponse,
    shipments,
    Shipment,
    shipment_line,
    ShipmentServiceClient,
    ingest_shipments
);
ingest_call!(
    CompaniesCall,
    IngestCompaniesRequest,
    IngestCompaniesResponse,
    companies,
    Company,
    company,
    CompanyServiceClient,
    ingest_companies
);

struct Sender<'c, C: IngestCall, R> {
    client: &'c Client,
    batches: mpsc::Receiver<Batch>,
    report: R,
    /// The caller has no more batches.
    is_input_done: bool,
    /// Everything that is not answered yet, by request id.
    unanswered: BTreeMap<String, C::Request>,
    /// Ids of those that have to be sent again, each asleep until it is time.
    again: JoinSet<String>,
    /// How many may be unanswered: fewer after "slow down", slowly more after each answer.
    window: usize,
    patience: Patience,
    summary: IngestSummary,
}

/// What happened next on an open stream.
enum Turn {
    Answer(Result<Option<Outcome>, Status>),
    Input(Option<Batch>),
    SendAgain(String),
}

impl<'c, C: IngestCall, R: FnMut(BatchReport) + Send> Sender<'c, C, R> {
    fn new(client: &'c Client, batches: mpsc::Receiver<Batch>, report: R) -> Self {
        Self {
            client,
            batches,
            report,
            is_input_done: false,
            unanswered: BTreeMap::new(),
            again: JoinSet::new(),
            window: BATCHES_PER_STREAM_MAX,
            patience: Patience::default(),
            summary: IngestSummary::default(),
        }
    }

    async fn run(mut self) -> Result<IngestSummary, ClientError> {
        loop {
            match self.run_stream().await? {
                Ok(()) => return Ok(self.summary),
                Err(status) => {
                    self.patience.bear(status).await?;
                    self.summary.reopened += 1;
                    // Dropping the old ones wakes nobody.
                    self.again = JoinSet::new();
                    let unanswered: Vec<_> = self.unanswered.keys().cloned().collect();
                    unanswered.into_iter().for_each(|id| self.send_again(id, Duration::ZERO));
                }
            }
        }
    }

    /// One stream from opening to end. The outer error is for good, the inner one may pass.
    async fn run_stream(&mut self) -> Result<Result<(), Status>, ClientError> {
        // Room for every batch that may be unanswered: handing one over never waits, so answers are always read.
        let (requests, receiver) = mpsc::channel(BATCHES_PER_STREAM_MAX + 1);
        let mut answers = match C::open(self.client, ReceiverStream::new(receiver)).await {
            Ok(answers) => answers.into_inner(),
            Err(status) => return Ok(Err(status)),
        };
        while !(self.is_input_done && self.unanswered.is_empty()) {
            match self.turn(&mut answers).await {
                Turn::Answer(Ok(Some(outcome))) => self.note(outcome),
                Turn::Answer(Ok(None)) => return Ok(Err(Status::unavailable("the stream ended early"))),
                Turn::Answer(Err(status)) => return Ok(Err(status)),
                Turn::Input(None) => self.is_input_done = true,
                Turn::Input(Some(batch)) => {
                    let request = self.keep(batch)?;
                    if requests.try_send(request).is_err() {
                        return Ok(Err(Status::unavailable("the stream is closed")));
                    }
                }
                Turn::SendAgain(id) => {
                    let next = self.unanswered.get(&id).cloned();
                    if next.is_some_and(|request| requests.try_send(request).is_err()) {
                        return Ok(Err(Status::unavailable("the stream is closed")));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    async fn turn(&mut self, answers: &mut Streaming<C::Response>) -> Turn {
        let has_room = self.unanswered.len() < self.window;
        tokio::select! {
            biased;
            answer = answers.message() => Turn::Answer(answer.map(|answer| answer.map(C::outcome))),
            Some(Ok(id)) = self.again.join_next() => Turn::SendAgain(id),
            batch = self.batches.recv(), if has_room && !self.is_input_done => Turn::Input(batch),
        }
    }

    fn keep(&mut self, batch: Batch) -> Result<C::Request, ClientError> {
        let bad = |what: &str| Err(ClientError::BadBatch(format!("{}: {what}", batch.request_id)));
        if !(1..=RECORDS_PER_BATCH_MAX).contains(&batch.records.len()) {
            return bad("expected 1 to 1,000 records");
        }
        if self.unanswered.contains_key(&batch.request_id) {
            return bad("another batch with this id is on its way");
        }
        let Some(request) = C::request(&batch) else { return bad("a record is of another kind") };
        self.unanswered.insert(batch.request_id, request.clone());
        Ok(request)
    }

    fn send_again(&mut self, request_id: String, pause: Duration) {
        self.again.spawn(async move {
            tokio::time::sleep(pause).await;
            request_id
        });
    }

    fn note(&mut self, outcome: Outcome) {
        if outcome.status == BatchStatus::SlowDown {
            self.summary.slowed_down += 1;
            self.window = (self.window / 2).max(1);
            self.send_again(outcome.request_id, outcome.retry_after);
            return;
        }
        // An answer to a batch that was sent twice comes twice; the second says nothing new.
        if self.unanswered.remove(&outcome.request_id).is_none() {
            return;
        }
        self.patience.renew();
        self.window = (self.window + 1).min(BATCHES_PER_STREAM_MAX);
        let refused = (outcome.status == BatchStatus::Refused).then(|| errors::reason_word(outcome.reason));
        match refused {
            Some(_) => self.summary.refused_batches += 1,
            None => self.summary.batches += 1,
        }
        for record in &outcome.outcomes {
            match record.status() {
                RecordStatus::Stored => self.summary.stored += 1,
                RecordStatus::Unchanged => self.summary.unchanged += 1,
                RecordStatus::Conflict => self.summary.conflicts += 1,
                RecordStatus::Rejected | RecordStatus::Unspecified => self.summary.rejected += 1,
            }
        }
        (self.report)(BatchReport { request_id: outcome.request_id, outcomes: outcome.outcomes, refused });
    }
}
