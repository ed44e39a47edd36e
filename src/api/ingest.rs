//! The ingest stream: batches in, outcomes out, the same for orders, shipments and companies.
//!
//! Come here for back-pressure, for what ends a stream and for what a client may rely on; the promise itself is in the
//! comments of the proto files. Rules for records are `intake`'s, storing them is the engine's.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::Instrument;

use super::drain::{Drain, Phase};
use super::engine::{Engine, EngineError};
use super::identity::Tenant;
use super::places::{Place, Places};
use super::wire::{BatchStatus, ErrorReason, RecordOutcome};
use super::{errors, to_proto};
use crate::clock::{Clock, SystemClock};
use crate::intake::FieldFault;
use crate::model::Record;
use crate::telemetry::metric;

/// Most records of one batch.
pub const RECORDS_PER_BATCH_MAX: usize = 1_000;
/// Most batches of one stream that are worked on at a time.
pub const BATCHES_PER_STREAM_MAX: usize = 16;
/// Longest request id in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Most outcomes that wait for the client to read them.
const OUTCOMES_WAITING_MAX: usize = 64;
/// How long to wait for a client that does not read its outcomes.
const OUTCOMES_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a batch waits for a place, while its stream is not read.
const PLACE_WAIT_MAX: Duration = Duration::from_millis(50);
/// How long a client should wait when the service has its hands full.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(50);
/// The longest that it comes to for whoever is told again and again.
const RETRY_AFTER_MAX: Duration = Duration::from_millis(800);
/// Most batches of one stream that were told to come again and have not: more than a client may have unanswered.
const TURNED_AWAY_MAX: usize = 2 * BATCHES_PER_STREAM_MAX;

/// What the three ingest methods differ in.
pub(super) trait IngestKind: Send + 'static {
    /// The message that carries a batch.
    type Request: Send + 'static;
    /// The message that carries its outcome.
    type Response: Send + 'static;
    /// A record on the wire.
    type Line: Send + 'static;
    /// The field of the request that holds the records.
    const RECORDS_FIELD: &'static str;
    /// Takes a request apart: id and records.
    fn take(request: Self::Request) -> (String, Vec<Self::Line>);
    /// A record, or everything that is wrong with it.
    fn record(line: &Self::Line) -> Result<Record, Vec<FieldFault>>;
    /// Puts an answer together.
    fn respond(answer: Answer) -> Self::Response;
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) request_id: String,
    pub(super) status: BatchStatus,
    pub(super) outcomes: Vec<RecordOutcome>,
    pub(super) retry_after_millis: u32,
    pub(super) reason: ErrorReason,
}

/// What all ingest streams of a server share.
#[derive(Clone, Debug)]
pub(super) struct IngestLimits {
    /// One place for each batch that is worked on, over all streams.
    pub(super) batches: Places,
    pub(super) drain: Drain,
}

/// Answers one stream of batches.
pub(super) fn answer<K: IngestKind, E: Engine>(
    engine: E,
    limits: IngestLimits,
    tenant: Tenant,
    requests: Streaming<K::Request>,
) -> ReceiverStream<Result<K::Response, Status>> {
    // One place is kept for the last word: a client that reads too late must learn that not all was answered.
    let (answers, receiver) = mpsc::channel(OUTCOMES_WAITING_MAX + 1);
    let last_word = answers.clone().try_reserve_owned().ok();
    let answering = async move {
        let room = Arc::new(Semaphore::new(BATCHES_PER_STREAM_MAX));
        let (working, turned_away) = (JoinSet::new(), BTreeMap::new());
        let mut stream = Stream::<K, E> { engine, limits, tenant, answers, working, room, turned_away };
        let end = stream.read_all(requests).await;
        let finished = stream.finish().await;
        if let (Err(status), Some(last_word)) = (finished.and(end), last_word) {
            last_word.send(Err(status));
        }
    };
    tokio::spawn(answering.in_current_span());
    ReceiverStream::new(receiver)
}

struct Stream<K: IngestKind, E: Engine> {
    engine: E,
    limits: IngestLimits,
    tenant: Tenant,
    answers: mpsc::Sender<Result<K::Response, Status>>,
    working: JoinSet<Result<Answer, Status>>,
    /// Room for the batches of this stream.
    room: Arc<Semaphore>,
    /// Batches that were told to come again, and how often.
    turned_away: BTreeMap<String, u32>,
}

/// A batch that has waited for a place, and the place if there was one in time.
struct Come<L> {
    request_id: String,
    lines: Vec<L>,
    place: Option<Working>,
}

/// What a stream is not read for: a batch that waits, or nothing but time.
type Coming<L> = Pin<Box<dyn Future<Output = Option<Come<L>>> + Send>>;

