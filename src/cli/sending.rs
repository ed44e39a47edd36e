//! Records on their way to a service: cut into batches, sent while more are read, each outcome led back to its row.
//!
//! Come here for batch size, request ids and what is kept of records the service did not take.
//! Back-pressure and repetition are the client's, in `api`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::api::wire::RecordStatus;
use crate::api::{Batch, BatchReport, Client, ClientError, IngestSummary, RecordKind};
use crate::intake::REJECTS_MAX;
use crate::model::Record;

/// Records of one batch; the service is fastest from 100 to 250.
const RECORDS_PER_BATCH: usize = 250;
/// Batches that may wait for the client: enough to keep it busy, few enough to stay small.
const BATCHES_WAITING_MAX: usize = 8;

/// A record that the service did not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NotTaken {
    /// Name of the file that it came from, without its folder, as intake names it.
    pub(super) file: String,
    /// Its row in that file.
    pub(super) row: u64,
    /// What is wrong, where it is one column.
    pub(super) column: String,
    /// The value in question.
    pub(super) value: String,
    /// Why, in one stable word.
    pub(super) reason: String,
    /// Why, in a sentence.
    pub(super) detail: String,
}

/// Where a record came from, and what it is called.
struct Place {
    file: Arc<Path>,
    row: u64,
    name: String,
}

/// What is known of batches that are under way, and what became of those that were not taken.
#[derive(Default)]
struct Ledger {
    places: BTreeMap<String, Vec<Place>>,
    not_taken: Vec<NotTaken>,
}

/// One stream of records of a kind.
pub(super) struct Sending<'a> {
    runtime: &'a Runtime,
    batches: mpsc::Sender<Batch>,
    task: JoinHandle<Result<IngestSummary, ClientError>>,
    ledger: Arc<Mutex<Ledger>>,
    /// Names this run: the same file sent again tomorrow is a new request, and says what is there already.
    run: String,
    batch_count: u64,
    records: Vec<Record>,
    places: Vec<Place>,
    file: Arc<Path>,
}

impl<'a> Sending<'a> {
    /// Opens a stream.
    pub(super) fn start(runtime: &'a Runtime, client: &Client, kind: RecordKind) -> Self {
        let (batches, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (client, noted) = (client.clone(), Arc::clone(&ledger));
        let task = runtime.spawn(async move {
            let report = |report: BatchReport| noted.lock().unwrap_or_else(PoisonError::into_inner).note(report);
            client.ingest(kind, receiver, report).await
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = format!("{kind:?}-{:x}-{:x}", now.as_nanos(), std::process::id());
        let (records, places) = (Vec::new(), Vec::new());
        Self { runtime, batches, task, ledger, run, batch_count: 0, records, places, file: Path::new("").into() }
    }

    /// Adds a record. Waits while the service has its hands full.
    pub(super) fn add(&mut self, record: Record, file: &Path, row: u64) {
        if *self.file != *file {
            self.file = file.into();
        }
        self.places.push(Place { file: Arc::clone(&self.file), row, name: name_of(&record) });
        self.records.push(record);
        if self.records.len() >= RECORDS_PER_BATCH {
            self.send();
        }
    }

    /// Sends the rest and waits for all outcomes.
    pub(super) fn finish(mut self, not_taken: &mut Vec<NotTaken>) -> Result<IngestSummary, ClientError> {
        self.send();
        drop(self.batches);
        let ended = self.runtime.block_on(self.task);
        let summary = ended.map_err(|error| ClientError::BadBatch(error.to_string()))??;
        not_taken.append(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner).not_taken);
        Ok(summary)
    }

    fn send(&mut self) {
        if self.records.is_empty() {
            return;
        }
        self.batch_count += 1;
        let request_id = format!("{}-{}", self.run, self.batch_count);
        let (records, places) = (std::mem::take(&mut self.records), std::mem::take(&mut self.places));
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).places.insert(request_id.clone(), places);
        // Refused only when the stream has failed for good; `finish` says why.
        let _ = self.batches.blocking_send(Batch { request_id, records });
    }
}

impl Ledger {
    fn note(&mut self, report: BatchReport) {
        let places = self.places.remove(&report.request_id).unwrap_or_default();
        if let Some(reason) = report.refused {
            let detail = "the batch that it was in was refused as a whole";
            places.iter().for_each(|place| self.keep(place, "", &place.name, reason, detail));
            return;
        }
        for (place, outcome) in places.iter().zip(&report.outcomes) {
            match outcome.status() {
                RecordStatus::Stored | RecordStatus::Unchanged => {}
                RecordStatus::Conflict => {
                    let detail = "the service holds another record under this key, and keeps it";
                    self.keep(place, "", &place.name, "conflict", detail);
                }
                RecordStatus::Rejected | RecordStatus::Unspecified => {
                    for fault in &outcome.faults {
                        let reason = fault.reason().as_str_name().trim_start_matches("FAULT_REASON_").to_lowercase();
                        self.keep(place, &fault.field, &fault.value, &reason, &fault.description);
                    }
                }
            }
        }
    }

    fn keep(&mut self, place: &Place, column: &str, value: &str, reason: &str, detail: &str) {
        if self.not_taken.len() < REJECTS_MAX {
            self.not_taken.push(NotTaken {
                file: place.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                row: place.row,
                column: column.to_owned(),
                value: value.to_owned(),
                reason: reason.to_owned(),
                detail: detail.to_owned(),
            });
        }
    }
}

fn name_of(record: &Record) -> String {
    match record {
        Record::Order(line) => format!("{} line {}", line.key.order_id, line.key.line_no),
        Record::Shipment(line) => format!("{} {} line {}", line.key.kind, line.key.number, line.key.line_no),
        Record::Company(company) => company.identifier.clone(),
    }
}
