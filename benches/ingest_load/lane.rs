//! A stream of batches with a clock beside it: when each was handed over, and when it was acknowledged.
//!
//! Come here for what a latency means: from handing a batch to a stream that has room for it, or from the moment at which
//! it was due where sending is paced, to the acknowledgement that it is durable. A client that falls behind its pace
//! therefore shows in the latency.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onward::api::{Batch, Client, IngestSummary, RecordKind};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// One stream of a client for one kind of record.
pub struct Lane {
    batches: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
    noted: Arc<Mutex<Noted>>,
    sending: JoinHandle<IngestSummary>,
}

/// What was acknowledged so far.
#[derive(Default)]
pub struct Noted {
    due: HashMap<String, (Instant, usize)>,
    pub acknowledged: Vec<Acknowledged>,
}

/// A batch that is durable.
pub struct Acknowledged {
    pub request_id: String,
    pub at: Instant,
    pub took: Duration,
    pub records: usize,
}

impl Lane {
    /// Opens a stream with at most `unanswered_max` batches under way.
    pub fn open(client: Client, kind: RecordKind, unanswered_max: usize) -> Self {
        let (batches, receiver) = mpsc::channel(unanswered_max);
        let (room, noted) = (Arc::new(Semaphore::new(unanswered_max)), Arc::new(Mutex::new(Noted::default())));
        let (more_room, noting) = (Arc::clone(&room), Arc::clone(&noted));
        let sending = tokio::spawn(async move {
            let report = |report: onward::api::BatchReport| {
                let at = Instant::now();
                assert_eq!(report.refused, None, "{}", report.request_id);
                let mut noted = noting.lock().unwrap();
                let (due, records) = noted.due.remove(&report.request_id).unwrap();
                let took = at.saturating_duration_since(due);
                noted.acknowledged.push(Acknowledged { request_id: report.request_id, at, took, records });
                more_room.add_permits(1);
            };
            client.ingest(kind, receiver, report).await.unwrap()
        });
        Self { batches, room, noted, sending }
    }

    /// Hands a batch over once there is room; it was due at a time, or is due then.
    pub async fn send(&self, batch: Batch, due: Option<Instant>) {
        self.room.acquire().await.unwrap().forget();
        let due = due.unwrap_or_else(Instant::now);
        self.noted.lock().unwrap().due.insert(batch.request_id.clone(), (due, batch.records.len()));
        self.batches.send(batch).await.unwrap();
    }

    /// Waits until everything is acknowledged.
    pub async fn finish(self) -> (IngestSummary, Vec<Acknowledged>) {
        drop(self.batches);
        let summary = self.sending.await.unwrap();
        (summary, std::mem::take(&mut self.noted.lock().unwrap().acknowledged))
    }
}

/// Milliseconds at these shares of a list, which is put in order.
pub fn at_shares<const N: usize>(millis: &mut [f64], shares: [f64; N]) -> [f64; N] {
    millis.sort_by(f64::total_cmp);
    shares.map(|share| millis.get(((millis.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN))
}