impl<K: IngestKind, E: Engine> Stream<K, E> {
    /// Reads until the client is done or the stream must end, whatever is in flight. Nothing is read while a batch waits
    /// for a place: reading what is turned away would cost as much as taking it in.
    async fn read_all(&mut self, mut requests: Streaming<K::Request>) -> Result<(), Status> {
        let drain = self.limits.drain.clone();
        let mut coming: Option<Coming<K::Line>> = None;
        loop {
            tokio::select! {
                biased;
                () = self.answers.closed() => {
                    // Nobody is left to answer: what is in flight may or may not be stored, as the contract says.
                    self.working.abort_all();
                    return Ok(());
                }
                Some(done) = self.working.join_next() => self.deliver(done).await?,
                () = drain.reached(Phase::Ending) => return Err(errors::shutting_down()),
                come = came(&mut coming), if coming.is_some() => {
                    coming = None;
                    if let Some(come) = come {
                        self.admit(come).await?;
                    }
                }
                request = requests.message(), if coming.is_none() => match request? {
                    Some(request) => coming = Some(self.stand_in_line(request).await?),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Answers what is in flight.
    async fn finish(&mut self) -> Result<(), Status> {
        while let Some(done) = self.working.join_next().await {
            self.deliver(done).await?;
        }
        Ok(())
    }

    async fn deliver(&self, done: Result<Result<Answer, Status>, tokio::task::JoinError>) -> Result<(), Status> {
        match done {
            Ok(answer) => self.send(answer?).await,
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(errors::internal(&error.to_string())),
        }
    }

    async fn send(&self, answer: Answer) -> Result<(), Status> {
        hand_over(&self.answers, K::respond(answer)).await
    }

    /// Has a batch wait for a place, in the order in which the streams of the tenant came: else those that found one at
    /// once would find the next one too, and who was turned away would come to others' leavings. A stream that has its
    /// fill is told to slow down at once, and is not read until it has room or for as long.
    async fn stand_in_line(&mut self, request: K::Request) -> Result<Coming<K::Line>, Status> {
        let (request_id, lines) = K::take(request);
        check_batch(&request_id, lines.len(), K::RECORDS_FIELD)?;
        let room = Arc::clone(&self.room);
        let Ok(own) = Arc::clone(&room).try_acquire_owned() else {
            self.turn_away(request_id).await?;
            return Ok(Box::pin(async move {
                drop(tokio::time::timeout(PLACE_WAIT_MAX, room.acquire()).await);
                None
            }));
        };
        let (places, tenant) = (self.limits.batches.clone(), self.tenant.clone());
        Ok(Box::pin(async move {
            let place = tokio::time::timeout(PLACE_WAIT_MAX, places.wait(&tenant)).await.ok();
            Some(Come { request_id, lines, place: place.map(|place| Working::new(place, own)) })
        }))
    }

    /// Takes a batch on that has a place, or says "slow down".
    async fn admit(&mut self, Come { request_id, lines, place }: Come<K::Line>) -> Result<(), Status> {
        let Some(place) = place else { return self.turn_away(request_id).await };
        self.turned_away.remove(&request_id);
        let (engine, tenant) = (self.engine.clone(), self.tenant.clone());
        let (kind, records) = (K::RECORDS_FIELD, lines.len() as i64);
        let span = tracing::info_span!("batch", kind, records, refused = tracing::field::Empty);
        self.working.spawn(take_in::<K, E>(engine, tenant, request_id, lines, place).instrument(span));
        Ok(())
    }

    /// Tells a client to come again later with a batch, and later each time; one that brings others instead must go.
    async fn turn_away(&mut self, request_id: String) -> Result<(), Status> {
        metrics::counter!(metric::BATCHES, "answer" => "slow_down").increment(1);
        if self.turned_away.len() >= TURNED_AWAY_MAX && !self.turned_away.contains_key(&request_id) {
            let text = "batches that were told to come again later did not, and others came instead";
            return Err(errors::shed("batches", ErrorReason::TooManyBatches, text));
        }
        let times = self.turned_away.entry(request_id.clone()).or_insert(0);
        let retry_after = RETRY_AFTER_MAX.min(RETRY_AFTER_MIN * 2_u32.pow((*times).min(8)));
        *times += 1;
        let mut answer = Answer::new(request_id, BatchStatus::SlowDown);
        answer.retry_after_millis = retry_after.as_millis() as u32;
        self.send(answer).await
    }
}

/// Resolves when a batch has waited long enough, and never where none waits.
async fn came<L>(coming: &mut Option<Coming<L>>) -> Option<Come<L>> {
    match coming {
        Some(coming) => coming.await,
        None => std::future::pending().await,
    }
}

/// Waits until there is room for an answer, but not for ever.
async fn hand_over<R>(answers: &mpsc::Sender<Result<R, Status>>, response: R) -> Result<(), Status> {
    match tokio::time::timeout(OUTCOMES_WAIT_MAX, answers.send(Ok(response))).await {
        // A client that is gone is noticed where the stream is read.
        Ok(_) => Ok(()),
        Err(_) => Err(errors::exhausted(ErrorReason::OutcomesNotRead, "the outcomes of batches are not read")),
    }
}

impl Answer {
    fn new(request_id: String, status: BatchStatus) -> Self {
        Self { request_id, status, outcomes: Vec::new(), retry_after_millis: 0, reason: ErrorReason::Unspecified }
    }
}

/// Whether a request can be named like this.
pub fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// Refuses what is no request id.
pub(super) fn check_request_id(request_id: &str) -> Result<(), Status> {
    match is_request_id(request_id) {
        true => Ok(()),
        false => Err(errors::invalid_field("request_id", "expected 1 to 128 printable ASCII characters")),
    }
}

fn check_batch(request_id: &str, record_count: usize, records_field: &str) -> Result<(), Status> {
    check_request_id(request_id)?;
    match record_count {
        0 => Err(errors::invalid_field(records_field, "expected at least one record")),
        count if count > RECORDS_PER_BATCH_MAX => {
            Err(errors::batch_too_large(records_field, count, RECORDS_PER_BATCH_MAX))
        }
        _ => Ok(()),
    }
}

/// Reads the records of a batch, stores the good ones and says what became of each.
async fn take_in<K: IngestKind, E: Engine>(
    engine: E,
    tenant: Tenant,
    request_id: String,
    lines: Vec<K::Line>,
    place: Working,
) -> Result<Answer, Status> {
    // A thousand records take a millisecond or two: too long for a thread that serves others.
    let span = tracing::Span::current();
    let reading = tokio::task::spawn_blocking(move || {
        let mut good = Vec::with_capacity(lines.len());
        let outcomes: Vec<Option<RecordOutcome>> = lines
            .iter()
            .map(|line| {
                match tracing::debug_span!(parent: &span, "record", kind = K::RECORDS_FIELD)
                    .in_scope(|| K::record(line))
                {
                    Ok(record) => {
                        good.push(record);
                        None
                    }
                    Err(faults) => Some(to_proto::rejected_record(faults)),
                }
            })
            .collect();
        (good, outcomes)
    });
    let (good, outcomes) = reading.await.map_err(|error| errors::internal(&error.to_string()))?;
    let good_count = good.len();
    tracing::Span::current().record("refused", (outcomes.len() - good_count) as i64);
    let accepted = match good_count {
        0 => Vec::new(),
        _ => match engine.accept(tenant.name(), &request_id, good).await {
            Ok(accepted) => accepted,
            Err(EngineError::RequestIdReused) => {
                metrics::counter!(metric::BATCHES, "answer" => "refused").increment(1);
                let mut answer = Answer::new(request_id, BatchStatus::Refused);
                answer.reason = ErrorReason::RequestIdReused;
                return Ok(answer);
            }
            Err(error) => return Err(errors::of_engine(&error)),
        },
    };
    if accepted.len() != good_count {
        return Err(errors::internal("the engine gave another number of outcomes than it got records"));
    }
    let mut accepted = accepted.into_iter().map(to_proto::record_outcome);
    let mut answer = Answer::new(request_id, BatchStatus::Done);
    answer.outcomes = outcomes.into_iter().filter_map(|outcome| outcome.or_else(|| accepted.next())).collect();
    drop(place);
    count::<K>(&answer);
    Ok(answer)
}

/// Counts what became of a batch and its records, and notes that its feed is alive.
fn count<K: IngestKind>(answer: &Answer) {
    let kind = K::RECORDS_FIELD;
    metrics::counter!(metric::BATCHES, "answer" => "done").increment(1);
    for (outcome, status) in metric::OUTCOMES {
        let wanted = answer.outcomes.iter().filter(|found| found.status().as_str_name().ends_with(status));
        metrics::counter!(metric::RECORDS, "kind" => kind, "outcome" => outcome).increment(wanted.count() as u64);
    }
    let now = SystemClock.unix_millis() as f64 / 1_000.0;
    metrics::gauge!(metric::LAST_BATCH, "kind" => kind).set(now);
}

/// The place of a batch that is worked on.
struct Working {
    _place: Place,
    _room: OwnedSemaphorePermit,
}

impl Working {
    fn new(place: Place, room: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(metric::BATCHES_IN_WORK).increment(1.0);
        Self { _place: place, _room: room }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        metrics::gauge!(metric::BATCHES_IN_WORK).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tonic_types::StatusExt;

    use super::super::errors::reason_of;
    use super::hand_over;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_waited_for_but_not_for_ever() {
        let (answers, mut receiver) = mpsc::channel(1);
        assert!(hand_over(&answers, 1).await.is_ok());
        let status = hand_over(&answers, 2).await.unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("OUTCOMES_NOT_READ"));
        assert!(status.get_details_retry_info().is_some());
        assert_eq!(receiver.recv().await.unwrap().unwrap(), 1);
        assert!(hand_over(&answers, 3).await.is_ok());
        drop(receiver);
        assert!(hand_over(&answers, 4).await.is_ok(), "nobody is left to be told");
    }
}
